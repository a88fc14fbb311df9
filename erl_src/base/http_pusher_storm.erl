%% @doc Log lines that may come in a storm: of each kind one line a second, with a count.
%%
%% Any process adds to a kind. The first of its kind is written at once; what follows within a second is
%% counted in the table, and written by the one process that calls due/0.
-module(http_pusher_storm).

-export([new/0, add/3, due/0]).

-export_type([kind/0, line/0]).

-type kind() :: {failed, Pool :: binary(), Reason :: atom()} | {uncounted, HostType :: binary()}.
-type line() :: {Report :: map(), Meta :: map()}.

%% A row: {Kind, when the last line was written, how many have come since, the first of those}.
-define(TABLE,         ?MODULE).
-define(LAST,          2).
-define(COUNT,         3).
-define(EXAMPLE,       4).
-define(BETWEEN_LINES, 1000).


-spec new() -> ok.
new() ->
    ?TABLE = ets:new(?TABLE, [named_table, public, {write_concurrency, true}]),
    ok.


%% @doc Counts so many of a kind. Line is called only for a line to be written, now or later.
-spec add(kind(), pos_integer(), fun(() -> line())) -> ok.
add(Kind, Count, Line) ->
    try ets:update_counter(?TABLE, Kind, {?COUNT, Count}) of
        Count ->
            _ = ets:update_element(?TABLE, Kind, {?EXAMPLE, Line()}),
            ok;
        _ ->
            ok
    catch
        error:badarg -> first(Kind, Count, Line)
    end.


first(Kind, Count, MakeLine) ->
    Line = MakeLine(),
    try ets:insert_new(?TABLE, {Kind, now_ms(), 0, Line}) of
        true -> write(Count, Line);
        %% Another process was first.
        false -> add(Kind, Count, MakeLine)
    catch
        %% The application ends, and its table is gone.
        error:badarg -> write(Count, Line)
    end.


%% @doc Writes the lines whose second is over; returns when the next one may be due, in milliseconds.
-spec due() -> Wait :: non_neg_integer().
due() ->
    case ets:info(?TABLE, size) of
        Rows when is_integer(Rows), Rows > 0 ->
            Now = now_ms(),
            All = ets:select(?TABLE, [{{'$1', '$2', '$3', '_'}, [], [{{'$1', '$2', '$3'}}]}]),
            lists:foldl(fun(Row, Wait) -> min(Wait, due(Row, Now)) end, ?BETWEEN_LINES, All);
        _ ->
            ?BETWEEN_LINES
    end.


due({_Kind, Last, _Count}, Now) when Now - Last < ?BETWEEN_LINES ->
    Last + ?BETWEEN_LINES - Now;
due({Kind, Last, 0}, _Now) ->
    %% Unless another process has just counted one.
    _ = ets:select_delete(?TABLE, [{{Kind, Last, 0, '_'}, [], [true]}]),
    ?BETWEEN_LINES;
due({Kind, _Last, Count}, Now) ->
    Line = ets:lookup_element(?TABLE, Kind, ?EXAMPLE),
    true = ets:update_element(?TABLE, Kind, {?LAST, Now}),
    _ = ets:update_counter(?TABLE, Kind, {?COUNT, -Count}),
    write(Count, Line),
    ?BETWEEN_LINES.


write(Count, {Report, Meta}) ->
    logger:warning(Report#{count => Count}, Meta).


now_ms() ->
    erlang:monotonic_time(millisecond).
