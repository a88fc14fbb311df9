%% The owner of the engine's pools dies, and its successor goes on from there: what was accepted is
%% delivered as if the owner had lived, and only a pool that the host has stopped gives up.
-module(recovery_SUITE).


-import(pusher_case, [module/1, module/2, endpoint/1, send/2, wait_sent/1, wait/2]).

-define(HOST, <<"localhost">>).
-define(NIF, http_pusher_nif).
-define(OWNER, http_pusher_pools).
-define(KEY, {global, http_pool}).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all().

groups() ->
    pusher_case:groups(
      [the_owner_killed_at_each_step,
       a_pool_in_use_goes_on,
       a_pool_that_was_not_opened_is_opened,
       what_a_successor_left_behind_is_found,
       a_stopped_pool_keeps_its_time,
       what_waits_for_a_pool_that_does_not_come_back_is_given_up,
       a_stop_meets_a_dead_owner,
       an_engine_that_is_replaced_is_no_failed_pool,
       an_owner_waits_for_the_engine_that_replaces_a_stopped_one,
       warnings_of_a_dead_owner_are_logged,
       an_opening_that_was_not_logged_is]).

%% What a pool has accepted before it is stopped or replaced is sent in its drain time, however busy the
%% machine is; cases in which the time has to end use a short one.
init_per_testcase(Case, Config) ->
    Drain = case Case of
                a_stopped_pool_keeps_its_time -> 6000;
                what_waits_for_a_pool_that_does_not_come_back_is_given_up -> 500;
                warnings_of_a_dead_owner_are_logged -> 500;
                _ -> 60000
            end,
    pusher_case:start(Config, #{env => [{drain_timeout, Drain}]}).

end_per_testcase(the_owner_killed_at_each_step, Config) ->
    %% It has a second test endpoint.
    pusher_case:finish([{own_endpoints, true} | Config]);
end_per_testcase(_Case, Config) ->
    pusher_case:finish(Config).

%% Killed after each of the calls that it makes while a pool is replaced or found again; its successor too.
the_owner_killed_at_each_step(Config) ->
    Other = test_endpoint:start(),
    module(Config, #{workers => 3}),
    Load = pusher_load:start(4),
    Killed = [begin
                  ok = host_ctl:stop_pool(global, http_pool),
                  #{sent := Before} = host_metrics:read(?HOST),
                  Killer = kill_at_step(Step, 2),
                  {ok, _} = pusher_case:pool(Config, #{workers => 3, host => test_endpoint:url(Endpoint)}),
                  wait_sent(Before + 20),
                  stop_killer(Killer)
              end || Step <- lists:seq(1, 16), Endpoint <- [Other, endpoint(Config), endpoint(Config)]],
    pusher_case:all_accepted_are_sent(pusher_load:stop(Load), Config),
    ct:pal("kills in each round: ~w", [Killed]),
    ?assert(lists:sum(Killed) >= 32),
    test_endpoint:stop(Other).

%% Sessions do not notice: what is handed over meanwhile goes to the pool, over its connections.
a_pool_in_use_goes_on(Config) ->
    module(Config, #{workers => 1}),
    send(<<"alice">>, <<"1">>),
    wait_sent(1),
    wait_for_pool(open),
    #{id := Id} = pool(open),
    [begin
         kill_owner(),
         send(<<"alice">>, integer_to_binary(N))
     end || N <- lists:seq(2, 10)],
    wait_sent(10),
    ?assertMatch(#{id := Id, accepted := 10}, pool(open)),
    ?assertEqual(1, length(lists:usort([Connection || #{connection := Connection}
                                                          <- pusher_case:received(Config)]))).

%% The owner has written everything, and dies before the pool is opened.
a_pool_that_was_not_opened_is_opened(Config) ->
    module(Config, #{}),
    wait_for_pool(open),
    Row = #{spare := Spare} = row(),
    Options = #{host => iolist_to_binary(test_endpoint:url(endpoint(Config))), path_prefix => <<"/">>,
                request_timeout => 30000, call_timeout => 60000, workers => 1,
                strategy => <<"best_worker">>},
    while_the_owner_dies(
      fun() ->
              %% The host's own pool has another digest, so a notification that waits is sent after the next
              %% look.
              ok = push(Spare, <<"waits">>),
              ok = http_pusher_pool_rows:note(?KEY, Row#{next := <<"digest">>}),
              ok = ?NIF:configure_pool(Spare, Options)
      end),
    wait_sent(1),
    send(<<"alice">>, <<"after">>),
    wait_sent(2),
    ?assertMatch([{_, <<"waits">>}, {_, <<"after">>}], pusher_case:messages(Config)).

%% A successor died as well, and another one: something waits in the spare pool of each.
what_a_successor_left_behind_is_found(Config) ->
    module(Config, #{workers => 1}),
    wait_for_pool(open),
    #{spare := Spare} = row(),
    {ok, Second} = ?NIF:create_pool(http_pusher_pool_key:name(?KEY)),
    {ok, Third} = ?NIF:create_pool(http_pusher_pool_key:name(?KEY)),
    while_the_owner_dies(
      fun() ->
              ok = push(Spare, <<"1">>),
              ok = ?NIF:hand_over(Spare, Second),
              ok = push(Spare, <<"2">>),
              ok = push(Third, <<"3">>)
      end),
    send(<<"alice">>, <<"4">>),
    wait_sent(4),
    ?assertMatch([{_, <<"1">>}, {_, <<"2">>}, {_, <<"3">>}, {_, <<"4">>}],
                 pusher_case:messages(Config)).

%% The pool goes on draining and ends in its own time, not sooner because its owner died.
a_stopped_pool_keeps_its_time(Config) ->
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    module(Config, #{workers => 1}),
    pusher_case:bulk(<<"alice">>, 3),
    ok = test_endpoint:wait_for_count(endpoint(Config), 1, 120000),
    Begin = erlang:monotonic_time(millisecond),
    ok = host_ctl:stop_pool(global, http_pool),
    wait_for_pool(draining),
    kill_owner(),
    _ = pusher_case:wait_reason(shutdown, 3),
    ?assert(erlang:monotonic_time(millisecond) - Begin >= 5900),
    send(<<"alice">>, <<"late">>),
    _ = pusher_case:wait_reason(pool_not_started, 1).

%% Its process existed too briefly for its options to be read.
what_waits_for_a_pool_that_does_not_come_back_is_given_up(Config) ->
    module(Config, #{}),
    wait_for_pool(open),
    ok = host_ctl:stop_pool(global, http_pool),
    wait(fun row/0, fun(#{current := Current}) -> Current =:= none end),
    while_the_owner_dies(
      fun() ->
              {ok, _} = pusher_case:pool(Config, #{}),
              send(<<"alice">>, <<"waits for ever">>),
              ok = host_ctl:stop_pool(global, http_pool)
      end),
    ?assertMatch(#{reason := shutdown}, pusher_case:wait_reason(shutdown, 1)),
    {ok, _} = pusher_case:pool(Config, #{}),
    send(<<"alice">>, <<"again">>),
    wait_sent(1).

%% The module's stop does not end before what was pending has its outcome.
a_stop_meets_a_dead_owner(Config) ->
    test_endpoint:plan(endpoint(Config), "delay=20"),
    module(Config, #{workers => 1}),
    pusher_case:bulk(<<"alice">>, 50),
    Killer = spawn_link(fun() -> [begin kill_owner(), timer:sleep(100) end || _ <- lists:seq(1, 10)],
                                 receive stop -> ok end
                        end),
    Before = proplists:get_value(?HOST, proplists:get_value(before, Config)),
    host_ctl:stop_module(?HOST),
    #{pending := 0, sent := Sent} = pusher_case:numbers(),
    ?assertEqual(50, Sent - maps:get(sent, Before)),
    ?assertEqual(#{}, ?OWNER:host_types()),
    Ended = erlang:monitor(process, Killer),
    Killer ! stop,
    receive {'DOWN', Ended, process, Killer, _} -> ok end,
    wait(fun() -> [Name || #{name := Name} <- ?NIF:pools()] end, fun(Names) -> Names =:= [] end).

%% The engine has ended, and its process has not noticed: a pool that is replaced just then cannot be
%% opened. The engine's process reports that, and the pool is opened in the next engine.
an_engine_that_is_replaced_is_no_failed_pool(Config) ->
    module(Config, #{}),
    wait_for_pool(open),
    Owner = whereis(?OWNER),
    1 = erlang:trace_pattern({http_pusher_pool, found, 4}, [{'_', [], [{return_trace}]}], []),
    1 = erlang:trace(Owner, true, [call]),
    ok = sys:suspend(http_pusher_engine, 60000),
    ok = ?NIF:stop_engine(),
    ok = host_ctl:stop_pool(global, http_pool),
    {ok, _} = pusher_case:pool(Config, #{workers => 2}),
    receive
        {trace, Owner, return_from, _, Found} -> ?assertMatch({unusable, {engine_down, _}}, Found)
    after 120000 -> error(not_looked_for)
    end,
    1 = erlang:trace_pattern({http_pusher_pool, found, 4}, false, []),
    ok = sys:resume(http_pusher_engine, 60000),
    _ = wait(fun() -> whereis(?OWNER) end, fun(Pid) -> is_pid(Pid) andalso Pid =/= Owner end),
    wait_for_pool(open),
    send(<<"alice">>, <<"1">>),
    wait_sent(1),
    ?assertEqual([], host_log:what(http_pusher_pool_failed) ++ host_log:what(http_pusher_pool_config)).

%% As long as the engine's process has not noticed that the engine has ended, no owner could create a pool.
an_owner_waits_for_the_engine_that_replaces_a_stopped_one(Config) ->
    module(Config, #{}),
    wait_for_pool(open),
    Application = whereis(http_pusher_sup),
    ok = ?NIF:stop_engine(),
    %% It creates a spare pool, and ends.
    ok = host_ctl:stop_pool(global, http_pool),
    {ok, _} = pusher_case:pool(Config, #{workers => 2}),
    kill_owner(),
    wait_for_pool(open),
    ?assertEqual(Application, whereis(http_pusher_sup)),
    ?assertEqual([], host_log:what(http_pusher_engine_down)),
    send(<<"alice">>, <<"1">>),
    wait_sent(1).

%% The owner dies after the engine has told it the warnings: its successor writes them to the log.
warnings_of_a_dead_owner_are_logged(Config) ->
    module([#{path => "/n"}]),
    Options = #{call_timeout => 50000, request_timeout => 60000},
    {ok, _} = pusher_case:pool(Config, Options),
    [_] = wait(fun warnings/0, fun(Warnings) -> length(Warnings) =:= 1 end),
    #{current := #{digest := Digest}} = row(),
    ok = host_ctl:stop_pool(global, http_pool),
    Row = #{spare := Spare} = wait(fun row/0, fun(#{current := Current}) -> Current =:= none end),
    while_the_owner_dies(
      fun() ->
              {ok, _} = pusher_case:pool(Config, Options),
              {ok, #{options := Found}} = http_pusher_host_pool:find(?KEY),
              ok = http_pusher_pool_rows:note(?KEY, Row#{next := Digest}),
              ok = ?NIF:configure_pool(Spare, Found#{http2 => false}),
              {ok, [_]} = ?NIF:open_pool(Spare)
      end),
    [_, _] = wait(fun warnings/0, fun(Warnings) -> length(Warnings) =:= 2 end),
    ?assertMatch(#{current := #{id := Spare}}, row()),
    ?assertEqual(2, length(host_log:what(http_pusher_pool_opened))),
    %% It has noted by then that it has logged them.
    ok = ?OWNER:await_look(60000),
    kill_owner(),
    ok = ?OWNER:await_look(60000),
    ?assertEqual(2, length(host_log:what(http_pusher_pool_opened))).

%% The owner dies after it has written down everything, and before it has logged that the pool is open.
an_opening_that_was_not_logged_is(Config) ->
    module(Config, #{}),
    _ = wait(fun() -> host_log:what(http_pusher_pool_opened) end, fun(Lines) -> length(Lines) =:= 1 end),
    Row = #{current := #{id := Id}} = wait(fun row/0, fun(#{announce := Announce}) -> not Announce end),
    while_the_owner_dies(fun() -> ok = http_pusher_pool_rows:note(?KEY, Row#{announce := true}) end),
    _ = wait(fun() -> host_log:what(http_pusher_pool_opened) end, fun(Lines) -> length(Lines) =:= 2 end),
    ?assertMatch(#{current := #{id := Id}}, row()),
    send(<<"alice">>, <<"1">>),
    wait_sent(1).

warnings() ->
    host_log:what(http_pusher_pool_warning).

%%% Helpers

row() ->
    [Row] = [Row || {?KEY, Row} <- http_pusher_pool_rows:all()],
    Row.

pool(Phase) ->
    case [Pool || #{name := <<"global/http_pool">>, phase := P} = Pool <- ?NIF:pools(), P =:= Phase] of
        [Pool] -> Pool;
        [] -> none
    end.

%% The engine has it in this phase, and the owner has written that down.
wait_for_pool(Phase) ->
    _ = wait(fun() -> pool(Phase) end, fun is_map/1),
    ok = ?OWNER:await_look(60000).

push(Pool, Message) ->
    {ok, {_, Handler, _}} = http_pusher_routes:find({?HOST, http_pool, path(), <<>>}),
    ?NIF:push_form(Pool, Handler, in, {<<"alice">>, ?HOST, <<"bob">>, ?HOST}, Message).

path() ->
    [Path] = [Path || {{?HOST, http_pool, Path, _}, _, _} <- http_pusher_routes:all()],
    Path.

%% The owner does nothing from here on until it is killed.
while_the_owner_dies(Fun) ->
    Owner = whereis(?OWNER),
    true = erlang:suspend_process(Owner),
    try
        Fun()
    after
        exit(Owner, kill),
        %% A suspended process receives no signal.
        erlang:resume_process(Owner)
    end,
    Successor = wait(fun() -> whereis(?OWNER) end, fun(Pid) -> is_pid(Pid) andalso Pid =/= Owner end),
    %% It has its name before it has recovered; it answers when it has.
    _ = sys:get_state(Successor, 60000),
    ok.

kill_owner() ->
    Owner = wait(fun() -> whereis(?OWNER) end, fun is_pid/1),
    exit(Owner, kill),
    wait(fun() -> whereis(?OWNER) end, fun(Pid) -> is_pid(Pid) andalso Pid =/= Owner end).

%% Kills the owner this many times, each time after this many calls into the engine or to its rows.
kill_at_step(Step, Times) ->
    Owner = wait(fun() -> whereis(?OWNER) end, fun is_pid/1),
    Killer = spawn_link(fun() -> count_steps(Step, {Owner, Step}, Times) end),
    _ = [erlang:trace_pattern({Module, '_', '_'}, true, [local]) || Module <- traced()],
    _ = [erlang:trace(Who, true, [call, {tracer, Killer}]) || Who <- [Owner, new_processes]],
    Killer.

count_steps(Step, {Pid, Left}, Times) ->
    receive
        {trace, Pid, call, _} when Left =:= 1, Times > 0 ->
            %% It has ended before the case goes on with its successor.
            Ref = erlang:monitor(process, Pid),
            exit(Pid, kill),
            receive {'DOWN', Ref, _, _, _} -> ok end,
            count_steps(Step, {Pid, 0}, Times - 1);
        {trace, Pid, call, _} ->
            count_steps(Step, {Pid, Left - 1}, Times);
        {trace, Other, call, _} = Call ->
            case whereis(?OWNER) of
                Other ->
                    self() ! Call,
                    count_steps(Step, {Other, Step}, Times);
                _ ->
                    count_steps(Step, {Pid, Left}, Times)
            end;
        {stop, From} ->
            From ! {self(), Times}
    end.

stop_killer(Killer) ->
    _ = erlang:trace(all, false, [all]),
    _ = [erlang:trace_pattern({Module, '_', '_'}, false, [local]) || Module <- traced()],
    Killer ! {stop, self()},
    receive {Killer, Left} -> 2 - Left end.

traced() ->
    [?NIF, http_pusher_pool_rows].
