%% Every bound on what is kept, what happens beyond it, and what a session never does.
-module(bounds_SUITE).


-import(pusher_case, [module/2, endpoint/1, send/2, bulk/2, wait_sent/1, wait_reason/2,
                      wait_numbers/2, numbers_now/1]).

-define(REPORTER, http_pusher_reporter).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all().

groups() ->
    pusher_case:groups(
      [pending_notifications_of_a_pool,
       pending_bytes_of_a_pool,
       pending_bytes_of_the_node,
       one_lane_has_its_share,
       outcomes_that_wait_for_the_reporter_are_pending,
       the_reporters_mailbox_stays_empty,
       delivery_resumes_by_itself,
       a_busy_connection_ends_at_its_age,
       a_session_sends_no_message,
       a_session_waits_for_no_process]).

init_per_testcase(Case, Config) ->
    pusher_case:start(Config, #{env => env(Case)}).

env(pending_notifications_of_a_pool) -> [{max_pending, 50}, {max_lane_percent, 100}];
env(pending_bytes_of_a_pool) -> [{max_pending_bytes, 100000}, {max_lane_percent, 100}];
env(pending_bytes_of_the_node) -> [{max_node_bytes, 100000}];
env(one_lane_has_its_share) -> [{max_pending, 1000}, {max_lane_percent, 5}];
env(outcomes_that_wait_for_the_reporter_are_pending) -> [{max_pending, 50}, {max_lane_percent, 100}];
env(a_busy_connection_ends_at_its_age) -> [{max_connection_age, 1000}];
env(_Case) -> [].

end_per_testcase(_Case, Config) ->
    pusher_case:finish(Config).

pending_notifications_of_a_pool(Config) ->
    stalled(Config, #{}),
    [send(user(N), <<"hi">>) || N <- lists:seq(1, 80)],
    _ = wait_reason(queue_full, 30),
    ?assertMatch(#{accepted := 50, rejected := 30}, numbers_now(Config)).

%% The size of what is kept counts, not the size of the form that is made of it.
pending_bytes_of_a_pool(Config) ->
    stalled(Config, #{}),
    [send(user(N), binary:copy(<<"x">>, 10000)) || N <- lists:seq(1, 20)],
    _ = wait_reason(queue_full, 11),
    ?assertMatch(#{accepted := 9, rejected := 11}, numbers_now(Config)),
    send(<<"alice">>, <<"room for a short one">>),
    ?assertMatch(#{accepted := 10}, numbers_now(Config)).

pending_bytes_of_the_node(Config) ->
    {ok, _} = pusher_case:pool(other_pool, Config, #{}),
    {ok, _} = pusher_case:pool(http_pool, Config, #{}),
    pusher_case:module([#{path => "/a"}, #{path => "/b", pool_name => other_pool}]),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    [send(user(N), binary:copy(<<"x">>, 10000)) || N <- lists:seq(1, 10)],
    _ = wait_reason(queue_full, 11),
    ?assertMatch(#{accepted := 9, rejected := 11}, numbers_now(Config)).

one_lane_has_its_share(Config) ->
    stalled(Config, #{}),
    bulk(<<"alice">>, 80),
    ?assertMatch(#{sender := <<"alice">>}, wait_reason(queue_full, 30)),
    bulk(<<"kate">>, 50),
    ?assertMatch(#{accepted := 100, rejected := 30}, numbers_now(Config)).

outcomes_that_wait_for_the_reporter_are_pending(Config) ->
    module(Config, #{}),
    ok = sys:suspend(?REPORTER, 60000),
    [send(user(N), <<"hi">>) || N <- lists:seq(1, 80)],
    ok = test_endpoint:wait_for_count(endpoint(Config), 50, 120000),
    ?assertMatch(#{accepted := 50, rejected := 30, pending := 50, sent := 50},
                 wait_numbers(Config, fun(#{sent := Sent}) -> Sent =:= 50 end)),
    ?assertMatch(#{sent := 0, failed := 0}, host_metrics:read(<<"localhost">>)),
    ok = sys:resume(?REPORTER, 60000),
    wait_sent(50),
    %% The reporter acknowledges them after it has counted them, and only then there is room again.
    _ = wait_numbers(Config, fun(#{pending := Pending}) -> Pending =:= 0 end),
    send(<<"alice">>, <<"there is room again">>),
    wait_sent(51).

the_reporters_mailbox_stays_empty(Config) ->
    module(Config, #{workers => 20}),
    ok = sys:suspend(?REPORTER, 60000),
    [send(user(N rem 100), <<"hi">>) || N <- lists:seq(1, 2000)],
    ok = test_endpoint:wait_for_count(endpoint(Config), 2000, 120000),
    {message_queue_len, Waiting} = process_info(whereis(?REPORTER), message_queue_len),
    ?assert(Waiting =< 2),
    ok = sys:resume(?REPORTER, 60000),
    wait_sent(2000).

%% Nothing has to be restarted when the endpoint comes back.
delivery_resumes_by_itself(Config) ->
    module(Config, #{workers => 5, request_timeout => 2000, call_timeout => 600000}),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    [bulk(user(N), 5) || N <- lists:seq(1, 10)],
    _ = wait_reason(request_timeout, 5),
    test_endpoint:reset_plans(endpoint(Config)),
    Numbers = wait_numbers(Config, fun(#{pending := Pending}) -> Pending =:= 0 end),
    ?assertMatch(#{accepted := 50, sent := Sent} when Sent > 0, Numbers),
    wait_sent(maps:get(sent, Numbers)),
    ok = pusher_case:until_sent(<<"hi">>).

%% One worker has one connection at a time, and opens the next when that is too old.
a_busy_connection_ends_at_its_age(Config) ->
    module(Config, #{workers => 1}),
    Sent = send_until_connections(Config, 3, 0),
    Numbers = wait_numbers(Config, fun(#{pending := Pending}) -> Pending =:= 0 end),
    ?assertMatch(#{accepted := Sent, sent := Sent, failed := 0}, Numbers).

send_until_connections(Config, Connections, Sent) ->
    case test_endpoint:stats(endpoint(Config)) of
        #{connections_accepted := Accepted} when Accepted >= Connections ->
            Sent;
        _ ->
            send(<<"alice">>, <<"hi">>),
            wait_sent(Sent + 1),
            send_until_connections(Config, Connections, Sent + 1)
    end.

%% Neither a call nor a cast: either would be a message.
a_session_sends_no_message(Config) ->
    module(Config, #{}),
    send(<<"alice">>, <<"the pool is open">>),
    wait_sent(1),
    %% And the route says so.
    ok = http_pusher_pools:await_look(120000),
    Self = self(),
    Session = spawn_link(fun() ->
        receive go -> ok end,
        [send(<<"alice">>, <<"hi">>) || _ <- lists:seq(1, 20)],
        Self ! done,
        receive stop -> ok end
    end),
    1 = erlang:trace(Session, true, [send]),
    Session ! go,
    receive done -> ok after 120000 -> error(timeout) end,
    Delivered = erlang:trace_delivered(Session),
    receive {trace_delivered, Session, Delivered} -> ok end,
    erlang:trace(Session, false, [send]),
    Session ! stop,
    ?assertEqual([done], traced(Session)),
    wait_sent(21).

a_session_waits_for_no_process(Config) ->
    module(Config, #{}),
    send(<<"alice">>, <<"the pool is open">>),
    wait_sent(1),
    %% And the route says so.
    ok = http_pusher_pools:await_look(120000),
    Processes = [http_pusher_engine, http_pusher_pools, ?REPORTER,
                 http_pusher_starter, mongoose_wpool_http_mgr],
    [ok = sys:suspend(Process, 60000) || Process <- Processes],
    [send(<<"alice">>, <<"hi">>) || _ <- lists:seq(1, 20)],
    ok = test_endpoint:wait_for_count(endpoint(Config), 21, 120000),
    [ok = sys:resume(Process, 60000) || Process <- Processes],
    wait_sent(21).

traced(Session) ->
    receive
        {trace, Session, send, Message, _To} -> [Message | traced(Session)];
        {trace, Session, send_to_non_existing_process, Message, _To} -> [Message | traced(Session)]
    after 0 -> []
    end.

%% A pool whose endpoint stalls, opened.
stalled(Config, PoolOpts) ->
    module(Config, PoolOpts),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    ok = http_pusher_pools:await_look(120000).

user(N) ->
    <<"user", (integer_to_binary(N))/binary>>.
