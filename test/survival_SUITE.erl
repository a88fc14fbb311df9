%% What the node survives without losing a notification: killed processes, reloaded code, a missing library,
%% metrics that raise.
-module(survival_SUITE).

-import(pusher_case, [module/2, endpoint/1, send/2, wait_sent/1, wait/2]).
-import(pusher_kills, [kill/1, at_most_twice/2]).

-define(HOST, <<"localhost">>).
-define(NIF, http_pusher_nif).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all().

%% Only one of the two can hold an event.
groups() ->
    [{v5_0, [], cases()},
     {v6_5, [], [the_reporter_killed_while_it_counts_rejections | cases()]}].

cases() ->
    [processes_killed_under_load_lose_no_outcome,
     pools_restarted_while_processes_are_killed,
     the_reporter_killed_while_it_counts,
     beams_reloaded_under_load,
     the_library_is_not_loaded_twice,
     metrics_that_raise,
     without_the_library_the_node_goes_on,
     without_threads_the_node_goes_on].

%% What a pool has accepted before it is stopped or replaced is sent in its drain time, however busy
%% the machine is.
init_per_testcase(pools_restarted_while_processes_are_killed, Config) ->
    pusher_case:start(Config, #{env => [{drain_timeout, 60000}]});
init_per_testcase(processes_killed_under_load_lose_no_outcome, Config) ->
    pusher_case:start(Config, #{env => [{reporters, 3}]});
init_per_testcase(_Case, Config) ->
    pusher_case:start(Config).

end_per_testcase(Case, Config) ->
    Check = case Case of
                beams_reloaded_under_load -> conserved;
                the_library_is_not_loaded_twice -> conserved;
                _ -> uncounted
            end,
    pusher_case:finish(Config, Check).

processes_killed_under_load_lose_no_outcome(Config) ->
    module(Config, #{workers => 5}),
    Load = pusher_load:start(4),
    Kills = [begin
                 timer:sleep(rand:uniform(60)),
                 kill_one()
             end || _ <- lists:seq(1, 40)],
    Pushed = pusher_load:stop(Load),
    ok = pusher_case:settle(),
    Numbers = pusher_case:wait_numbers(Config, fun(#{pending := Pending}) -> Pending =:= 0 end),
    ?assertMatch(#{pushed := Pushed, rejected := 0, failed := 0}, Numbers),
    at_most_twice(Numbers, lists:sum(Kills)).

%% Alternating between two test endpoints, and with the same settings; at the end the pool is in use again.
pools_restarted_while_processes_are_killed(Config) ->
    Other = test_endpoint:start(),
    module(Config, #{workers => 3}),
    Load = pusher_load:start(4),
    Kills = [begin
                 ok = host_ctl:stop_pool(global, http_pool),
                 K = kill_one(),
                 {ok, _} = pusher_case:pool(Config, #{workers => 3, host => test_endpoint:url(Endpoint)}),
                 timer:sleep(rand:uniform(30)),
                 K
             end || _ <- lists:seq(1, 8), Endpoint <- [Other, Other, endpoint(Config), endpoint(Config)]],
    pusher_case:all_accepted_are_sent(pusher_load:stop(Load), Config),
    _ = kill_one(),
    send(<<"alice">>, <<"the last one">>),
    _ = wait(fun() -> lists:last([none | pusher_case:messages(Config)]) end,
             fun(Last) -> Last =:= {<<"alice">>, <<"the last one">>} end),
    test_endpoint:stop(Other),
    ?assert(lists:sum(Kills) > 0).

%% Outcomes of both kinds, in full batches.
the_reporter_killed_while_it_counts(Config) ->
    module(Config, #{workers => 20}),
    test_endpoint:plan(endpoint(Config), "mix seed=5 | 80 status=200 | 20 fault=garbage"),
    [pusher_case:send(<<"user", (integer_to_binary(N rem 50))/binary>>, <<"hi">>)
     || N <- lists:seq(1, 3000)],
    Kills = [begin
                 timer:sleep(rand:uniform(20)),
                 kill(http_pusher_reporter)
             end || _ <- lists:seq(1, 40)],
    ok = pusher_case:settle(),
    Numbers = pusher_case:wait_numbers(Config, fun(#{pending := Pending}) -> Pending =:= 0 end),
    ?assertMatch(#{pushed := 3000, accepted := 3000}, Numbers),
    at_most_twice(Numbers, lists:sum(Kills)).

%% Between the update of the metric and its acknowledgement, the worst moment: that costs a part of the row,
%% not the whole row.
the_reporter_killed_while_it_counts_rejections(_Config) ->
    pusher_case:module([#{path => "/n"}]),
    Rows = [1, 10, 60, 127, 1280],
    Kills = [begin
                 %% The one before has left a part of its row, which this one counts first.
                 ok = pusher_case:settle(),
                 Reporter = wait(fun() -> whereis(http_pusher_reporter) end, fun is_pid/1),
                 true = erlang:suspend_process(Reporter),
                 [send(<<"alice">>, <<"there is no pool">>) || _ <- lists:seq(1, Row)],
                 ok = host_metrics:hold_next_event(self()),
                 true = erlang:resume_process(Reporter),
                 receive {held, Reporter} -> kill(http_pusher_reporter) end
             end || Row <- Rows],
    5 = lists:sum(Kills),
    ok = pusher_case:settle(),
    Counted = [Count || {_, _, #{failure_count := Count}} <- host_metrics:events()],
    %% The part that was being counted, a 64th of its row, is counted twice.
    ?assertEqual(lists:sum([Row + (Row + 63) div 64 || Row <- Rows]), lists:sum(Counted)),
    ?assert(length(Counted) =< lists:sum([min(Row, 64) + 1 || Row <- Rows])).

%% Each is reloaded twice, so that the code that was running at first is purged.
beams_reloaded_under_load(Config) ->
    module(Config, #{workers => 5}),
    Load = pusher_load:start(4),
    Processes = own_processes(),
    Modules = own_modules() -- [?NIF],
    [begin
         %% A process that still runs the code that it began with prevents that code from being purged.
         _ = wait(fun() -> code:soft_purge(Module) end, fun(Purged) -> Purged end),
         ?assertEqual({module, Module}, code:load_file(Module))
     end || _ <- [1, 2, 3], Module <- Modules],
    #{sent := Sent} = host_metrics:read(?HOST),
    wait_sent(Sent + 20),
    ?assertEqual(Processes, own_processes()),
    Pushed = pusher_load:stop(Load),
    ok = pusher_case:settle(),
    Numbers = pusher_case:wait_numbers(Config, fun(#{pending := Pending}) -> Pending =:= 0 end),
    ?assertMatch(#{pushed := Pushed, sent := Pushed}, Numbers).

the_library_is_not_loaded_twice(Config) ->
    module(Config, #{}),
    send(<<"alice">>, <<"1">>),
    code:purge(?NIF),
    ?assertEqual({error, on_load_failure}, code:load_file(?NIF)),
    code:purge(?NIF),
    ?assertEqual({error, on_load_failure}, code:load_file(?NIF)),
    send(<<"alice">>, <<"2">>),
    wait_sent(2),
    ?assertMatch([{_, <<"1">>}, {_, <<"2">>}], pusher_case:messages(Config)).

metrics_that_raise(Config) ->
    module(Config, #{}),
    Reporter = whereis(http_pusher_reporter),
    ok = host_metrics:fail_updates(true),
    [send(<<"alice">>, <<"hi">>) || _ <- lists:seq(1, 20)],
    ok = test_endpoint:wait_for_count(endpoint(Config), 20, 120000),
    ok = pusher_case:settle(),
    {ok, [#{level := warning, host_type := ?HOST} | _]} =
        host_log:wait(http_pusher_metric_failed, 1, 120000),
    ok = host_metrics:fail_updates(false),
    [send(<<"alice">>, <<"hi">>) || _ <- lists:seq(1, 5)],
    wait_sent(5),
    ?assertEqual(Reporter, whereis(http_pusher_reporter)).

%% A node whose user may have one thread more than it has, and which needs four: the system starts one of the
%% engine's threads and refuses the next. Root has no such limit, so the node runs as another user.
without_threads_the_node_goes_on(Config) ->
    Generation = proplists:get_value(generation, Config),
    {As = [First | Rest], More} = as_another_user(),
    Erl = filename:join([code:root_dir(), "bin", "erl"]),
    Exec = {os:find_executable(First), Rest ++ [Erl]},
    {ok, Peer, _Node} = peer:start_link(#{connection => standard_io, wait_boot => 60000, exec => Exec,
                                          env => [{"HOME", "/tmp"}], args => ["-pa" | code:get_path()]}),
    Call = fun(Module, Function, Args) -> peer:call(Peer, Module, Function, Args, 60000) end,
    Pid = Call(os, getpid, []),
    ok = Call(application, load, [mongoose_http_pusher]),
    ok = Call(application, set_env, [mongoose_http_pusher, tokio_threads, 4]),
    ok = Call(host_ctl, start, [Generation, #{log => notice}]),
    {ok, _} = Call(host_ctl, start_pool, [global, http_pool, patient_pool(Config)]),
    Prlimit = fun(Args) -> string:trim(os:cmd(lists:join($ , As ++ ["prlimit", "--pid=" ++ Pid | Args]))) end,
    Hard = Prlimit(["--nproc", "--noheadings", "--output=HARD"]),
    %% Only the soft limit, so that it can be raised again.
    "" = Prlimit(["--nproc=" ++ integer_to_list(os_figures:threads(Pid) + More) ++ ":"]),
    _ = Call(host_ctl, start_module, [?HOST, [#{path => "/n"}]]),
    {ok, [#{reason := Reason}]} = Call(host_log, wait, [http_pusher_engine_down, 1, 50000]),
    ?assertNotEqual(nomatch, string:find(Reason, "engine_not_started")),
    [Call(pusher_case, send, [<<"alice">>, <<"lost">>]) || _ <- [1, 2, 3]],
    ?assertMatch(#{failed := 3, sent := 0},
                 wait(fun() -> Call(host_metrics, read, [?HOST]) end, fun(#{failed := F}) -> F >= 3 end)),
    "" = Prlimit(["--nproc=" ++ Hard ++ ":"]),
    {ok, _} = Call(host_log, wait, [http_pusher_engine_up, 1, 50000]),
    Call(pusher_case, send, [<<"alice">>, <<"hi">>]),
    ok = test_endpoint:wait_for_count(endpoint(Config), 1, 120000),
    {ok, _} = Call(host_metrics, wait, [?HOST, fun ?MODULE:one_sent/1, 50000]),
    peer:stop(Peer).

patient_pool(Config) ->
    #{host => test_endpoint:url(endpoint(Config)), request_timeout => 120000, call_timeout => 240000}.

%% The prefix of a command that this user runs as another user, and how many threads more that user may
%% have. If this user is not root, it stays, and its other threads count too: the limit is what there are
%% now.
as_another_user() ->
    case string:trim(os:cmd("id -u")) of
        "0" -> {["setpriv", "--reuid=47912", "--regid=47912", "--clear-groups"], 1};
        _ -> {["env"], 0}
    end.

%% In a node of its own, whose code path has the beams and no priv directory beside them.
without_the_library_the_node_goes_on(Config) ->
    Ebin = filename:dirname(code:which(?NIF)),
    Generation = proplists:get_value(generation, Config),
    Dir = filename:join([proplists:get_value(priv_dir, Config), "without_library", Generation]),
    Beams = filename:join(Dir, "ebin"),
    ok = filelib:ensure_dir(filename:join(Beams, "x")),
    [{ok, _} = file:copy(File, filename:join(Beams, filename:basename(File)))
     || File <- filelib:wildcard(filename:join(Ebin, "*"))],
    Path = [case filename:absname(P) =:= filename:absname(Ebin) of true -> Beams; false -> P end
            || P <- code:get_path()],
    {ok, Peer, _Node} = peer:start_link(#{connection => standard_io, wait_boot => 60000,
                                          args => ["-pa" | Path]}),
    Call = fun(Module, Function, Args) -> peer:call(Peer, Module, Function, Args, 60000) end,
    ok = Call(host_ctl, start, [Generation, #{log => notice}]),
    {ok, _} = Call(host_ctl, start_pool, [global, http_pool, patient_pool(Config)]),
    _ = Call(host_ctl, start_module, [?HOST, [#{path => "/n"}]]),
    [Call(pusher_case, send, [<<"alice">>, <<"lost">>]) || _ <- [1, 2, 3]],
    ?assertMatch(#{failed := 3, sent := 0},
                 wait(fun() -> Call(host_metrics, read, [?HOST]) end, fun(#{failed := F}) -> F >= 3 end)),
    ?assertEqual(1, length(Call(host_log, what, [http_pusher_engine_down]))),
    %% The line follows the metric.
    ?assertMatch(#{engine_down := 3},
                 wait(fun() -> Call(pusher_case, reasons, []) end,
                      fun(Reasons) -> maps:get(engine_down, Reasons, 0) >= 3 end)),
    Priv = filename:join(filename:dirname(Ebin), "priv"),
    Library = filename:basename(http_pusher_library:file()),
    {ok, Target} = file:read_file(filename:join(Priv, Library)),
    New = filename:join([Dir, "priv", Library]),
    ok = filelib:ensure_dir(New),
    ok = file:write_file(New ++ ".new", Target),
    ok = file:rename(New ++ ".new", New),
    {ok, _} = Call(host_log, wait, [http_pusher_engine_up, 1, 50000]),
    Call(pusher_case, send, [<<"alice">>, <<"hi">>]),
    ok = test_endpoint:wait_for_count(endpoint(Config), 1, 120000),
    {ok, _} = Call(host_metrics, wait, [?HOST, fun ?MODULE:one_sent/1, 50000]),
    peer:stop(Peer).

one_sent(#{sent := Sent}) ->
    Sent =:= 1.

%%% Helpers

kill_one() ->
    kill(random([http_pusher_reporter:name(rand:uniform(3) - 1), http_pusher_pools,
                 http_pusher_engine])).

random(List) ->
    lists:nth(rand:uniform(length(List)), List).

own_processes() ->
    [{Name, whereis(Name)} || Name <- [http_pusher_sup, http_pusher_engine,
                                       http_pusher_pools, http_pusher_reporter,
                                       http_pusher_watch, http_pusher_starter]].

own_modules() ->
    {ok, Modules} = application:get_key(mongoose_http_pusher, modules),
    Modules.
