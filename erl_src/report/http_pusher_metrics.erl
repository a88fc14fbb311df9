%% @doc What there is to watch, by pool name and by host type: read from the engine, and kept for a
%% second for those who ask for one number at a time.
%%
%% A look at the engine goes over every pool. Exometer asks for each number by itself, so what the
%% last look saw is in a table; whoever finds it older than a second looks again. Not here: where the
%% numbers are shown.
-module(http_pusher_metrics).

-export([new/0, read/0, names/0, number/2]).

-export_type([pool_key/0, rejected_key/0, what/0, rejected/0]).

-type pool_key() :: {pool, Name :: binary()}.
-type rejected_key() :: {rejected, HostType :: binary(), PoolName :: binary()}.
-type what() :: atom().
-type rejected() :: {HostType :: binary(), PoolName :: binary(), Reason :: atom(),
                     non_neg_integer()}.

-define(TABLE, ?MODULE).
-define(FRESH, 1000).
-define(READ_AT, read_at).

-spec new() -> ok.
new() ->
    ?TABLE = ets:new(?TABLE, [named_table, public, {read_concurrency, true}]),
    ok.

%% @doc The figures now. What sessions rejected while the application was down, without a look at the
%% handler's pool, has an empty `PoolName'.
-spec read() -> {[http_pusher_nif:figures()], [rejected()]}.
read() ->
    {Pools, Rejected} = http_pusher_nif:figures(),
    Down = [{HostType, <<>>, engine_down, Count}
            || HostType <- http_pusher_nif:host_types(),
               Count <- [http_pusher_downtime:rejected(HostType)], Count =/= undefined],
    {Pools, Rejected ++ Down}.

%% @doc Whose numbers there are, and which ones; as of now.
-spec names() -> [{pool_key() | rejected_key(), [what()]}].
names() ->
    [{Key, maps:keys(Numbers)} || {Key, Numbers} <- look()].

%% @doc One number, at most a second old. 0 where there is no such number, or nothing to ask: what
%% calls this, for many numbers in a row, must never find an error among them.
-spec number(pool_key() | rejected_key(), what()) -> non_neg_integer().
number(Key, What) ->
    try
        refresh(),
        [{_, #{What := Number}}] = ets:lookup(?TABLE, Key),
        Number
    catch
        error:_ -> 0
    end.

%% Said before the look, so that others who ask meanwhile take what is there.
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
    Rows = [{{pool, Name}, numbers(Pool)} || #{name := Name} = Pool <- Pools] ++ by_handler(Rejected),
    true = ets:insert(?TABLE, Rows),
    Rows.

%% Times are in milliseconds: the host's metrics API shows no number above 2^31, which a sum of
%% microseconds is soon. What is counted is never a rate or a mean: those are made of two looks.
numbers(Pool) ->
    #{rejected := Rejected, queue_time := {Ranges, Sum, Longest}, oldest_waiting := Oldest} = Pool,
    Numbers = maps:with([waiting, in_flight, workers, pending, pending_bytes, sent, failed, retries],
                        Pool),
    Numbers#{rejected => lists:sum([Count || {_, Count} <- Rejected]),
             started => lists:sum([Count || {_, Count} <- Ranges]),
             queue_time => Sum div 1000,
             queue_time_max => Longest div 1000,
             oldest_waiting => or_zero(Oldest)}.

or_zero(undefined) -> 0;
or_zero(Age) -> Age.

by_handler(Rejected) ->
    Rows = lists:foldl(
             fun({HostType, PoolName, Reason, Count}, Acc) ->
                     Key = {rejected, HostType, PoolName},
                     Acc#{Key => (maps:get(Key, Acc, #{}))#{Reason => Count}}
             end, #{}, Rejected),
    maps:to_list(Rows).
