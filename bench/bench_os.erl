%% @doc This node and other programs as the operating system sees them.
-module(bench_os).

-export([cpu_seconds/0, resident_bytes/0, threads/0, run/2]).

%% Clock ticks a second in /proc (USER_HZ, the same on every Linux).
-define(TICKS, 100).

%% @doc CPU time of this node so far, user and kernel.
-spec cpu_seconds() -> float().
cpu_seconds() ->
    {ok, Stat} = file:read_file("/proc/" ++ os:getpid() ++ "/stat"),
    [_, AfterName] = binary:split(Stat, <<") ">>),
    Fields = binary:split(AfterName, <<" ">>, [global]),
    lists:sum([binary_to_integer(lists:nth(N, Fields)) || N <- [12, 13]]) / ?TICKS.

-spec resident_bytes() -> non_neg_integer().
resident_bytes() ->
    status("VmRSS") * 1024.

-spec threads() -> pos_integer().
threads() ->
    status("Threads").

status(Key) ->
    {ok, Status} = file:read_file("/proc/" ++ os:getpid() ++ "/status"),
    {match, [Number]} = re:run(Status, "^" ++ Key ++ ":\\s*(\\d+)",
                               [multiline, {capture, all_but_first, binary}]),
    binary_to_integer(Number).

%% @doc Runs a program to its end, two minutes at most, and gives what it printed.
-spec run(file:filename_all(), [string()]) -> binary().
run(Program, Args) ->
    Port = open_port({spawn_executable, Program}, [{args, Args}, binary, exit_status, use_stdio]),
    collect(Port, Program, [], erlang:monotonic_time(millisecond) + 120000).

collect(Port, Program, Parts, Until) ->
    receive
        {Port, {data, Data}} -> collect(Port, Program, [Data | Parts], Until);
        {Port, {exit_status, 0}} -> iolist_to_binary(lists:reverse(Parts));
        {Port, {exit_status, Status}} -> error({Program, exit_status, Status})
    after max(0, Until - erlang:monotonic_time(millisecond)) ->
            {os_pid, Pid} = erlang:port_info(Port, os_pid),
            _ = os:cmd("kill " ++ integer_to_list(Pid)),
            error({Program, too_long})
    end.
