%% Stands for mongoose_metrics at 5.0.0 (src/metrics/mongoose_metrics.erl), on exometer's stand-in.
%% A metric's name is [HostType | Name] with blanks of the host type as "_", or [global | Name] with
%% all_metrics_are_global. ensure_metric/3 of a metric that is there gives {ok, already_present},
%% of another type it crashes; update/3 of one that is not gives {error, not_found}. Metrics live
%% until the node stops: stopping a module removes none.
-module(mongoose_metrics).

-export([ensure_metric/3, update/3, get_metric_value/1, get_metric_value/2, get_metric_values/1,
         get_host_type_metric_names/1, make_host_type_name/1,
         remove_host_type_metrics/1, remove_all_metrics/0]).

ensure_metric(HostType, Metric, Type) when is_atom(Metric) ->
    ensure_metric(HostType, [Metric], Type);
ensure_metric(HostType, Metric, Type) ->
    Name = name(HostType, Metric),
    case exometer:info(Name, type) of
        undefined -> create(Name, Type);
        Type -> {ok, already_present}
    end.

update(HostType, Metric, Change) when is_list(Metric) ->
    exometer:update(name(HostType, Metric), Change);
update(HostType, Metric, Change) ->
    update(HostType, [Metric], Change).

get_metric_value(HostType, Metric) when is_list(Metric) ->
    get_metric_value(name(HostType, Metric));
get_metric_value(HostType, Metric) ->
    get_metric_value(HostType, [Metric]).

get_metric_value(Name) ->
    exometer:get_value(Name).

get_metric_values(Prefix) when is_list(Prefix) ->
    exometer:get_values(Prefix);
get_metric_values(HostType) ->
    exometer:get_values([HostType]).

get_host_type_metric_names(HostType) ->
    [Metric || {[_ | Metric], _, _} <- exometer:find_entries([make_host_type_name(HostType)])].

make_host_type_name(HostType) when is_atom(HostType) -> HostType;
make_host_type_name(HostType) -> binary:replace(HostType, <<" ">>, <<"_">>, [global]).

remove_host_type_metrics(HostType) ->
    remove(exometer:find_entries([make_host_type_name(HostType)])).

remove_all_metrics() ->
    remove(exometer:find_entries([])).

create(Name, Type) ->
    try exometer:new(Name, Type)
    catch error:exists -> {ok, already_present}
    end.

remove(Entries) ->
    lists:foreach(fun({Name, _Type, _Status}) -> exometer:delete(Name) end, Entries).

name(HostType, Metric) ->
    case ejabberd_config:get_local_option(all_metrics_are_global) of
        true -> [global | Metric];
        _ -> [make_host_type_name(HostType) | Metric]
    end.
