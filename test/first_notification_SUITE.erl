%% The first notification for a pool whose options have not been read waits for as little as possible: for
%% the owner of the pools and the host's manager, but for no job's process and no dirty scheduler, which can
%% take longer to get a core than all the rest takes.
-module(first_notification_SUITE).


-import(pusher_case, [module/1, send/2, wait_sent/1]).

-define(NIF, http_pusher_nif).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all().

groups() ->
    pusher_case:groups([the_owner_opens_a_new_pool_without_files_itself]).

init_per_testcase(_Case, Config) ->
    pusher_case:start(Config).

end_per_testcase(_Case, Config) ->
    pusher_case:finish(Config).

%% The calls of the owner and its jobs into the library, from the check to the delivery.
the_owner_opens_a_new_pool_without_files_itself(Config) ->
    module([#{path => "/n"}]),
    ok = http_pusher_pools:await_look(30000),
    Owner = whereis(http_pusher_pools),
    _ = erlang:trace_pattern({?NIF, '_', '_'}, true, [local]),
    1 = erlang:trace(Owner, true, [call, set_on_spawn]),
    {ok, _} = pusher_case:pool(Config, #{}),
    send(<<"alice">>, <<"1">>),
    wait_sent(1),
    ok = http_pusher_pools:await_look(30000),
    Delivered = erlang:trace_delivered(all),
    receive {trace_delivered, all, Delivered} -> ok end,
    1 = erlang:trace(Owner, false, [call, set_on_spawn]),
    Calls = calls(),
    ?assertEqual([{Owner, open_pool}],
                 [Call || Call = {_, Function} <- Calls,
                          lists:member(Function, [open_pool, opening, hand_over])]).

calls() ->
    receive
        {trace, Pid, call, {?NIF, Function, _}} -> [{Pid, Function} | calls()]
    after 0 -> []
    end.
