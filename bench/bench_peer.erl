%% @doc Measurements that need a node of their own: resident memory, and a thousand pools.
-module(bench_peer).

-export([memory/0, pools/2]).
%% Called in the other node.
-export([fill/0, warm_up/0, compare/1]).

-define(LONG_MS, 600000).
-define(POOLS, 1000).
-define(PENDING, 90000).

%% @doc Resident bytes of a pending notification beyond its body.
-spec memory() -> [{string(), float()}].
memory() ->
    Opts = #{hosts => [<<"few">>, <<"many">>], log => warning, record => false},
    with_peer(Opts, fun(Peer) -> host_ctl:call(Peer, ?MODULE, fill, []) end).

%% @doc Throughput of a thousand pools with one worker each and of one pool with a thousand, and the
%% threads of the node before and after.
-spec pools(pos_integer(), pos_integer()) -> [{string(), number()}].
pools(Total, Rounds) ->
    Endpoint = test_endpoint:start(#{record => false, threads => 1}),
    Pool = #{host => test_endpoint:url(Endpoint), request_timeout => ?LONG_MS, call_timeout => ?LONG_MS},
    One = [{global, shared, Pool#{workers => ?POOLS}}],
    Many = [{HostType, own, Pool#{workers => 1}} || HostType <- own()],
    %% As in a real node, pools and modules are started while it boots.
    Opts = #{hosts => own() ++ shared(), log => warning, record => false, pools => One ++ Many,
             modules => [{HostType, [handler(shared)]} || HostType <- shared()]
                        ++ [{HostType, [handler(own)]} || HostType <- own()]},
    Samples = with_peer(Opts, fun(Peer) ->
        Threads = host_ctl:call(Peer, ?MODULE, warm_up, []),
        Threads ++ lists:append([host_ctl:call(Peer, ?MODULE, compare, [Total])
                                 || _ <- lists:seq(1, Rounds)])
    end),
    test_endpoint:stop(Endpoint),
    Samples.

handler(Tag) ->
    #{pool_name => Tag, path => "/notifications"}.

with_peer(Opts, Fun) ->
    Peer = host_ctl:start_peer(v6_5, Opts),
    try Fun(Peer)
    after host_ctl:stop_peer(Peer)
    end.

%%% In the other node

-spec fill() -> [{string(), float()}].
fill() ->
    Endpoint = test_endpoint:start(#{plan => "fault=stall-before-head", record => false}),
    Pool = #{host => test_endpoint:url(Endpoint), workers => 50, request_timeout => ?LONG_MS,
             call_timeout => ?LONG_MS},
    Measured = [bytes_each(Pool, Name, HostType, Senders)
                || {Name, HostType, Senders} <- [{"pending_bytes_1000_senders", <<"few">>, 1000},
                                                 {"pending_bytes", <<"many">>, ?PENDING}]],
    test_endpoint:stop(Endpoint),
    Measured.

bytes_each(Pool, Name, HostType, Senders) ->
    Tag = binary_to_atom(HostType),
    {ok, _} = host_ctl:start_pool(global, Tag, Pool),
    ok = host_ctl:start_module(HostType, [handler(Tag)]),
    %% After this the workers, the connections and the node's own memory exist.
    pending(HostType, Senders, 1000),
    Before = resident(),
    pending(HostType, Senders, ?PENDING),
    {Name, (resident() - Before) / ?PENDING - bench_load:message_bytes()}.

%% Makes so many more notifications pending, from a process whose heap then goes.
pending(HostType, Senders, More) ->
    Pending = fun() -> maps:get(pending, http_pusher_nif:host_type_info(HostType)) end,
    Before = Pending(),
    host_session:run(fun() -> bench_load:push_each(bench_load:product([HostType]), Senders, More) end),
    More = Pending() - Before.

resident() ->
    [erlang:garbage_collect(Pid) || Pid <- erlang:processes()],
    os_figures:resident_kb() * 1024.

own() ->
    [<<"own", (integer_to_binary(N))/binary>> || N <- lists:seq(1, ?POOLS)].

shared() ->
    [<<"shared", (integer_to_binary(N))/binary>> || N <- lists:seq(1, ?POOLS)].

%% @doc Threads of the node after one pool has delivered, and after a thousand have.
-spec warm_up() -> [{string(), pos_integer()}].
warm_up() ->
    _ = per_second(shared(), 5000),
    Before = os_figures:threads(),
    _ = per_second(own(), 5000),
    [{"threads_1_pool", Before}, {"threads_1000_pools", os_figures:threads()}].

-spec compare(pos_integer()) -> [{string(), float()}].
compare(Total) ->
    [{"pools_1", per_second(shared(), Total)}, {"pools_1000", per_second(own(), Total)}].

per_second(HostTypes, Total) ->
    {PerSecond, _} = bench_load:throughput(bench_load:product(HostTypes),
                                           #{callers => 200, total => Total, senders => ?POOLS}),
    PerSecond.
