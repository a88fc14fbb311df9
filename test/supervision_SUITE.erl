%% The application's processes come back after they are killed: its supervisors, and the starter that restarts it.
-module(supervision_SUITE).

-import(pusher_case, [module/1, module/2, send/2, wait_sent/1, wait/2]).
-import(pusher_kills, [kill/1]).

-define(HOST, <<"localhost">>).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all().

groups() ->
    pusher_case:groups(
      [the_whole_tree_killed_comes_back,
       an_application_that_gives_up_is_logged,
       the_supervisor_of_the_clients_killed_while_one_is_busy,
       the_starter_killed_is_replaced,
       the_starter_killed_with_the_tree_is_started_by_a_session,
       the_starter_killed_while_the_module_starts_and_stops]).

init_per_testcase(_Case, Config) ->
    pusher_case:start(Config).

%% Metrics end with the module, and a reporter that is killed may count one outcome twice.
end_per_testcase(_Case, Config) ->
    pusher_case:finish(Config, uncounted).

%% What was pending fails with engine_down, and what comes meanwhile is rejected with it.
the_whole_tree_killed_comes_back(Config) ->
    module(Config, #{workers => 5}),
    Load = pusher_load:start(4),
    timer:sleep(300),
    kill(http_pusher_sup),
    {ok, [#{level := critical}]} = host_log:wait(http_pusher_engine_down, 1, 120000),
    _ = wait(fun() -> whereis(http_pusher_sup) end, fun is_pid/1),
    #{sent := Sent} = host_metrics:read(?HOST),
    wait_sent(Sent + 20),
    Pushed = pusher_load:stop(Load),
    Counted = wait(fun() -> host_metrics:read(?HOST) end,
                   fun(#{sent := S, failed := F}) -> S + F >= Pushed end),
    ok = pusher_case:settle(),
    ?assertWith(all(Counted) - Pushed =< 1, {Counted, Pushed}).

%% After too many restarts the top supervisor ends as if it were told to, by itself.
an_application_that_gives_up_is_logged(Config) ->
    module(Config, #{}),
    ok = sys:terminate(http_pusher_sup, shutdown),
    {ok, [#{level := critical, reason := Reason}]} = host_log:wait(http_pusher_engine_down, 1, 120000),
    ?assertNotEqual(nomatch, string:find(Reason, "application_ended")),
    {ok, _} = host_log:wait(http_pusher_engine_up, 1, 120000),
    send(<<"alice">>, <<"hi">>),
    wait_sent(1),
    %% A stop by hand is none.
    ok = application:stop(mongoose_http_pusher),
    {ok, _} = host_log:wait(http_pusher_pool_opened, 3, 120000),
    ?assertMatch([_], host_log:what(http_pusher_engine_down)).

%% Its successor waits for the process that the one before has left, instead of failing until the whole tree gives up.
the_supervisor_of_the_clients_killed_while_one_is_busy(Config) ->
    module(Config, #{}),
    Tree = whereis(http_pusher_sup),
    {clients, Clients, _, _} = lists:keyfind(clients, 1, supervisor:which_children(Tree)),
    Gauges = whereis(http_pusher_gauges),
    true = erlang:suspend_process(Gauges),
    exit(Clients, kill),
    %% For what must not happen meanwhile.
    timer:sleep(1000),
    true = erlang:resume_process(Gauges),
    _ = wait(fun() -> whereis(http_pusher_gauges) end, fun(Pid) -> is_pid(Pid) andalso Pid =/= Gauges end),
    send(<<"alice">>, <<"hi">>),
    wait_sent(1),
    ?assertEqual(Tree, whereis(http_pusher_sup)),
    ?assertEqual([], host_log:what(http_pusher_engine_down)).

%% The module stops without the starter, and a new one restarts the application as the old one would have.
the_starter_killed_is_replaced(Config) ->
    module(Config, #{}),
    kill(http_pusher_starter),
    send(<<"alice">>, <<"1">>),
    wait_sent(1),
    _ = wait(fun() -> whereis(http_pusher_starter) end, fun is_pid/1),
    kill(http_pusher_sup),
    serves(?HOST),
    send(<<"alice">>, <<"2">>),
    wait_sent(2),
    kill(http_pusher_starter),
    host_ctl:stop_module(?HOST),
    %% The next starter, which may have begun before the stop, forgets it too.
    _ = wait(fun http_pusher_pools:host_types/0, fun(Types) -> Types =:= #{} end).

%% No process of ours is left that would start another. The new starter knows what the module runs for,
%% although the application, which knew it too, is gone.
the_starter_killed_with_the_tree_is_started_by_a_session(Config) ->
    module(Config, #{}),
    send(<<"alice">>, <<"1">>),
    wait_sent(1),
    ok = sys:suspend(http_pusher_starter, 60000),
    kill(http_pusher_sup),
    _ = wait(fun() -> whereis(http_pusher_watch) end, fun(Watch) -> Watch =:= undefined end),
    kill(http_pusher_starter),
    ?assertEqual(undefined, whereis(http_pusher_starter)),
    send(<<"alice">>, <<"2">>),
    serves(?HOST),
    send(<<"alice">>, <<"3">>),
    wait_sent(2),
    #{failed := 1} = wait(fun() -> host_metrics:read(?HOST) end, fun(#{failed := Failed}) -> Failed > 0 end),
    ?assertMatch([{_, <<"1">>}, {_, <<"3">>}], pusher_case:messages(Config)).

%% Its successor has the call, and the host does not notice.
the_starter_killed_while_the_module_starts_and_stops(Config) ->
    {ok, _} = pusher_case:pool(Config, #{}),
    http_pusher_starter:ensure(),
    starter_dies_meanwhile(fun() -> module([#{path => "/n"}]) end),
    send(<<"alice">>, <<"hi">>),
    wait_sent(1),
    starter_dies_meanwhile(fun() -> host_ctl:stop_module(?HOST) end),
    _ = wait(fun http_pusher_pools:host_types/0, fun(Types) -> Types =:= #{} end),
    ?assertEqual([], host_log:what(module_stopping_failed)).

%%% Helpers

%% It has the call, and has not answered.
starter_dies_meanwhile(Fun) ->
    Starter = wait(fun() -> whereis(http_pusher_starter) end, fun is_pid/1),
    ok = sys:suspend(Starter, 60000),
    {_, Ref} = spawn_monitor(Fun),
    _ = wait(fun() -> process_info(Starter, messages) end,
             fun({messages, Messages}) -> [call || {'$gen_call', _, _} <- Messages] =/= [] end),
    1 = kill(http_pusher_starter),
    receive {'DOWN', Ref, process, _, Reason} -> ?assertEqual(normal, Reason) end.

%% The application knows the host type, and has its handlers: the owner of the pools answers after that.
serves(HostType) ->
    _ = wait(fun http_pusher_pools:host_types/0, fun(Types) -> is_map_key(HostType, Types) end),
    ok = http_pusher_pools:await_look(120000).

all(#{sent := Sent, failed := Failed}) ->
    Sent + Failed.
