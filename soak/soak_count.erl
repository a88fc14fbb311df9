%% @doc Counts what the soak's host hands to the module, independently of the module.
%%
%% It uses the VM's tracing, which is exact and changes nothing: calls of the module, calls of the
%% function that handles one handler, what the starter counts as rejected while there is no engine, and
%% what the host's metrics refused because they were gone.
-module(soak_count).

-export([start/0, counts/1]).

-type counts() :: #{events | notifications | engine_down | metric_refused := non_neg_integer()}.

-define(EVENT, {mod_event_pusher_http, push_event, 3}).
-define(NOTIFICATION, {http_pusher_push, hand_over, 4}).
-define(ENGINE_DOWN, {http_pusher_log, engine_down, 2}).
-define(UNCOUNTED, {http_pusher_log, uncounted, 3}).

%% @doc Starts to count the calls of all processes.
-spec start() -> pid().
start() ->
    [{module, Module} = code:ensure_loaded(Module)
     || {Module, _, _} <- [?EVENT, ?NOTIFICATION, ?ENGINE_DOWN]],
    Sum = spawn_link(fun() -> sum(#{engine_down => 0, metric_refused => 0}) end),
    [1 = erlang:trace_pattern(Function, true, [call_count]) || Function <- [?EVENT, ?NOTIFICATION]],
    1 = erlang:trace_pattern(?ENGINE_DOWN, true, [local]),
    1 = erlang:trace_pattern(?UNCOUNTED, [{['$1', '_', '_'], [{'=/=', '$1', ok}], []}], [local]),
    _ = erlang:trace(all, true, [call, {tracer, Sum}]),
    Sum.

%% @doc The counts so far.
-spec counts(pid()) -> counts().
counts(Sum) ->
    %% After this, everything traced so far has arrived.
    Ref = erlang:trace_delivered(all),
    receive {trace_delivered, all, Ref} -> ok end,
    Sum ! {counts, self()},
    receive
        {Sum, Counts} -> Counts#{events => calls(?EVENT), notifications => calls(?NOTIFICATION)}
    end.

calls(Function) ->
    {call_count, Count} = erlang:trace_info(Function, call_count),
    Count.

sum(Sums) ->
    receive
        {trace, _, call, {_, engine_down, [_, Count]}} -> sum(add(engine_down, Count, Sums));
        {trace, _, call, {_, uncounted, [_, _, Count]}} -> sum(add(metric_refused, Count, Sums));
        {counts, From} ->
            From ! {self(), Sums},
            sum(Sums)
    end.

add(Key, Count, Sums) ->
    maps:update_with(Key, fun(Sum) -> Sum + Count end, Sums).
