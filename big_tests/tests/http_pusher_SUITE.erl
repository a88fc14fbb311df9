%% @doc mongoose-http-pusher in a real MongooseIM node, seen from its users and from the endpoint.
%%
%% The node runs with the package installed; big_tests/README.md says how. One beam of this suite fits
%% one MongooseIM version, the source fits all since 5.0: http_pusher_helper knows what differs.
-module(http_pusher_SUITE).

-compile([export_all, nowarn_export_all]).

-include_lib("eunit/include/eunit.hrl").

-import(distributed_helper, [mim/0, require_rpc_nodes/1, rpc/4]).
-import(http_pusher_helper, [answer/2, callback/1, counts/0, domain/0, endpoint/0, form/1, forget/0,
                             generation/0, host_type/0, nobody/0, requests/0, requests/1,
                             set_handlers/1, start_pool/2, stop_pool/1, stop_pusher/0,
                             wait_for_counts/1, wait_for_requests/1, wait_for_requests/2,
                             wait_until/3]).

-define(EVENT, mod_event_pusher_http_sent).

%%%===================================================================
%%% Suite configuration
%%%===================================================================

suite() ->
    require_rpc_nodes([mim]) ++ escalus:suite().

all() ->
    [{group, installed},
     {group, messages},
     {group, handlers},
     {group, endpoints},
     {group, changes},
     {group, metrics},
     {group, configuration},
     {group, restarts}].

groups() ->
    [{installed, [], [module_is_ours, application_runs, other_nodes_modules_are_untouched]},
     {messages, [], [simple_message,
                     message_with_every_character,
                     no_listener,
                     failing_listener,
                     offline_receiver,
                     empty_message_is_not_notified,
                     event_of_an_unknown_shape_is_said_once,
                     prefix_and_path,
                     prefix_without_path]},
     {handlers, [], [two_handlers,
                     two_handlers_one_stalled,
                     custom_callback_module,
                     delivered_message,
                     delivered_message_to_an_offline_receiver,
                     delivered_message_to_an_unknown_user,
                     crashing_callback_module,
                     groupchat_through_muc_light]},
     {endpoints, [], [slow_endpoint_does_not_slow_chat_down,
                      session_that_waits_for_the_outcome,
                      order_of_500_messages_of_each_sender]},
     {changes, [], [pool_restarted_under_traffic,
                    pool_moved_to_another_host,
                    pools_that_live_for_a_moment,
                    no_pool,
                    module_stopped_with_pending_notifications,
                    module_stopped_with_a_dead_endpoint]},
     {metrics, [], [metrics_of_sent_and_failed, instrumentation_events]},
     {configuration, [], [handlers_in_the_file, one_table_in_the_file, wait_in_the_file, unknown_key_in_the_file,
                          empty_pool_name_in_the_file, missing_callback_module_in_the_file,
                          lacking_callback_module_in_the_file]},
     {restarts, [], [application_of_the_host_restarted, node_restarted]}].

init_per_suite(Config0) ->
    http_pusher_helper:start_endpoint(),
    http_pusher_helper:lift_shapers(),
    http_pusher_helper:inject(http_pusher_callbacks),
    Config = dynamic_modules:save_modules(host_type(), Config0),
    escalus:init_per_suite(Config).

end_per_suite(Config) ->
    escalus_fresh:clean(),
    stop_pusher(),
    dynamic_modules:restore_modules(Config),
    http_pusher_helper:stop_endpoint(),
    escalus:end_per_suite(Config).

init_per_group(_Group, Config) ->
    Config.

end_per_group(_Group, Config) ->
    Config.

init_per_testcase(CaseName, Config) ->
    forget(),
    escalus:init_per_testcase(CaseName, Config).

end_per_testcase(CaseName, Config) ->
    _ = [stop_pool(Tag) || Tag <- [http_pool, other_pool]],
    stop_pusher(),
    escalus:end_per_testcase(CaseName, Config).

%%%===================================================================
%%% The package is in place
%%%===================================================================

module_is_ours(_Config) ->
    Ours = filename:dirname(rpc(mim(), code, which, [http_pusher_nif])),
    ?assertEqual(Ours, filename:dirname(rpc(mim(), code, which, [mod_event_pusher_http]))),
    ?assertEqual(Ours, filename:dirname(rpc(mim(), code, which, [mod_event_pusher_http_defaults]))).

application_runs(_Config) ->
    start_pool(http_pool, #{}),
    set_handlers([#{}]),
    Running = rpc(mim(), application, which_applications, []),
    ?assertMatch({mongoose_http_pusher, _, _}, lists:keyfind(mongoose_http_pusher, 1, Running)),
    %% Says whether the call before it has been answered.
    wait_until(fun() -> rpc(mim(), http_pusher_nif, ping, []) end, ping, 10000).

other_nodes_modules_are_untouched(_Config) ->
    Ours = filename:dirname(rpc(mim(), code, which, [mod_event_pusher_http])),
    ?assertNotEqual(Ours, filename:dirname(rpc(mim(), code, which, [mod_event_pusher]))).

%%%===================================================================
%%% Messages
%%%===================================================================

simple_message(Config) ->
    start_pool(http_pool, #{}),
    set_handlers([#{path => <<"/notifications">>}]),
    Before = counts(),
    story(Config, fun(Alice, Bob) ->
        chat(Alice, Bob, <<"Hi, Bob!">>),
        [Request] = wait_for_requests(1),
        #{method := Method, path := Path, headers := Headers} = Request,
        ?assertEqual(<<"POST">>, Method),
        ?assertEqual(<<"/notifications">>, Path),
        ?assertEqual(<<"application/x-www-form-urlencoded">>, maps:get(<<"content-type">>, Headers)),
        ?assertNot(maps:is_key(<<"accept">>, Headers)),
        ?assertEqual(#{<<"author">> => user(Alice), <<"server">> => domain(),
                       <<"receiver">> => user(Bob), <<"message">> => <<"Hi, Bob!">>}, form(Request))
    end),
    more(Before, #{sent => 1}).

%% The bytes are those of the node's own encoder.
message_with_every_character(Config) ->
    start_pool(http_pool, #{}),
    set_handlers([#{}]),
    Text = <<"*&=+% ~-._!'()\n\t\"<>", "żółć 🦀 שלום مرحبا"/utf8>>,
    story(Config, fun(Alice, Bob) ->
        chat(Alice, Bob, Text),
        [#{body := Body}] = wait_for_requests(1),
        ?assertEqual(rpc(mim(), cow_qs, qs, [[{<<"author">>, user(Alice)}, {<<"server">>, domain()},
                                              {<<"receiver">>, user(Bob)}, {<<"message">>, Text}]]),
                     Body)
    end).

no_listener(Config) ->
    start_pool(http_pool, #{host => nobody()}),
    set_handlers([#{}]),
    Before = counts(),
    story(Config, fun(Alice, Bob) -> chat(Alice, Bob, <<"Hi, nobody!">>) end),
    more(Before, #{failed => 1}).

%% As in the stock module, an answer counts as sent, whatever its status.
failing_listener(Config) ->
    start_pool(http_pool, #{}),
    set_handlers([#{}]),
    answer(default, #{status => 500}),
    Before = counts(),
    story(Config, fun(Alice, Bob) -> chat(Alice, Bob, <<"Hi, failing!">>) end),
    more(Before, #{sent => 1}).

offline_receiver(Config0) ->
    start_pool(http_pool, #{}),
    http_pusher_helper:start_module(mim(), mod_offline, http_pusher_helper:offline_opts()),
    set_handlers([#{}]),
    Config = escalus_fresh:create_users(Config0, [{alice, 1}, {bob, 1}]),
    {ok, Alice} = escalus_client:start(Config, alice, <<"res1">>),
    escalus:send(Alice, escalus_stanza:presence(<<"available">>)),
    BobJid = escalus_users:get_jid(Config, bob),
    escalus:send(Alice, escalus_stanza:chat_to(BobJid, <<"Are you there?">>)),
    [Request] = wait_for_requests(1),
    Receiver = escalus_utils:jid_to_lower(escalus_utils:get_username(BobJid)),
    ?assertMatch(#{<<"message">> := <<"Are you there?">>, <<"receiver">> := Receiver}, form(Request)),
    escalus_client:stop(Config, Alice),
    {ok, Bob} = escalus_client:start(Config, bob, <<"res1">>),
    escalus:send(Bob, escalus_stanza:presence(<<"available">>)),
    Stanzas = escalus:wait_for_stanzas(Bob, 2),
    escalus_new_assert:mix_match(
      [is_presence, fun(S) -> escalus_pred:is_chat_message(<<"Are you there?">>, S) end], Stanzas),
    escalus_client:stop(Config, Bob),
    ?assertEqual(1, length(requests())),
    http_pusher_helper:stop_module(mim(), mod_offline).

empty_message_is_not_notified(Config) ->
    start_pool(http_pool, #{}),
    set_handlers([#{}]),
    story(Config, fun(Alice, Bob) ->
        escalus:send(Alice, escalus_stanza:chat_to(Bob, <<>>)),
        escalus:wait_for_stanza(Bob),
        chat(Alice, Bob, <<"not empty">>),
        [Request] = wait_for_requests(1),
        ?assertMatch(#{<<"message">> := <<"not empty">>}, form(Request))
    end).

%% The shapes that were said are remembered by the node, a handful of them; each run has its own.
event_of_an_unknown_shape_is_said_once(Config) ->
    start_pool(http_pool, #{}),
    set_handlers([#{}]),
    Tag = binary_to_atom(<<"event_", (integer_to_binary(erlang:system_time()))/binary>>, utf8),
    _ = rpc(mim(), persistent_term, erase, [http_pusher_host_event]),
    http_pusher_helper:hear(http_pusher_unknown_event),
    try
        [ok = http_pusher_helper:push({Tag, one, two}) || _ <- lists:seq(1, 3)],
        ok = http_pusher_helper:push({Tag, one, two, three}),
        %% What the node's own modules push after it is still notified.
        story(Config, fun(Alice, Bob) ->
            chat(Alice, Bob, <<"of a known shape">>),
            ?assertMatch([_], wait_for_requests(1))
        end),
        ?assertMatch([{warning, #{tag := Tag, size := 3}}, {warning, #{tag := Tag, size := 4}}],
                     http_pusher_helper:heard())
    after
        http_pusher_helper:hear_no_more()
    end.

prefix_and_path(Config) ->
    start_pool(http_pool, #{path_prefix => "/webservice"}),
    set_handlers([#{path => <<"/notifications">>}]),
    story(Config, fun(Alice, Bob) ->
        chat(Alice, Bob, <<"Where to?">>),
        ?assertMatch([#{path := <<"/webservice/notifications">>}], wait_for_requests(1))
    end).

prefix_without_path(Config) ->
    start_pool(http_pool, #{path_prefix => "/webservice"}),
    set_handlers([#{}]),
    story(Config, fun(Alice, Bob) ->
        chat(Alice, Bob, <<"Where to?">>),
        ?assertMatch([#{path := <<"/webservice">>}], wait_for_requests(1))
    end).

%%%===================================================================
%%% Handlers and callback modules
%%%===================================================================

two_handlers(Config) ->
    start_pool(http_pool, #{}),
    start_pool(other_pool, #{path_prefix => "/other"}),
    set_handlers([#{path => <<"/a">>}, #{path => <<"/b">>, pool_name => other_pool}]),
    Before = counts(),
    story(Config, fun(Alice, Bob) ->
        chat(Alice, Bob, <<"To both">>),
        Requests = wait_for_requests(2),
        ?assertEqual([<<"/a">>, <<"/other/b">>], lists:sort([Path || #{path := Path} <- Requests])),
        [?assertMatch(#{<<"message">> := <<"To both">>}, form(Request)) || Request <- Requests]
    end),
    more(Before, #{sent => 2}).

two_handlers_one_stalled(Config) ->
    start_pool(http_pool, #{request_timeout => 3000}),
    start_pool(other_pool, #{}),
    answer(<<"/stalled">>, #{delay => 20000}),
    set_handlers([#{path => <<"/stalled">>}, #{path => <<"/lively">>, pool_name => other_pool}]),
    Before = counts(),
    story(Config, fun(Alice, Bob) ->
        [chat(Alice, Bob, integer_to_binary(N)) || N <- lists:seq(1, 20)],
        wait_until(fun() -> length(requests(<<"/lively">>)) =:= 20 end, lively, 5000),
        ?assertEqual(1, length(requests(<<"/stalled">>)))
    end),
    wait_until(fun() -> maps:get(sent, counts()) - maps:get(sent, Before) =:= 20 end, sent, 5000).

custom_callback_module(Config) ->
    start_pool(http_pool, #{}),
    set_handlers([callback(<<"/json">>)]),
    story(Config, fun(Alice, Bob) ->
        chat(Alice, Bob, <<"custom">>),
        [#{headers := Headers, body := Body}] = wait_for_requests(1),
        ?assertEqual(<<"application/json">>, maps:get(<<"content-type">>, Headers)),
        ?assertEqual(<<"Bearer secret">>, maps:get(<<"authorization">>, Headers)),
        ?assertEqual(<<"in">>, maps:get(<<"x-direction">>, Headers)),
        ?assertEqual(json(user(Alice), user(Bob), <<"custom">>), Body)
    end).

delivered_message(Config) ->
    start_pool(http_pool, #{}),
    set_handlers([callback(<<"/delivered">>)]),
    story(Config, fun(Alice, Bob) ->
        chat(Alice, Bob, <<"on its way out">>),
        [#{headers := Headers}] = wait_for_requests(1),
        ?assertEqual(<<"out">>, maps:get(<<"x-direction">>, Headers))
    end).

%% A message that goes to storage is on its way out too.
delivered_message_to_an_offline_receiver(Config0) ->
    start_pool(http_pool, #{}),
    http_pusher_helper:start_module(mim(), mod_offline, http_pusher_helper:offline_opts()),
    set_handlers([callback(<<"/delivered">>)]),
    Config = escalus_fresh:create_users(Config0, [{alice, 1}, {bob, 1}]),
    {ok, Alice} = escalus_client:start(Config, alice, <<"res1">>),
    escalus:send(Alice, escalus_stanza:presence(<<"available">>)),
    BobJid = escalus_users:get_jid(Config, bob),
    escalus:send(Alice, escalus_stanza:chat_to(BobJid, <<"For later">>)),
    [#{headers := Headers, body := Body}] = wait_for_requests(1),
    ?assertEqual(<<"out">>, maps:get(<<"x-direction">>, Headers)),
    Receiver = escalus_utils:jid_to_lower(escalus_utils:get_username(BobJid)),
    ?assertEqual(json(user(Alice), Receiver, <<"For later">>), Body),
    escalus_client:stop(Config, Alice),
    http_pusher_helper:stop_module(mim(), mod_offline).

%% Up to 6.8 the host has an event for every message that leaves the router; from 6.9 on one for each
%% that is routed to a user who exists.
delivered_message_to_an_unknown_user(Config) ->
    Expected = case lists:member({message_routed, 3}, exports(mod_event_pusher_hook_translator)) of
                   true -> [];
                   false -> [<<"Anybody there?">>]
               end,
    start_pool(http_pool, #{}),
    set_handlers([callback(<<"/delivered">>)]),
    story(Config, fun(Alice, Bob) ->
        Unknown = <<"nobody", (integer_to_binary(erlang:system_time()))/binary, "@", (domain())/binary>>,
        escalus:send(Alice, escalus_stanza:chat_to(Unknown, <<"Anybody there?">>)),
        escalus:assert(is_error, [<<"cancel">>, <<"service-unavailable">>], escalus:wait_for_stanza(Alice)),
        %% Notifications of one sender to one pool are in order: after this one there is none to come.
        chat(Alice, Bob, <<"for Bob">>),
        Requests = wait_for_requests(length(Expected) + 1),
        ?assertEqual([json(user(Alice), hd(binary:split(Unknown, <<"@">>)), Text) || Text <- Expected]
                     ++ [json(user(Alice), user(Bob), <<"for Bob">>)],
                     [Body || #{body := Body} <- Requests])
    end).

%% It costs its own handler's notification, and nothing else.
crashing_callback_module(Config) ->
    start_pool(http_pool, #{}),
    set_handlers([callback(<<"/crash">>), #{path => <<"/after">>}]),
    Before = counts(),
    story(Config, fun(Alice, Bob) ->
        chat(Alice, Bob, <<"still delivered">>),
        ?assertMatch([#{path := <<"/after">>}], wait_for_requests(1))
    end),
    more(Before, #{sent => 1, failed => 1}).

%% One for the room as the message comes in, and one for each occupant as it goes out. For the latter
%% 5.0 looks for a handler of the room's domain, which has none; the stock module does the same there.
groupchat_through_muc_light(Config) ->
    Expected = case generation() of
                   v5_0 -> 0;
                   _ -> 1
               end,
    start_pool(http_pool, #{}),
    http_pusher_helper:start_module(mim(), mod_muc_light, http_pusher_helper:muc_light_opts()),
    set_handlers([callback(<<"/room">>), callback(<<"/groupchat">>)]),
    escalus:fresh_story(Config, [{alice, 1}, {bob, 1}, {kate, 1}], fun(Alice, Bob, Kate) ->
        Name = <<"room", (integer_to_binary(erlang:system_time()))/binary>>,
        escalus:send(Alice, muc_light_helper:stanza_create_room(Name, [], [{Bob, member},
                                                                          {Kate, member}])),
        %% Who is in the room now, and the answer, in any order.
        escalus:wait_for_stanzas(Alice, 2),
        [escalus:wait_for_stanza(User) || User <- [Bob, Kate]],
        ?assertEqual([], requests()),
        Message = muc_light_helper:when_muc_light_message_is_sent(Alice, Name, <<"Hi, all!">>, <<"1">>),
        muc_light_helper:then_muc_light_message_is_received_by([Alice, Bob, Kate], Message),
        Users = [user(User) || User <- [Alice, Bob, Kate]],
        wait_until(fun() -> length(bodies(<<"/room">>)) >= 1
                                andalso length(for_users(Users)) >= 3 * Expected
                   end, groupchat, 10000),
        timer:sleep(200),
        ?assertEqual([json(user(Alice), Name, <<"Hi, all!">>)], bodies(<<"/room">>)),
        [?assertEqual({User, Expected}, {User, length(for_users([User]))}) || User <- Users]
    end),
    http_pusher_helper:stop_module(mim(), mod_muc_light).

%%%===================================================================
%%% Slow endpoints, order
%%%===================================================================

slow_endpoint_does_not_slow_chat_down(Config) ->
    Delay = 2000,
    start_pool(http_pool, #{request_timeout => 10000, workers => 100, call_timeout => 15000}),
    set_handlers([#{}]),
    answer(default, #{delay => Delay}),
    story(Config, fun(Alice, Bob) ->
        Times = [timed_chat(From, To) || _ <- lists:seq(1, 25),
                                         {From, To} <- [{Alice, Bob}, {Bob, Alice}]],
        Sorted = lists:sort(Times),
        Median = lists:nth(25, Sorted),
        ct:pal("delivery of 50 messages while the endpoint takes ~b ms: median ~.1f ms, longest ~.1f ms",
               [Delay, Median / 1000, lists:last(Sorted) / 1000]),
        %% One that had waited for the endpoint would have taken its two seconds.
        ?assert(Median < 100 * 1000),
        ?assert(lists:last(Sorted) < Delay * 1000 div 2),
        %% The chat may be over before the first request is there.
        wait_until(fun() -> requests() =/= [] end, a_request, 10000)
    end).

%% The order of the stock module: it has been notified and counted when the receiver has the message.
session_that_waits_for_the_outcome(Config) ->
    start_pool(http_pool, #{}),
    set_handlers([#{wait => 5000}]),
    notified_before_it_is_received(Config).

order_of_500_messages_of_each_sender(Config) ->
    Count = 500,
    start_pool(http_pool, #{workers => 20, request_timeout => 5000}),
    set_handlers([#{}]),
    answer(default, #{delay => {random, 5}}),
    Before = counts(),
    story(Config, fun(Alice, Bob) ->
        lists:foreach(fun(N) ->
                              escalus:send(Alice, escalus_stanza:chat_to(Bob, integer_to_binary(N))),
                              escalus:send(Bob, escalus_stanza:chat_to(Alice, integer_to_binary(N)))
                      end, lists:seq(1, Count)),
        wait_for_requests(2 * Count, 120000),
        Forms = [form(Request) || Request <- requests()],
        [?assertEqual(lists:seq(1, Count),
                      [binary_to_integer(Text) || #{<<"author">> := Author, <<"message">> := Text}
                                                      <- Forms, Author =:= user(Sender)])
         || Sender <- [Alice, Bob]]
    end),
    more(Before, #{sent => 2 * Count}).

%%%===================================================================
%%% Pools and modules that come and go
%%%===================================================================

pool_restarted_under_traffic(Config) ->
    Count = 300,
    start_pool(http_pool, #{}),
    set_handlers([#{}]),
    answer(default, #{delay => {random, 10}}),
    Before = counts(),
    story(Config, fun(Alice, Bob) ->
        Restarter = spawn_monitor(fun() ->
            [begin
                 timer:sleep(200),
                 stop_pool(http_pool),
                 timer:sleep(20),
                 start_pool(http_pool, #{workers => 5 + N})
             end || N <- lists:seq(1, 5)]
        end),
        lists:foreach(fun(N) ->
                              escalus:send(Alice, escalus_stanza:chat_to(Bob, integer_to_binary(N))),
                              timer:sleep(5)
                      end, lists:seq(1, Count)),
        {Pid, Ref} = Restarter,
        receive {'DOWN', Ref, process, Pid, Reason} -> ?assertEqual(normal, Reason) end
    end),
    %% Each one has one outcome.
    wait_until(fun() -> difference(Before, sent) + difference(Before, failed) >= Count end,
               outcomes, 20000),
    timer:sleep(500),
    Sent = difference(Before, sent),
    Failed = difference(Before, failed),
    ct:pal("~b sent, ~b failed while the pool was away", [Sent, Failed]),
    ?assertEqual(Count, Sent + Failed),
    Texts = [maps:get(<<"message">>, form(Request)) || Request <- requests()],
    ?assertEqual(Sent, length(lists:usort(Texts))),
    ?assert(Sent > Count div 2).

pool_moved_to_another_host(Config) ->
    start_pool(http_pool, #{host => nobody()}),
    set_handlers([#{}]),
    Before = counts(),
    story(Config, fun(Alice, Bob) ->
        chat(Alice, Bob, <<"to nobody">>),
        more(Before, #{failed => 1}),
        stop_pool(http_pool),
        start_pool(http_pool, #{}),
        chat(Alice, Bob, <<"to the endpoint">>),
        [Request] = wait_for_requests(1),
        ?assertMatch(#{<<"message">> := <<"to the endpoint">>}, form(Request))
    end),
    more(Before, #{sent => 1, failed => 1}).

%% What came while a pool lived is delivered, whatever was known of the pool when it ended.
pools_that_live_for_a_moment(Config) ->
    Count = 50,
    set_handlers([#{}]),
    Before = counts(),
    story(Config, fun(Alice, Bob) ->
        Texts = [begin
                     start_pool(http_pool, #{}),
                     Text = integer_to_binary(N),
                     chat(Alice, Bob, Text),
                     stop_pool(http_pool),
                     Text
                 end || N <- lists:seq(1, Count)],
        more(Before, #{sent => Count}),
        ?assertEqual(lists:sort(Texts), lists:sort([maps:get(<<"message">>, form(R)) || R <- requests()]))
    end).

no_pool(Config) ->
    set_handlers([#{}]),
    Before = counts(),
    story(Config, fun(Alice, Bob) -> chat(Alice, Bob, <<"Hi!">>) end),
    more(Before, #{failed => 1}).

%% What was accepted before the module stops is delivered before it has stopped.
module_stopped_with_pending_notifications(Config) ->
    start_pool(http_pool, #{workers => 5, request_timeout => 5000}),
    set_handlers([#{}]),
    answer(default, #{delay => 200}),
    story(Config, fun(Alice, Bob) ->
        [chat(Alice, Bob, integer_to_binary(N)) || N <- lists:seq(1, 10)],
        ?assert(length(requests()) < 10),
        stop_pusher(),
        ?assertEqual(10, length(requests())),
        chat(Alice, Bob, <<"not notified">>),
        timer:sleep(500),
        ?assertEqual(10, length(requests()))
    end).

module_stopped_with_a_dead_endpoint(Config) ->
    start_pool(http_pool, #{workers => 5, request_timeout => 60000, call_timeout => 120000}),
    set_handlers([#{}]),
    answer(default, #{delay => 100000}),
    story(Config, fun(Alice, Bob) ->
        [chat(Alice, Bob, integer_to_binary(N)) || N <- lists:seq(1, 10)],
        wait_for_requests(1),
        {Micros, ok} = timer:tc(fun() -> stop_pusher() end),
        ct:pal("the module stopped in ~b ms", [Micros div 1000]),
        ?assert(Micros < 15 * 1000 * 1000),
        chat(Alice, Bob, <<"chat goes on">>)
    end).

%%%===================================================================
%%% Metrics
%%%===================================================================

metrics_of_sent_and_failed(Config) ->
    Delay = 500,
    start_pool(http_pool, #{request_timeout => 4000}),
    start_pool(other_pool, #{host => nobody()}),
    set_handlers([#{path => <<"/a">>}, #{path => <<"/b">>, pool_name => other_pool}]),
    answer(default, #{delay => Delay}),
    Before = counts(),
    story(Config, fun(Alice, Bob) ->
        [chat(Alice, Bob, integer_to_binary(N)) || N <- lists:seq(1, 7)]
    end),
    more(Before, #{sent => 7, failed => 7}),
    Name = case generation() of
               Old when Old =:= v5_0; Old =:= v5_1 -> [host_type(), mod_event_pusher_http, response_time];
               _ -> [host_type(), ?EVENT, response_time]
           end,
    {ok, Points} = rpc(mim(), exometer, get_value, [Name]),
    ct:log("~p", [Points]),
    ?assert(proplists:get_value(n, Points) >= 1),
    %% Microseconds. The cases of the minute before are in it too.
    ?assert(proplists:get_value(max, Points) >= Delay * 1000),
    ?assert(proplists:get_value(max, Points) < Delay * 1000 * 1000).

%% The fields that the host's own suite asserts.
instrumentation_events(Config) ->
    case generation() of
        Old when Old =:= v5_0; Old =:= v5_1 ->
            %% No such events yet: the metrics above are all there is.
            ?assertNot(lists:member({execute, 3}, exports(mongoose_instrument)));
        _ ->
            Labels = #{host_type => host_type()},
            start_pool(http_pool, #{}),
            start_pool(other_pool, #{host => nobody()}),
            set_handlers([#{path => <<"/a">>}, #{path => <<"/b">>, pool_name => other_pool}]),
            ?assertEqual([{?EVENT, Labels}],
                         [{Event, L} || {Event, L, _} <- rpc(mim(), mod_event_pusher_http,
                                                             instrumentation, [host_type()])]),
            instrument_helper:start([{?EVENT, Labels}]),
            story(Config, fun(Alice, Bob) ->
                chat(Alice, Bob, <<"Hi!">>),
                Name = user(Alice),
                instrument_helper:wait_and_assert(
                  ?EVENT, Labels,
                  fun(#{count := 1, sender := S, response_code := <<"200">>, response_time := T}) ->
                          T > 0 andalso S =:= Name
                  end),
                instrument_helper:wait_and_assert(
                  ?EVENT, Labels, fun(#{failure_count := 1, sender := S}) -> S =:= Name end)
            end),
            instrument_helper:stop()
    end.

%%%===================================================================
%%% Configuration files
%%%===================================================================

handlers_in_the_file(Config) ->
    from_file(Config, array, ["/first", "/second"]).

%% 5.0 documents both forms; later releases have the array alone.
one_table_in_the_file(Config) ->
    case generation() of
        v5_0 -> from_file(Config, table, ["/only"]);
        _ -> from_file(Config, array, ["/only"])
    end.

wait_in_the_file(Config) ->
    Options = http_pusher_helper:parse_config(
                [http_pusher_helper:pool_toml(http_pool, endpoint()),
                 http_pusher_helper:handlers_toml(array, ["/waited_for"]), "  wait = 5000\n"]),
    start_pool(http_pool, #{}),
    http_pusher_helper:start_module(mim(), mod_event_pusher, Options),
    notified_before_it_is_received(Config).

unknown_key_in_the_file(_Config) ->
    refused("pth = \"/a\"\n", <<"pth">>).

empty_pool_name_in_the_file(_Config) ->
    refused("pool_name = \"\"\n", <<"pool_name">>).

missing_callback_module_in_the_file(_Config) ->
    refused("callback_module = \"there_is_no_such_module\"\n", <<"callback_module">>).

lacking_callback_module_in_the_file(_Config) ->
    refused("callback_module = \"lists\"\n", <<"callback_module">>).

%%%===================================================================
%%% Restarts
%%%===================================================================

application_of_the_host_restarted(Config) ->
    [survives_restart(Config, fun http_pusher_helper:restart_host/0) || _ <- [first, second]].

%% The VM starts again in its process: the library is loaded a second time into it. 5.0 does not come back from
%% `init:restart/0', with the stock module either; there it is another process.
node_restarted(Config) ->
    survives_restart(Config, fun() ->
        Before = rpc(mim(), erlang, whereis, [http_pusher_sup]),
        ?assert(is_pid(Before)),
        case generation() of
            v5_0 ->
                Start = http_pusher_helper:kill_node(),
                Start();
            _ ->
                ok = rpc(mim(), init, restart, []),
                wait_until(fun() -> is_down_or_new(Before) end, down, 60000),
                http_pusher_helper:wait_until_up()
        end
    end).

%%%===================================================================
%%% Helpers
%%%===================================================================

story(Config, Fun) ->
    escalus:fresh_story(Config, [{alice, 1}, {bob, 1}], Fun).

chat(From, To, Text) ->
    escalus:send(From, escalus_stanza:chat_to(To, Text)),
    escalus:assert(is_chat_message, [Text], escalus:wait_for_stanza(To)).

notified_before_it_is_received(Config) ->
    answer(default, #{delay => 300}),
    #{sent := Sent} = counts(),
    story(Config, fun(Alice, Bob) ->
        [begin
             chat(Alice, Bob, integer_to_binary(N)),
             ?assertEqual(N, length(requests())),
             ?assertMatch(#{sent := Now} when Now =:= Sent + N, counts())
         end || N <- lists:seq(1, 3)]
    end).

timed_chat(From, To) ->
    Text = integer_to_binary(erlang:unique_integer([positive])),
    {Micros, ok} = timer:tc(fun() -> chat(From, To, Text) end),
    Micros.

user(Client) ->
    escalus_utils:jid_to_lower(escalus_client:username(Client)).

json(From, To, Text) ->
    iolist_to_binary(["{\"host\":\"", domain(), "\",\"from\":\"", From, "\",\"to\":\"", To,
                      "\",\"text\":\"", Text, "\"}"]).

%% Groupchat messages that were notified as they went out to these users.
for_users(Users) ->
    [Body || Body <- bodies(<<"/groupchat">>), User <- Users,
             binary:match(Body, <<"\"to\":\"", User/binary, "\"">>) =/= nomatch].

bodies(Path) ->
    [Body || #{body := Body} <- requests(Path)].

more(Before, Difference) ->
    wait_for_counts(maps:merge(Before, maps:map(fun(Key, N) -> maps:get(Key, Before) + N end,
                                                Difference))).

difference(Before, Key) ->
    maps:get(Key, counts()) - maps:get(Key, Before).

exports(Module) ->
    case rpc(mim(), code, ensure_loaded, [Module]) of
        {module, _} -> rpc(mim(), Module, module_info, [exports]);
        {error, _} -> []
    end.

%% The node's parser reads the file, and the module runs with what it found.
from_file(Config, Form, Paths) ->
    Options = http_pusher_helper:parse_config(
                [http_pusher_helper:pool_toml(http_pool, endpoint()),
                 http_pusher_helper:handlers_toml(Form, Paths)]),
    start_pool(http_pool, #{path_prefix => "/webservice"}),
    http_pusher_helper:start_module(mim(), mod_event_pusher, Options),
    story(Config, fun(Alice, Bob) ->
        chat(Alice, Bob, <<"as the file says">>),
        Requests = wait_for_requests(length(Paths)),
        ?assertEqual(lists:sort([list_to_binary("/webservice" ++ Path) || Path <- Paths]),
                     lists:sort([Path || #{path := Path} <- Requests]))
    end).

%% The host's usual error, which names the place in the file.
refused(Line, Key) ->
    try http_pusher_helper:parse_config([http_pusher_helper:handlers_toml(array, ["/a"]), "  ", Line]) of
        Options -> ct:fail({taken, Options})
    catch
        error:{badrpc, {'EXIT', {{config_error, _, Errors}, _}}} ->
            ct:log("~p", [Errors]),
            Text = iolist_to_binary(io_lib:format("~0p", [Errors])),
            [?assertMatch({_, _}, binary:match(Text, Part))
             || Part <- [<<"toml_path">>, <<"mod_event_pusher">>, Key]]
    end.

%% Pools and modules come from the node's own file while the node starts.
survives_restart(Config, Restart) ->
    Added = [http_pusher_helper:pool_toml(http_pool, endpoint()),
             http_pusher_helper:handlers_toml(array, ["/restarted"])],
    http_pusher_helper:with_configuration(Added, fun() ->
        Restart(),
        forget(),
        story(Config, fun(Alice, Bob) ->
            chat(Alice, Bob, <<"after the restart">>),
            ?assertMatch([#{path := <<"/webservice/restarted">>}], wait_for_requests(1))
        end),
        wait_until(fun() -> maps:get(sent, counts()) >= 1 end, sent, 5000)
    end),
    http_pusher_helper:inject(http_pusher_callbacks).

is_down_or_new(Before) ->
    try rpc(mim(), erlang, whereis, [http_pusher_sup]) =/= Before
    catch error:{badrpc, _} -> true
    end.
