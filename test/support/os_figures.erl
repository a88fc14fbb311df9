%% @doc What this node uses, as the operating system counts it (Linux's /proc).
-module(os_figures).

-export([cpu_seconds/0, written_bytes/0, resident_kb/0, threads/0, threads/1, file_descriptors/0]).

%% Clock ticks per second in /proc (USER_HZ, the same on every Linux).
-define(TICKS, 100).

%% @doc CPU time of this node so far, user and kernel.
-spec cpu_seconds() -> float().
cpu_seconds() ->
    {ok, Stat} = file:read_file("/proc/self/stat"),
    [_, AfterName] = binary:split(Stat, <<") ">>),
    Fields = binary:split(AfterName, <<" ">>, [global]),
    lists:sum([binary_to_integer(lists:nth(N, Fields)) || N <- [12, 13]]) / ?TICKS.

%% @doc Bytes that this node has written to disks so far, as whole pages.
-spec written_bytes() -> non_neg_integer().
written_bytes() ->
    {ok, Io} = file:read_file("/proc/self/io"),
    {match, [Number]} = re:run(Io, "^write_bytes: (\\d+)", [multiline, {capture, all_but_first, binary}]),
    binary_to_integer(Number).

-spec resident_kb() -> non_neg_integer().
resident_kb() ->
    status("VmRSS").

-spec threads() -> pos_integer().
threads() ->
    status("Threads").

%% @doc Threads of another process.
-spec threads(OsPid :: string()) -> pos_integer().
threads(OsPid) ->
    status(OsPid, "Threads").

-spec file_descriptors() -> non_neg_integer().
file_descriptors() ->
    {ok, Descriptors} = file:list_dir("/proc/self/fd"),
    length(Descriptors).

status(Key) ->
    status("self", Key).

status(OsPid, Key) ->
    {ok, Status} = file:read_file(filename:join(["/proc", OsPid, "status"])),
    {match, [Number]} = re:run(Status, ["^", Key, ":\\s*(\\d+)"],
                               [multiline, {capture, all_but_first, binary}]),
    binary_to_integer(Number).
