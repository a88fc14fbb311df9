%% The stand-in hosts behave as the real ones do, and the test endpoint's driver works. What the cases
%% expect of a host was read in esl/MongooseIM at 5.0.0 and 6.8.0 or observed on the built releases; the
%% events of 6.9 were read in single files of newer trees.
-module(host_SUITE).

-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

-define(HOST, <<"localhost">>).
-define(ALICE, <<"Alice@LocalHost/Phone">>).
-define(BOB, <<"bob@localhost">>).

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    [{group, v5_0}, {group, v6_5}, {group, v6_9}, hosts_in_nodes_of_their_own,
     the_test_endpoint_counts_records_and_ends].

groups() ->
    Both = [shapes_of_terms, parses_as_exml_does, prepares_names_as_the_host_does,
            modules_are_not_loaded_before_they_are_called,
            pools_can_be_read, pool_of_a_host_type_goes_before_global,
            crashed_pool_comes_back, rows_go_before_the_pool_does, pools_at_boot,
            order_of_start_and_stop, crash_in_start_is_raised, crash_in_stop,
            events_of_a_session, crash_in_push_is_logged, other_handlers_replace_old_ones,
            dynamic_domains_need_support, metrics_are_updated, stanzas_of_the_demo],
    [{v5_0, [sequence], Both},
     {v6_5, [sequence], Both ++ [execute_raises_once_torn_down, back_ends_of_metrics,
                                 queue_length_is_in_the_strategy]},
     {v6_9, [sequence], Both ++ [messages_are_routed_to_users_only]}].

init_per_group(Generation, Config) ->
    [{generation, Generation} | Config].

end_per_group(_Generation, _Config) ->
    ok.

init_per_testcase(Case, Config) ->
    true = register(host_SUITE_collector, self()),
    case {proplists:get_value(generation, Config), own_start(Case)} of
        {undefined, _} -> Config;
        {_, true} -> Config;
        {Generation, false} -> ok = host_ctl:start(Generation), Config
    end.

end_per_testcase(_Case, _Config) ->
    host_ctl:stop().

own_start(Case) ->
    lists:member(Case, [pools_at_boot, dynamic_domains_need_support, back_ends_of_metrics]).

shapes_of_terms(Config) ->
    Jid = host_ctl:jid(?ALICE),
    Element = host_ctl:element(<<"hi">>, [{<<"type">>, <<"chat">>}]),
    case layout(Config) of
        v5_0 ->
            ?assertEqual({jid, <<"Alice">>, <<"LocalHost">>, <<"Phone">>,
                          <<"alice">>, <<"localhost">>, <<"Phone">>}, Jid),
            ?assertEqual({xmlel, <<"message">>, [{<<"type">>, <<"chat">>}],
                          [{xmlel, <<"body">>, [], [{xmlcdata, <<"hi">>}]}]}, Element),
            ?assertNot(erlang:function_exported(jid, luser, 1));
        v6_5 ->
            ?assertEqual({jid, <<"alice">>, <<"localhost">>, <<"Phone">>}, Jid),
            ?assertEqual({xmlel, <<"message">>, #{<<"type">> => <<"chat">>},
                          [{xmlel, <<"body">>, #{}, [{xmlcdata, <<"hi">>, escaped}]}]}, Element),
            ?assertEqual(<<"alice">>, jid:luser(Jid))
    end,
    ?assertEqual({<<"alice">>, <<"localhost">>}, jid:to_lus(Jid)),
    Acc = host_ctl:acc(?ALICE, ?BOB, Element),
    ?assertEqual(?HOST, mongoose_acc:host_type(Acc)),
    ?assertEqual(<<"chat">>, mongoose_acc:stanza_type(Acc)),
    ?assertEqual({Jid, host_ctl:jid(?BOB), Element}, mongoose_acc:packet(Acc)).

parses_as_exml_does(_Config) ->
    Body = fun(Text) ->
                   {ok, Element} = exml:parse(Text),
                   exml_query:path(Element, [{element, <<"body">>}, cdata], none)
           end,
    ?assertEqual(<<"x&y <z> ", 240, 159, 152, 128>>,
                 Body(<<"<m><body>x&amp;y<![CDATA[ <z> ]]>", 240, 159, 152, 128, "</body></m>">>)),
    ?assertEqual(<<" x ">>, Body(<<"<m><body> x </body></m>">>)),
    ?assertEqual(<<>>, Body(<<"<m><body> \n </body></m>">>)),
    ?assertEqual(<<>>, Body(<<"<m><body/></m>">>)),
    ?assertEqual(none, Body(<<"<m/>">>)),
    ?assertEqual(<<"first">>, Body(<<"<m><body>first</body><body>second</body></m>">>)),
    ?assertEqual(<<"a\r\nb">>, Body(<<"<m><body>a\r\nb</body></m>">>)),
    ?assertEqual(<<"caf", 16#c3, 16#a9>>, Body(<<"<m><body>caf&#233;</body></m>">>)),
    ?assertEqual(<<"not UTF-8: ", 255, 233>>, Body(<<"<m><body>not UTF-8: ", 255, 233, "</body></m>">>)),
    ?assertMatch({error, _}, exml:parse(<<"<m>">>)),
    {ok, Element} = exml:parse(<<"<m a='x&lt;y&quot;&apos;'><body>a&lt;&gt;&amp;&quot;</body><e b=\"1\"/></m>">>),
    ?assertEqual(<<"<m a=\"x&lt;y&quot;'\"><body>a&lt;&gt;&amp;&quot;</body><e b='1'/></m>">>,
                 exml:to_binary(Element)),
    ?assertError(function_clause, exml_query:attr(no_element, <<"a">>, <<>>)),
    ?assertEqual(dflt, exml_query:path(no_element, [{element, <<"body">>}, cdata], dflt)).

%% Both releases refuse emoji: stringprep accepts only what Unicode 3.2 has.
prepares_names_as_the_host_does(Config) ->
    Lus = fun(Text) -> jid:to_lus(jid:from_binary(Text)) end,
    ?assertEqual({<<"strasse">>, <<"x">>}, Lus(<<"Stra", 16#c3, 16#9f, "e@X">>)),
    ?assertEqual({<<>>, <<"localhost">>}, Lus(<<"localhost">>)),
    ?assertEqual({<<"a">>, <<"b">>}, Lus(<<"a@b/x/y@z">>)),
    [?assertEqual({Text, error}, {Text, jid:from_binary(Text)})
     || Text <- [<<>>, <<"@b">>, <<"a@">>, <<"a@/x">>, <<"/x">>, <<"a@b@c">>, <<"a b@x">>,
                 <<240, 159, 152, 128, "@x">>, <<255, "@x">>]],
    ?assertEqual(<<240, 159, 152, 128>>,
                 element(1, jid:to_lus(jid:make_noprep(<<240, 159, 152, 128>>, ?HOST, <<>>)))),
    ?assertEqual(case layout(Config) of v5_0 -> <<>>; v6_5 -> error end, jid:nameprep(<<>>)).

%% As in a release: erlang:function_exported/3 returns false before the first call.
modules_are_not_loaded_before_they_are_called(Config) ->
    Module = case layout(Config) of v5_0 -> ejabberd_hooks; v6_5 -> mongoose_hooks end,
    ?assertEqual(false, code:is_loaded(Module)),
    ?assertNotEqual(non_existing, code:which(Module)).

pools_can_be_read(Config) ->
    Given = #{host => <<"http://127.0.0.1:1">>, workers => 3, strategy => available_worker,
              call_timeout => 700, path_prefix => "/p", request_timeout => 100},
    {ok, Pid} = host_ctl:start_pool(global, full, Given),
    {ok, _} = host_ctl:start_pool(?HOST, bare, #{host => "http://127.0.0.1:2"}),
    ?assertEqual(Pid, whereis('mongoose_wpool$http$global$full')),
    ?assert(is_pid(whereis('mongoose_wpool$http$localhost$bare'))),
    ?assertEqual({ok, <<"/p">>, 100}, mongoose_wpool_http:get_params(global, full)),
    ?assertEqual({ok, <<"/">>, 2000}, mongoose_wpool_http:get_params(?HOST, bare)),
    ?assertEqual({error, pool_not_started}, mongoose_wpool_http:get_params(?HOST, none)),
    ?assertEqual(undefined, mongoose_wpool:get_pool_settings(http, ?HOST, none)),
    {state, http, Pools, Monitors} = sys:get_state(mongoose_wpool_http_mgr),
    ?assertEqual(2, map_size(Monitors)),
    #{{http, global, full} := Full, {http, ?HOST, bare} := Bare} = Pools,
    case layout(Config) of
        v5_0 ->
            ?assertEqual([{mongoose_wpool, {http, global, full}, available_worker, 700}],
                         ets:lookup(mongoose_wpool, {http, global, full})),
            ?assertMatch(#{wpool_opts := [{workers, 3}],
                           conn_opts := [{server, "http://127.0.0.1:1"}, {path_prefix, "/p"},
                                         {request_timeout, 100}]}, Full),
            ?assertMatch(#{wpool_opts := [], conn_opts := [{server, "http://127.0.0.1:2"}]}, Bare);
        v6_5 ->
            ?assertEqual([{mongoose_wpool, {http, global, full}, 'mongoose_wpool$http$global$full',
                           available_worker, 700}],
                         ets:lookup(mongoose_wpool, {http, global, full})),
            ?assertMatch(#{wpool_opts := [{workers, 3}],
                           conn_opts := #{host := "http://127.0.0.1:1", path_prefix := <<"/p">>,
                                          request_timeout := 100}}, Full),
            ?assertMatch(#{wpool_opts := [{workers, 10}],
                           conn_opts := #{host := "http://127.0.0.1:2", path_prefix := <<"/">>,
                                          request_timeout := 2000}}, Bare)
    end.

pool_of_a_host_type_goes_before_global(Config) ->
    {ok, _} = host_ctl:start_pool(global, tag, #{host => "http://g", request_timeout => 1}),
    Name = fun() -> element(2, mongoose_wpool:get_pool_settings(http, ?HOST, tag)) end,
    ?assertEqual({http, global, tag}, Name()),
    ?assertEqual({ok, <<"/">>, 1}, mongoose_wpool_http:get_params(?HOST, tag)),
    {ok, _} = host_ctl:start_pool(?HOST, tag, #{host => "http://h", request_timeout => 2}),
    ?assertEqual({http, ?HOST, tag}, Name()),
    ?assertEqual({ok, <<"/">>, 2}, mongoose_wpool_http:get_params(?HOST, tag)),
    Again = fun() -> host_ctl:start_pool(?HOST, tag, #{host => "http://i"}) end,
    case layout(Config) of
        v5_0 -> ?assertMatch({error, {already_started, _}}, Again());
        v6_5 -> ?assertError(#{what := event_already_registered}, Again())
    end.

crashed_pool_comes_back(_Config) ->
    {ok, Pid} = host_ctl:start_pool(global, tag, #{host => "http://h", path_prefix => "/p"}),
    Rows = {ets:tab2list(mongoose_wpool), ets:tab2list(mongoose_wpool_http)},
    ok = host_ctl:crash_pool(global, tag),
    ?assertEqual(Rows, {ets:tab2list(mongoose_wpool), ets:tab2list(mongoose_wpool_http)}),
    {state, http, #{{http, global, tag} := Before}, _} = sys:get_state(mongoose_wpool_http_mgr),
    ?assertMatch(#{monitor := undefined}, Before),
    {ok, NewPid} = host_log:poll(fun() -> host_ctl:pool_pid(global, tag) end, fun is_pid/1, 60000),
    ?assertNotEqual(Pid, NewPid),
    {state, http, #{{http, global, tag} := After}, _} = sys:get_state(mongoose_wpool_http_mgr),
    ?assertEqual(maps:remove(monitor, Before), maps:remove(monitor, After)),
    ?assertMatch([#{pool_key := {http, global, tag}, level := error}], host_log:what(pool_restart)).

rows_go_before_the_pool_does(Config) ->
    {ok, Pid} = host_ctl:start_pool(global, tag, #{host => "http://h"}),
    ok = sys:suspend(mongoose_wpool_http_mgr),
    {Stopper, Ref} = spawn_monitor(fun() -> exit({result, host_ctl:stop_pool(global, tag)}) end),
    ?assertMatch({ok, []}, host_log:poll(fun() -> ets:tab2list(mongoose_wpool) end,
                                         fun(Rows) -> Rows =:= [] end, 60000)),
    ?assertMatch({ok, []}, host_log:poll(fun() -> ets:tab2list(mongoose_wpool_http) end,
                                         fun(Rows) -> Rows =:= [] end, 60000)),
    ?assert(is_process_alive(Pid)),
    ok = sys:resume(mongoose_wpool_http_mgr),
    ?assertEqual({result, ok}, receive {'DOWN', Ref, _, Stopper, Reason} -> Reason end),
    ?assertNot(is_process_alive(Pid)),
    ?assertEqual(case layout(Config) of v5_0 -> {error, unknown_pool}; v6_5 -> ok end,
                 host_ctl:stop_pool(global, tag)).

pools_at_boot(Config) ->
    ok = host_ctl:start(generation(Config), #{hosts => [?HOST, <<"example.org">>],
                                              pools => [{per_host_type(Config), tag, #{host => "http://h"}}]}),
    ?assertEqual([{http, <<"example.org">>, tag}, {http, ?HOST, tag}],
                 lists:sort(mongoose_wpool:get_pools())).

order_of_start_and_stop(Config) ->
    start_probe(Config, #{}),
    Opts = probe_opts(Config, #{}),
    case layout(Config) of
        v5_0 -> ?assertEqual([{start, ?HOST, Opts, none}], told());
        v6_5 -> ?assertEqual([{instrumentation, ?HOST}, {start, ?HOST, Opts, ok}, {hooks, ?HOST}], told())
    end,
    stop_probe(Config),
    case layout(Config) of
        v5_0 -> ?assertEqual([{stop, ?HOST, none}], told());
        v6_5 -> ?assertEqual([{hooks, ?HOST}, {stop, ?HOST, ok}, {instrumentation, ?HOST}], told())
    end,
    ?assertNot(gen_mod:is_loaded(?HOST, mod_event_pusher_sns)).

crash_in_start_is_raised(Config) ->
    ?assertError({probe, start}, start_probe(Config, #{crash => start})),
    ?assertNot(gen_mod:is_loaded(?HOST, mod_event_pusher_sns)),
    ?assertMatch([#{level := critical, module := mod_event_pusher_sns}],
                 host_log:what(module_start_failed)).

%% 5.0.0 goes on and keeps the module, 6.8.0 raises and keeps its instrumentation.
crash_in_stop(Config) ->
    start_probe(Config, #{crash => stop}),
    case layout(Config) of
        v5_0 -> ?assertEqual(ok, stop_probe(Config));
        v6_5 -> ?assertError({probe, stop}, stop_probe(Config)),
             ?assertEqual(ok, mongoose_instrument:execute(probe_event, #{host_type => ?HOST}, #{}))
    end,
    ?assert(gen_mod:is_loaded(?HOST, mod_event_pusher_sns)),
    ?assertMatch([#{level := error, stop_module := mod_event_pusher_sns}],
                 host_log:what(module_stopping_failed)).

events_of_a_session(Config) ->
    start_probe(Config, #{}),
    told(),
    Acc = host_ctl:send(?ALICE, ?BOB, <<"hi">>),
    ?assertEqual(true, mongoose_acc:get(event_pusher, seen, Acc)),
    host_ctl:send(?ALICE, ?BOB, <<>>, none, out),
    host_ctl:send(?ALICE, ?BOB, {xml, <<"<message type='error'/>">>}, none, in),
    host_ctl:send(?ALICE, <<"room@muc.localhost">>, <<"all">>, groupchat, in),
    host_ctl:event(unack_msg, ?BOB),
    host_ctl:event(user_status, ?BOB),
    {Alice, Bob} = {host_ctl:jid(?ALICE), host_ctl:jid(?BOB)},
    Room = host_ctl:jid(<<"room@muc.localhost">>),
    Active = {online, #{client_state => active}},
    case generation(Config) of
        v6_9 ->
            ?assertMatch([{event, ?HOST, {msg_event, chat, in, Alice, Bob, _, {online, #{}}}},
                          {event, ?HOST, {msg_event, normal, out, Alice, Bob, _, Active}},
                          {event, ?HOST, {msg_event, groupchat, in, Alice, Room, _, {online, #{}}}},
                          {event, ?HOST, {unack_msg_event, chat, Bob, _}},
                          {event, ?HOST, {user_status_event, Bob, online}}], told());
        _ ->
            ?assertMatch([{event, ?HOST, {chat_event, chat, in, Alice, Bob, _}},
                          {event, ?HOST, {chat_event, normal, out, Alice, Bob, _}},
                          {event, ?HOST, {chat_event, groupchat, in, Alice, Room, _}},
                          {event, ?HOST, {unack_msg_event, Bob}},
                          {event, ?HOST, {user_status_event, Bob, online}}], told())
    end.

%% Before 6.9 there is an event for everything that passes the server's own domain.
messages_are_routed_to_users_only(Config) ->
    start_probe(Config, #{}),
    told(),
    ok = host_ctl:user_status(<<"nobody@localhost">>, no_user),
    ok = host_ctl:user_status(?BOB, offline),
    [host_ctl:send(?ALICE, To, <<"hi">>, chat, out)
     || To <- [<<"nobody@localhost">>, <<"localhost">>, <<"room@muc.localhost">>,
               <<"bob@elsewhere.example">>, ?BOB]],
    Bob = host_ctl:jid(?BOB),
    ?assertMatch([{event, ?HOST, {msg_event, chat, out, _, Bob, _, offline}}], told()).

crash_in_push_is_logged(Config) ->
    start_probe(Config, #{crash => push}),
    Acc = host_ctl:send(?ALICE, ?BOB, <<"hi">>),
    ?assertEqual(none, mongoose_acc:get(event_pusher, seen, none, Acc)),
    ?assertMatch([#{level := error}], host_log:what(hook_failed)),
    case layout(Config) of
        v5_0 -> ?assertError({probe, push}, push_directly());
        v6_5 -> ?assertMatch(#{}, push_directly())
    end.

other_handlers_replace_old_ones(Config) ->
    start_probe(Config, #{}),
    start_probe(Config, #{other => 1}),
    ?assertMatch([{start, _, _, _}, {stop, _, _}, {start, _, _, _}],
                 [What || What <- told(), lists:member(element(1, What), [start, stop])]),
    told(),
    start_probe(Config, #{other => 1}),
    ?assertEqual([], told()).

dynamic_domains_need_support(Config) ->
    Dynamic = <<"dynamic type">>,
    ok = host_ctl:start(generation(Config), #{host_types => [Dynamic],
                                              domains => #{<<"example.net">> => Dynamic}}),
    code:ensure_loaded(mod_event_pusher_sns),
    ?assertError({_, Dynamic, dynamic_domains_feature_is_not_supported}, start_probe(Config, Dynamic, #{})),
    ?assertEqual(Dynamic, mongoose_acc:host_type(host_ctl:acc(<<"a@example.net">>, ?BOB, undefined))),
    host_ctl:send(<<"a@unknown.example">>, ?BOB, <<"hi">>),
    ?assertMatch([#{}], host_log:what(undefined_host_type)).

metrics_are_updated(Config) ->
    case layout(Config) of
        v5_0 ->
            Sent = [mod_event_pusher_http, sent],
            ?assertEqual({error, not_found}, mongoose_metrics:update(?HOST, Sent, 1)),
            ok = mongoose_metrics:ensure_metric(?HOST, Sent, spiral),
            ok = mongoose_metrics:ensure_metric(?HOST, [mod_event_pusher_http, response_time], histogram),
            ?assertEqual({ok, already_present}, mongoose_metrics:ensure_metric(?HOST, Sent, spiral)),
            ?assertError(_, mongoose_metrics:ensure_metric(?HOST, Sent, histogram)),
            ok = mongoose_metrics:update(?HOST, Sent, 1),
            ok = mongoose_metrics:update(?HOST, Sent, 1),
            ok = mongoose_metrics:update(?HOST, [mod_event_pusher_http, response_time], 42),
            ?assertEqual({ok, [{count, 2}, {one, 2}]}, mongoose_metrics:get_metric_value(?HOST, Sent)),
            ok = host_ctl:fail_updates(true),
            ?assertError(badarg, mongoose_metrics:update(?HOST, Sent, 1)),
            ok = host_ctl:fail_updates(false);
        v6_5 ->
            set_up_sent(),
            execute_sent(#{count => 1, response_time => 42, sender => <<"a">>}),
            execute_sent(#{count => 1, sender => <<"a">>}),
            ?assertMatch([{mod_event_pusher_http_sent, _, #{response_time := 42}}, {_, _, _}],
                         host_ctl:events()),
            execute_sent(#{count => not_a_number}),
            ?assertMatch([#{level := error}], host_log:what(event_handler_failed))
    end,
    ?assertMatch({ok, #{sent := 2, failed := 0, response_times := [42]}},
                 host_ctl:wait_metrics(?HOST, fun(#{sent := N}) -> N =:= 2 end, 60000)),
    ok = host_ctl:reset_metrics(?HOST),
    ?assertMatch({ok, #{sent := 0}},
                 host_ctl:wait_metrics(?HOST, fun(#{sent := N}) -> N =:= 0 end, 60000)).

stanzas_of_the_demo(Config) ->
    start_probe(Config, #{}),
    told(),
    Stanzas = stanzas:all(),
    [host_ctl:send(From, To, What, Type, in) || {From, To, Type, What} <- Stanzas],
    Events = [Event || {event, _, Event} <- told()],
    ?assert(length(Stanzas) >= 60),
    ?assertEqual(length([Type || {_, _, Type, _} <- Stanzas, Type =/= error]), length(Events)),
    Pushed = [Body || Event <- Events, [Tag, chat, in, _, _, Packet | _] <- [tuple_to_list(Event)],
                      lists:member(Tag, [chat_event, msg_event]),
                      Body <- [exml_query:path(Packet, [{element, <<"body">>}, cdata], <<>>)],
                      Body =/= <<>>],
    ?assertEqual(length(Pushed), stanzas:pushed(Stanzas)),
    ?assertEqual([], host_log:what(hook_failed)).

execute_raises_once_torn_down(_Config) ->
    ?assertError(#{what := event_not_registered, event_name := mod_event_pusher_http_sent},
                 execute_sent(#{count => 1})),
    set_up_sent(),
    ?assertError(#{what := event_already_registered}, set_up_sent()),
    ?assertError(#{what := inconsistent_labels},
                 mongoose_instrument:set_up(mod_event_pusher_http_sent, #{}, #{})),
    ok = execute_sent(#{count => 1}),
    ok = mongoose_instrument:tear_down(sent_spec()),
    ok = mongoose_instrument:tear_down(sent_spec()),
    ?assertError(#{what := event_not_registered}, execute_sent(#{count => 1})).

back_ends_of_metrics(Config) ->
    ok = host_ctl:start(generation(Config), #{handlers => [exometer], record => false}),
    set_up_sent(),
    ok = execute_sent(#{count => 1, response_time => 7}),
    ?assertEqual({ok, [{count, 1}, {one, 1}]},
                 exometer:get_value([?HOST, mod_event_pusher_http_sent, count])),
    ?assertEqual(#{sent => 1, failed => 0, response_times => []}, host_ctl:metrics(?HOST)).

queue_length_is_in_the_strategy(_Config) ->
    {ok, _} = host_ctl:start_pool(global, tag, #{host => "http://h", max_worker_queue_len => 17}),
    Strategy = element(4, mongoose_wpool:get_pool_settings(http, global, tag)),
    ?assert(is_function(Strategy, 1)),
    ?assertEqual({env, [17]}, erlang:fun_info(Strategy, env)).

hosts_in_nodes_of_their_own(_Config) ->
    Peers = [{Generation, host_ctl:start_peer(Generation, #{})} || Generation <- [v5_0, v6_5, v6_9]],
    [begin
         ?assertEqual(Generation, host_ctl:call(Peer, host_ctl, generation, [])),
         ?assertMatch({ok, _}, host_ctl:call(Peer, host_ctl, start_pool,
                                             [global, tag, #{host => "http://h"}])),
         ok = host_ctl:stop_peer(Peer)
     end || {Generation, Peer} <- Peers].

the_test_endpoint_counts_records_and_ends(_Config) ->
    Endpoint = test_endpoint:start(#{plan => "status=201"}),
    201 = post(Endpoint, <<"/one">>, <<"a=1">>),
    ok = test_endpoint:plan(Endpoint, "status=503", #{path => "/two"}),
    503 = post(Endpoint, <<"/two">>, <<"message=Hi+%26+bye">>),
    ok = test_endpoint:wait_for_count(Endpoint, 2, 60000),
    ?assertEqual({timeout, 2}, test_endpoint:wait_for_count(Endpoint, 3, 20)),
    {ok, Stats} = test_endpoint:wait_for(Endpoint, fun(#{answered := N}) -> N =:= 2 end, 60000),
    ?assertMatch(#{received := 2, paths := #{<<"/one">> := 1, <<"/two">> := 1},
                   statuses := #{201 := 1, 503 := 1}}, Stats),
    [One, Two] = test_endpoint:received(Endpoint),
    ?assertMatch(#{n := 1, method := <<"POST">>, path := <<"/one">>, body := <<"a=1">>,
                   version := <<"1.1">>, complete := true}, One),
    ?assert(lists:member({<<"X-Case">>, <<"Kept">>}, maps:get(headers, One))),
    ?assertEqual([{<<"message">>, <<"Hi & bye">>}], test_endpoint:form(maps:get(body, Two))),
    ?assertMatch([#{n := 2}], test_endpoint:received(Endpoint, 2)),
    ok = test_endpoint:clear(Endpoint),
    ?assertMatch(#{received := 0}, test_endpoint:stats(Endpoint)),
    ok = test_endpoint:stop(Endpoint),
    ?assertMatch({error, econnrefused}, gen_tcp:connect({127, 0, 0, 1}, test_endpoint:port(Endpoint), [])).

generation(Config) ->
    proplists:get_value(generation, Config).

%% 6.9 differs from 6.8 in its events alone.
layout(Config) ->
    host_ctl:layout(generation(Config)).

per_host_type(Config) ->
    case layout(Config) of v5_0 -> host; v6_5 -> host_type end.

start_probe(Config, Opts) ->
    start_probe(Config, ?HOST, Opts).

start_probe(Config, HostType, Opts) ->
    case layout(Config) of
        v5_0 -> gen_mod_deps:replace_modules(HostType, probe_modules(), probe_modules(probe_opts(Config, Opts)));
        v6_5 -> mongoose_modules:replace_modules(HostType, [], #{mod_event_pusher => #{sns => Opts}})
    end.

stop_probe(Config) ->
    case layout(Config) of
        v5_0 -> gen_mod_deps:replace_modules(?HOST, probe_modules(), []);
        v6_5 -> mongoose_modules:replace_modules(?HOST, [mod_event_pusher], #{})
    end.

probe_opts(Config, Opts) ->
    case layout(Config) of v5_0 -> maps:to_list(Opts); v6_5 -> Opts end.

probe_modules() ->
    [{Module, Opts} || {mod_event_pusher = Module, Opts} <- gen_mod:loaded_modules_with_opts(?HOST)].

probe_modules(Opts) ->
    [{mod_event_pusher, [{backends, [{sns, Opts}]}]}].

push_directly() ->
    Element = host_ctl:element(<<"hi">>, []),
    host_ctl:push(host_ctl:acc(?ALICE, ?BOB, Element), ?ALICE, ?BOB, Element, chat, in).

sent_spec() ->
    [{mod_event_pusher_http_sent, #{host_type => ?HOST},
      #{metrics => #{count => spiral, failure_count => spiral, response_time => histogram}}}].

set_up_sent() ->
    mongoose_instrument:set_up(sent_spec()).

execute_sent(Measurements) ->
    mongoose_instrument:execute(mod_event_pusher_http_sent, #{host_type => ?HOST}, Measurements).

%% What the probe has reported so far; the host calls it in this process or before it answers.
told() ->
    receive {probe, What} -> [What | told()] after 0 -> [] end.

post(Endpoint, Path, Body) ->
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, test_endpoint:port(Endpoint), [binary, {active, false}]),
    ok = gen_tcp:send(Socket, ["POST ", Path, " HTTP/1.1\r\nHost: x\r\nX-Case: Kept\r\nContent-Length: ",
                               integer_to_list(byte_size(Body)), "\r\n\r\n", Body]),
    {ok, <<"HTTP/1.1 ", Status:3/binary, _/binary>>} = gen_tcp:recv(Socket, 0, 60000),
    ok = gen_tcp:close(Socket),
    binary_to_integer(Status).
