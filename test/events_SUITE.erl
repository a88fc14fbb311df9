%% Events of every shape that a release has, through every function that a release calls. Events of unknown
%% shapes are ignored, and logged once.
-module(events_SUITE).


-import(pusher_case, [module/2, received/1, messages/1, wait_sent/1]).

-define(HOST, <<"localhost">>).
-define(ALICE, <<"alice@localhost/phone">>).
-define(BOB, <<"bob@localhost">>).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all([v5_0, v6_5, v6_9]).

groups() ->
    Every = [a_message_in_any_shape_is_sent,
             events_that_are_not_used_are_known,
             an_unknown_event_is_said_once,
             an_unknown_event_costs_a_session_nothing_more,
             what_is_no_event_is_ignored,
             invented_shapes_take_no_memory,
             a_hook_with_unknown_parameters_is_said_once],
    [{v5_0, [], Every}, {v6_5, [], Every}, {v6_9, [], [status_of_the_receiver_changes_nothing | Every]}].

init_per_testcase(_Case, Config) ->
    %% Like a node that has just started.
    persistent_term:erase(http_pusher_host_event),
    pusher_case:start(Config).

end_per_testcase(_Case, Config) ->
    pusher_case:finish(Config).

a_message_in_any_shape_is_sent(Config) ->
    module(Config, #{}),
    Packet = packet(<<"hi">>),
    {From, To} = {host_session:jid(?ALICE), host_session:jid(?BOB)},
    Shapes = [{chat_event, chat, in, From, To, Packet},
              {chat_event, chat, in, From, To, Packet, offline},
              {msg_event, chat, in, From, To, Packet, {online, #{}}},
              {msg_event, chat, in, From, To, Packet, {online, #{client_state => inactive}}},
              {msg_event, chat, in, From, To, Packet, offline}],
    Acc = acc(),
    [begin
         %% The calls of this generation's own event pusher, and those of each generation's.
         ?assertMatch(#{mongoose_acc := true}, host_session:push(Acc, ?ALICE, Event)),
         ?assertEqual(Acc, mod_event_pusher_http:push_event(Acc, ?HOST, Event)),
         ?assertEqual(Acc, mod_event_pusher_http:push_event(Acc, Event)),
         HookAcc = #{acc => Acc, metadata => #{}},
         ?assertEqual({ok, HookAcc}, push_hook(HookAcc, #{event => Event}))
     end || Event <- Shapes],
    wait_sent(4 * length(Shapes)),
    ?assertEqual(lists:duplicate(4 * length(Shapes), {<<"alice">>, <<"hi">>}), messages(Config)),
    ?assertEqual([], unknown()).

events_that_are_not_used_are_known(Config) ->
    module(Config, #{}),
    Jid = host_session:jid(?BOB),
    [host_session:event(Kind, ?BOB) || Kind <- [user_status, unack_msg]],
    [host_session:push(acc(), ?BOB, Event)
     || Event <- [{user_status_event, Jid, online}, {user_status_event, Jid, offline},
                  {unack_msg_event, Jid}, {unack_msg_event, chat, Jid, packet(<<"hi">>)}]],
    ?assertEqual([], unknown()),
    ?assertMatch(#{pushed := 0}, pusher_case:numbers_now(Config)).

%% Once for all sessions, also after the module and the application have been restarted.
an_unknown_event_is_said_once(Config) ->
    module(Config, #{}),
    Events = [{msg_event, chat, in, from, to, packet, status, more}, {chat_event, chat},
              {message_event, in}],
    Push = fun() -> [host_session:push(acc(), ?ALICE, Event) || Event <- Events] end,
    Sessions = [spawn_monitor(Push) || _ <- lists:seq(1, 50)],
    [receive {'DOWN', Ref, process, Pid, Reason} -> normal = Reason end || {Pid, Ref} <- Sessions],
    Push(),
    ok = application:stop(mongoose_http_pusher),
    Push(),
    _ = host_ctl:stop_module(?HOST),
    _ = host_ctl:start_module(?HOST, [#{path => "/notifications"}]),
    Push(),
    Lines = unknown(),
    ?assertEqual([{chat_event, 2}, {message_event, 2}, {msg_event, 8}],
                 lists:sort([{Tag, Size} || #{tag := Tag, size := Size} <- Lines])),
    [?assertMatch(#{level := warning, text := _, mongooseim := _}, Line) || Line <- Lines],
    ?assertEqual([], host_log:what(hook_failed)).

%% No process is called or gets a message; the session does one look-up.
an_unknown_event_costs_a_session_nothing_more(Config) ->
    module(Config, #{}),
    Acc = acc(),
    Event = {some_event, of_another, version},
    mod_event_pusher_http:push_event(Acc, Event),
    Count = 1000,
    erlang:trace(self(), true, [send]),
    {reductions, Before} = process_info(self(), reductions),
    [mod_event_pusher_http:push_event(Acc, Event) || _ <- lists:seq(1, Count)],
    {reductions, After} = process_info(self(), reductions),
    erlang:trace(self(), false, [send]),
    ?assert((After - Before) / Count < 100),
    ?assertEqual([], [To || {trace, _, send, _, To} <- flush()]),
    ?assertMatch([_], unknown()).

what_is_no_event_is_ignored(Config) ->
    module(Config, #{}),
    Acc = acc(),
    [begin
         host_session:push(Acc, ?ALICE, Event),
         ?assertEqual(Acc, mod_event_pusher_http:push_event(Acc, Event)),
         ?assertEqual(Acc, mod_event_pusher_http:push_event(Acc, ?HOST, Event)),
         ?assertMatch({ok, _}, push_hook(#{acc => Acc}, #{event => Event}))
     end || Event <- [{}, [], <<"text">>, "text", #{event => 1}, self(), undefined, 1.5, {1, 2},
                      {<<"chat_event">>}, [a | b]]],
    ?assertEqual([{no_tuple, 0}, {untagged, 0}, {untagged, 1}, {untagged, 2}],
                 lists:usort([{Tag, Size} || #{tag := Tag, size := Size} <- unknown()])),
    ?assertEqual(4, length(unknown())),
    ?assertEqual([], host_log:what(hook_failed)).

invented_shapes_take_no_memory(Config) ->
    module(Config, #{}),
    Acc = acc(),
    Terms = maps:get(count, persistent_term:info()),
    [mod_event_pusher_http:push_event(Acc, erlang:make_tuple(Size, invented))
     || Size <- lists:seq(1, 1000)],
    ?assertEqual(16, length(unknown())),
    ?assertEqual(Terms, maps:get(count, persistent_term:info())),
    pusher_case:send(<<"alice">>, <<"hi">>),
    wait_sent(1).

a_hook_with_unknown_parameters_is_said_once(Config) ->
    module(Config, #{}),
    HookAcc = #{acc => acc()},
    [?assertEqual({ok, Given}, push_hook(Given, Params))
     || {Given, Params} <- [{HookAcc, #{}}, {HookAcc, #{other => event}}, {acc(), #{event => e}}]],
    ?assertMatch([#{tag := push_event_hook}], unknown()).

%% Only rules ask for it, and this handler has none.
status_of_the_receiver_changes_nothing(Config) ->
    {ok, _} = pusher_case:pool(Config, #{}),
    _ = host_ctl:start_module(?HOST, [#{path => "/n", callback_module => pusher_callback}]),
    ok = host_session:user_status(<<"off@localhost">>, offline),
    ok = host_session:user_status(<<"away@localhost">>, {online, #{client_state => inactive}}),
    ok = host_session:user_status(<<"nobody@localhost">>, no_user),
    [host_session:send(?ALICE, To, To, chat, out)
     || To <- [<<"off@localhost">>, <<"away@localhost">>, <<"nobody@localhost">>, ?BOB]],
    wait_sent(3),
    ?assertEqual([<<"away@localhost">>, ?BOB, <<"off@localhost">>],
                 lists:sort([Body || #{body := Body} <- received(Config)])).

%%% Helpers

push_hook(HookAcc, Params) ->
    mod_event_pusher_http:push_event(HookAcc, Params, #{host_type => ?HOST}).

packet(Body) ->
    host_session:element(Body, [{<<"type">>, <<"chat">>}]).

acc() ->
    host_session:acc(?ALICE, ?BOB, packet(<<"hi">>)).

unknown() ->
    host_log:what(http_pusher_unknown_event).

flush() ->
    receive Message -> [Message | flush()] after 0 -> [] end.
