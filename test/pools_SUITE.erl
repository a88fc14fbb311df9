%% The host's pools as they start, change, crash and stop, and the meaning of their options.
-module(pools_SUITE).


-import(pusher_case, [module/1, pool/2, endpoint/1, send/2, bulk/2, messages/1, wait/2,
                      wait_sent/1, wait_reason/2]).

-define(HANDLER, #{path => "/notifications"}).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all().

groups() ->
    Both = [a_pool_restarted_with_another_host_uses_the_new_one,
            a_pool_with_the_same_settings_keeps_its_connections,
            a_crashed_pool_goes_on_and_comes_back,
            order_is_kept_while_a_pool_comes_back,
            a_pool_that_ends_while_it_is_read_is_no_other,
            a_pool_may_start_after_the_module,
            a_stopped_pool_is_not_started,
            a_host_types_own_pool_goes_before_the_global_one,
            several_host_types_share_a_global_pool,
            next_available_worker_lets_nothing_wait,
            request_timeout_bounds_an_attempt,
            call_timeout_bounds_the_time_at_the_head_of_the_lane,
            workers_default,
            a_pool_with_settings_of_no_use_is_named,
            pools_restart_under_load],
    [{v5_0, [], Both}, {v6_5, [], [max_worker_queue_len_bounds_what_waits | Both]}].

init_per_testcase(Case, Config) ->
    Hosts = case Case of
                several_host_types_share_a_global_pool -> [<<"localhost">>, <<"example.org">>];
                a_host_types_own_pool_goes_before_the_global_one ->
                    [<<"localhost">>, <<"example.org">>];
                _ -> [<<"localhost">>]
            end,
    %% What a pool has accepted before it is stopped or replaced is sent in its drain time, however busy
    %% the machine is.
    pusher_case:start([{other, test_endpoint:start()} | Config], #{hosts => Hosts, env => [{drain_timeout, 60000}]}).

end_per_testcase(Case, Config) ->
    Other = other(Config),
    test_endpoint:reset_plans(Other),
    test_endpoint:release(Other),
    Check = case Case of
                %% A module that starts again has new metrics.
                several_host_types_share_a_global_pool -> uncounted;
                _ -> conserved
            end,
    Result = pusher_case:finish([{more_endpoints, [Other]} | Config], Check),
    test_endpoint:stop(Other),
    Result.

a_pool_restarted_with_another_host_uses_the_new_one(Config) ->
    {ok, _} = pool(Config, #{workers => 5}),
    module([?HANDLER]),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    [bulk(user(S), 4) || S <- lists:seq(1, 10)],
    _ = wait(fun() -> test_endpoint:stats(endpoint(Config)) end, fun(#{in_flight := N}) -> N =:= 5 end),
    ok = host_ctl:stop_pool(global, http_pool),
    {ok, _} = pool(Config, #{host => test_endpoint:url(other(Config))}),
    [bulk(user(S), 2) || S <- lists:seq(11, 20)],
    ok = test_endpoint:wait_for_count(other(Config), 20, 120000),
    ?assertEqual(20, maps:get(received, test_endpoint:stats(other(Config)))),
    test_endpoint:reset_plans(endpoint(Config)),
    test_endpoint:release(endpoint(Config)),
    wait_sent(60),
    ?assertEqual(40, maps:get(received, test_endpoint:stats(endpoint(Config)))).

a_pool_with_the_same_settings_keeps_its_connections(Config) ->
    {ok, First} = pool(Config, #{}),
    module([?HANDLER]),
    send(<<"alice">>, <<"1">>),
    wait_sent(1),
    ok = host_ctl:stop_pool(global, http_pool),
    {ok, Second} = pool(Config, #{}),
    ?assertNotEqual(First, Second),
    send(<<"alice">>, <<"2">>),
    wait_sent(2),
    ?assertMatch(#{connections_accepted := 1}, test_endpoint:stats(endpoint(Config))).

a_crashed_pool_goes_on_and_comes_back(Config) ->
    {ok, First} = pool(Config, #{}),
    module([?HANDLER]),
    send(<<"alice">>, <<"1">>),
    wait_sent(1),
    %% The host does not restart it before this has been checked.
    ok = sys:suspend(mongoose_wpool_http_mgr, 60000),
    ok = host_ctl:crash_pool(global, http_pool),
    send(<<"alice">>, <<"2">>),
    wait_sent(2),
    ?assertEqual(undefined, host_ctl:pool_pid(global, http_pool)),
    ok = sys:resume(mongoose_wpool_http_mgr, 60000),
    Second = wait(fun() -> host_ctl:pool_pid(global, http_pool) end, fun is_pid/1),
    ?assertNotEqual(First, Second),
    send(<<"alice">>, <<"3">>),
    wait_sent(3),
    ?assertMatch(#{connections_accepted := 1}, test_endpoint:stats(endpoint(Config))),
    ?assertEqual([<<"1">>, <<"2">>, <<"3">>], [Text || {_, Text} <- messages(Config)]).

%% Notifications that wait while the new process's options are read are sent before those that come after.
order_is_kept_while_a_pool_comes_back(Config) ->
    {ok, _} = pool(Config, #{}),
    module([?HANDLER]),
    Users = [user(S) || S <- [1, 2, 3]],
    Senders = [sender(User, self()) || User <- Users],
    [begin
         ok = host_ctl:stop_pool(global, http_pool),
         {ok, _} = pool(Config, #{}),
         timer:sleep(20)
     end || _ <- lists:seq(1, 30)],
    [stop_sender(Sender) || Sender <- Senders],
    ok = pusher_case:settle(),
    Messages = messages(Config),
    [begin
         Got = [binary_to_integer(Text) || {Author, Text} <- Messages, Author =:= User],
         ?assertEqual(lists:sort(Got), Got)
     end || User <- Users].

%% The pool's rows are gone when its options are read, and so is its process at the end. What could not be
%% read of its settings does not make it another pool, beside which the first one would go on.
a_pool_that_ends_while_it_is_read_is_no_other(Config) ->
    {ok, _} = pool(Config, #{}),
    module([?HANDLER]),
    send(<<"alice">>, <<"1">>),
    wait_sent(1),
    Owner = whereis(http_pusher_pools),
    true = erlang:suspend_process(Owner),
    ok = host_ctl:stop_pool(global, http_pool),
    {ok, _} = pool(Config, #{}),
    ok = sys:suspend(mongoose_wpool_http_mgr, 60000),
    {Stopper, Ref} = spawn_monitor(fun() -> ok = host_ctl:stop_pool(global, http_pool) end),
    [] = wait(fun() -> ets:tab2list(mongoose_wpool) end, fun(Rows) -> Rows =:= [] end),
    send(<<"alice">>, <<"2">>),
    true = erlang:resume_process(Owner),
    Reader = pool_reader:hold(Owner),
    ok = sys:resume(mongoose_wpool_http_mgr, 60000),
    receive {'DOWN', Ref, process, Stopper, Reason} -> ?assertEqual(normal, Reason) end,
    true = erlang:resume_process(Reader),
    wait_sent(2),
    ?assertMatch(#{connections_accepted := 1}, test_endpoint:stats(endpoint(Config))),
    ?assertEqual([<<"1">>, <<"2">>], [Text || {_, Text} <- messages(Config)]).

a_pool_may_start_after_the_module(Config) ->
    module([?HANDLER]),
    send(<<"alice">>, <<"too early">>),
    ?assertMatch(#{sender := <<"alice">>, pool_name := <<"http_pool">>},
                 wait_reason(pool_not_started, 1)),
    {ok, _} = pool(Config, #{}),
    send(<<"alice">>, <<"in time">>),
    wait_sent(1),
    ?assertEqual([{<<"alice">>, <<"in time">>}], messages(Config)).

a_stopped_pool_is_not_started(Config) ->
    {ok, _} = pool(Config, #{}),
    module([?HANDLER]),
    send(<<"alice">>, <<"1">>),
    wait_sent(1),
    ok = host_ctl:stop_pool(global, http_pool),
    send(<<"alice">>, <<"2">>),
    _ = wait_reason(pool_not_started, 1),
    ?assertMatch(#{sent := 1, failed := 1}, host_metrics:read(<<"localhost">>)),
    ?assertEqual(1, maps:get(received, test_endpoint:stats(endpoint(Config)))).

a_host_types_own_pool_goes_before_the_global_one(Config) ->
    {ok, _} = pool(Config, #{}),
    {ok, _} = host_ctl:start_pool(<<"localhost">>, http_pool, #{host => test_endpoint:url(other(Config)),
                                                                request_timeout => 120000, call_timeout => 240000}),
    module([?HANDLER]),
    _ = host_ctl:start_module(<<"example.org">>, [?HANDLER]),
    From = fun(Domain) ->
        host_session:send(<<"alice@", Domain/binary>>, <<"bob@localhost">>, Domain)
    end,
    From(<<"localhost">>),
    From(<<"example.org">>),
    ok = test_endpoint:wait_for_count(endpoint(Config), 1, 120000),
    ok = test_endpoint:wait_for_count(other(Config), 1, 120000),
    ?assertEqual([{<<"alice">>, <<"example.org">>}], messages(Config)),
    ?assertEqual([{<<"alice">>, <<"localhost">>}], messages(test_endpoint:received(other(Config)))),
    ok = host_ctl:stop_pool(<<"localhost">>, http_pool),
    From(<<"localhost">>),
    wait_sent(2),
    ?assertMatch([_, {<<"alice">>, <<"localhost">>}], messages(Config)).

several_host_types_share_a_global_pool(Config) ->
    {ok, _} = pool(Config, #{workers => 4}),
    module([?HANDLER]),
    _ = host_ctl:start_module(<<"example.org">>, [?HANDLER]),
    Example = fun(N) -> host_session:send(<<"alice@example.org">>, <<"bob@localhost">>, N) end,
    send(<<"alice">>, <<"1">>),
    Example(<<"1">>),
    ok = test_endpoint:wait_for_count(endpoint(Config), 2, 120000),
    host_ctl:stop_module(<<"localhost">>),
    Example(<<"2">>),
    {ok, _} = host_metrics:wait(<<"example.org">>, fun(#{sent := N}) -> N =:= 2 end, 120000),
    module([?HANDLER]),
    send(<<"alice">>, <<"2">>),
    ok = test_endpoint:wait_for_count(endpoint(Config), 4, 120000),
    ?assertMatch(#{connections_accepted := C} when C =< 2, test_endpoint:stats(endpoint(Config))),
    Ours = wait(fun pusher_case:numbers/0, fun(#{pending := Pending}) -> Pending =:= 0 end),
    ?assertMatch(#{open := true}, Ours).

next_available_worker_lets_nothing_wait(Config) ->
    {ok, _} = pool(Config, #{workers => 2, strategy => next_available_worker}),
    module([?HANDLER]),
    ok = http_pusher_pools:await_look(120000),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    [send(user(S), <<"hi">>) || S <- [1, 2, 3]],
    ?assertMatch(#{sender := <<"user3">>}, wait_reason(queue_full, 1)),
    _ = wait(fun() -> test_endpoint:stats(endpoint(Config)) end, fun(#{in_flight := N}) -> N =:= 2 end).

max_worker_queue_len_bounds_what_waits(Config) ->
    {ok, _} = pool(Config, #{workers => 2, max_worker_queue_len => 3}),
    module([?HANDLER]),
    ok = http_pusher_pools:await_look(120000),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    [send(user(S), <<"hi">>) || S <- [1, 2]],
    _ = wait(fun() -> test_endpoint:stats(endpoint(Config)) end, fun(#{in_flight := N}) -> N =:= 2 end),
    [send(user(S), <<"hi">>) || S <- lists:seq(3, 9)],
    ?assertMatch(#{sender := <<"user9">>}, wait_reason(queue_full, 1)),
    ?assertMatch(#{pending := 8}, pusher_case:numbers()).

request_timeout_bounds_an_attempt(Config) ->
    {ok, _} = pool(Config, #{request_timeout => 1000}),
    module([?HANDLER]),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    send(<<"alice">>, <<"hi">>),
    ?assertMatch(#{attempts := 1}, wait_reason(request_timeout, 1)),
    %% None if not even a connection was made in time.
    ?assertMatch(#{received := Received} when Received =< 1, test_endpoint:stats(endpoint(Config))).

%% Once for the one in flight, once for the one that waits for the only worker.
call_timeout_bounds_the_time_at_the_head_of_the_lane(Config) ->
    {ok, _} = pool(Config, #{workers => 1, call_timeout => 500}),
    module([?HANDLER]),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    send(<<"alice">>, <<"hi">>),
    send(<<"kate">>, <<"hi">>),
    _ = wait_reason(pool_timeout, 2),
    ?assertEqual(#{pool_timeout => 2}, pusher_case:reasons()).

workers_default(Config) ->
    Expected = case proplists:get_value(generation, Config) of v5_0 -> 100; v6_5 -> 10 end,
    {ok, _} = host_ctl:start_pool(global, http_pool, #{host => test_endpoint:url(endpoint(Config)),
                                                       request_timeout => 30000,
                                                       call_timeout => 30000}),
    module([?HANDLER]),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    [send(user(S), <<"hi">>) || S <- lists:seq(1, Expected + 5)],
    _ = wait(fun() -> test_endpoint:stats(endpoint(Config)) end, fun(#{in_flight := N}) -> N >= Expected end),
    [Pool] = [Pool || #{pending := Pending} = Pool <- http_pusher_nif:pools(), Pending > 0],
    ?assertMatch(#{in_flight := Expected, waiting := 5}, Pool).

a_pool_with_settings_of_no_use_is_named(Config) ->
    {ok, _} = pool(Config, #{host => "ftp://127.0.0.1:21"}),
    module([?HANDLER]),
    ok = http_pusher_pools:await_look(120000),
    send(<<"alice">>, <<"hi">>),
    _ = wait_reason(pool_config, 1),
    {ok, [#{level := error, text := Text}]} = host_log:wait(http_pusher_pool_config, 1, 120000),
    ?assertMatch({match, _}, re:run(Text, "ftp")),
    ok = host_ctl:stop_pool(global, http_pool),
    {ok, _} = pool(Config, #{}),
    send(<<"alice">>, <<"mended">>),
    wait_sent(1).

pools_restart_under_load(Config) ->
    {ok, _} = pool(Config, #{workers => 3}),
    module([?HANDLER]),
    Senders = [sender(user(S), self()) || S <- [1, 2, 3]],
    [begin
         ok = host_ctl:stop_pool(global, http_pool),
         {ok, _} = pool(Config, #{workers => 3, host => test_endpoint:url(Endpoint)}),
         timer:sleep(50)
     end || _ <- lists:seq(1, 5), Endpoint <- [other(Config), endpoint(Config)]],
    Pushed = lists:sum([stop_sender(Sender) || Sender <- Senders]),
    Numbers = pusher_case:wait_numbers(Config, fun(#{pushed := P, pending := N}) ->
                                                       P =:= Pushed andalso N =:= 0
                                               end),
    ?assertMatch(#{failed := 0}, Numbers).

user(S) ->
    <<"user", (integer_to_binary(S))/binary>>.

other(Config) ->
    proplists:get_value(other, Config).

%% A session that sends numbered messages until it is stopped.
sender(User, Parent) ->
    spawn_link(fun() -> send_on(User, Parent, 1) end).

send_on(User, Parent, N) ->
    receive
        stop -> Parent ! {self(), N - 1}
    after rand:uniform(2) - 1 ->
            send(User, integer_to_binary(N)),
            send_on(User, Parent, N + 1)
    end.

stop_sender(Pid) ->
    Pid ! stop,
    receive {Pid, Count} -> Count end.
