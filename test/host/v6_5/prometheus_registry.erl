%% Stands for prometheus_registry of prometheus 5.0.0 (src/prometheus_registry.erl): the collectors of
%% each registry. The application shows by the process prometheus_sup that it runs; without it, its
%% table is not there and every call raises badarg.
-module(prometheus_registry).

-export([register_collector/2, deregister_collector/2, collector_registeredp/2, collectors/1, clear/1]).
%% For tests: the application as it is started and stopped.
-export([start/0, stop/0]).

-define(TABLE, prometheus_registry_table).

start() ->
    ok = host_owner:table(?TABLE, [bag, {read_concurrency, true}]),
    case whereis(prometheus_sup) of
        undefined -> host_owner:process(prometheus_sup, fun() -> receive stop -> ok end end), ok;
        _Running -> ok
    end.

stop() ->
    ok = host_owner:end_process(prometheus_sup),
    ok = host_owner:delete_table(?TABLE).

register_collector(Registry, Collector) ->
    ets:insert(?TABLE, {Registry, Collector}),
    ok.

deregister_collector(Registry, Collector) ->
    ets:delete_object(?TABLE, {Registry, Collector}),
    Collector:deregister_cleanup(Registry),
    ok.

collector_registeredp(Registry, Collector) ->
    lists:member({Registry, Collector}, ets:lookup(?TABLE, Registry)).

collectors(Registry) ->
    [Collector || {_, Collector} <- ets:lookup(?TABLE, Registry)].

clear(Registry) ->
    [Collector:deregister_cleanup(Registry) || {_, Collector} <- ets:take(?TABLE, Registry)],
    ok.
