%% Stands for prometheus_text_format of prometheus 5.0.0 (src/formats/, same name): the default
%% registry's collectors as a scrape gets them, as far as collectors from outside the library go.
-module(prometheus_text_format).

-export([format/0]).

format() ->
    iolist_to_binary([collect(Collector) || Collector <- prometheus_registry:collectors(default)]).

%% A family is written as soon as the collector shows it.
collect(Collector) ->
    Written = make_ref(),
    Callback = fun(Family) -> put(Written, [get_list(Written), family(Family)]) end,
    ok = Collector:collect_mf(default, Callback),
    erase(Written).

get_list(Key) ->
    case get(Key) of
        undefined -> [];
        List -> List
    end.

family({'MetricFamily', Name, Help, Type, Metrics}) ->
    ["# TYPE ", Name, " ", string:lowercase(atom_to_list(Type)), "\n# HELP ", Name, " ", Help, "\n",
     [metric(Name, Metric) || Metric <- Metrics]].

metric(Name, {Labels, Value}) ->
    series(Name, Labels, Value);
metric(Name, {Labels, Buckets, Count, Sum}) ->
    [[series([Name, "_bucket"], Labels ++ [{<<"le">>, bound(Bound)}], N) || {Bound, N} <- Buckets],
     series([Name, "_count"], Labels, Count), series([Name, "_sum"], Labels, Sum)].

series(Name, Labels, Value) ->
    [Name, ${, lists:join($,, [[Label, $=, $", escape(Text), $"] || {Label, Text} <- Labels]), $}, $\s,
     io_lib:format("~p", [Value]), $\n].

bound(infinity) -> <<"+Inf">>;
bound(Bound) when is_integer(Bound) -> integer_to_binary(Bound);
bound(Bound) when is_float(Bound) -> list_to_binary(float_to_list(Bound)).

escape(Text) ->
    [case Char of
         $\\ -> "\\\\";
         $" -> "\\\"";
         $\n -> "\\n";
         _ -> Char
     end || <<Char>> <= Text].
