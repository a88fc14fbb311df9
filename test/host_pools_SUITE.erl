%% The pools of the stand-in hosts are those of the real ones: tables, settings, processes. What the cases expect was read
%% in esl/MongooseIM at 5.0.0 and 6.8.0 or observed on the built releases.
-module(host_pools_SUITE).

-include("support/host_suite.hrl").

all() ->
    [{group, v5_0}, {group, v6_5}, {group, v6_9}].

groups() ->
    Both = [pools_can_be_read,
            pool_of_a_host_type_goes_before_global,
            crashed_pool_comes_back,
            rows_go_before_the_pool_does,
            pools_at_boot],
    [{v5_0, [sequence], Both},
     {v6_5, [sequence], [queue_length_is_in_the_strategy | Both]},
     {v6_9, [sequence], Both}].

init_per_testcase(pools_at_boot, Config) ->
    Config;
init_per_testcase(_Case, Config) ->
    ok = host_ctl:start(generation(Config)),
    Config.

pools_can_be_read(Config) ->
    Given = #{host => <<"http://127.0.0.1:1">>, workers => 3, strategy => available_worker,
              call_timeout => 700, path_prefix => "/p", request_timeout => 100},
    {ok, Pid} = host_ctl:start_pool(global, full, Given),
    {ok, _} = host_ctl:start_pool(?HOST, bare, #{host => "http://127.0.0.1:2"}),
    ?assertEqual(Pid, whereis('mongoose_wpool$http$global$full')),
    ?assert(is_pid(whereis('mongoose_wpool$http$localhost$bare'))),
    ?assertEqual({ok, <<"/p">>, 100}, mongoose_wpool_http:get_params(global, full)),
    ?assertEqual({ok, <<"/">>, 2000}, mongoose_wpool_http:get_params(?HOST, bare)),
    ?assertEqual({error, pool_not_started}, mongoose_wpool_http:get_params(?HOST, none)),
    ?assertEqual(undefined, mongoose_wpool:get_pool_settings(http, ?HOST, none)),
    {state, http, Pools, Monitors} = sys:get_state(mongoose_wpool_http_mgr, 60000),
    ?assertEqual(2, map_size(Monitors)),
    #{{http, global, full} := Full, {http, ?HOST, bare} := Bare} = Pools,
    case layout(Config) of
        v5_0 ->
            ?assertEqual([{mongoose_wpool, {http, global, full}, available_worker, 700}],
                         ets:lookup(mongoose_wpool, {http, global, full})),
            ?assertMatch(#{wpool_opts := [{workers, 3}],
                           conn_opts := [{server, "http://127.0.0.1:1"}, {path_prefix, "/p"},
                                         {request_timeout, 100}]}, Full),
            ?assertMatch(#{wpool_opts := [], conn_opts := [{server, "http://127.0.0.1:2"}]}, Bare);
        v6_5 ->
            ?assertEqual([{mongoose_wpool, {http, global, full}, 'mongoose_wpool$http$global$full',
                           available_worker, 700}],
                         ets:lookup(mongoose_wpool, {http, global, full})),
            ?assertMatch(#{wpool_opts := [{workers, 3}],
                           conn_opts := #{host := "http://127.0.0.1:1", path_prefix := <<"/p">>,
                                          request_timeout := 100}}, Full),
            ?assertMatch(#{wpool_opts := [{workers, 10}],
                           conn_opts := #{host := "http://127.0.0.1:2", path_prefix := <<"/">>,
                                          request_timeout := 2000}}, Bare)
    end.

pool_of_a_host_type_goes_before_global(Config) ->
    {ok, _} = host_ctl:start_pool(global, tag, #{host => "http://g", request_timeout => 1}),
    Name = fun() -> element(2, mongoose_wpool:get_pool_settings(http, ?HOST, tag)) end,
    ?assertEqual({http, global, tag}, Name()),
    ?assertEqual({ok, <<"/">>, 1}, mongoose_wpool_http:get_params(?HOST, tag)),
    {ok, _} = host_ctl:start_pool(?HOST, tag, #{host => "http://h", request_timeout => 2}),
    ?assertEqual({http, ?HOST, tag}, Name()),
    ?assertEqual({ok, <<"/">>, 2}, mongoose_wpool_http:get_params(?HOST, tag)),
    Again = fun() -> host_ctl:start_pool(?HOST, tag, #{host => "http://i"}) end,
    case layout(Config) of
        v5_0 -> ?assertMatch({error, {already_started, _}}, Again());
        v6_5 -> ?assertError(#{what := event_already_registered}, Again())
    end.

crashed_pool_comes_back(_Config) ->
    {ok, Pid} = host_ctl:start_pool(global, tag, #{host => "http://h", path_prefix => "/p"}),
    Rows = {ets:tab2list(mongoose_wpool), ets:tab2list(mongoose_wpool_http)},
    Before = crashed(),
    ?assertEqual(Rows, {ets:tab2list(mongoose_wpool), ets:tab2list(mongoose_wpool_http)}),
    {ok, NewPid} = host_log:poll(fun() -> host_ctl:pool_pid(global, tag) end, fun is_pid/1, 60000),
    ?assertNotEqual(Pid, NewPid),
    {state, http, #{{http, global, tag} := After}, _} = sys:get_state(mongoose_wpool_http_mgr, 60000),
    ?assertEqual(maps:remove(monitor, Before), maps:remove(monitor, After)),
    [_ | _] = Lines = host_log:what(pool_restart),
    [?assertMatch(#{pool_key := {http, global, tag}, level := error}, Line) || Line <- Lines].

%% A pool that has crashed, as the manager knows it. Once more if it is back already, two seconds later.
crashed() ->
    ok = host_ctl:crash_pool(global, tag),
    case sys:get_state(mongoose_wpool_http_mgr, 60000) of
        {state, http, #{{http, global, tag} := #{monitor := undefined} = Pool}, _} ->
            Pool;
        _ ->
            {ok, _} = host_log:poll(fun() -> host_ctl:pool_pid(global, tag) end, fun is_pid/1, 60000),
            crashed()
    end.

rows_go_before_the_pool_does(Config) ->
    {ok, Pid} = host_ctl:start_pool(global, tag, #{host => "http://h"}),
    ok = sys:suspend(mongoose_wpool_http_mgr, 60000),
    {Stopper, Ref} = spawn_monitor(fun() -> exit({result, host_ctl:stop_pool(global, tag)}) end),
    ?assertMatch({ok, []}, host_log:poll(fun() -> ets:tab2list(mongoose_wpool) end,
                                         fun(Rows) -> Rows =:= [] end, 60000)),
    ?assertMatch({ok, []}, host_log:poll(fun() -> ets:tab2list(mongoose_wpool_http) end,
                                         fun(Rows) -> Rows =:= [] end, 60000)),
    ?assert(is_process_alive(Pid)),
    ok = sys:resume(mongoose_wpool_http_mgr, 60000),
    ?assertEqual({result, ok}, receive {'DOWN', Ref, _, Stopper, Reason} -> Reason end),
    %% In 5.0 whoever stops a pool waits for five seconds at most.
    Ended = erlang:monitor(process, Pid),
    receive {'DOWN', Ended, _, _, _} -> ok end,
    ?assertEqual(case layout(Config) of v5_0 -> {error, unknown_pool}; v6_5 -> ok end,
                 host_ctl:stop_pool(global, tag)).

pools_at_boot(Config) ->
    ok = host_ctl:start(generation(Config), #{hosts => [?HOST, <<"example.org">>],
                                              pools => [{per_host_type(Config), tag, #{host => "http://h"}}]}),
    ?assertEqual([{http, <<"example.org">>, tag}, {http, ?HOST, tag}],
                 lists:sort(mongoose_wpool:get_pools())).

queue_length_is_in_the_strategy(_Config) ->
    {ok, _} = host_ctl:start_pool(global, tag, #{host => "http://h", max_worker_queue_len => 17}),
    Strategy = element(4, mongoose_wpool:get_pool_settings(http, global, tag)),
    ?assert(is_function(Strategy, 1)),
    ?assertEqual({env, [17]}, erlang:fun_info(Strategy, env)).

%%% Helpers

per_host_type(Config) ->
    case layout(Config) of v5_0 -> host; v6_5 -> host_type end.
