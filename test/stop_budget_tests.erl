%% The time that stops share: what uses it up and what does not. The tests supply the times.
-module(stop_budget_tests).

-include_lib("eunit/include/eunit.hrl").

-import(http_pusher_stop_budget, [new/1, begins/4, ends/3, over/1, waits/2]).

-define(ALLOWED, 5000).

%% Twenty host types, 300 ms apart, each waits for 100 ms: 2 s of waiting in 8 s.
time_between_stops_is_not_used_up_test() ->
    Lefts = stops(20, 300, 100),
    ?assertEqual([?ALLOWED - 100 * N || N <- lists:seq(0, 19)], Lefts).

%% A hundred host types with a dead endpoint use up the time, and no more than that.
a_dead_endpoint_costs_the_time_once_test() ->
    Lefts = stops(100, 300, infinity),
    ?assertEqual([?ALLOWED | lists:duplicate(99, 0)], Lefts).

%% However many stops wait at the same time, time passes once.
stops_that_wait_together_use_the_time_once_test() ->
    [One, Two, Three] = [make_ref() || _ <- [1, 2, 3]],
    {5000, B1} = begins(new(0), One, 0, ?ALLOWED),
    {5000, B2} = begins(B1, Two, 1000, ?ALLOWED),
    B3 = ends(ends(B2, One, 1500), Two, 2000),
    {9000, B4} = begins(B3, Three, 6000, ?ALLOWED),
    ?assertEqual([false, false, true], [waits(B4, Stop) || Stop <- [One, Two, Three]]).

%% A process that was killed during its stop does not keep the time running.
a_stop_that_ends_twice_or_never_began_test() ->
    [One, Two, Unknown] = [make_ref() || _ <- [1, 2, 3]],
    {_, B1} = begins(new(0), One, 0, ?ALLOWED),
    B2 = ends(ends(ends(B1, Unknown, 500), One, 1000), One, 4000),
    ?assertNot(waits(B2, One)),
    ?assertMatch({10000, _}, begins(B2, Two, 6000, ?ALLOWED)).

a_pause_ends_the_burst_test() ->
    [One, Two] = [make_ref(), make_ref()],
    {_, B1} = begins(new(0), One, 0, ?ALLOWED),
    B2 = ends(B1, One, 5000),
    ?assertMatch({14999, _}, begins(B2, Two, 14999, ?ALLOWED)),
    ?assertMatch({20000, _}, begins(B2, Two, 15000, ?ALLOWED)).

%% A module that is restarted again and again has the whole time each time.
a_start_ends_the_burst_test() ->
    [One, Two] = [make_ref(), make_ref()],
    {_, B1} = begins(new(0), One, 0, ?ALLOWED),
    B2 = over(ends(B1, One, 5000)),
    ?assertMatch({10100, _}, begins(B2, Two, 5100, ?ALLOWED)).

a_start_while_one_waits_gives_it_no_more_test() ->
    [One, Two] = [make_ref(), make_ref()],
    {5000, B1} = begins(new(0), One, 0, ?ALLOWED),
    ?assertMatch({5000, _}, begins(over(B1), Two, 3000, ?ALLOWED)).

%% The budget is not renewed while one of them waits.
a_long_wait_is_no_pause_test() ->
    {Deadline, B1} = begins(new(0), make_ref(), 0, 60000),
    ?assertMatch({Deadline, _}, begins(B1, make_ref(), 30000, 60000)).

%% The time that each of the stops had left when it began.
stops(Count, Pause, Needed) ->
    {Lefts, _, _} =
        lists:foldl(fun(_, {Lefts, Burst, Now}) ->
                            Stop = make_ref(),
                            {Deadline, Burst1} = begins(Burst, Stop, Now, ?ALLOWED),
                            End = case Needed of infinity -> Deadline; _ -> Now + Needed end,
                            {[Deadline - Now | Lefts], ends(Burst1, Stop, End), End + Pause}
                    end, {[], new(0), 0}, lists:seq(1, Count)),
    lists:reverse(Lefts).
