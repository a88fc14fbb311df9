%% @doc How much of a load's time the busiest reporter runs: close to 1, it is the limit.
-module(bench_reporters).

-export([share/1]).

-define(LIMIT_MS, 60000).

%% @doc The share of the time that Fun takes. The VM says when each reporter is scheduled in and out, which
%% costs the reporter some time of its own.
-spec share(fun(() -> term())) -> float().
share(Fun) ->
    Pids = [Pid || Number <- lists:seq(0, 31), Pid <- [whereis(http_pusher_reporter:name(Number))],
                   is_pid(Pid)],
    Sum = spawn_link(fun() -> sum(#{}, #{}) end),
    Flags = [running, monotonic_timestamp, {tracer, Sum}],
    Begin = erlang:monotonic_time(nanosecond),
    [1 = erlang:trace(Pid, true, Flags) || Pid <- Pids],
    _ = Fun(),
    [1 = erlang:trace(Pid, false, Flags) || Pid <- Pids],
    Took = erlang:monotonic_time(nanosecond) - Begin,
    Ref = erlang:trace_delivered(all),
    receive {trace_delivered, all, Ref} -> ok end,
    Sum ! {ran, self()},
    receive {Sum, Ran} -> lists:max([0 | Ran]) / Took after ?LIMIT_MS -> error(too_long) end.

sum(Since, Ran) ->
    receive
        {trace_ts, Pid, in, _, At} ->
            sum(Since#{Pid => At}, Ran);
        {trace_ts, Pid, out, _, At} when is_map_key(Pid, Since) ->
            {From, Since1} = maps:take(Pid, Since),
            sum(Since1, maps:update_with(Pid, fun(Before) -> Before + At - From end, At - From, Ran));
        {trace_ts, _, out, _, _} ->
            sum(Since, Ran);
        {ran, From} ->
            From ! {self(), maps:values(Ran)}
    end.
