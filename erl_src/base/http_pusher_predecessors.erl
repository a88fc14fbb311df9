%% @doc For a supervisor that starts after one that was killed: the processes of that one have their names until they
%% have ended.
%%
%% They end by themselves, but first finish what they are doing. A supervisor that cannot start its processes
%% until then would fail again and again, and the whole tree would give up.
-module(http_pusher_predecessors).

-export([await/2]).


%% @doc Returns when no process has one of these names any more. Those that take longer than AtMost milliseconds are
%% killed.
-spec await([atom()], non_neg_integer()) -> ok.
await(Names, AtMost) ->
    Monitors = [ {erlang:monitor(process, Name), Name} || Name <- Names ],
    Deadline = now_ms() + AtMost,
    lists:foreach(fun(Monitor) -> await_one(Monitor, Deadline) end, Monitors).


await_one({Ref, Name}, Deadline) ->
    receive
        {'DOWN', Ref, process, _, _} -> ok
    after
        max(0, Deadline - now_ms()) ->
            _ = [ exit(Pid, kill) || Pid <- [whereis(Name)], is_pid(Pid) ],
            receive {'DOWN', Ref, process, _, _} -> ok end
    end.


now_ms() ->
    erlang:monotonic_time(millisecond).
