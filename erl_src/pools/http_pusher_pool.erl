%% @doc One of the host's pools: which pools of the engine stand for it, as the host's pool comes and goes.
%%
%% There are two: the current one, and a spare without options. Notifications wait in the spare while the
%% host has a process whose options have not been read yet. The owner may die between any two of the steps
%% here, so their order matters: the engine is told what it must not forget before the row says so, and the
%% row says what must not be undone before it is done (http_pusher_pool_recovery).
%%
%% http_pusher_pools decides when the host's pools are looked at.
-module(http_pusher_pool).

-export([new/1, create/1, found/4, announced/2, not_opened/2, gone/3, closing/2, close_stopped/3, forget/3]).

-type pool_key() :: http_pusher_pool_key:pool_key().
-type row() :: http_pusher_pool_rows:row().
-type settings() :: http_pusher_settings:settings().
-type options() :: http_pusher_host_pool:options().


%% @doc A pool that has not been looked for yet.
-spec new(pool_key()) -> row().
new(Key) ->
    store(Key, http_pusher_pool_rows:new(create(Key))).


%% @doc A pool of the engine without options. While there is no engine, the owner ends: its successor waits
%% for one.
-spec create(pool_key()) -> http_pusher_nif:pool_id().
create(Key) ->
    case http_pusher_nif:create_pool(http_pusher_pool_key:name(Key)) of
        {ok, Id} -> Id;
        {error, {engine_down, _}} -> exit({shutdown, engine_down})
    end.


store(Key, Row) ->
    http_pusher_pool_rows:store(Key, Row),
    Row.


%%% A pool that the host has, or has again


%% @doc The options of the host's process have been read. `opened': the pool is open with them; `open': files
%% have to be read for that; `unusable': they are not valid options.
-spec found(pool_key(), row(), http_pusher_host_pool:pool(), settings()) ->
          {opened, options(), Warnings :: [binary()], row()} |
          {open, options(), row()} |
          {kept, row()} |
          {unusable, term()}.
found(Key, Row = #{current := Current}, Found, Settings) ->
    http_pusher_spools:open(Key),
    case Current =/= none andalso is_same(Current, Found) andalso resume(Key, Row) of
        true -> keep(Key, Row, Found, options(Key, Found, Settings));
        false -> replace(Key, Row, Found, Settings)
    end.


%% A pool that ended while it was read has defaults for what could not be read. They do not make it another
%% pool, because its lanes would then be in two pools at once.
is_same(#{digest := Digest, given := Given}, #{whole := false, given := Given}) when is_binary(Digest) ->
    true;
is_same(#{digest := Digest}, Found) ->
    Digest =:= digest(Found).


digest(#{options := Options}) ->
    erlang:md5(term_to_binary(Options)).


options({_, Tag}, #{options := Options}, #{http2_pools := Http2}) ->
    Options#{http2 => lists:member(Tag, Http2)}.


%% Noted before the engine resumes it, so that a successor does not drain it to its end.
resume(Key, Row = #{current := #{id := Id}}) ->
    http_pusher_pool_rows:note(Key, Row#{stopping := no}),
    {ok, true} =:= http_pusher_nif:resume_pool(Id).


%% The same settings under another pid: the engine's pool stays, with its connections.
keep(Key, Row = #{current := #{id := Id}, spare := Spare}, #{pid := Pid}, Options) ->
    %% What waits in the spare pool came earlier, so it is handed over before sessions find the current one.
    _ = http_pusher_nif:hand_over(Spare, Id),
    Kept = store(Key, watch(Pid, Row#{spare := create(Key)})),
    _ = http_pusher_nif:close_pool(Spare, 0),
    %% If it waits for its next try to read its files, they may have been mended before the restart.
    case {http_pusher_nif:open_pool(Id), Row} of
        {_, #{announce := false}} -> {kept, Kept};
        {{ok, Warnings}, _} -> {opened, Options, Warnings, Kept};
        _ -> {open, Options, Kept}
    end.


%% Other settings, or the first ones: what waits in the spare pool is sent with these. The spare pool gets
%% them before the row says that it is the current one, and opens before that too if it can at once: a
%% notification may be waiting, and does not need the rest.
replace(Key, Row = #{spare := Id, current := Old}, Found = #{pid := Pid, given := Given}, Settings) ->
    Options = options(Key, Found, Settings),
    Digest = digest(Found),
    http_pusher_pool_rows:note(Key, Row#{next := Digest}),
    try http_pusher_nif:configure_pool(Id, Options) of
        ok ->
            Opened = http_pusher_nif:open_pool(Id),
            Current = #{id => Id, digest => Digest, given => Given},
            Stored = store(Key, watch(Pid, Row#{spare := create(Key), current := Current, announce := true})),
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


watch(Pid, Row = #{timer := Timer}) ->
    unmonitor(Row),
    _ = Timer =:= none orelse erlang:cancel_timer(Timer),
    Row#{
      pid := Pid,
      monitor := erlang:monitor(process, Pid),
      stopping := no,
      timer := none,
      spare_used := false,
      trouble := none
     }.


unmonitor(#{monitor := none}) -> true;
unmonitor(#{monitor := Ref}) -> erlang:demonitor(Ref, [flush]).


%% @doc It is in the log that the pool is open, or why not.
-spec announced(pool_key(), row()) -> row().
announced(Key, Row) ->
    Announced = Row#{announce := false},
    http_pusher_pool_rows:note(Key, Announced),
    Announced.


%% @doc Its options are invalid. A restart tries them again even if they are unchanged, because a file may
%% have been mended.
-spec not_opened(pool_key(), row()) -> row().
not_opened(Key, Row = #{current := #{} = Current}) ->
    store(Key, Row#{current := Current#{digest := undefined}});
%% Closed meanwhile.
not_opened(_Key, Row) ->
    Row.


%%% A pool that the host no longer has


%% @doc The host's process is not there. If the host still lists the pool, it has crashed and comes back, and
%% everything stays.
-spec gone(pool_key(), row(), Drain :: non_neg_integer()) -> row().
gone(_Key, #{timer := Timer} = Row, _Drain) when Timer =/= none ->
    Row;
gone(_Key, #{current := none, spare_used := false} = Row, _Drain) ->
    Row;
gone(Key, Row, Drain) ->
    case http_pusher_host_pool:is_listed(Key) of
        true ->
            Row;
        false ->
            unmonitor(Row),
            Gone = Row#{pid := undefined, monitor := none, stopping := {until, now_ms() + Drain}},
            closing(Key, store(Key, Gone))
    end.


%% @doc Drains a pool that is stopping, and has its owner told when to close it. Also called for what a dead
%% owner has left.
-spec closing(pool_key(), row()) -> row().
closing(Key, Row = #{current := Current, stopping := {until, Until}}) ->
    drain(Current),
    Wait = max(0, Until - now_ms()),
    Row#{timer := erlang:send_after(Wait, self(), {close, Key, Until})};
closing(_Key, Row) ->
    Row.


drain(none) ->
    ok;
drain(#{id := Id}) ->
    _ = http_pusher_nif:drain_pool(Id),
    ok.


%% @doc The time that {@link closing/2} set is over: what the pool still holds fails with `shutdown'.
-spec close_stopped(pool_key(), row(), integer()) -> row().
close_stopped(Key, Row = #{timer := Timer, stopping := {until, Until}}, Until) when Timer =/= none ->
    #{current := Current, spare := Spare} = Row,
    New = create(Key),
    Stored = store(Key,
                   Row#{
                     spare := New,
                     current := none,
                     stopping := no,
                     timer := none,
                     spare_used := false,
                     announce := false
                    }),
    close(Current, 0),
    %% If the host has just started the pool again, what waits in the spare pool came for that.
    _ = [ http_pusher_nif:hand_over(Spare, New)
          || whereis(http_pusher_pool_key:process_name(Key)) =/= undefined ],
    _ = http_pusher_nif:close_pool(Spare, 0),
    Stored;
close_stopped(_Key, Row, _Until) ->
    Row.


%% @doc No handler uses it any more.
-spec forget(pool_key(), row(), Drain :: non_neg_integer()) -> ok.
forget(Key, Row = #{current := Current, spare := Spare}, Drain) ->
    unmonitor(Row),
    close(Current, Drain),
    _ = http_pusher_nif:close_pool(Spare, 0),
    http_pusher_pool_rows:forget(Key).


close(none, _Allowed) ->
    ok;
close(#{id := Id}, Allowed) ->
    _ = http_pusher_nif:close_pool(Id, Allowed),
    ok.


now_ms() ->
    erlang:monotonic_time(millisecond).
