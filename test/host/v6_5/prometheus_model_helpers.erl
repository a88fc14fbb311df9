%% Stands for prometheus_model_helpers of prometheus 5.0.0 (src/model/, same name): a family of metrics
%% from tuples, which raise where they do not fit the family's type.
-module(prometheus_model_helpers).

-export([create_mf/4]).

create_mf(Name, Help, Type, Metrics) when is_list(Metrics) ->
    {'MetricFamily', text(Name), text(Help), type(Type), [metric(Type, Metric) || Metric <- Metrics]}.

type(gauge) -> 'GAUGE';
type(counter) -> 'COUNTER';
type(histogram) -> 'HISTOGRAM'.

metric(histogram, {Labels, Buckets, Count, Sum}) when is_integer(Count), is_number(Sum) ->
    {labels(Labels), [{Bound, N} || {Bound, N} <- Buckets, is_integer(N)], Count, Sum};
metric(Type, {Labels, Value}) when is_number(Value), Type =/= histogram ->
    {labels(Labels), Value}.

labels(Labels) ->
    [{text(Name), text(Value)} || {Name, Value} <- Labels].

text(Text) when is_atom(Text) -> atom_to_binary(Text, utf8);
text(Text) -> iolist_to_binary(Text).
