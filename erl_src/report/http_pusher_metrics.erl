%% @doc Counters and gauges by pool name and by host type, read from the engine and cached for a second for
%% readers that ask for one number at a time.
%%
%% Reading the engine goes over every pool. Exometer asks for each number separately, so the last numbers
%% are kept in a table; a reader that finds them older than a second reads the engine again.
-module(http_pusher_metrics).

-export([new/0, read/0, names/0, number/2]).

-export_type([pool_key/0, rejected_key/0, what/0, rejected/0, pool/0]).

-type pool_key() :: {pool, Name :: binary()}.
-type rejected_key() :: {rejected, HostType :: binary(), PoolName :: binary()}.
-type what() :: atom().
-type rejected() :: {HostType :: binary(),
                     PoolName :: binary(),
                     Reason :: atom(),
                     non_neg_integer()}.

%% `spool' is there if the pool has one: a map of http_pusher_nif:metrics() with one key more.
-type pool() :: #{name := binary(), spool => http_pusher_nif:spool(), atom() => term()}.

-define(TABLE,   ?MODULE).
-define(FRESH,   1000).
-define(READ_AT, read_at).


-spec new() -> ok.
new() ->
    ?TABLE = ets:new(?TABLE, [named_table, public, {read_concurrency, true}]),
    ok.


%% @doc The numbers now. What sessions rejected while the application was down has an empty `PoolName',
%% because they could not look up the handler's pool.
-spec read() -> {[pool()], [rejected()]}.
read() ->
    {Pools, Rejected} = http_pusher_nif:metrics(),
    Down = [ {HostType, <<>>, engine_down, Count}
             || HostType <- http_pusher_nif:host_types(),
                Count <- [http_pusher_downtime:rejected(HostType)],
                Count =/= undefined ],
    Spools = maps:from_list([ {Name, Spool} || Spool = #{pool := Name} <- http_pusher_nif:spools() ]),
    {[ with_spool(Pool, Spools) || Pool <- Pools ], Rejected ++ Down}.


with_spool(Pool = #{name := Name}, Spools) ->
    case Spools of
        #{Name := Spool} -> Pool#{spool => Spool};
        #{} -> Pool
    end.


%% @doc The pools and handlers that have numbers, and which numbers; as of now.
-spec names() -> [{pool_key() | rejected_key(), [what()]}].
names() ->
    [ {Key, maps:keys(Numbers)} || {Key, Numbers} <- look() ].


%% @doc One number, at most a second old. 0 if there is no such number or the engine is down: the caller
%% asks for many numbers in a row, and an error would spoil them all.
-spec number(pool_key() | rejected_key(), what()) -> non_neg_integer().
number(Key, What) ->
    try
        refresh(),
        [{_, #{What := Number}}] = ets:lookup(?TABLE, Key),
        Number
    catch
        error:_ -> 0
    end.


%% Written before the engine is read, so that other readers use the table meanwhile.
refresh() ->
    Now = erlang:monotonic_time(millisecond),
    case ets:lookup(?TABLE, ?READ_AT) of
        [{_, ReadAt}] when Now - ReadAt < ?FRESH -> ok;
        _ ->
            true = ets:insert(?TABLE, {?READ_AT, Now}),
            _ = look(),
            ok
    end.


look() ->
    {Pools, Rejected} = read(),
    Rows = [ {{pool, Name}, numbers(Pool)} || #{name := Name} = Pool <- Pools ] ++ by_handler(Rejected),
    true = ets:insert(?TABLE, Rows),
    Rows.


%% Times are in milliseconds, because the host's metrics API shows no number above 2^31, which a sum of
%% microseconds soon exceeds. Counters are never rates or means: those follow from two readings.
numbers(Pool) ->
    #{
      rejected := Rejected,
      queue_time := {Ranges, Sum, Longest},
      oldest_waiting := Oldest,
      endpoints := Endpoints
     } = Pool,
    Numbers = maps:with([waiting, postponed, limited, in_flight, workers, pending, pending_bytes, sent, failed,
                         retries, outages],
                        Pool),
    (maps:merge(Numbers, spool(Pool)))#{
      rejected => lists:sum([ Count || {_, Count} <- Rejected ]),
      started => lists:sum([ Count || {_, Count} <- Ranges ]),
      queue_time => Sum div 1000,
      queue_time_max => Longest div 1000,
      endpoints_down => length([ Url || {Url, Down, _} <- Endpoints, Down =/= undefined ]),
      oldest_waiting => or_zero(Oldest)
     }.


spool(#{spool := Spool}) ->
    #{
      failing := Failing,
      waiting := Waiting,
      waiting_bytes := Bytes,
      max_bytes := MaxBytes,
      on_disk_alone := OnDiskAlone,
      oldest := Oldest,
      dead_letters := Dead,
      dead_letter_bytes := DeadBytes,
      commits := Commits,
      errors := Errors,
      slowest_commit := Slowest
     } = Spool,
    #{
      spool_failing => case Failing of true -> 1; false -> 0 end,
      spool_waiting => Waiting,
      spool_bytes => Bytes,
      spool_max_bytes => MaxBytes,
      spool_on_disk_alone => OnDiskAlone,
      spool_oldest => or_zero(Oldest),
      spool_commits => Commits,
      spool_errors => Errors,
      spool_slowest_commit => Slowest div 1000,
      dead_letters => Dead,
      dead_letter_bytes => DeadBytes
     };
spool(_Pool) ->
    #{}.


or_zero(undefined) -> 0;
or_zero(Age) -> Age.


by_handler(Rejected) ->
    Rows = lists:foldl(
             fun({HostType, PoolName, Reason, Count}, Acc) ->
                     Key = {rejected, HostType, PoolName},
                     Acc#{Key => (maps:get(Key, Acc, #{}))#{Reason => Count}}
             end,
             #{},
             Rejected),
    maps:to_list(Rows).
