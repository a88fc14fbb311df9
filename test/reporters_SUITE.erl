%% Several reporters: who counts what, which sessions they answer, and what they leave when they end.
-module(reporters_SUITE).

-import(pusher_case, [module/1, module/2, pool/2, endpoint/1, send/2, wait_sent/1]).
-import(pusher_kills, [kill/1, at_most_twice/2]).

-define(HOST, <<"localhost">>).
-define(NIF, http_pusher_nif).
-define(REPORTERS, 3).
%% A backlog of so many outcomes is work for another reporter than the first.
-define(BATCH, 256).
%% Longer than any case takes.
-define(LONG, 120000).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all().

%% Only one of the two can hold an event.
groups() ->
    [{v5_0, [], cases()},
     {v6_5, [], cases_that_hold() ++ cases()}].

cases_that_hold() ->
    [reporters_killed_while_they_count,
     a_killed_tree_leaves_its_batches_to_fewer_reporters,
     their_supervisor_killed_while_they_count].

cases() ->
    [one_reporter_is_woken_for_little,
     sessions_that_wait_are_answered_by_each_reporter,
     a_stop_counts_what_all_of_them_have].

init_per_testcase(Case, Config) ->
    Drain = case Case of
                a_stop_counts_what_all_of_them_have -> 500;
                _ -> ?LONG
            end,
    pusher_case:start(Config, #{env => [{reporters, ?REPORTERS}, {drain_timeout, Drain}]}).

end_per_testcase(Case, Config) ->
    case lists:member(Case, cases_that_hold()) of
        true -> pusher_case:finish(Config, uncounted);
        false -> pusher_case:finish(Config)
    end.

%% With the first one stopped, the backlog is for the others, each of which is killed between the update of a
%% metric and its acknowledgement; then all are killed at random.
reporters_killed_while_they_count(Config) ->
    module(Config, #{workers => 20}),
    test_endpoint:plan(endpoint(Config), "mix seed=5 | 80 status=200 | 20 fault=garbage"),
    First = whereis(http_pusher_reporter),
    true = erlang:suspend_process(First),
    Held = [begin
                ok = host_metrics:hold_next_event(self()),
                send_many(600),
                receive {held, Pid} -> ok end,
                {registered_name, Name} = process_info(Pid, registered_name),
                1 = kill(Name),
                Name
            end || _ <- lists:seq(1, 5)],
    ?assertNot(lists:member(http_pusher_reporter, Held)),
    true = erlang:resume_process(First),
    Kills = [begin
                 timer:sleep(rand:uniform(20)),
                 kill(http_pusher_reporter:name(rand:uniform(?REPORTERS) - 1))
             end || _ <- lists:seq(1, 40)],
    ok = pusher_case:settle(),
    Numbers = pusher_case:wait_numbers(Config, fun(#{pending := Pending}) -> Pending =:= 0 end),
    ?assertMatch(#{pushed := 3000, accepted := 3000}, Numbers),
    at_most_twice(Numbers, length(Held) + lists:sum(Kills)).

%% All of its processes are killed with it, often before the engine is stopped. The outcome that was just being counted is
%% counted twice.
a_killed_tree_leaves_its_batches_to_fewer_reporters(Config) ->
    Held = held_with_a_batch(Config),
    Ended = erlang:monitor(process, Held),
    application:set_env(mongoose_http_pusher, reporters, 1),
    1 = kill(http_pusher_sup),
    receive {'DOWN', Ended, _, _, Reason} -> ?assertEqual(killed, Reason) end,
    _ = pusher_case:wait(fun http_pusher_pools:host_types/0, fun(Types) -> is_map_key(?HOST, Types) end),
    ok = pusher_case:settle(),
    ?assertMatch(#{sent := 601, failed := 0}, host_metrics:read(?HOST)),
    ?assertEqual(undefined, whereis(http_pusher_reporter:name(1))).

%% Its successor waits for those that the one before has left, instead of failing until the whole tree gives up.
their_supervisor_killed_while_they_count(Config) ->
    Held = held_with_a_batch(Config),
    Tree = whereis(http_pusher_sup),
    1 = kill(http_pusher_reporters),
    %% For what must not happen meanwhile.
    timer:sleep(1000),
    ok = host_metrics:release(Held),
    ok = pusher_case:settle(),
    %% On a machine so slow that it was killed after all, one outcome is counted twice.
    ?assertMatch(#{sent := Sent, failed := 0} when Sent =:= 600; Sent =:= 601, host_metrics:read(?HOST)),
    _ = pusher_case:wait(fun() -> whereis(http_pusher_reporter:name(?REPORTERS - 1)) end, fun is_pid/1),
    ?assertEqual(Tree, whereis(http_pusher_sup)).

%% A reporter that has counted the first outcome of its batch; the first one has counted all others.
held_with_a_batch(Config) ->
    module(Config, #{workers => 20}),
    First = whereis(http_pusher_reporter),
    true = erlang:suspend_process(First),
    ok = host_metrics:hold_next_event(self()),
    send_many(600),
    Held = receive {held, Pid} -> Pid end,
    true = erlang:resume_process(First),
    ?assertNotEqual(First, Held),
    %% All outcomes are there.
    _ = pusher_case:wait_numbers(Config, fun(#{sent := Sent}) -> Sent =:= 600 end),
    _ = pusher_case:wait(fun() -> {maps:get(sent, host_metrics:read(?HOST)), ?NIF:unacknowledged()} end,
                         fun({Sent, Left}) -> Sent =:= 600 + 1 - Left end),
    Held.

%% As long as the first reporter keeps up, the others sleep; what it leaves is theirs.
one_reporter_is_woken_for_little(Config) ->
    module(Config, #{workers => 20}),
    [First | Others] = reporters(),
    ok = pusher_case:settle(),
    %% Each looks once when it starts, and waits without an end from then on.
    _ = [pusher_case:wait(fun() -> process_info(Pid, status) end, fun(Status) -> Status =:= {status, waiting} end)
         || Pid <- Others],
    1 = erlang:trace_pattern({?NIF, take_outcomes, 2}, true, [local]),
    [1 = erlang:trace(Pid, true, [call]) || Pid <- Others],
    [send(<<"alice">>, <<"hi">>) || _ <- lists:seq(1, 200)],
    wait_sent(200),
    ?assertEqual(none, receive {trace, Pid, call, _} -> Pid after 0 -> none end),
    true = erlang:suspend_process(First),
    send_many(2000),
    %% Less than a batch stays for the first one.
    {ok, _} = host_metrics:wait(?HOST, fun(#{sent := Sent}) -> Sent > 2200 - ?BATCH end, ?LONG),
    true = erlang:resume_process(First),
    wait_sent(2200),
    receive {trace, _, call, _} -> ok after ?LONG -> error(not_woken) end,
    1 = erlang:trace_pattern({?NIF, take_outcomes, 2}, false, [local]).

%% While the first one is stopped, the others count and answer all but what is less than a batch; the rest is the first
%% one's. What a session waits for is in the metrics when it goes on.
sessions_that_wait_are_answered_by_each_reporter(Config) ->
    {ok, _} = pool(Config, #{workers => 20}),
    module([#{path => "/n", wait => ?LONG}]),
    [First | _] = reporters(),
    true = erlang:suspend_process(First),
    Self = self(),
    Sessions = 3 * ?BATCH,
    [spawn_link(fun() -> send(user(N), <<"hi">>), Self ! goes_on end) || N <- lists:seq(1, Sessions)],
    Others = Sessions - ?BATCH + 1,
    go_on(Others),
    ?assertWith(maps:get(sent, host_metrics:read(?HOST)) >= Others, host_metrics:read(?HOST)),
    true = erlang:resume_process(First),
    go_on(Sessions - Others),
    ?assertMatch(#{sent := Sessions}, host_metrics:read(?HOST)).

go_on(Sessions) ->
    [receive goes_on -> ok after ?LONG -> error({still_waiting, Sessions - N}) end || N <- lists:seq(0, Sessions - 1)].

%% What none of them has counted when they are told to end, also what the stop has given up.
a_stop_counts_what_all_of_them_have(Config) ->
    module(Config, #{workers => 20}),
    Reporters = reporters(),
    [true = erlang:suspend_process(Reporter) || Reporter <- Reporters],
    send_many(1000),
    1000 = pusher_case:wait(fun ?NIF:unacknowledged/0, fun(Waiting) -> Waiting =:= 1000 end),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    send_many(700),
    {_, Stop} = spawn_monitor(fun() -> ok = application:stop(mongoose_http_pusher) end),
    %% The supervisor ends that one before the reporters.
    Pools = erlang:monitor(process, http_pusher_pools),
    receive {'DOWN', Pools, _, _, shutdown} -> ok end,
    [true = erlang:resume_process(Reporter) || Reporter <- Reporters],
    receive {'DOWN', Stop, _, _, Reason} -> ?assertEqual(normal, Reason) end,
    ?assertMatch(#{sent := 1000, failed := 700}, host_metrics:read(?HOST)),
    ?assertEqual(0, ?NIF:unacknowledged()).

%%% Helpers

reporters() ->
    [whereis(http_pusher_reporter:name(Number)) || Number <- lists:seq(0, ?REPORTERS - 1)].

user(N) ->
    <<"user", (integer_to_binary(N))/binary>>.

send_many(Count) ->
    [send(user(N rem 50), <<"hi">>) || N <- lists:seq(1, Count)],
    ok.
