%% @doc One of the host's pools: which pools of the engine stand for it, as the host's come and go.
%%
%% There are two: the *pool*, and a *spare* without options, in which notifications wait while a host's
%% process is there that nobody has asked for its options yet. The owner may die between any two of the
%% steps in here, so their order matters: what the engine must not forget is done before the row says
%% so, and what must not be undone is noted before it is done (http_pusher_pool_recovery).
%%
%% Not here: when the host's pools are looked at (http_pusher_pools).
-module(http_pusher_pool).

-export([new/1, found/4, not_opened/2, gone/3, closing/2, close_stopped/3, forget/3]).

-type pool_key() :: http_pusher_pool_key:pool_key().
-type pool() :: http_pusher_pool_rows:pool().
-type settings() :: http_pusher_settings:settings().
-type options() :: http_pusher_host_pool:options().

%% @doc A pool that nobody has looked for yet.
-spec new(pool_key()) -> pool().
new(Key) ->
    store(Key, #{spare => create(Key), pool => undefined, pid => undefined, digest => undefined}).

create(Key) ->
    {ok, Id} = http_pusher_nif:create_pool(http_pusher_pool_key:name(Key)),
    Id.

store(Key, Pool) ->
    http_pusher_pool_rows:store(Key, Pool),
    Pool.

%%% A pool that the host has (again)

%% @doc The host's process was asked for its options. `opened' where the pool is open with them, `open'
%% where files have to be read for that, `unusable' where they are not even options.
-spec found(pool_key(), pool(), http_pusher_host_pool:pool(), settings()) ->
    {opened, options(), Warnings :: [binary()], pool()} | {open, options(), pool()} |
    {kept, pool()} | {unusable, term()}.
found(Key, Pool = #{pool := Id}, Found, Settings) ->
    case Id =/= undefined andalso is_same(Pool, Found) andalso resume(Key, Pool) of
        true -> keep(Key, Pool, Found, options(Key, Found, Settings));
        false -> replace(Key, Pool, Found, Settings)
    end.

%% One that ended while it was read has defaults for what could not be read. They do not make another pool
%% of it, or the lanes would be in two pools at once.
is_same(#{digest := <<_/binary>>, given := Given}, #{whole := false, given := Given}) ->
    true;
is_same(#{digest := Digest}, Found) ->
    Digest =:= digest(Found).

digest(#{options := Options}) ->
    erlang:md5(term_to_binary(Options)).

options({_, Tag}, #{options := Options}, #{http2_pools := Http2}) ->
    Options#{http2 => lists:member(Tag, Http2)}.

%% Noted before it is wanted again: a successor does not drain it to its end.
resume(Key, Pool = #{pool := Id}) ->
    http_pusher_pool_rows:note(Key, maps:remove(until, Pool)),
    {ok, true} =:= http_pusher_nif:resume_pool(Id).

%% The same settings under another pid: the engine's pool stays, with its connections.
keep(Key, Pool = #{pool := Id, spare := Spare}, #{pid := Pid}, Options) ->
    %% Before sessions find the pool itself: what waits in the spare one came earlier.
    _ = http_pusher_nif:hand_over(Spare, Id),
    Kept = store(Key, watch(Pid, Pool#{spare := create(Key)})),
    _ = http_pusher_nif:close_pool(Spare, 0),
    %% If it waits for its next try to read its files, whoever restarts a pool has mended something.
    _ = http_pusher_nif:open_pool(Id),
    case Pool of
        #{untold := true} -> {open, Options, Kept};
        _ -> {kept, Kept}
    end.

%% Other settings, or the first ones: what waits in the spare pool goes out over these. The spare pool
%% has them before the row says that it is the pool, and where it can it opens before that as well: a
%% notification may be waiting, and the rest is not needed for it.
replace(Key, Pool = #{spare := Id, pool := Old}, Found = #{pid := Pid, given := Given}, Settings) ->
    Options = options(Key, Found, Settings),
    Digest = digest(Found),
    http_pusher_pool_rows:note(Key, Pool#{next => Digest}),
    try http_pusher_nif:configure_pool(Id, Options) of
        ok ->
            Opened = http_pusher_nif:open_pool(Id),
            New = Pool#{spare := create(Key), pool := Id, digest := Digest, given => Given},
            Stored = store(Key, watch(Pid, New)),
            close(Old, maps:get(drain_timeout, Settings)),
            case Opened of
                {ok, Warnings} -> {opened, Options, Warnings, Stored};
                _ -> {open, Options, Stored}
            end;
        {error, Problem} ->
            {unusable, Problem}
    catch
        error:badarg -> {unusable, badarg}
    end.

watch(Pid, Pool) ->
    unmonitor(Pool),
    _ = [erlang:cancel_timer(Timer) || #{closing := Timer} <- [Pool]],
    Watched = maps:without([until, closing, met, untold], Pool),
    Watched#{pid := Pid, monitor => erlang:monitor(process, Pid)}.

unmonitor(#{monitor := Ref}) -> erlang:demonitor(Ref, [flush]);
unmonitor(_Pool) -> true.

%% @doc Its options are of no use. A restart tries again, also with the same.
-spec not_opened(pool_key(), pool()) -> pool().
not_opened(Key, Pool) ->
    store(Key, Pool#{digest := undefined}).

%%% A pool that the host has no more

%% @doc The host's process is not there. A pool that the host still lists has crashed: it comes back,
%% and what there is stays.
-spec gone(pool_key(), pool(), non_neg_integer()) -> pool().
gone(_Key, #{closing := _} = Pool, _Drain) ->
    Pool;
gone(_Key, #{pool := undefined} = Pool, _Drain) when not is_map_key(met, Pool) ->
    Pool;
gone(Key, Pool, Drain) ->
    case http_pusher_host_pool:is_listed(Key) of
        true ->
            Pool;
        false ->
            unmonitor(Pool),
            Gone = maps:remove(monitor, Pool#{pid := undefined, until => now_ms() + Drain}),
            closing(Key, store(Key, Gone))
    end.

%% @doc Drains what is to be closed, and has its owner told in time; after a crash of the owner too.
-spec closing(pool_key(), pool()) -> pool().
closing(Key, Pool = #{pool := Id, until := Until}) ->
    _ = [http_pusher_nif:drain_pool(Id) || Id =/= undefined],
    Wait = max(0, Until - now_ms()),
    Pool#{closing => erlang:send_after(Wait, self(), {close, Key, Until})};
closing(_Key, Pool) ->
    Pool.

%% @doc The time that {@link closing/2} gave it is over: what it still holds fails with `shutdown'.
-spec close_stopped(pool_key(), pool(), integer()) -> pool().
close_stopped(Key, Pool = #{pool := Id, spare := Spare, until := Until, closing := _}, Until) ->
    New = create(Key),
    Closed = maps:without([until, closing, met, untold], Pool),
    Stored = store(Key, Closed#{spare := New, pool := undefined, digest := undefined}),
    close(Id, 0),
    %% Where the host has just started it again, what waits in the spare pool came for that.
    _ = [http_pusher_nif:hand_over(Spare, New)
         || whereis(http_pusher_pool_key:process_name(Key)) =/= undefined],
    close(Spare, 0),
    Stored;
close_stopped(_Key, Pool, _Until) ->
    Pool.

%% @doc No handler uses it any more.
-spec forget(pool_key(), pool(), non_neg_integer()) -> ok.
forget(Key, Pool = #{pool := Id, spare := Spare}, Drain) ->
    unmonitor(Pool),
    close(Id, Drain),
    close(Spare, 0),
    http_pusher_pool_rows:forget(Key).

close(undefined, _Allowed) ->
    ok;
close(Id, Allowed) ->
    _ = http_pusher_nif:close_pool(Id, Allowed),
    ok.

now_ms() ->
    erlang:monotonic_time(millisecond).
