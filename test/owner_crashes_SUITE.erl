%% Modules that start and stop while the owner of the pools crashes, or one owner after the other.
-module(owner_crashes_SUITE).

-import(pusher_case, [module/1, module/2, pool/2, wait/2]).

-define(HOST, <<"localhost">>).
-define(HANDLER, #{path => "/notifications"}).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all().

groups() ->
    pusher_case:groups([a_module_that_starts_while_an_owner_crashes_is_served,
                        a_module_that_starts_while_all_owners_crash_is_served_later,
                        a_module_stops_while_all_owners_crash]).

%% A drain time that is long enough on any machine.
init_per_testcase(_Case, Config) ->
    pusher_case:start(Config, #{hosts => [?HOST, <<"example.org">>], env => [{drain_timeout, 60000}]}).

%% Metrics go away with the module.
end_per_testcase(_Case, Config) ->
    pusher_case:finish(Config, uncounted).

%% Its successor has the call.
a_module_that_starts_while_an_owner_crashes_is_served(Config) ->
    {ok, _} = pool(Config, #{}),
    module([#{path => "/n", pool_name => no_such_pool}]),
    spoil(whereis(http_pusher_pools)),
    _ = host_ctl:start_module(<<"example.org">>, [?HANDLER]),
    _ = wait(fun http_pusher_pools:host_types/0, fun(Types) -> is_map_key(<<"example.org">>, Types) end),
    ok = http_pusher_pools:await_look(120000),
    host_session:send(<<"alice@example.org">>, <<"bob@localhost">>, <<"hi">>),
    {ok, _} = host_metrics:wait(<<"example.org">>, fun(#{sent := Sent}) -> Sent =:= 1 end, 120000).

%% The module starts all the same, and its handlers are registered when an owner lives.
a_module_that_starts_while_all_owners_crash_is_served_later(Config) ->
    {ok, _} = pool(Config, #{}),
    module([#{path => "/n", pool_name => no_such_pool}]),
    replaced_code:crash(http_pusher_pool_rows, {put_handlers, 2}, []),
    try
        _ = host_ctl:start_module(<<"example.org">>, [?HANDLER]),
        {ok, [Line | _]} = host_log:wait(http_pusher_handler_failed, 1, 120000),
        ?assertMatch(#{level := error, host_type := <<"example.org">>}, Line)
    after
        replaced_code:restore(http_pusher_pool_rows)
    end,
    _ = wait(fun http_pusher_pools:host_types/0, fun(Types) -> is_map_key(<<"example.org">>, Types) end),
    %% It answers when it has registered the handlers.
    ok = http_pusher_pools:await_look(120000),
    host_session:send(<<"alice@example.org">>, <<"bob@localhost">>, <<"hi">>),
    {ok, _} = host_metrics:wait(<<"example.org">>, fun(#{sent := Sent}) -> Sent =:= 1 end, 120000).

a_module_stops_while_all_owners_crash(Config) ->
    module(Config, #{}),
    Spoiler = spoil_owners(),
    host_ctl:stop_module(?HOST),
    ?assertEqual([], host_log:what(module_stopping_failed)),
    stop_spoiler(Spoiler).

%%% Helpers

%% Each owner crashes at the next call, as many of them as the application survives.
spoil_owners() ->
    spawn_link(fun() -> spoil_owners(undefined, 20) end).

spoil_owners(Last, Left) ->
    Left1 = case whereis(http_pusher_pools) of
                Owner when is_pid(Owner), Owner =/= Last, Left > 0 ->
                    try spoil(Owner) catch _:_ -> ok end,
                    {Owner, Left - 1};
                _ ->
                    {Last, Left}
            end,
    receive {stop, From} -> unlink(From), From ! {stopped, self()}
    after 1 -> spoil_owners(element(1, Left1), element(2, Left1))
    end.

stop_spoiler(Spoiler) ->
    Spoiler ! {stop, self()},
    receive {stopped, Spoiler} -> ok end.

spoil(Owner) ->
    sys:replace_state(Owner, fun(_State) -> spoilt end, 60000).
