%% The gauges in exometer and Prometheus. Their numbers agree with what was pushed and with what the
%% endpoint received; the stock metrics do not include them.
-module(watching_SUITE).


-import(pusher_case, [endpoint/1, send/2, bulk/2, wait/2, wait_reason/2]).
-import(gauges, [tag/1, pool/2, handlers/2, stalled/2, user/1, kill/1, await/3, number/2,
                 await_rejected/3, rejected/2, rejected_so_far/2, our_entries/0,
                 other_entries/0, collectors/1]).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all().

groups() ->
    pusher_case:groups([what_waits_and_is_in_flight,
                        rejections_by_reason,
                        retries_failures_and_queue_time,
                        counts_go_on_where_a_pool_is_replaced,
                        the_hosts_own_metrics_stay_as_they_are,
                        the_hosts_metrics_api_can_show_them,
                        names_that_are_deleted_come_back,
                        reporters_send_them_as_often_as_the_hosts_own,
                        names_come_and_go_with_the_application,
                        a_back_end_that_fails_is_named_once]).

init_per_testcase(Case, Config) ->
    pusher_case:start(gauges:tag(Case, Config), #{handlers => [exometer, prometheus]}).

end_per_testcase(Case, Config) ->
    Check = case Case of
                names_come_and_go_with_the_application -> uncounted;
                a_back_end_that_fails_is_named_once -> uncounted;
                _ -> conserved
            end,
    pusher_case:finish(Config, Check).

what_waits_and_is_in_flight(Config) ->
    stalled(Config, #{workers => 3}),
    [bulk(user(N), 4) || N <- lists:seq(1, 5)],
    await(Config, in_flight, 3),
    await(Config, waiting, 17),
    await(Config, workers, 3),
    await(Config, pending, 20),
    _ = wait(fun() -> test_endpoint:stats(endpoint(Config)) end, fun(#{in_flight := N}) -> N =:= 3 end),
    %% It only gets older.
    _ = wait(fun() -> number(Config, oldest_waiting) end, fun(Age) -> Age >= 1500 end),
    test_endpoint:reset_plans(endpoint(Config)),
    test_endpoint:release(endpoint(Config)),
    await(Config, sent, 20),
    [await(Config, What, 0) || What <- [waiting, in_flight, pending, pending_bytes, oldest_waiting]],
    await(Config, started, 20),
    ?assert(number(Config, queue_time_max) >= 1500),
    ?assert(number(Config, queue_time) >= number(Config, queue_time_max)).

rejections_by_reason(Config) ->
    {ok, _} = pool(Config, #{workers => 2, strategy => next_available_worker}),
    Crash = #{path => "/b", callback_module => pusher_callback, should => fun() -> error(oops) end},
    Header = #{path => "/c", callback_module => pusher_callback,
               own_headers => [{<<"connection">>, <<"close">>}]},
    handlers(Config, [#{path => "/a"}, Crash, Header, #{path => "/d", pool_name => no_such_pool}]),
    ok = http_pusher_pools:await_look(120000),
    NotStarted = rejected_so_far(no_such_pool, pool_not_started),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    [send(user(N), <<"hi">>) || N <- lists:seq(1, 5)],
    Tag = tag(Config),
    await_rejected(Tag, queue_full, 3),
    await_rejected(Tag, callback_crashed, 5),
    await_rejected(Tag, bad_header, 5),
    await_rejected(no_such_pool, pool_not_started, NotStarted + 5),
    %% Rejected by the pool itself.
    await(Config, rejected, 3),
    ?assertEqual(0, rejected(Tag, shutdown)),
    %% They remain after the reporter has counted them.
    _ = wait_reason(queue_full, 3),
    _ = wait(fun http_pusher_nif:rejections/0, fun(Rows) -> Rows =:= [] end),
    ?assertEqual(3, rejected(Tag, queue_full)).

retries_failures_and_queue_time(Config) ->
    {ok, _} = pool(Config, #{}),
    handlers(Config, [#{path => "/n"}]),
    test_endpoint:plan(endpoint(Config), "fault=close-before-head", #{next => 1}),
    send(<<"alice">>, <<"one break, then sent">>),
    await(Config, sent, 1),
    await(Config, retries, 1),
    test_endpoint:plan(endpoint(Config), "fault=close-before-head", #{next => 3}),
    send(<<"alice">>, <<"three breaks: failed">>),
    await(Config, failed, 1),
    await(Config, retries, 3),
    await(Config, started, 2).

counts_go_on_where_a_pool_is_replaced(Config) ->
    {ok, _} = pool(Config, #{workers => 1}),
    handlers(Config, [#{path => "/n"}]),
    bulk(<<"alice">>, 5),
    await(Config, sent, 5),
    ok = host_ctl:stop_pool(global, tag(Config)),
    {ok, _} = pool(Config, #{workers => 2}),
    bulk(<<"alice">>, 5),
    await(Config, sent, 10),
    await(Config, workers, 2),
    await(Config, started, 10).

the_hosts_own_metrics_stay_as_they_are(Config) ->
    Others = other_entries(),
    {ok, _} = pool(Config, #{}),
    handlers(Config, [#{path => "/n"}]),
    bulk(<<"alice">>, 3),
    await(Config, sent, 3),
    {ok, _} = host_metrics:wait(<<"localhost">>, fun(#{sent := Sent}) -> Sent =:= 3 end, 120000),
    New = lists:sort(other_entries() -- Others),
    case proplists:get_value(generation, Config) of
        v5_0 ->
            ?assertEqual([[<<"localhost">>, mod_event_pusher_http, Name]
                          || Name <- [failed, response_time, sent]], New);
        v6_5 ->
            ?assertEqual([[<<"localhost">>, mod_event_pusher_http_sent, Name]
                          || Name <- [count, failure_count, response_time]], New),
            ?assertEqual([mod_event_pusher_http_sent],
                         lists:usort([Event || {Event, _, _} <- host_metrics:events()])),
            ?assertEqual([{mod_event_pusher_http_sent, #{host_type => <<"localhost">>},
                           #{metrics => #{count => spiral, response_time => histogram,
                                          failure_count => spiral}}}],
                         mod_event_pusher_http:instrumentation(<<"localhost">>))
    end.

%% It lists every entry, recognizes a gauge by its only data point `value', and accepts atoms and binaries
%% as names; any other entry makes it fail for all.
the_hosts_metrics_api_can_show_them(Config) ->
    {ok, _} = pool(Config, #{}),
    handlers(Config, [#{path => "/n"}]),
    send(<<"alice">>, <<"hi">>),
    await(Config, sent, 1),
    Check = fun() ->
        [begin
             ?assertMatch([{value, Value}] when is_integer(Value), Values),
             ?assert(lists:all(fun(Part) -> is_atom(Part) orelse is_binary(Part) end, Name))
         end || {[http_pusher | _] = Name, Values} <- exometer:get_values([])]
    end,
    ?assert(length(Check()) >= 12),
    %% They may not have been removed.
    ok = application:stop(mongoose_http_pusher),
    ?assertEqual([{value, 0}],
                 http_pusher_exometer:value({pool, <<"global/any">>}, sent)),
    _ = wait(fun() -> whereis(http_pusher_gauges) end, fun is_pid/1),
    await(Config, sent, 1).

names_that_are_deleted_come_back(Config) ->
    {ok, _} = pool(Config, #{}),
    handlers(Config, [#{path => "/n"}]),
    send(<<"alice">>, <<"hi">>),
    await(Config, sent, 1),
    all_named(),
    Names = our_entries(),
    [exometer:delete(Name) || Name <- Names],
    _ = wait(fun gauges:our_entries/0, fun(Back) -> Back =:= Names end),
    case proplists:get_value(generation, Config) of
        v5_0 ->
            ok;
        v6_5 ->
            Ours = http_pusher_prometheus,
            prometheus_registry:clear(default),
            _ = wait(fun() -> prometheus_registry:collectors(default) end, fun(C) -> C =:= [Ours] end),
            %% The library is restarted.
            prometheus_registry:stop(),
            ok = prometheus_registry:start(),
            _ = wait(fun() -> prometheus_registry:collectors(default) end, fun(C) -> C =:= [Ours] end)
    end,
    %% After a process is killed, its successor knows all names that it has left.
    ok = kill(http_pusher_gauges),
    _ = wait(fun gauges:our_entries/0, fun(Back) -> Back =:= Names end),
    await(Config, sent, 1).

%% The process that makes the names has made all of a round.
all_named() ->
    _ = sys:get_state(http_pusher_gauges, 120000),
    ok.

reporters_send_them_as_often_as_the_hosts_own(Config) ->
    {ok, _} = pool(Config, #{}),
    handlers(Config, [#{path => "/n"}]),
    send(<<"alice">>, <<"hi">>),
    await(Config, sent, 1),
    all_named(),
    [{HostsOwn, _, _} | _] = exometer:find_entries([<<"localhost">>]),
    ok = exometer_report:add_reporter(graphite),
    ok = exometer_report:add_reporter(somebody_elses),
    ok = exometer_report:subscribe(graphite, HostsOwn, [count], 45000, [], false),
    Expected = lists:sort([{Name, [value], 45000, []} || Name <- our_entries()]),
    Sent = fun() -> [S || {[http_pusher | _], _, _, _} = S
                              <- lists:sort(exometer_report:list_subscriptions(graphite))] end,
    _ = wait(Sent, fun(Subscriptions) -> Subscriptions =:= Expected end),
    ?assertEqual([], exometer_report:list_subscriptions(somebody_elses)),
    %% A reporter that is restarted.
    ok = exometer_report:remove_reporter(graphite),
    ok = exometer_report:add_reporter(graphite),
    ok = exometer_report:subscribe(graphite, HostsOwn, [count], 45000, [], false),
    _ = wait(Sent, fun(Subscriptions) -> Subscriptions =:= Expected end),
    %% The starter restarts the application, but not before this has been checked.
    ok = sys:suspend(http_pusher_starter, 60000),
    ok = application:stop(mongoose_http_pusher),
    ?assertEqual([{HostsOwn, [count], 45000, []}], exometer_report:list_subscriptions(graphite)),
    ok = sys:resume(http_pusher_starter, 60000),
    _ = wait(fun() -> whereis(http_pusher_gauges) end, fun is_pid/1).

names_come_and_go_with_the_application(Config) ->
    {ok, _} = pool(Config, #{}),
    handlers(Config, [#{path => "/n"}]),
    send(<<"alice">>, <<"hi">>),
    await(Config, sent, 1),
    Down = http_pusher_downtime:rejected(<<"localhost">>),
    %% The starter restarts it, but not before all this has been checked.
    ok = sys:suspend(http_pusher_starter, 60000),
    ok = application:stop(mongoose_http_pusher),
    ?assertEqual([], our_entries()),
    ?assertEqual([], collectors(Config)),
    send(<<"alice">>, <<"nobody there">>),
    ok = sys:resume(http_pusher_starter, 60000),
    _ = wait(fun() -> whereis(http_pusher_gauges) end, fun is_pid/1),
    await(Config, sent, 1),
    _ = wait(fun gauges:down/0, fun(Count) -> Count =:= Down + 1 end),
    ?assertEqual(length(collectors(Config)), length(lists:usort(collectors(Config)))).

a_back_end_that_fails_is_named_once(Config) ->
    {ok, _} = pool(Config, #{}),
    handlers(Config, [#{path => "/n"}]),
    send(<<"alice">>, <<"hi">>),
    await(Config, sent, 1),
    Keeper = whereis(http_pusher_gauges),
    %% The library's process exists, but its table does not.
    Table = case proplists:get_value(generation, Config) of
                v5_0 -> exometer_entries;
                v6_5 -> prometheus_registry_table
            end,
    ok = host_owner:delete_table(Table),
    {ok, _} = host_log:wait(http_pusher_gauges_failed, 1, 120000),
    %% Two checks later.
    timer:sleep(5000),
    ?assertMatch([#{level := warning, reason := _, text := _}],
                 host_log:what(http_pusher_gauges_failed)),
    ?assertEqual(Keeper, whereis(http_pusher_gauges)),
    case Table of
        exometer_entries -> ok = exometer:start(), ok = mod_event_pusher_http_metrics();
        _ -> ok = host_owner:table(Table, [bag])
    end,
    await(Config, sent, 1),
    send(<<"alice">>, <<"hi">>),
    await(Config, sent, 2).

%% The module's metrics were lost with the table.
mod_event_pusher_http_metrics() ->
    http_pusher_host:ensure_metrics(<<"localhost">>).
