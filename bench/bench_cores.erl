%% @doc How throughput follows the cores: a node that is pinned to 1, 2, 4 ... of this machine's cores, and the
%% endpoint on the others. On a machine with two cores, or one, the endpoint shares the node's in the last
%% point, which is said.
%%
%% With each number of cores this module, the synchronous pool, the engine alone and bare hyper are measured
%% in turn; with the highest, this module also with fewer threads, with another number of reporters, and all
%% with four times the connections.
-module(bench_cores).

-export([scaling/1, table/1]).
%% Called in the other node.
-export([start_pools/1, product/2, sync/3]).

-define(LONG_MS, 600000).
-define(CONNECTIONS, 50).
-define(CALLERS, 200).
%% More pending notifications per core than the reporters or the endpoint need to be busy all the time.
-define(WINDOW, 10000).
-define(ADDRESS, {127, 0, 0, 1}).

-type sample() :: {string(), float()}.

-spec scaling(#{total := pos_integer(), long := pos_integer(), _ => _}) -> [sample()].
scaling(#{total := Total, long := Rounds}) ->
    Allowed = allowed(),
    Points = points(Allowed),
    {Most, _, _} = lists:last(Points),
    lists:append([point(Point, length(Cores) =:= length(Most), Total, Rounds)
                  || Point = {Cores, _, _} <- Points]).

%% {cores of the node, cores of the endpoint, whether they share them}.
points([Only]) ->
    [{[Only], [Only], shared}];
points(Allowed = [First, Second]) ->
    [{[First], [Second], apart}, {Allowed, Allowed, shared}];
points(Allowed) ->
    [{Node, Rest, apart} || Count <- [1, 2, 4, 8, 16, 32], Count =< length(Allowed) div 2,
                            {Node, Rest} <- [lists:split(Count, Allowed)]].

%% Numbers of the cores that this process may use.
allowed() ->
    {ok, Status} = file:read_file("/proc/self/status"),
    {match, [List]} = re:run(Status, "Cpus_allowed_list:\\s*(\\S+)", [{capture, all_but_first, list}]),
    lists:append([case string:split(Range, "-") of
                      [One] -> [list_to_integer(One)];
                      [Low, High] -> lists:seq(list_to_integer(Low), list_to_integer(High))
                  end || Range <- string:lexemes(List, ",")]).

point({Cores, Others, Shared}, IsLast, Total, Rounds) ->
    Count = length(Cores),
    io:format(standard_error, "~b core~ts of ~b~ts~n",
              [Count, [$s || Count > 1], length(allowed()),
               [", which the endpoint shares" || Shared =:= shared]]),
    Endpoint = test_endpoint:start(#{record => false, threads => length(Others), through => pinned(Others)}),
    Usual = {integer_to_list(Count), #{}, ?CONNECTIONS},
    More = [Variant || IsLast, Variant <- variants(Count)],
    Peers = [{Variant, peer_node(Cores, Env, Connections, Endpoint)}
             || Variant = {_, Env, Connections} <- [Usual | More]],
    Load = #{callers => ?CALLERS, senders => ?CALLERS, total => Total * Count,
             window => min(80000, ?WINDOW * Count)},
    Contestants = lists:append([contestants(Variant, Peer, Cores, Endpoint, Load) || {Variant, Peer} <- Peers]),
    Samples = [{Name, Value} || _ <- lists:seq(1, Rounds), {Names, Measure} <- Contestants,
                                {Name, Value} <- lists:zip(Names, tuple_to_list(Measure()))],
    [host_ctl:stop_peer(Peer) || {_, Peer} <- Peers],
    test_endpoint:stop(Endpoint),
    Samples ++ [{"cores_most" ++ Rest, Value} || IsLast, {"cores_" ++ Name, Value} <- Samples,
                                                 {Label, Rest} <- [label(Name)],
                                                 Label =:= integer_to_list(Count)].

label(Name) ->
    lists:splitwith(fun(C) -> C =/= $_ end, Name).

%% Beside the defaults. On a small machine one reporter is the default, so there are two; else there is one.
variants(Count) ->
    Label = integer_to_list(Count),
    Threads = max(1, Count div 2),
    Reporters = case Count div 4 > 1 of true -> 1; false -> 2 end,
    [{Label ++ " with " ++ integer_to_list(Threads) ++ " thread" ++ [$s || Threads > 1],
      #{tokio_threads => Threads}, ?CONNECTIONS} || Count > 1]
        ++ [{Label ++ " with " ++ integer_to_list(Reporters) ++ " reporter" ++ [$s || Reporters > 1],
             #{reporters => Reporters}, ?CONNECTIONS},
            {Label ++ " with " ++ integer_to_list(4 * ?CONNECTIONS) ++ " connections",
             #{}, 4 * ?CONNECTIONS}].

%% A variant of the settings concerns this module alone.
contestants({Label, Env, Connections}, Peer, Cores, Endpoint, Load = #{total := Total}) ->
    Call = fun(Function, Arguments) -> host_ctl:call(Peer, ?MODULE, Function, Arguments) end,
    Url = test_endpoint:url(Endpoint, "/notifications"),
    Through = pinned(Cores),
    Others = [{"sync", fun() -> Call(sync, [test_endpoint:port(Endpoint), Connections, Load]) end},
              {"engine", fun() -> bench_client:engine(Url, {Connections, Total}, [], Through) end},
              {"hyper", fun() -> bench_client:raw("hyper", Url, {Connections, Total}, [], Through) end}],
    [{["cores_" ++ Label ++ "_" ++ Name ++ "_" ++ What || What <- ["per_second", "cpu"]], Measure}
     || {Name, Measure} <- [{"product", fun() -> Call(product, [Connections, Load]) end}
                            | [Other || map_size(Env) =:= 0, Other <- Others]]].

pinned(Cores) ->
    {os:getenv("BENCH_BINARY"), ["pinned", "--cores", lists:join(",", [integer_to_list(Core) || Core <- Cores]),
                                 "--"]}.

peer_node(Cores, Env, Connections, Endpoint) ->
    {Program, Arguments} = pinned(Cores),
    Erl = filename:join([code:root_dir(), "bin", "erl"]),
    Peer = host_ctl:start_peer(v6_5, #{hosts => [host_type(Connections)], log => warning, record => false,
                                       env => maps:to_list(Env),
                                       exec => {Program, [lists:flatten(A) || A <- Arguments] ++ [Erl]}}),
    ok = host_ctl:call(Peer, ?MODULE, start_pools, [{Connections, test_endpoint:url(Endpoint)}]),
    Peer.

%% @doc What was measured, as a Markdown table: notifications a second, and CPU seconds of the node (or of the
%% program) for 100,000.
-spec table([sample()]) -> iolist().
table(Samples) ->
    Labels = lists:foldl(fun({"cores_" ++ Name, _}, Seen) ->
                                 {Label, _} = label(Name),
                                 [Label || not lists:member(Label, Seen), Label =/= "most"] ++ Seen
                         end, [], Samples),
    Names = ["product", "sync", "engine", "hyper"],
    ["| cores | this product | synchronous pool of the benchmark | engine alone, Rust | bare hyper |\n"
     "| --- | --- | --- | --- | --- |\n",
     [["| ", Label, [[" | ", cell(Label, Name, Samples)] || Name <- Names], " |\n"]
      || Label <- lists:reverse(Labels)]].

cell(Label, Name, Samples) ->
    Prefix = "cores_" ++ Label ++ "_" ++ Name,
    case {median(Prefix ++ "_per_second", Samples), median(Prefix ++ "_cpu", Samples)} of
        {none, none} -> "";
        {PerSecond, Cpu} -> io_lib:format("~b; ~.2f", [round(PerSecond / 100) * 100, Cpu])
    end.

median(Name, Samples) ->
    case lists:sort([Value || {Found, Value} <- Samples, Found =:= Name]) of
        [] -> none;
        Values -> lists:nth((length(Values) + 1) div 2, Values)
    end.

%%% In the other node

host_type(Connections) ->
    <<"connections", (integer_to_binary(Connections))/binary>>.

-spec start_pools({pos_integer(), string()}) -> ok.
start_pools({Connections, Url}) ->
    {ok, _} = host_ctl:start_pool(global, scaling, #{host => Url, workers => Connections,
                                                     request_timeout => ?LONG_MS, call_timeout => ?LONG_MS}),
    ok = host_ctl:start_module(host_type(Connections), [#{pool_name => scaling, path => "/notifications"}]),
    _ = product(Connections, #{callers => 10, senders => 10, total => 2000, window => 2000}),
    ok.

-spec product(pos_integer(), bench_load:load()) -> {float(), float()}.
product(Connections, Load) ->
    bench_load:throughput(bench_load:product([host_type(Connections)]), Load).

-spec sync(inet:port_number(), pos_integer(), bench_load:load()) -> {float(), float()}.
sync(Port, Connections, Load) ->
    Pool = sync_pool:start(?ADDRESS, Port, Connections),
    try bench_load:throughput(bench_load:sync(host_type(Connections), Pool), Load)
    after sync_pool:stop(Pool)
    end.
