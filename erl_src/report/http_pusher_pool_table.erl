%% @doc The numbers as text for an operator: a block for each pool, at most 80 columns wide.
%%
%% A pool is shown once under its name, whatever incarnations it has. A spare pool is left out while it is
%% empty.
-module(http_pusher_pool_table).

-export([head/1, down/1, pools/3]).

-import(http_pusher_text, [row/2, paragraph/2, list/1, printable/1, format/2, number/1, bytes/1, duration_micros/1, duration/1]).


%% @doc The versions, the node and the host types.
-spec head(map()) -> iodata().
head(#{
       version := Version,
       mongooseim := MongooseIM,
       node := Node,
       up := Up,
       host_types := HostTypes
      }) ->
    [paragraph("",
               format("mongoose_http_pusher ~ts in MongooseIM ~ts, ~ts, up ~ts",
                      [Version, MongooseIM, Node, duration(Up)])),
     case HostTypes of
         [] -> "The module runs for no host type.\n";
         _ -> paragraph("", ["The module runs for ", list(HostTypes)])
     end].


%% @doc The application does not run.
-spec down({there | missing, Library :: file:filename_all()}) -> iodata().
down(Library) ->
    ["mongoose_http_pusher does not run on this node. Chat goes on; notifications are\n"
     "rejected with engine_down.\n\n",
     case Library of
         {missing, File} -> ["The library is missing: ", File, "\n"];
         {there, File} -> ["The library is there: ", File, "\n"]
     end,
     "The log line http_pusher_engine_down says why the application ended or could not\n"
     "be started. As long as the module runs for a host type, the start is tried\n"
     "again, after a minute at the latest. `install --check RELEASE_DIR` says whether\n"
     "all is in place. By hand:\n\n"
     "    application:ensure_all_started(mongoose_http_pusher).\n"].


%% @doc Each pool, and what was rejected before it reached one.
-spec pools([http_pusher_nif:pool()],
            [http_pusher_metrics:pool()],
            [http_pusher_metrics:rejected()]) -> iodata().
pools(Pools, Metrics, Rejected) ->
    [case Metrics of
         [] -> "\nThere are no pools yet: none is open, and nothing was handed over.\n";
         _ -> [ pool(F, [ P || P = #{name := N} <- Pools, N =:= maps:get(name, F) ]) || F <- Metrics ]
     end,
     rejected_before(Rejected)].


pool(Metrics = #{name := Name}, Pools) ->
    Current = current(Pools),
    Others = [ Pool || Pool = #{pending := Pending} <- Pools, Pool =/= Current, Pending > 0 ],
    ["\n",
     paragraph("", [printable(Name), ": ", phase(Current)]),
     case Current =:= none andalso Others =:= [] of
         true -> [];
         false ->
             [settings(Current),
              now(Metrics),
              [ other(Pool) || Pool <- Others ],
              endpoints(Metrics),
              oldest(Metrics)]
     end,
     spool(Metrics),
     row("counted", counts(Metrics)),
     row("rejected", reasons(maps:get(rejected, Metrics))),
     queue_time(Metrics),
     last_failure(Metrics)].


%% The pool that sessions find: the open one, or else the one that best explains why none is open.
current(Pools) ->
    Rank = fun(#{phase := open, closing := false}) -> 1;
              (#{phase := broken, closing := false}) -> 2;
              (#{phase := opening}) -> 3;
              (#{phase := spare, pending := Pending}) when Pending > 0 -> 3;
              (#{phase := draining}) -> 4;
              (_) -> 5
           end,
    case lists:sort([ {Rank(Pool), maps:get(id, Pool), Pool} || Pool <- Pools ]) of
        [{R, _, Pool} | _] when R < 5 -> Pool;
        _ -> none
    end.


phase(none) -> "not started, the host runs no such pool now";
phase(#{phase := open}) -> "open";
phase(#{phase := broken}) -> "BROKEN, its options cannot be used";
phase(#{defect := Defect}) when is_binary(Defect) -> "OPENING, tried again until it can be opened";
phase(#{phase := draining}) -> "draining, it was stopped";
phase(#{}) -> "OPENING, notifications wait for its settings".


settings(#{settings := Settings = #{}}) ->
    #{
      host := Host,
      path_prefix := Prefix,
      workers := Workers,
      http2 := Http2,
      request_timeout := Request,
      call_timeout := Call
     } = Settings,
    [row("endpoint",
         [printable(Host),
          printable(Prefix),
          case Http2 of true -> " (HTTP/2)"; false -> "" end]),
     row("settings",
         [number(Workers),
          " workers, request_timeout ",
          duration(Request),
          ", call_timeout ",
          duration(Call),
          waits(Settings)])];
settings(#{defect := Defect}) when is_binary(Defect) ->
    row("why", printable(Defect));
settings(_) ->
    [].


now(#{
      waiting := Waiting,
      in_flight := InFlight,
      workers := Workers,
      pending := Pending,
      pending_bytes := Bytes
     }) ->
    row("now",
        [number(InFlight),
         " in flight, ",
         number(Waiting),
         " waiting, ",
         number(Pending),
         " pending with ",
         bytes(Bytes),
         case Workers > 0 andalso InFlight >= Workers andalso Waiting > 0 of
             true -> " - ALL WORKERS ARE BUSY";
             false -> ""
         end]).


%% Those that are down, and those for which something waits.
endpoints(#{endpoints := Endpoints, postponed := Postponed, limited := Limited}) ->
    [[ row("down",
           [printable(Url),
            " has been down for ",
            duration(Age),
            ", ",
            number(Pending),
            " notifications wait for it"]) || {Url, Age, Pending} <- Endpoints, Age =/= undefined ],
     [ row("postponed", [number(Postponed), " wait for their next attempt"]) || Postponed > 0 ],
     [ row("limited", [number(Limited), " are for handlers whose rate is reached"]) || Limited > 0 ]].


%% On disk, if a handler of the pool delivers at least once.
spool(#{spool := Spool}) ->
    #{
      failing := Failing,
      why := Why,
      waiting := Waiting,
      waiting_bytes := Bytes,
      on_disk_alone := OnDiskAlone,
      oldest := Oldest,
      slowest_commit := Slowest
     } = Spool,
    [row("on disk",
         case Spool of
             #{open := false} when not Failing -> "the file is being opened";
             #{open := false} -> "the file cannot be opened";
             #{} ->
                 [number(Waiting),
                  " with ",
                  bytes(Bytes),
                  ", ",
                  number(OnDiskAlone),
                  " of them not in memory",
                  age(Oldest),
                  "; longest commit ",
                  duration_micros(Slowest)]
         end),
     [ row("DISK FAILS", [printable(Why), "; notifications are in memory alone"])
       || Failing andalso Why =/= undefined ],
     dead_letters(Spool)];
spool(_Metrics) ->
    [].


age(undefined) -> "";
age(Oldest) -> [", the oldest for ", duration(Oldest)].


dead_letters(#{dead_letters := 0}) ->
    [];
dead_letters(#{dead_letters := Dead, dead_letter_bytes := Bytes, reasons := Reasons}) ->
    row("dead letters",
        [number(Dead),
         " with ",
         bytes(Bytes),
         [ [", ", printable(Reason), " ", number(Count)] || {Reason, Count} <- Reasons ]]).


waits(#{when_busy := reject}) -> ", none may wait";
waits(#{max_waiting := undefined}) -> "";
waits(#{max_waiting := Most}) -> [", ", number(Most), " may wait"].


other(#{phase := Phase, waiting := Waiting, in_flight := InFlight}) ->
    row(atom_to_list(Phase),
        ["another pool of this name: ",
         number(InFlight),
         " in flight, ",
         number(Waiting),
         " waiting"]).


oldest(#{oldest_waiting := undefined}) -> row("oldest waiting", "none");
oldest(#{oldest_waiting := Age}) -> row("oldest waiting", ["for ", duration(Age)]).


counts(#{sent := Sent, failed := Failed, retries := Retries}) ->
    [number(Sent), " sent, ", number(Failed), " failed, ", number(Retries), " retries"].


reasons(Counts) ->
    case [ [atom_to_list(Reason), " ", number(Count)] || {Reason, Count} <- Counts, Count > 0 ] of
        [] -> "none";
        Texts -> lists:join(", ", Texts)
    end.


queue_time(#{queue_time := {Ranges, Sum, Longest}}) ->
    case lists:sum([ Count || {_, Count} <- Ranges ]) of
        0 ->
            row("queue time", "nothing has started");
        Count ->
            row("queue time",
                ["mean ",
                 duration_micros(Sum div Count),
                 ", longest ",
                 duration_micros(Longest),
                 ", of ",
                 number(Count),
                 " started"])
    end.


last_failure(#{last_failure := undefined}) ->
    row("last failure", "none");
last_failure(#{last_failure := {Age, Reason, Text, Attempts}}) ->
    row("last failure",
        [duration(Age),
         " ago: ",
         atom_to_list(Reason),
         " after ",
         number(Attempts),
         case Attempts of 1 -> " attempt. "; _ -> " attempts. " end,
         printable(Text)]).


%% The blocks of the pools have what the pools themselves have rejected.
rejected_before(Rejected) ->
    Before = [ {{HostType, PoolName}, {Reason, Count}}
               || {HostType, PoolName, Reason, Count} <- Rejected,
                  Count > 0,
                  Reason =/= queue_full,
                  Reason =/= spool_full,
                  Reason =/= pool_config ],
    case Before of
        [] ->
            "\nRejected before they came to a pool: none\n";
        _ ->
            ["\nRejected before they came to a pool, by host type and pool_name\n",
             [ paragraph("  ",
                         [printable(HostType),
                          [ [", ", printable(PoolName)] || PoolName =/= <<>> ],
                          ": ",
                          reasons(proplists:get_all_values(Key, Before))])
               || Key = {HostType, PoolName} <- lists:usort([ K || {K, _} <- Before ]) ]]
    end.
