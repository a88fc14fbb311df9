%% Order, fairness, bounds and isolation of deliveries, as the endpoint sees them.
-module(delivery_SUITE).


-import(pusher_case, [module/2, endpoint/1, send/2, bulk/2, messages/1, wait_sent/1, wait/2]).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all([v5_0, v6_5, v6_9]).

groups() ->
    pusher_case:groups(
      [messages_of_one_sender_arrive_in_order,
       a_thousand_senders_are_each_in_order_and_take_turns,
       a_flooding_sender_does_not_get_the_others_rejected,
       no_more_than_workers_are_in_flight,
       twenty_messages_at_a_slow_endpoint_all_arrive_in_order,
       push_event_returns_at_once_when_the_endpoint_never_answers,
       a_stalled_pool_does_not_disturb_another,
       copies_for_many_receivers_do_not_wait_for_one_another])
        ++ pusher_case:groups([messages_of_one_sender_arrive_in_order,
                               copies_for_many_receivers_do_not_wait_for_one_another], [v6_9]).

init_per_testcase(a_flooding_sender_does_not_get_the_others_rejected, Config) ->
    pusher_case:start(Config, #{env => [{max_pending, 1000}]});
%% With one thread on each side, requests arrive in the order of their start, whichever thread gets a core
%% first.
init_per_testcase(a_thousand_senders_are_each_in_order_and_take_turns, Config) ->
    pusher_case:start(Config, #{env => [{tokio_threads, 1}], endpoint => #{threads => 1}});
init_per_testcase(_Case, Config) ->
    pusher_case:start(Config).

end_per_testcase(_Case, Config) ->
    pusher_case:finish(Config).

messages_of_one_sender_arrive_in_order(Config) ->
    module(Config, #{workers => 50}),
    test_endpoint:plan(endpoint(Config), "status=200 delay=0-4 seed=1"),
    host_session:run(fun() -> bulk(<<"alice">>, 500) end),
    wait_sent(500),
    ?assertEqual([{<<"alice">>, integer_to_binary(N)} || N <- lists:seq(1, 500)], messages(Config)).

%% All lanes fill while the endpoint stalls; after that, a lane that has had its turn goes behind the
%% others. So the K-th messages of all senders come before the K+1-th, except for those in flight.
a_thousand_senders_are_each_in_order_and_take_turns(Config) ->
    {Senders, Each, Workers} = {1000, 5, 40},
    module(Config, #{workers => Workers}),
    stall(Config, Workers, fun() ->
        host_session:run(fun() ->
            [bulk(<<"user", (integer_to_binary(S))/binary>>, Each) || S <- lists:seq(1, Senders)]
        end)
    end),
    test_endpoint:plan(endpoint(Config), "status=200 delay=0-20 seed=7"),
    test_endpoint:release(endpoint(Config)),
    wait_sent(Senders * Each),
    Messages = messages(Config),
    ?assertEqual(Senders * Each, length(Messages)),
    InOrder = [integer_to_binary(N) || N <- lists:seq(1, Each)],
    maps:foreach(fun(Sender, Got) -> ?assertEqual({Sender, InOrder}, {Sender, Got}) end,
                 maps:groups_from_list(fun({Sender, _}) -> Sender end,
                                       fun({_, Message}) -> Message end, Messages)),
    Positions = lists:zip(lists:seq(1, length(Messages)), Messages),
    [?assertMatch({_, _, true}, {Position, Turn, Position =< Turn * (Senders + 2 * Workers)})
     || {Position, {_, Text}} <- Positions, Turn <- [binary_to_integer(Text)]].

a_flooding_sender_does_not_get_the_others_rejected(Config) ->
    module(Config, #{workers => 5}),
    Others = [<<"user", (integer_to_binary(S))/binary>> || S <- lists:seq(1, 80)],
    stall(Config, 5, fun() ->
        host_session:run(fun() ->
            bulk(<<"flood">>, 3000),
            [bulk(Other, 10) || Other <- Others]
        end)
    end),
    #{rejected := Rejected} =
        pusher_case:wait_numbers(Config, fun(#{pushed := Pushed}) -> Pushed =:= 3800 end),
    ?assertEqual(2900, Rejected),
    test_endpoint:plan(endpoint(Config), "status=200"),
    test_endpoint:release(endpoint(Config)),
    wait_sent(900),
    Messages = messages(Config),
    ?assertEqual(100, length([N || {<<"flood">>, N} <- Messages])),
    [?assertEqual(10, length([N || {Sender, N} <- Messages, Sender =:= Other])) || Other <- Others],
    ?assertEqual(#{queue_full => 2900}, wait(fun pusher_case:reasons/0,
                                            fun(R) -> R =:= #{queue_full => 2900} end)).

no_more_than_workers_are_in_flight(Config) ->
    module(Config, #{workers => 7}),
    stall(Config, 7, fun() ->
        [bulk(<<"user", (integer_to_binary(S))/binary>>, 4) || S <- lists:seq(1, 50)]
    end),
    test_endpoint:plan(endpoint(Config), "status=200 delay=0-10 seed=3"),
    test_endpoint:release(endpoint(Config)),
    wait_sent(200),
    ?assertMatch(#{max_in_flight := 7, connections_accepted := 7}, test_endpoint:stats(endpoint(Config))).

%% call_timeout counts from the head of the lane, so it does not bound the time of the twentieth, which
%% waits longer.
twenty_messages_at_a_slow_endpoint_all_arrive_in_order(Config) ->
    module(Config, #{call_timeout => 10000, workers => 1}),
    test_endpoint:plan(endpoint(Config), "status=200 delay=600"),
    bulk(<<"alice">>, 20),
    wait_sent(20),
    ?assertEqual([{<<"alice">>, integer_to_binary(N)} || N <- lists:seq(1, 20)], messages(Config)),
    ?assertEqual(0, maps:get(failed, host_metrics:read(<<"localhost">>))).

%% A stock session would wait for each request_timeout. The endpoint answers nothing until the end of the
%% case, and no timeout ends before that: it proves that they all return without waiting.
push_event_returns_at_once_when_the_endpoint_never_answers(Config) ->
    module(Config, #{request_timeout => 3600000, call_timeout => 3600000, workers => 3}),
    Micros = stall(Config, 3, fun() ->
        {Time, _} = timer:tc(fun() ->
            [send(<<"user", (integer_to_binary(S rem 100))/binary>>, <<"hi">>)
             || S <- lists:seq(1, 1000)]
        end),
        Time
    end),
    ?assertMatch(#{pending := 1000, sent := 0, failed := 0},
                 pusher_case:numbers_now(Config)),
    ct:pal("1000 events in ~b us", [Micros]).

a_stalled_pool_does_not_disturb_another(Config) ->
    {ok, _} = pusher_case:pool(fast_pool, Config, #{path_prefix => "/fast"}),
    {ok, _} = pusher_case:pool(slow_pool, Config, #{path_prefix => "/slow", workers => 2}),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head", #{path => "/slow/n"}),
    _ = host_ctl:start_module(<<"localhost">>, [#{path => "/n", pool_name => slow_pool},
                                                #{path => "/n", pool_name => fast_pool}]),
    [bulk(<<"user", (integer_to_binary(S))/binary>>, 20) || S <- lists:seq(1, 10)],
    wait_sent(200),
    Fast = [Record || #{path := <<"/fast/n">>} = Record <- pusher_case:received(Config)],
    ?assertEqual(200, length(Fast)),
    _ = wait(fun() -> test_endpoint:stats(endpoint(Config)) end, fun(#{in_flight := N}) -> N =:= 2 end),
    %% The reporter acknowledges the other 200 after it has counted them.
    _ = pusher_case:wait_numbers(Config, fun(#{pending := Pending}) -> Pending =:= 200 end).

%% One lane for what a user sends, and one for each receiver of what is about to be delivered.
copies_for_many_receivers_do_not_wait_for_one_another(Config) ->
    {ok, _} = pusher_case:pool(http_pool, Config, #{workers => 30}),
    _ = host_ctl:start_module(<<"localhost">>, [#{path => "/n", callback_module => pusher_callback}]),
    Push = fun(Direction) ->
        [host_session:send(<<"room@localhost/nick">>, <<"user", (integer_to_binary(R))/binary, "@localhost">>,
                           <<"hi">>, groupchat, Direction) || R <- lists:seq(1, 20)]
    end,
    stall(Config, 20, fun() -> Push(out) end),
    ?assertMatch(#{waiting := 0, in_flight := 20}, open_pool()),
    Push(in),
    _ = wait(fun() -> test_endpoint:stats(endpoint(Config)) end, fun(#{in_flight := N}) -> N =:= 21 end),
    ?assertMatch(#{waiting := 19, in_flight := 21}, open_pool()).

open_pool() ->
    [Pool] = [Pool || #{accepted := Accepted} = Pool <- http_pusher_nif:pools(),
                      Accepted > 0],
    Pool.

%% Runs Fun while the endpoint stalls; returns when this many requests are in flight.
stall(Config, InFlight, Fun) ->
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    Result = Fun(),
    Stats = wait(fun() -> test_endpoint:stats(endpoint(Config)) end,
                 fun(#{in_flight := N}) -> N >= InFlight end),
    ?assertMatch(#{in_flight := InFlight}, Stats),
    Result.
