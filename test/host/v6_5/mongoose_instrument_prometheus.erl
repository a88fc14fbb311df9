%% Stands for mongoose_instrument_prometheus at 6.8.0 (src/instrument/, same name) with the part of
%% prometheus 5.0.0 under it that updates touch: a row per metric, labels and scheduler; spirals are
%% counters, histograms have buckets at the powers of two up to 2^30. What an update costs is
%% compared with the real one in ../README.md.
-module(mongoose_instrument_prometheus).

-export([start/1, set_up/3, handle_event/4]).
%% For tests: the sum over all schedulers.
-export([counter/3, reset/2]).

-define(COUNTERS, prometheus_counter_table).
-define(HISTOGRAMS, prometheus_histogram_table).
-define(BUCKETS, [1 bsl N || N <- lists:seq(0, 30)]).
-define(WIDTH, 16).

start(_Opts) ->
    [host_owner:table(Table, [{read_concurrency, true}, {write_concurrency, true}])
     || Table <- [?COUNTERS, ?HISTOGRAMS]],
    prometheus_registry:start().

set_up(Event, Labels, #{metrics := Metrics}) ->
    reset(Event, Labels),
    maps:foreach(
      fun(Metric, spiral) -> inc(name(Event, Metric), values(Labels), 0);
         (_Metric, _Type) -> ok
      end, Metrics),
    true;
set_up(_Event, _Labels, _Config) ->
    false.

handle_event(Event, Labels, #{metrics := Metrics}, Measurements) ->
    Values = values(Labels),
    maps:foreach(
      fun(Metric, Type) ->
              case Measurements of
                  #{Metric := Value} -> update(name(Event, Metric), Values, Type, Value);
                  #{} -> ok
              end
      end, Metrics).

counter(Event, Labels, Metric) ->
    Pattern = {{default, name(Event, Metric), values(Labels), '_'}, '$1', '_'},
    lists:sum(ets:select(?COUNTERS, [{Pattern, [], ['$1']}])).

reset(Event, Labels) ->
    Prefix = atom_to_list(Event) ++ "_",
    [ets:delete(Table, Key)
     || Table <- [?COUNTERS, ?HISTOGRAMS],
        {default, Name, Values, _} = Key <- [element(1, Row) || Row <- ets:tab2list(Table)],
        lists:prefix(Prefix, Name), Values =:= values(Labels)],
    ok.

update(Name, Values, spiral, Value) when is_integer(Value), Value >= 0 ->
    inc(Name, Values, Value);
update(Name, Values, histogram, Value) when is_integer(Value) ->
    observe(Name, Values, Value).

inc(Name, Values, Value) ->
    Key = key(Name, Values),
    try ets:update_counter(?COUNTERS, Key, {2, Value})
    catch
        error:badarg ->
            ets:insert_new(?COUNTERS, {Key, 0, 0}),
            ets:update_counter(?COUNTERS, Key, {2, Value})
    end,
    ok.

observe(Name, Values, Value) ->
    Key = key(Name, Values),
    case ets:lookup(?HISTOGRAMS, Key) of
        [Row] ->
            Position = position(element(2, Row), Value, 5),
            ets:update_counter(?HISTOGRAMS, Key, [{3, Value}, {Position, 1}]),
            ok;
        [] ->
            Row = [Key, ?BUCKETS, 0, 0 | [0 || _ <- ?BUCKETS]] ++ [0],
            ets:insert_new(?HISTOGRAMS, list_to_tuple(Row)),
            observe(Name, Values, Value)
    end.

position([Bound | Rest], Value, Position) when Value > Bound -> position(Rest, Value, Position + 1);
position(_Bounds, _Value, Position) -> Position.

key(Name, Values) ->
    {default, Name, Values, erlang:system_info(scheduler_id) band (?WIDTH - 1)}.

name(Event, Metric) ->
    atom_to_list(Event) ++ "_" ++ atom_to_list(Metric).

values(Labels) ->
    [Value || {_Key, Value} <- lists:keysort(1, maps:to_list(Labels))].
