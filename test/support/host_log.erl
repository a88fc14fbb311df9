%% Keeps log reports for tests: MongooseIM logs maps with the key what. The newest 10,000 are kept.
-module(host_log).

-export([start/1, stop/0, set_level/1, all/0, what/1, clear/0, wait/3, poll/3]).
-export([log/2]).

-define(TABLE, ?MODULE).
-define(KEPT, 10000).

%% @doc Starts to keep reports of this level and above; what the terminal shows does not change.
-spec start(logger:level()) -> ok.
start(Level) ->
    Self = self(),
    {_Pid, Ref} = spawn_monitor(fun() -> own_table(Self) end),
    receive
        {?MODULE, ready} -> erlang:demonitor(Ref, [flush]);
        {'DOWN', Ref, _, _, Reason} -> error(Reason)
    end,
    Before = maps:get(level, logger:get_primary_config()),
    persistent_term:put({?MODULE, level}, Before),
    [logger:set_handler_config(Id, level, Before)
     || #{id := Id, level := all} <- logger:get_handler_config()],
    ok = logger:set_primary_config(level, Level),
    ok = logger:add_handler(?MODULE, ?MODULE, #{level => all}).

-spec stop() -> ok.
stop() ->
    _ = logger:remove_handler(?MODULE),
    ok = logger:set_primary_config(level, persistent_term:get({?MODULE, level})),
    Owner = ets:info(?TABLE, owner),
    Ref = erlang:monitor(process, Owner),
    Owner ! stop,
    receive {'DOWN', Ref, _, _, _} -> ok end.

-spec set_level(logger:level() | none | all) -> ok.
set_level(Level) ->
    ok = logger:set_primary_config(level, Level).

%% @doc All reports in order.
-spec all() -> [#{level := logger:level(), msg := map(), pid := pid()}].
all() ->
    [Entry || {_, Entry} <- ets:tab2list(?TABLE)].

%% @doc The reports with this what, each with its level.
-spec what(atom()) -> [map()].
what(What) ->
    [Report#{level => Level} || #{level := Level, msg := #{what := W} = Report} <- all(), W =:= What].

-spec clear() -> ok.
clear() ->
    ets:delete_all_objects(?TABLE),
    ok.

%% @doc Waits for at least N reports with this what.
-spec wait(atom(), non_neg_integer(), timeout()) -> {ok, [map()]} | {timeout, [map()]}.
wait(What, N, Timeout) ->
    poll(fun() -> what(What) end, fun(Reports) -> length(Reports) >= N end, Timeout).

%% @doc Reads until the value is accepted or the time (milliseconds) is over.
-spec poll(fun(() -> Value), fun((Value) -> boolean()), timeout()) ->
          {ok, Value} | {timeout, Value}.
poll(Read, Enough, Timeout) ->
    poll_until(Read, Enough, erlang:monotonic_time(millisecond) + Timeout).

%% @private Callback of logger.
-spec log(logger:log_event(), logger:handler_config()) -> ok.
log(#{level := Level, msg := {report, #{} = Report}, meta := #{pid := Pid}}, _Config) ->
    N = erlang:unique_integer([monotonic]),
    ets:insert(?TABLE, {N, #{level => Level, msg => Report, pid => Pid}}),
    case ets:info(?TABLE, size) > ?KEPT of
        true -> ets:delete(?TABLE, ets:first(?TABLE));
        false -> true
    end,
    ok;
log(_Event, _Config) ->
    ok.

own_table(Starter) ->
    ets:new(?TABLE, [named_table, public, ordered_set]),
    Starter ! {?MODULE, ready},
    receive stop -> ok end.

poll_until(Read, Enough, Deadline) ->
    Value = Read(),
    case Enough(Value) of
        true ->
            {ok, Value};
        false ->
            case erlang:monotonic_time(millisecond) < Deadline of
                true -> timer:sleep(5), poll_until(Read, Enough, Deadline);
                false -> {timeout, Value}
            end
    end.
