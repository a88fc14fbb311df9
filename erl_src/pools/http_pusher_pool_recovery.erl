%% @doc What a new owner of the pools makes of the engine and the rows that a dead one left.
%%
%% The one before may have died between any two of its steps, and a helper of it, or the rest of a
%% hand-over, may still be at work. That is no harm, because of the order of the steps: what a pool is
%% to be opened with is in the engine before any row says so, so that a pool which has its options is
%% delivered whoever lives, and one that has none is a spare pool, which is handed over as a whole and
%% only once.
%%
%% Not here: what becomes of a pool afterwards (http_pusher_pools).
-module(http_pusher_pool_recovery).

-export([recover/1]).

-type pool_key() :: http_pusher_pool_key:pool_key().
-type pool() :: http_pusher_pool_rows:pool().

%% @doc The pools to go on with. Each has a new spare pool, in which waits what waited in the spare
%% pools before. What belongs to nobody any more drains for DrainTimeout milliseconds.
-spec recover(non_neg_integer()) -> #{pool_key() => pool()}.
recover(DrainTimeout) ->
    %% A pool that is closing already comes to its end by itself.
    Found = [Pool || Pool = #{closing := false} <- http_pusher_nif:pools()],
    Present = lists:sort(fun(#{id := A}, #{id := B}) -> A =< B end, Found),
    http_pusher_routes:forget_looks(),
    Pools = maps:from_list([{Key, recover_pool(Key, Row, Present)}
                            || {Key, Row} <- http_pusher_pool_rows:all()]),
    Kept = [Id || #{pool := Id} <- maps:values(Pools)],
    lists:foreach(fun(#{id := Id, phase := Phase}) ->
                          ensure_opened(Id, Phase),
                          lists:member(Id, Kept) orelse close(Id, Phase, DrainTimeout)
                  end, Present),
    http_pusher_pool_rows:delete_strays(),
    Pools.

%% The hand-over comes before the new routes: what sessions find by those came later.
recover_pool(Key, Row, Present) ->
    {ok, New} = http_pusher_nif:create_pool(http_pusher_pool_key:name(Key)),
    Pool = #{pool := Id, pid := Pid} = in_use(Key, Row#{spare := New}, Row, Present),
    Taker = case Pid of
                undefined -> New;
                _ -> Id
            end,
    lists:foreach(fun(Spare) -> http_pusher_nif:hand_over(Spare, Taker) end,
                  spares(Key, Present)),
    http_pusher_pool_rows:store(Key, Pool),
    Pool.

%% Oldest first, which is the order of what waits in them. Usually there is one; there are more where
%% an owner has died in here.
spares(Key, Present) ->
    Name = http_pusher_pool_key:name(Key),
    [Id || #{id := Id, name := N, phase := spare} <- Present, N =:= Name].

%% The engine may have been started anew, with none of the pools.
in_use(Key, Pool0 = #{pool := Id}, #{spare := Spare} = Row, Present) ->
    Pool = maps:remove(next, Pool0),
    case {phase(Spare, Present), phase(Id, Present)} of
        {Phase, _} when Phase =/= gone, Phase =/= spare, Phase =/= closed ->
            %% The spare pool had got its options: it is the one to be used, and the other one drains.
            unmet(maps:remove(until, Pool#{pool := Spare, digest := maps:get(next, Row, undefined)}));
        {_, Phase} when Phase =:= gone; Phase =:= closed ->
            unmet(maps:remove(until, Pool#{pool := undefined, digest := undefined}));
        {_, open} ->
            same_process(Key, Pool);
        {_, _} ->
            unmet(Pool)
    end.

phase(Id, Present) ->
    case [Phase || #{id := Same, phase := Phase} <- Present, Same =:= Id] of
        [Phase] -> Phase;
        [] -> gone
    end.

%% Sessions go on with the pool where the host's process is the one that it was opened for, or has
%% crashed and is to come back.
same_process(Key, Pool = #{pid := Pid}) when is_pid(Pid) ->
    case whereis(http_pusher_pool_key:process_name(Key)) of
        Pid ->
            Pool#{monitor => erlang:monitor(process, Pid)};
        undefined ->
            case http_pusher_host_pool:is_listed(Key) of
                true -> Pool;
                false -> unmet(Pool)
            end;
        _ ->
            unmet(Pool)
    end;
same_process(_Key, Pool) ->
    unmet(Pool).

%% Until it is found, sessions have their notifications wait in the spare pool.
unmet(Pool) ->
    Pool#{pid := undefined, met => true, untold => true}.

%% Whoever was to open it may have died before it came to that. Another one that is at it does no harm.
ensure_opened(Id, Phase) when Phase =:= opening; Phase =:= leaving ->
    _ = spawn(http_pusher_nif, open_pool, [Id]),
    ok;
ensure_opened(_Id, _Phase) ->
    ok.

%% A spare pool has been handed over.
close(Id, Phase, _DrainTimeout) when Phase =:= spare; Phase =:= closed ->
    http_pusher_nif:close_pool(Id, 0);
close(Id, _Phase, DrainTimeout) ->
    http_pusher_nif:close_pool(Id, DrainTimeout).
