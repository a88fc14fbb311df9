%% @doc The metrics in Prometheus, if the host runs that (6.3 and later).
%%
%% A collector of the prometheus library, called at every scrape. The library is not there when this is
%% compiled, so this module does not declare its behaviour.
-module(http_pusher_prometheus).

-export([sync/0, remove/0]).
%% Called by the library.
-export([collect_mf/2, deregister_cleanup/1]).

-define(REGISTRY, default).
-define(LIBRARY,  prometheus_registry).


%% @doc Registers the collector if it is not registered.
-spec sync() -> ok.
sync() ->
    case is_running() andalso not ?LIBRARY:collector_registeredp(?REGISTRY, ?MODULE) of
        true -> ?LIBRARY:register_collector(?REGISTRY, ?MODULE);
        false -> ok
    end.


-spec remove() -> ok.
remove() ->
    case is_running() of
        true -> ?LIBRARY:deregister_collector(?REGISTRY, ?MODULE);
        false -> ok
    end.


%% @doc The metric families for a scrape. A failure here would cost the scrape all other metrics.
-spec collect_mf(Registry :: atom(), fun((MetricFamily :: tuple()) -> term())) -> ok.
collect_mf(_Registry, Callback) ->
    Families = try
                   families(http_pusher_metrics:read())
               catch
                   error:_ -> []
               end,
    lists:foreach(Callback, Families).


-spec deregister_cleanup(Registry :: atom()) -> ok.
deregister_cleanup(_Registry) ->
    ok.


is_running() ->
    whereis(prometheus_sup) =/= undefined andalso
    http_pusher_host:exports(?LIBRARY, register_collector, 2).


families({Pools, Rejected}) ->
    Spools = [ Spool || #{spool := Spool} <- Pools ],
    [ family(Family, Pools) || Family <- by_pool() ] ++
    [ create(Name, Type, Help, [ {[{pool, Pool}], Value(Spool)} || Spool = #{pool := Pool} <- Spools ])
      || {Name, Type, Help, Value} <- by_spool() ] ++
    [create(http_pusher_dead_letters,
            gauge,
            "Notifications that were given up, on disk, by reason",
            [ {[{pool, Pool}, {reason, Reason}], Count}
              || #{pool := Pool, reasons := Reasons} <- Spools, {Reason, Count} <- Reasons ])] ++
    [create(http_pusher_endpoint_down,
            gauge,
            "Whether the endpoint at a URL is down, if its deliveries are tried again",
            [ {[{pool, Name}, {url, Url}], down(Down)}
              || #{name := Name, endpoints := Endpoints} <- Pools, {Url, Down, _} <- Endpoints ])] ++
    [create(http_pusher_rejected_total,
            counter,
            "Notifications that were not accepted, by reason",
            [ {[{host_type, HostType}, {pool_name, PoolName}, {reason, Reason}], Count}
              || {HostType, PoolName, Reason, Count} <- Rejected ])].


by_pool() ->
    [{http_pusher_waiting, gauge, "Notifications accepted and not started", number(waiting)},
     {http_pusher_postponed, gauge, "Notifications that wait for their next attempt", number(postponed)},
     {http_pusher_limited, gauge, "Notifications of handlers whose rate is reached", number(limited)},
     {http_pusher_in_flight, gauge, "Requests in flight", number(in_flight)},
     {http_pusher_workers, gauge, "Requests that may be in flight at most", number(workers)},
     {http_pusher_pending, gauge, "Notifications waiting, postponed, in flight, or not counted by the reporter yet", number(pending)},
     {http_pusher_pending_bytes, gauge, "Bytes of the pending notifications", number(pending_bytes)},
     {http_pusher_oldest_waiting_seconds, gauge, "For how long the oldest waiting notification has waited", fun oldest/1},
     {http_pusher_sent_total, counter, "Notifications that a response came back for", number(sent)},
     {http_pusher_failed_total, counter, "Accepted notifications that failed", number(failed)},
     {http_pusher_retries_total, counter, "Attempts beyond a notification's first", number(retries)},
     {http_pusher_outages_total, counter, "How often an endpoint went down", number(outages)},
     {http_pusher_queue_time_seconds, histogram, "From hand-over to the start of the first request", fun queue_time/1}].


by_spool() ->
    [{http_pusher_spool_waiting, gauge, "Notifications on disk that wait or are in flight", number(waiting)},
     {http_pusher_spool_bytes, gauge, "Bytes of the notifications on disk", number(waiting_bytes)},
     {http_pusher_spool_max_bytes, gauge, "Bytes that the notifications on disk may take", number(max_bytes)},
     {http_pusher_spool_on_disk_alone, gauge, "Notifications on disk that are not in memory", number(on_disk_alone)},
     {http_pusher_spool_oldest_seconds, gauge, "The age of the oldest notification on disk", fun oldest_on_disk/1},
     {http_pusher_spool_failing, gauge, "Whether the disk fails, so that notifications are in memory alone", fun failing/1},
     {http_pusher_spool_commits_total, counter, "Transactions on disk", number(commits)},
     {http_pusher_spool_errors_total, counter, "Transactions that failed", number(errors)},
     {http_pusher_spool_slowest_commit_seconds, gauge, "The longest transaction of the last minute", fun slowest_commit/1},
     {http_pusher_dead_letter_bytes, gauge, "Bytes of the dead letters", number(dead_letter_bytes)}].


oldest_on_disk(#{oldest := Oldest}) ->
    seconds_of(Oldest).


failing(#{failing := true}) -> 1;
failing(#{failing := false}) -> 0.


slowest_commit(#{slowest_commit := Microseconds}) ->
    Microseconds / 1000000.


family({Name, Type, Help, Value}, Pools) ->
    create(Name, Type, Help, [ series(Pool, Value(Pool)) || Pool <- Pools ]).


series(#{name := Name}, {Buckets, Count, Sum}) -> {[{pool, Name}], Buckets, Count, Sum};
series(#{name := Name}, Value) -> {[{pool, Name}], Value}.


create(Name, Type, Help, Series) ->
    prometheus_model_helpers:create_mf(Name, Help, Type, Series).


number(Key) ->
    fun(Pool) -> maps:get(Key, Pool) end.


down(undefined) -> 0;
down(_Age) -> 1.


oldest(#{oldest_waiting := Oldest}) -> seconds_of(Oldest).


seconds_of(undefined) -> 0;
seconds_of(Milliseconds) -> Milliseconds / 1000.


%% Buckets are cumulative.
queue_time(#{queue_time := {Ranges, Sum, _Longest}}) ->
    {Buckets, Count} = lists:mapfoldl(fun({UpTo, Count}, Before) ->
                                              {{seconds(UpTo), Before + Count}, Before + Count}
                                      end,
                                      0,
                                      Ranges),
    {Buckets, Count, Sum / 1000000}.


%% Whole seconds are integers, because the library writes a float with all its digits.
seconds(infinity) -> infinity;
seconds(Microseconds) when Microseconds rem 1000000 =:= 0 -> Microseconds div 1000000;
seconds(Microseconds) -> Microseconds / 1000000.
