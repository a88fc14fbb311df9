%% @doc Counts the notifications that sessions reject while the application is down.
%%
%% Sessions count in a persistent term's counters, without calling a process. The starter, which runs while
%% the application is down, adds them to the host's metrics and to the log.
-module(http_pusher_downtime).

-export([new/1, reject/1, rejected/1, report/1]).

-define(KEY(HostType), {?MODULE, HostType}).
%% Rejections that are not in the metrics yet, and those that are.
-define(UNCOUNTED, 1).
-define(COUNTED,   2).


%% @doc Makes the counters of a host type, if it has none. Called when the module starts; sessions only read
%% the persistent term.
-spec new(binary()) -> ok.
new(HostType) ->
    case persistent_term:get(?KEY(HostType), undefined) of
        undefined -> persistent_term:put(?KEY(HostType), counters:new(2, [write_concurrency]));
        _ -> ok
    end.


%% @doc A session's notification found no application.
-spec reject(binary()) -> ok.
reject(HostType) ->
    case persistent_term:get(?KEY(HostType), undefined) of
        undefined -> ok;
        Counter -> counters:add(Counter, ?UNCOUNTED, 1)
    end.


%% @doc How many there were since the module was first started for a host type.
-spec rejected(binary()) -> non_neg_integer() | undefined.
rejected(HostType) ->
    case persistent_term:get(?KEY(HostType), undefined) of
        undefined -> undefined;
        Counter -> counters:get(Counter, ?UNCOUNTED) + counters:get(Counter, ?COUNTED)
    end.


%% @doc Adds what sessions have rejected since the last call to the host's metrics and to the log.
-spec report(binary()) -> ok.
report(HostType) ->
    Counter = persistent_term:get(?KEY(HostType)),
    case counters:get(Counter, ?UNCOUNTED) of
        0 ->
            ok;
        Count ->
            %% In this order, so that the sum never shrinks.
            counters:add(Counter, ?COUNTED, Count),
            counters:sub(Counter, ?UNCOUNTED, Count),
            try
                http_pusher_host:count_failed(http_pusher_host:generation(), HostType, {<<>>, Count})
            catch
                %% The host removes a module's metrics once it has stopped.
                _:_ -> ok
            end,
            http_pusher_log:engine_down(HostType, Count)
    end.
