%% @doc What a new owner of the pools makes of the engine's pools and of the rows that a dead owner has
%% left.
%%
%% The owner before may have died between any two of its steps, and one of its jobs, or the rest of a
%% hand-over, may still be running. The order of the steps makes that harmless: a pool's options are in the
%% engine before any row says so, so a pool that has its options is delivered whichever process dies; one
%% that has none is a spare pool, which is handed over as a whole and only once.
-module(http_pusher_pool_recovery).

-export([recover/1]).

-type pool_key() :: http_pusher_pool_key:pool_key().
-type row() :: http_pusher_pool_rows:row().


%% @doc The pools to go on with. Each has a new spare pool, which holds what waited in the spare pools
%% before. A pool of the engine that belongs to no row drains for DrainTimeout milliseconds.
-spec recover(DrainTimeout :: non_neg_integer()) -> #{pool_key() => row()}.
recover(DrainTimeout) ->
    %% A pool that is closing comes to its end by itself.
    Found = [ Pool || Pool = #{closing := false} <- http_pusher_nif:pools() ],
    Present = lists:sort(fun(#{id := A}, #{id := B}) -> A =< B end, Found),
    http_pusher_routes:forget_looks(),
    Rows = maps:from_list([ {Key, recover_row(Key, Row, Present)}
                            || {Key, Row} <- http_pusher_pool_rows:all() ]),
    Kept = [ Id || #{current := #{id := Id}} <- maps:values(Rows) ],
    lists:foreach(fun(#{id := Id, phase := Phase}) ->
                          ensure_opened(Id, Phase),
                          lists:member(Id, Kept) orelse close(Id, Phase, DrainTimeout)
                  end,
                  Present),
    http_pusher_pool_rows:delete_strays(),
    Rows.


%% The hand-over comes before the new routes, because what sessions find by those came later.
recover_row(Key, Old, Present) ->
    New = http_pusher_pool:create(Key),
    Row = in_use(Key, Old#{spare := New, next := none}, Old, Present),
    Taker = case Row of
                #{pid := undefined} -> New;
                #{current := #{id := Id}} -> Id
            end,
    lists:foreach(fun(Spare) -> http_pusher_nif:hand_over(Spare, Taker) end,
                  spares(Key, Present)),
    %% A new engine does not know yet which pools are on disk too, and sessions find the spare pool by the row.
    http_pusher_host_pool:is_listed(Key) andalso http_pusher_spools:open(Key),
    http_pusher_pool_rows:store(Key, Row),
    Row.


%% Oldest first, which is the order of what waits in them. Usually there is one; there are more if an owner
%% has died in here.
spares(Key, Present) ->
    Name = http_pusher_pool_key:name(Key),
    [ Id || #{id := Id, name := N, phase := spare} <- Present, N =:= Name ].


%% The engine may have been restarted, and then has none of the pools.
in_use(Key, Row, #{spare := Spare, next := Next, announce := Announce}, Present) ->
    case {phase(Spare, Present), current_phase(Row, Present)} of
        {Phase, _} when Phase =/= gone, Phase =/= spare, Phase =/= closed ->
            %% The spare pool had been given its options: it becomes the current one, and the other one
            %% drains.
            unmet(Row#{current := configured(Spare, Next, Row), stopping := no});
        {_, Phase} when Phase =:= gone; Phase =:= closed ->
            unmet(Row#{current := none, stopping := no});
        {_, open} when not Announce ->
            same_process(Key, Row);
        {_, _} ->
            unmet(Row)
    end.


configured(Id, none, Row) -> configured(Id, undefined, Row);
configured(Id, Digest, Row) -> #{id => Id, digest => Digest, given => given(Row)}.


given(#{current := none}) -> undefined;
given(#{current := #{given := Given}}) -> Given.


current_phase(#{current := none}, _Present) -> gone;
current_phase(#{current := #{id := Id}}, Present) -> phase(Id, Present).


phase(Id, Present) ->
    case [ Phase || #{id := Same, phase := Phase} <- Present, Same =:= Id ] of
        [Phase] -> Phase;
        [] -> gone
    end.


%% Sessions go on with the pool if the host's process is the one that it was opened for, or has crashed and
%% is to come back.
same_process(Key, Row = #{pid := Pid}) when is_pid(Pid) ->
    case whereis(http_pusher_pool_key:process_name(Key)) of
        Pid ->
            Row#{monitor := erlang:monitor(process, Pid)};
        undefined ->
            case http_pusher_host_pool:is_listed(Key) of
                true -> Row;
                false -> unmet(Row)
            end;
        _ ->
            unmet(Row)
    end;
same_process(_Key, Row) ->
    unmet(Row).


%% Until the host's process is found, sessions have their notifications wait in the spare pool. The owner
%% before may not have logged how the opening ended.
unmet(Row) ->
    Row#{pid := undefined, spare_used := true, announce := true}.


%% The process that was to open it may have died before that. If it is at work still, this does no harm. It does
%% not wait for files; a pool that is closed next delivers what it has accepted only if its opening has begun.
ensure_opened(Id, Phase) when Phase =:= opening; Phase =:= leaving ->
    _ = http_pusher_nif:open_pool(Id),
    ok;
ensure_opened(_Id, _Phase) ->
    ok.


%% A spare pool has been handed over.
close(Id, Phase, _DrainTimeout) when Phase =:= spare; Phase =:= closed ->
    http_pusher_nif:close_pool(Id, 0);
close(Id, _Phase, DrainTimeout) ->
    http_pusher_nif:close_pool(Id, DrainTimeout).
