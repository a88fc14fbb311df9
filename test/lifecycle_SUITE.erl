%% Module, application and node stop and start: what was accepted is drained or given up in time, and all of
%% it is accounted for.
-module(lifecycle_SUITE).


-import(pusher_case, [module/1, module/2, pool/2, endpoint/1, send/2, bulk/2, wait_sent/1, wait/2]).

-define(HOST, <<"localhost">>).
-define(HANDLER, #{path => "/notifications"}).
%% Drain times in milliseconds: one that is too short, and one that is long enough on any machine.
-define(DRAIN, 1000).
-define(ENOUGH, 60000).
%% The longest time of a stop: far less than it would take if it waited for the requests that the endpoint
%% has stalled, or had a deadline for each host type.
-define(AT_MOST, 60000).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all().

groups() ->
    pusher_case:groups(
      [stopping_the_module_drains_it_and_counts_the_outcomes,
       stopping_with_a_dead_endpoint_ends_with_the_deadline,
       stopping_one_host_type_leaves_the_others_of_a_pool_alone,
       a_hundred_host_types_share_one_deadline,
       host_types_that_stop_one_after_the_other_all_drain,
       time_between_two_stops_is_not_used_up,
       a_handler_without_a_route_keeps_no_host_type_open,
       a_module_restarted_after_a_dead_endpoint_drains_again,
       a_process_killed_in_mid_stop_uses_up_no_more_time,
       the_module_stops_and_starts_under_load,
       the_application_stops_and_starts_under_load,
       the_application_stopped_with_pending_notifications_drains_them,
       an_application_started_by_hand_goes_on_at_once,
       the_node_stops_with_thousands_pending]).

%% The endpoint answers nothing until they have ended.
cut_short() ->
    [stopping_with_a_dead_endpoint_ends_with_the_deadline,
     a_module_restarted_after_a_dead_endpoint_drains_again,
     a_handler_without_a_route_keeps_no_host_type_open,
     stopping_one_host_type_leaves_the_others_of_a_pool_alone,
     a_hundred_host_types_share_one_deadline,
     the_node_stops_with_thousands_pending].

init_per_testcase(Case, Config) ->
    Hosts = case Case of
                a_hundred_host_types_share_one_deadline -> [?HOST | hundred()];
                host_types_that_stop_one_after_the_other_all_drain -> [?HOST | hundred()];
                _ -> [?HOST, <<"example.org">>]
            end,
    Drain = case {Case, lists:member(Case, cut_short())} of
                {host_types_that_stop_one_after_the_other_all_drain, _} -> 6000;
                {_, true} -> ?DRAIN;
                {_, false} -> ?ENOUGH
            end,
    pusher_case:start(Config, #{hosts => Hosts, env => [{drain_timeout, Drain}]}).

%% Metrics go away with the module, so each case makes the sums itself.
end_per_testcase(_Case, Config) ->
    pusher_case:finish(Config, uncounted).

stopping_the_module_drains_it_and_counts_the_outcomes(Config) ->
    module(Config, #{workers => 10}),
    test_endpoint:plan(endpoint(Config), "status=200 delay=20"),
    [bulk(user(S), 5) || S <- lists:seq(1, 20)],
    host_ctl:stop_module(?HOST),
    ?assertEqual({100, 0}, counted(?HOST)),
    accounted(Config, #{pushed => 100, rejected => 0, sent => 100, failed => 0}),
    ?assertMatch(#{received := 100}, test_endpoint:stats(endpoint(Config))).

%% The rest is given up and counts as failed, with its reason.
stopping_with_a_dead_endpoint_ends_with_the_deadline(Config) ->
    module(Config, #{workers => 5}),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    [bulk(user(S), 3) || S <- lists:seq(1, 20)],
    Elapsed = elapsed(fun() -> host_ctl:stop_module(?HOST) end),
    ?assertWith(Elapsed >= ?DRAIN andalso Elapsed < ?AT_MOST, Elapsed),
    ?assertEqual({0, 60}, counted(?HOST)),
    accounted(Config, #{pushed => 60, rejected => 0, sent => 0, failed => 60}),
    ?assertEqual(#{shutdown => 60}, wait(fun pusher_case:reasons/0, fun(R) -> R =:= #{shutdown => 60} end)).

stopping_one_host_type_leaves_the_others_of_a_pool_alone(Config) ->
    module(Config, #{workers => 4}),
    _ = host_ctl:start_module(<<"example.org">>, [?HANDLER]),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    [send(user(S), <<"given up">>) || S <- lists:seq(1, 4)],
    [host_session:send(<<(user(S))/binary, "@example.org">>, <<"bob@localhost">>, <<"stays">>)
     || S <- lists:seq(1, 10)],
    host_ctl:stop_module(?HOST),
    ?assertEqual({0, 4}, counted(?HOST)),
    ?assertMatch(#{pending := 10, failed := 0}, since(Config, <<"example.org">>)),
    test_endpoint:reset_plans(endpoint(Config)),
    test_endpoint:release(endpoint(Config)),
    {ok, _} = host_metrics:wait(<<"example.org">>, fun(#{sent := Sent}) -> Sent =:= 10 end, 120000).

%% A deadline for each would take a hundred seconds.
a_hundred_host_types_share_one_deadline(Config) ->
    {ok, _} = pool(Config, #{workers => 5}),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    [begin
         _ = host_ctl:start_module(Host, [?HANDLER]),
         host_session:send(<<"alice@", Host/binary>>, <<"bob@localhost">>, <<"hi">>)
     end || Host <- hundred()],
    Elapsed = elapsed(fun() -> [host_ctl:stop_module(Host) || Host <- hundred()] end),
    ct:pal("stopped in ~b ms", [Elapsed]),
    ?assertWith(Elapsed >= ?DRAIN andalso Elapsed < ?AT_MOST, Elapsed),
    [?assertEqual({Host, {0, 1}}, {Host, counted(Host)}) || Host <- hundred()].

%% The pauses alone are longer than the time that the stops share; the stops wait for a twelfth of it.
host_types_that_stop_one_after_the_other_all_drain(Config) ->
    {ok, _} = pool(Config, #{workers => 5}),
    test_endpoint:plan(endpoint(Config), "status=200 delay=100"),
    Hosts = lists:sublist(hundred(), 5),
    [begin
         _ = host_ctl:start_module(Host, [?HANDLER]),
         host_session:send(<<"alice@", Host/binary>>, <<"bob@localhost">>, <<"open">>)
     end || Host <- Hosts],
    ok = test_endpoint:wait_for_count(endpoint(Config), 5, 120000),
    [begin
         host_session:send(<<"alice@", Host/binary>>, <<"bob@localhost">>, <<"hi">>),
         host_ctl:stop_module(Host),
         ?assertEqual({Host, {2, 0}}, {Host, counted(Host)}),
         timer:sleep(1800)
     end || Host <- Hosts].

%% The second one's deadline is later by the whole pause.
time_between_two_stops_is_not_used_up(Config) ->
    module(Config, #{}),
    {First, Stop} = http_pusher_pools:stopping(infinity),
    ok = http_pusher_pools:stopped(Stop),
    %% It may be at something else, and has been told when it has answered.
    _ = sys:get_state(http_pusher_pools, 120000),
    Ended = erlang:monotonic_time(millisecond),
    timer:sleep(1100),
    {Second, Again} = http_pusher_pools:stopping(infinity),
    ok = http_pusher_pools:stopped(Again),
    %% However long the first one took.
    ?assertWith(Second - First >= 1099, {First, Ended, Second}).

%% The owner of the pools tries to register such a handler with each check, also while its host type stops.
a_handler_without_a_route_keeps_no_host_type_open(Config) ->
    {ok, _} = pool(Config, #{workers => 1}),
    TooLong = list_to_atom(lists:duplicate(250, $x)),
    _ = host_ctl:start_module(?HOST, [?HANDLER, #{pool_name => TooLong, path => "/bad"}]),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    send(<<"alice">>, <<"stalled">>),
    {_, Stopping} = spawn_monitor(fun() -> host_ctl:stop_module(?HOST) end),
    _ = wait(fun() -> pusher_case:numbers(?HOST) end, fun(#{open := Open}) -> not Open end),
    http_pusher_pools ! look_at_all,
    ok = http_pusher_pools:await_look(60000),
    ?assertMatch(#{open := false}, pusher_case:numbers(?HOST)),
    receive {'DOWN', Stopping, process, _, Reason} -> ?assertEqual(normal, Reason) end,
    ?assertMatch(#{open := false}, pusher_case:numbers(?HOST)).

%% The first stop uses up all the time; the module is started again at once, as by a new configuration, and
%% the next stop has the same time.
a_module_restarted_after_a_dead_endpoint_drains_again(Config) ->
    module(Config, #{workers => 5}),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    send(<<"alice">>, <<"given up">>),
    host_ctl:stop_module(?HOST),
    ?assertEqual({0, 1}, counted(?HOST)),
    test_endpoint:reset_plans(endpoint(Config)),
    test_endpoint:release(endpoint(Config)),
    _ = host_ctl:start_module(?HOST, [?HANDLER]),
    Now = erlang:monotonic_time(millisecond),
    {Deadline, Stop} = http_pusher_pools:stopping(infinity),
    ok = http_pusher_pools:stopped(Stop),
    ?assert(Deadline - Now >= ?DRAIN).

%% Nor does a stop whose process was killed use it up.
a_process_killed_in_mid_stop_uses_up_no_more_time(Config) ->
    module(Config, #{workers => 1}),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    send(<<"alice">>, <<"pending">>),
    ok = test_endpoint:wait_for_count(endpoint(Config), 1, 30000),
    Stopping = spawn(fun() -> http_pusher_drain:host_type(?HOST) end),
    Waits = fun() -> #{stop_budget := Budget} = sys:get_state(http_pusher_pools, 30000), Budget end,
    Busy = wait(Waits, fun(#{waiting := Waiting}) -> map_size(Waiting) =:= 1 end),
    exit(Stopping, kill),
    #{left := Left} = wait(Waits, fun(#{waiting := Waiting}) -> map_size(Waiting) =:= 0 end),
    ?assert(Left > 0 andalso Left =< maps:get(left, Busy)),
    timer:sleep(500),
    {Deadline, Stop} = http_pusher_pools:stopping(infinity),
    ok = http_pusher_pools:stopped(Stop),
    ?assert(Deadline - erlang:monotonic_time(millisecond) =< Left),
    test_endpoint:reset_plans(endpoint(Config)),
    test_endpoint:release(endpoint(Config)),
    wait_sent(1).

the_module_stops_and_starts_under_load(Config) ->
    module(Config, #{workers => 5}),
    Load = pusher_load:start(4),
    [begin
         timer:sleep(50),
         host_ctl:stop_module(?HOST),
         module([?HANDLER])
     end || _ <- lists:seq(1, 8)],
    Sent = pusher_load:stop(Load),
    ok = pusher_case:settle(),
    Numbers = #{accepted := Accepted} = since(Config, ?HOST),
    ?assertMatch(#{failed := 0, sent := Accepted}, Numbers),
    ?assert(maps:get(pushed, Numbers) =< Sent),
    ?assert(Accepted > 0),
    ?assertMatch(#{received := Accepted}, test_endpoint:stats(endpoint(Config))).

%% What came while it was down was rejected with engine_down, and nothing is missing in the metrics.
the_application_stops_and_starts_under_load(Config) ->
    module(Config, #{workers => 5}),
    Load = pusher_load:start(4),
    Down = fun() -> http_pusher_downtime:rejected(?HOST) end,
    [begin
         timer:sleep(200),
         Before = Down(),
         ok = application:stop(mongoose_http_pusher),
         _ = wait(Down, fun(Now) -> Now > Before end),
         _ = application:start(mongoose_http_pusher),
         %% The starter may have been first, and may still be at it.
         _ = wait(fun application:which_applications/0,
                  fun(Running) -> lists:keymember(mongoose_http_pusher, 1, Running) end)
     end || _ <- lists:seq(1, 3)],
    #{sent := Sent} = host_metrics:read(?HOST),
    wait_sent(Sent + 20),
    Pushed = pusher_load:stop(Load),
    Counted = wait(fun() -> host_metrics:read(?HOST) end,
                   fun(#{sent := S, failed := F}) -> S + F >= Pushed end),
    ?assertWith(all(Counted) =:= Pushed, {Counted, Pushed}),
    ?assertMatch(#{failed := 0}, since(Config, ?HOST)),
    %% A line in the log follows its metric.
    _ = pusher_case:wait_reason(engine_down, 1).

the_application_stopped_with_pending_notifications_drains_them(Config) ->
    module(Config, #{workers => 10}),
    test_endpoint:plan(endpoint(Config), "status=200 delay=20"),
    [bulk(user(S), 5) || S <- lists:seq(1, 20)],
    ok = application:stop(mongoose_http_pusher),
    ?assertMatch(#{sent := 100, failed := 0}, host_metrics:read(?HOST)),
    accounted(Config, #{pushed => 100, rejected => 0, sent => 100, failed => 0}).

%% Not on the starter's next attempt, which is two seconds away.
an_application_started_by_hand_goes_on_at_once(Config) ->
    module(Config, #{}),
    Watch = fun() -> maps:get(watch, sys:get_state(http_pusher_starter, 120000)) end,
    [begin
         Before = Watch(),
         ok = application:stop(mongoose_http_pusher),
         %% The starter knows of the end.
         _ = wait(Watch, fun(Now) -> Now =/= Before end),
         case application:start(mongoose_http_pusher) of
             ok -> ok;
             %% This process stood still for two seconds: the starter came first.
             {error, {already_started, _}} -> ok
         end,
         %% The starter knows of it by now, because the application's start tells it first.
         ?assert(is_reference(Watch())),
         send(<<"alice">>, integer_to_binary(N)),
         wait_sent(N)
     end || N <- lists:seq(1, 3)],
    accounted(Config, #{pushed => 3, rejected => 0, sent => 3, failed => 0}).

the_node_stops_with_thousands_pending(Config) ->
    module(Config, #{workers => 5}),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    [bulk(user(S), 30) || S <- lists:seq(1, 100)],
    Elapsed = elapsed(fun host_ctl:stop/0),
    ?assertWith(Elapsed < ?AT_MOST, Elapsed),
    accounted(Config, #{pushed => 3000, rejected => 0, sent => 0, failed => 3000}).

%%% Helpers

%% The last outcomes of what a stop gives up may still be on their way to the reporter.
accounted(Config, Expected) ->
    Numbers = wait(fun() -> since(Config, ?HOST) end,
                   fun(#{pending := Pending, uncounted_rejections := Rejections}) -> {Pending, Rejections} =:= {0, 0} end),
    ?assertEqual(Expected#{pending => 0, uncounted_rejections => 0},
                 maps:with([pending, uncounted_rejections | maps:keys(Expected)], Numbers)).

since(Config, HostType) ->
    Before = proplists:get_value(HostType, proplists:get_value(before, Config)),
    maps:map(fun(Key, Now) when is_integer(Now) -> Now - maps:get(Key, Before);
                (_Key, Now) -> Now
             end, pusher_case:numbers(HostType)).

%% The metrics when the module had stopped. Later hosts remove them at once, so the events that led to them
%% are counted there.
counted(HostType) ->
    case host_ctl:generation() of
        v5_0 ->
            #{sent := Sent, failed := Failed} = host_metrics:read(HostType),
            {Sent, Failed};
        v6_5 ->
            Events = [Measured || {mod_event_pusher_http_sent, #{host_type := H}, Measured}
                                      <- host_metrics:events(), H =:= HostType],
            {lists:sum([maps:get(count, Measured, 0) || Measured <- Events]),
             lists:sum([maps:get(failure_count, Measured, 0) || Measured <- Events])}
    end.

all(#{sent := Sent, failed := Failed}) ->
    Sent + Failed.

hundred() ->
    [<<"host", (integer_to_binary(N))/binary, ".example">> || N <- lists:seq(1, 100)].

user(S) ->
    <<"user", (integer_to_binary(S))/binary>>.

elapsed(Fun) ->
    {Micros, _} = timer:tc(Fun),
    Micros div 1000.
