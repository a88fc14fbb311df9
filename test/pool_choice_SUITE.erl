%% Which pool a notification goes to: the host type's own or the global one of the same tag. They can be web
%% services of different tenants. The host's listing decides; only if it lists neither, a living process
%% does.
-module(pool_choice_SUITE).


-import(pusher_case, [module/1, endpoint/1, send/2, wait/2]).

-define(HOST, <<"localhost">>).
-define(OWNER, http_pusher_pools).
-define(MANAGER, mongoose_wpool_http_mgr).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all().

groups() ->
    pusher_case:groups([every_combination_of_own_and_global,
                        a_pool_that_crashed_before_it_was_opened_keeps_its_notifications,
                        a_pool_that_does_not_come_back_gives_them_up,
                        a_pool_that_crashed_with_its_owner_goes_on]).

init_per_testcase(a_pool_that_does_not_come_back_gives_them_up, Config) ->
    pusher_case:start([{own, test_endpoint:start()} | Config], #{env => [{drain_timeout, 300}]});
init_per_testcase(_Case, Config) ->
    pusher_case:start([{own, test_endpoint:start()} | Config], #{}).

end_per_testcase(_Case, Config) ->
    Result = pusher_case:finish([{more_endpoints, [own(Config)]} | Config]),
    test_endpoint:stop(own(Config)),
    Result.

%% The state of a pool in the host, and how the owner of the pools knows it. `starting': the process exists
%% and is not listed yet. `stopping': the process exists and is no longer listed.
states() ->
    [stopped, running, crashed, restarting, starting, stopping].

is_listed(State) -> lists:member(State, [running, crashed, restarting]).

lives(State) -> lists:member(State, [running, restarting, starting, stopping]).

expected(Own, Global) ->
    case {is_listed(Own), is_listed(Global), lives(Own), lives(Global)} of
        {true, _, _, _} -> own;
        {_, true, _, _} -> global;
        {_, _, true, _} -> own;
        {_, _, _, true} -> global;
        _ -> none
    end.

%% One tag for each; all of them are in their states at once, for one message to meet.
every_combination_of_own_and_global(Config) ->
    Tags = [{list_to_atom(lists:concat([Own, "_", Global])), Own, Global}
            || Own <- states(), Global <- states()],
    Pools = lists:append([[{{?HOST, Tag}, Own}, {{global, Tag}, Global}] || {Tag, Own, Global} <- Tags]),
    In = fun(States) -> [Key || {Key, State} <- Pools, lists:member(State, States)] end,
    [start_pool(Key, Config) || {Key, _} <- Pools],
    module([#{pool_name => Tag, path => lists:concat(["/", Tag])} || {Tag, _, _} <- Tags]),
    opened(Pools),
    %% From here on pools are not checked.
    Owner = whereis(?OWNER),
    true = erlang:suspend_process(Owner),
    Restarted = In([restarting, starting]),
    Old = [{Key, pid(Key)} || Key <- Restarted],
    [crash(Key) || Key <- Restarted],
    [wait(fun() -> pid(Key) end, fun(Pid) -> is_pid(Pid) andalso Pid =/= Before end)
     || {Key, Before} <- Old],
    [host_ctl:stop_pool(Scope, Tag) || {Scope, Tag} <- In([stopped])],
    ok = sys:suspend(?MANAGER, 60000),
    [crash(Key) || Key <- In([crashed])],
    Unlisted = [hd(ets:take(mongoose_wpool, {http, Scope, Tag}))
                || {Scope, Tag} <- In([starting, stopping])],
    [?assertEqual({Key, State, is_listed(State), lives(State)},
                  {Key, State, http_pusher_host_pool:is_listed(Key), pid(Key) =/= undefined})
     || {Key, State} <- Pools],
    send(<<"alice">>, <<"hi">>),
    %% Back to the state that the host would have.
    true = ets:insert(mongoose_wpool, Unlisted),
    ok = sys:resume(?MANAGER, 60000),
    true = erlang:resume_process(Owner),
    ok = pusher_case:settle(),
    Got = [{binary_to_atom(Tag), own} || Tag <- paths(own(Config))]
        ++ [{binary_to_atom(Tag), global} || Tag <- paths(endpoint(Config))],
    Expected = [{Tag, Where} || {Tag, Own, Global} <- Tags, Where <- [expected(Own, Global)],
                                Where =/= none],
    ?assertEqual(lists:sort(Expected), lists:sort(Got)),
    ?assertEqual(#{pool_not_started => length(Tags) - length(Expected)}, pusher_case:reasons()).

%% It is listed, so the notifications are its own, and it has them when it is back.
a_pool_that_crashed_before_it_was_opened_keeps_its_notifications(Config) ->
    crashed_unseen({?HOST, http_pool}, Config),
    [send(<<"alice">>, integer_to_binary(N)) || N <- [1, 2, 3]],
    ok = sys:resume(?MANAGER, 60000),
    ok = test_endpoint:wait_for_count(own(Config), 3, 30000),
    ?assertEqual([], pusher_case:received(Config)).

%% They do not wait for ever.
a_pool_that_does_not_come_back_gives_them_up(Config) ->
    crashed_unseen({?HOST, http_pool}, Config),
    send(<<"alice">>, <<"hi">>),
    {Stopper, Ref} = spawn_monitor(fun() -> host_ctl:stop_pool(?HOST, http_pool) end),
    %% The manager has it before it would restart the pool.
    _ = wait(fun() -> process_info(whereis(?MANAGER), messages) end,
             fun({messages, Messages}) ->
                     [stop || {'$gen_call', _, {stop_pool, _, _}} <- Messages] =/= []
             end),
    ok = sys:resume(?MANAGER, 60000),
    receive {'DOWN', Ref, process, Stopper, Reason} -> ?assertEqual(normal, Reason) end,
    _ = pusher_case:wait_reason(shutdown, 1),
    ?assertEqual([], pusher_case:received(Config) ++ test_endpoint:received(own(Config))).

%% The successor of the owner finds it crashed: sessions go on with it.
a_pool_that_crashed_with_its_owner_goes_on(Config) ->
    Key = {?HOST, http_pool},
    start_pool(Key, Config),
    module([#{path => "/n"}]),
    opened([{Key, running}]),
    ok = sys:suspend(?MANAGER, 60000),
    crash(Key),
    Owner = whereis(?OWNER),
    exit(Owner, kill),
    wait(fun() -> whereis(?OWNER) end, fun(Pid) -> is_pid(Pid) andalso Pid =/= Owner end),
    ok = http_pusher_pools:await_look(30000),
    send(<<"alice">>, <<"hi">>),
    ok = test_endpoint:wait_for_count(own(Config), 1, 30000),
    ?assertEqual(undefined, pid(Key)),
    ok = sys:resume(?MANAGER, 60000).

%%% Helpers

%% A pool whose process has crashed before the owner of the pools saw it, beside the open global pool. It stays crashed
%% until the manager goes on.
crashed_unseen(Key, Config) ->
    start_pool({global, http_pool}, Config),
    module([#{path => "/n"}]),
    opened([{{global, http_pool}, running}]),
    Owner = whereis(?OWNER),
    true = erlang:suspend_process(Owner),
    start_pool(Key, Config),
    ok = sys:suspend(?MANAGER, 60000),
    crash(Key),
    true = erlang:resume_process(Owner).

start_pool({Scope, Tag}, Config) ->
    Endpoint = case Scope of
                   global -> endpoint(Config);
                   ?HOST -> own(Config)
               end,
    {ok, _} = host_ctl:start_pool(Scope, Tag, #{host => test_endpoint:url(Endpoint), request_timeout => 30000,
                                                call_timeout => 60000, workers => 1}).

crash({Scope, Tag}) ->
    ok = host_ctl:crash_pool(Scope, Tag).

pid({Scope, Tag}) ->
    host_ctl:pool_pid(Scope, Tag).

opened(Pools) ->
    Names = [http_pusher_pool_key:name(Key) || {Key, _} <- Pools],
    _ = wait(fun() -> Names -- [Name || #{name := Name, phase := open}
                                           <- http_pusher_nif:pools()] end,
             fun(Missing) -> Missing =:= [] end),
    %% The owner has written that down.
    ok = http_pusher_pools:await_look(120000).

paths(Endpoint) ->
    [lists:last(binary:split(Path, <<"/">>, [global])) || #{path := Path} <- test_endpoint:received(Endpoint)].

own(Config) ->
    proplists:get_value(own, Config).
