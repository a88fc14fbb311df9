%% @doc The Rust programs that are measured beside the node: bare clients and the engine alone.
-module(bench_client).

-export([raw/4, raw/5, engine/3, engine/4, compression/0]).

-export_type([endpoint/0]).

-type endpoint() :: string().
%% A program, and arguments before the name of the one to run, as of `http-pusher-bench pinned'.
-type through() :: {Program :: file:filename(), [string()]} | none.

-define(LIMIT_MS, 120000).

%% @doc A bare client: requests per second, and CPU seconds of the client for 100,000 of them.
-spec raw(Client :: string(), endpoint(), {Connections :: pos_integer(), Total :: pos_integer()},
          [string()]) -> {float(), float()}.
raw(Client, Url, Size, More) ->
    raw(Client, Url, Size, More, none).

-spec raw(Client :: string(), endpoint(), {Connections :: pos_integer(), Total :: pos_integer()},
          [string()], through()) -> {float(), float()}.
raw(Client, Url, Size, More, Through) ->
    measure(["raw", "--client", Client | arguments(Url, Size)] ++ More, Through).

%% @doc The same for the engine driven from Rust.
-spec engine(endpoint(), {Connections :: pos_integer(), Total :: pos_integer()}, [string()]) ->
    {float(), float()}.
engine(Url, Size, More) ->
    engine(Url, Size, More, none).

-spec engine(endpoint(), {Connections :: pos_integer(), Total :: pos_integer()}, [string()], through()) ->
    {float(), float()}.
engine(Url, Size, More, Through) ->
    measure(["engine" | arguments(Url, Size)] ++ More, Through).

%% @doc How much smaller a batch of events gets by gzip and zstd, and the microseconds for each event.
-spec compression() -> [{string(), float()}].
compression() ->
    Printed = run(os:getenv("BENCH_BINARY"), ["compression"]),
    [{Key, number(Key, Printed)} || Key <- ["gzip_ratio", "gzip_us", "zstd_ratio", "zstd_us"]].

arguments(Url, {Connections, Total}) ->
    ["--url", Url, "--connections", integer_to_list(Connections),
     "--requests", integer_to_list(Total)].

measure(Arguments, Through) ->
    Binary = os:getenv("BENCH_BINARY"),
    Printed = case Through of
                  none -> run(Binary, Arguments);
                  {Program, Before} -> run(Program, Before ++ [Binary | Arguments])
              end,
    {number("per_second", Printed),
     number("cpu_seconds", Printed) * 100000 / number("requests", Printed)}.

number(Key, Printed) ->
    {match, [Text]} = re:run(Printed, ["\"", Key, "\":([0-9.e+-]+)"],
                             [{capture, all_but_first, list}]),
    try list_to_float(Text) catch error:badarg -> list_to_integer(Text) * 1.0 end.

%% Runs a program to its end and returns what it printed.
run(Program, Arguments) ->
    Port = open_port({spawn_executable, Program}, [{args, Arguments}, binary, exit_status, use_stdio]),
    collect(Port, Program, [], erlang:monotonic_time(millisecond) + ?LIMIT_MS).

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
