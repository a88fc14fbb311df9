%% The stand-in hosts behave as the real ones do (their pools: host_pools_SUITE, their metrics: host_metrics_SUITE).
%% What the cases expect of a host was read in esl/MongooseIM at 5.0.0 and 6.8.0 or observed on the built releases; the
%% events of 6.9 were read in single files of newer trees.
-module(host_SUITE).

-define(ALICE, <<"Alice@LocalHost/Phone">>).
-define(BOB, <<"bob@localhost">>).

-include("support/host_suite.hrl").

all() ->
    [{group, v5_0}, {group, v6_5}, {group, v6_9}, hosts_in_nodes_of_their_own].

groups() ->
    Both = [shapes_of_terms, parses_as_exml_does, prepares_names_as_the_host_does,
            modules_are_not_loaded_before_they_are_called,
            order_of_start_and_stop, crash_in_start_is_raised, crash_in_stop,
            events_of_a_session, crash_in_push_is_logged, other_handlers_replace_old_ones,
            dynamic_domains_need_support, stanzas_of_the_demo],
    [{v5_0, [sequence], Both},
     {v6_5, [sequence], Both},
     {v6_9, [sequence], Both ++ [messages_are_routed_to_users_only]}].

init_per_testcase(Case, Config) ->
    true = register(host_SUITE_collector, self()),
    case generation(Config) of
        undefined -> Config;
        _ when Case =:= dynamic_domains_need_support -> Config;
        Generation -> ok = host_ctl:start(Generation), Config
    end.

shapes_of_terms(Config) ->
    Jid = host_session:jid(?ALICE),
    Element = host_session:element(<<"hi">>, [{<<"type">>, <<"chat">>}]),
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
    Acc = host_session:acc(?ALICE, ?BOB, Element),
    ?assertEqual(?HOST, mongoose_acc:host_type(Acc)),
    ?assertEqual(<<"chat">>, mongoose_acc:stanza_type(Acc)),
    ?assertEqual({Jid, host_session:jid(?BOB), Element}, mongoose_acc:packet(Acc)).

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
    Acc = host_session:send(?ALICE, ?BOB, <<"hi">>),
    ?assertEqual(true, mongoose_acc:get(event_pusher, seen, Acc)),
    host_session:send(?ALICE, ?BOB, <<>>, none, out),
    host_session:send(?ALICE, ?BOB, {xml, <<"<message type='error'/>">>}, none, in),
    host_session:send(?ALICE, <<"room@muc.localhost">>, <<"all">>, groupchat, in),
    host_session:event(unack_msg, ?BOB),
    host_session:event(user_status, ?BOB),
    {Alice, Bob} = {host_session:jid(?ALICE), host_session:jid(?BOB)},
    Room = host_session:jid(<<"room@muc.localhost">>),
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
    ok = host_session:user_status(<<"nobody@localhost">>, no_user),
    ok = host_session:user_status(?BOB, offline),
    [host_session:send(?ALICE, To, <<"hi">>, chat, out)
     || To <- [<<"nobody@localhost">>, <<"localhost">>, <<"room@muc.localhost">>,
               <<"bob@elsewhere.example">>, ?BOB]],
    Bob = host_session:jid(?BOB),
    ?assertMatch([{event, ?HOST, {msg_event, chat, out, _, Bob, _, offline}}], told()).

crash_in_push_is_logged(Config) ->
    start_probe(Config, #{crash => push}),
    Acc = host_session:send(?ALICE, ?BOB, <<"hi">>),
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
    ?assertEqual(Dynamic, mongoose_acc:host_type(host_session:acc(<<"a@example.net">>, ?BOB, undefined))),
    host_session:send(<<"a@unknown.example">>, ?BOB, <<"hi">>),
    ?assertMatch([#{}], host_log:what(undefined_host_type)).

stanzas_of_the_demo(Config) ->
    start_probe(Config, #{}),
    told(),
    Stanzas = stanzas:all(),
    [host_session:send(From, To, What, Type, in) || {From, To, Type, What} <- Stanzas],
    Events = [Event || {event, _, Event} <- told()],
    ?assert(length(Stanzas) >= 60),
    ?assertEqual(length([Type || {_, _, Type, _} <- Stanzas, Type =/= error]), length(Events)),
    Pushed = [Body || Event <- Events, [Tag, chat, in, _, _, Packet | _] <- [tuple_to_list(Event)],
                      lists:member(Tag, [chat_event, msg_event]),
                      Body <- [exml_query:path(Packet, [{element, <<"body">>}, cdata], <<>>)],
                      Body =/= <<>>],
    ?assertEqual(length(Pushed), stanzas:pushed(Stanzas)),
    ?assertEqual([], host_log:what(hook_failed)).

hosts_in_nodes_of_their_own(_Config) ->
    Peers = [{Generation, host_ctl:start_peer(Generation, #{})} || Generation <- [v5_0, v6_5, v6_9]],
    [begin
         ?assertEqual(Generation, host_ctl:call(Peer, host_ctl, generation, [])),
         ?assertMatch({ok, _}, host_ctl:call(Peer, host_ctl, start_pool,
                                             [global, tag, #{host => "http://h"}])),
         ok = host_ctl:stop_peer(Peer)
     end || {Generation, Peer} <- Peers].

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
    Element = host_session:element(<<"hi">>, []),
    host_session:push(host_session:acc(?ALICE, ?BOB, Element), ?ALICE, ?BOB, Element, chat, in).

%% What the probe has reported so far; the host calls it in this process or before it answers.
told() ->
    receive {probe, What} -> [What | told()] after 0 -> [] end.
