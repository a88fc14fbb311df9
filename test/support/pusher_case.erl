%% What the cases of all suites need: a host and a test endpoint of its own for each case, and at the end
%% the check that every notification is accounted for (design.md, invariant 1).
%%
%% A case starts with start/1 or start/2 in init_per_testcase and ends with finish/1 or finish/2 in
%% end_per_testcase. pusher_case.hrl has the rest of a suite's head.
-module(pusher_case).

-export([groups/1, groups/2, all/0, all/1, group/2, start/1, start/2, finish/1, finish/2]).
-export([module/1, module/2, pool/2, pool/3, endpoint/1, host/0]).
-export([send/2, send/3, until_sent/1, numbers/0, numbers/1, numbers_now/1, wait_numbers/2, wait_sent/1, settle/0]).
-export([all_accepted_are_sent/2]).
-export([received/1, messages/1, field/2, reasons/0, wait_reason/2, wait/2, bulk/2]).

-define(HOST, <<"localhost">>).
%% Generous, because no verdict may depend on how fast the machine is.
-define(TIMEOUT, 120000).
%% If something is pending for so long, the log of the case says where.
-define(LONG, 20000).

-type config() :: [{atom(), term()}].
-export_type([numbers/0]).

-type numbers() :: #{atom() => term()}.

%% @doc The same cases in the generations that differ in more than their events.
-spec groups([atom()]) -> [tuple()].
groups(Cases) ->
    groups(Cases, [v5_0, v6_5]).

-spec groups([atom()], [atom()]) -> [tuple()].
groups(Cases, Generations) ->
    [{Generation, [], Cases} || Generation <- Generations].

-spec all() -> [{group, atom()}].
all() ->
    all([v5_0, v6_5]).

-spec all([atom()]) -> [{group, atom()}].
all(Generations) ->
    [{group, Generation} || Generation <- Generations].

-spec group(atom(), config()) -> config().
group(Generation, Config) ->
    [{generation, Generation} | Config].

-spec start(config()) -> config().
start(Config) ->
    start(Config, #{}).

%% @doc A host and a test endpoint. Options: those of host_ctl:start/2, and `env' (the application's own
%% settings) and `endpoint' (options of test_endpoint:start/1).
-spec start(config(), map()) -> config().
start(Config, Opts) ->
    Generation = proplists:get_value(generation, Config),
    none = host_ctl:generation(),
    _ = application:load(mongoose_http_pusher),
    [ok = application:set_env(mongoose_http_pusher, Key, Value)
     || {Key, Value} <- maps:get(env, Opts, [])],
    Endpoint = test_endpoint:start(maps:get(endpoint, Opts, #{})),
    HostOpts = maps:merge(#{log => notice}, maps:without([env, endpoint], Opts)),
    ok = host_ctl:start(Generation, HostOpts),
    HostTypes = maps:get(hosts, Opts, [?HOST]) ++ maps:get(host_types, Opts, []),
    [{endpoint, Endpoint}, {env, maps:get(env, Opts, [])},
     {before, [{HostType, numbers(HostType)} || HostType <- HostTypes]} | Config].

%% @doc Checks, and stops everything. end_per_testcase returns the result.
-spec finish(config()) -> ok | {fail, term()}.
finish(Config) ->
    finish(Config, conserved).

%% @doc `uncounted' if a case removes the metrics or the engine, and checks the sums itself.
-spec finish(config(), conserved | uncounted) -> ok | {fail, term()}.
finish(Config, Check) ->
    try
        let_go(Config),
        case check(Check, Config) of
            ok -> check_payloads(Config);
            Bad -> Bad
        end
    catch
        Class:Reason:Stack -> {fail, {Class, Reason, Stack}}
    after
        stop(Config)
    end.

check_payloads(Config) ->
    Checked = [test_endpoint:check_payloads(Endpoint) || Endpoint <- endpoints(Config)],
    case [Invalid || {invalid_payloads, _} = Invalid <- Checked] of
        [] -> ok;
        Invalid -> {fail, Invalid}
    end.

let_go(Config) ->
    Endpoint = endpoint(Config),
    test_endpoint:reset_plans(Endpoint),
    test_endpoint:release(Endpoint),
    test_endpoint:listener(Endpoint, true).

stop(Config) ->
    host_ctl:stop(),
    _ = application:stop(mongoose_http_pusher),
    [application:unset_env(mongoose_http_pusher, Key)
     || {Key, _} <- proplists:get_value(env, Config)],
    test_endpoint:stop(endpoint(Config)).

check(uncounted, _Config) ->
    ok;
check(conserved, Config) ->
    ok = settle(),
    Sums = [conserved(HostType, minus(numbers(HostType), Before), host_metrics:read(HostType))
            || {HostType, Before} <- proplists:get_value(before, Config)],
    Bad = [Sum || {bad, _, _, _} = Sum <- Sums],
    case Bad of
        [] -> received_enough(Sums, Config);
        _ -> {fail, Bad}
    end.

conserved(HostType, Numbers, Metrics) ->
    #{pushed := Pushed, accepted := Accepted, rejected := Rejected, sent := Sent,
      failed := Failed, on_disk := OnDisk} = Numbers,
    #{sent := SentMetric, failed := FailedMetric, response_times := Times} = Metrics,
    Holds = Pushed =:= Accepted + Rejected
        andalso Accepted =:= Sent + Failed + OnDisk
        andalso SentMetric =:= Sent
        andalso FailedMetric =:= Failed + Rejected
        andalso length(Times) =:= min(Sent, 100000),
    case Holds of
        true -> {ok, HostType, Numbers};
        false -> {bad, HostType, Numbers, Metrics#{response_times := length(Times)}}
    end.

%% A notification counts as sent only if a whole request was received, and is tried at most three times. A
%% case that has other test endpoints names them, so that they count.
received_enough(Sums, Config) ->
    Received = lists:sum([maps:get(received, test_endpoint:stats(Endpoint)) || Endpoint <- endpoints(Config)]),
    Sent = lists:sum([maps:get(sent, Numbers) || {ok, _, Numbers} <- Sums]),
    Accepted = lists:sum([maps:get(accepted, Numbers) || {ok, _, Numbers} <- Sums]),
    case Received >= Sent andalso Received =< 3 * Accepted of
        true -> ok;
        false -> case proplists:get_value(own_endpoints, Config, false) of
                     true -> ok;
                     false -> {fail, {received, Received, sent, Sent, accepted, Accepted}}
                 end
    end.

%% @doc A pool http_pool at the case's endpoint, with these options, and the module with one handler.
-spec module(config(), map()) -> ok.
module(Config, PoolOpts) ->
    {ok, _} = pool(http_pool, Config, PoolOpts),
    module([#{path => "/notifications"}]).

-spec module([map()]) -> ok.
module(Handlers) ->
    _ = host_ctl:start_module(?HOST, Handlers),
    ok.

-spec pool(config(), map()) -> {ok, pid()}.
pool(Config, PoolOpts) ->
    pool(http_pool, Config, PoolOpts).

%% @doc A global pool, with the case's endpoint if the options name no other host.
-spec pool(atom(), config(), map()) -> {ok, pid()}.
pool(Tag, Config, PoolOpts) ->
    Generous = #{host => test_endpoint:url(endpoint(Config)), request_timeout => ?TIMEOUT,
                 call_timeout => 2 * ?TIMEOUT},
    {ok, _} = host_ctl:start_pool(global, Tag, maps:merge(Generous, PoolOpts)).

endpoints(Config) ->
    [endpoint(Config) | proplists:get_value(more_endpoints, Config, [])].

-spec endpoint(config()) -> test_endpoint:endpoint().
endpoint(Config) ->
    proplists:get_value(endpoint, Config).

-spec host() -> binary().
host() ->
    ?HOST.

%% @doc A chat message of a user of localhost to bob, or to another.
-spec send(binary(), binary()) -> map().
send(User, Body) ->
    send(User, <<"bob">>, Body).

-spec send(binary(), binary(), binary()) -> map().
send(User, To, Body) ->
    host_session:send(<<User/binary, "@localhost/phone">>, <<To/binary, "@localhost">>, Body).

%% @doc Sends this until it was sent, for pools with short times, whose good requests may fail on a busy
%% machine.
-spec until_sent(binary()) -> ok.
until_sent(Body) ->
    Metrics = fun() -> host_metrics:read(?HOST) end,
    Before = #{sent := Sent} = Metrics(),
    send(<<"alice">>, Body),
    case wait(Metrics, fun(Now) -> ended(Now) > ended(Before) end) of
        #{sent := Now} when Now > Sent -> ok;
        _ -> until_sent(Body)
    end.

ended(#{sent := Sent, failed := Failed}) ->
    Sent + Failed.

%% @doc Messages 1 to Count of a user, one after the other.
-spec bulk(binary(), pos_integer()) -> ok.
bulk(User, Count) ->
    lists:foreach(fun(N) -> send(User, integer_to_binary(N)) end, lists:seq(1, Count)).

-spec numbers() -> numbers().
numbers() ->
    numbers(?HOST).

%% @doc What the engine has counted for a host type since the node started.
-spec numbers(binary()) -> numbers().
numbers(HostType) ->
    case http_pusher_nif:host_type_info(HostType) of
        undefined -> #{pushed => 0, accepted => 0, rejected => 0, sent => 0, failed => 0,
                       pending => 0, on_disk => 0, uncounted_rejections => 0, open => false};
        Numbers -> Numbers
    end.

minus(Now, Before) ->
    maps:map(fun(Key, Value) when is_integer(Value) -> Value - maps:get(Key, Before);
                (_Key, Value) -> Value
             end, Now).

%% @doc The numbers of localhost since the case began.
-spec numbers_now(config()) -> numbers().
numbers_now(Config) ->
    wait_numbers(Config, fun(_) -> true end).

%% @doc Waits for the numbers of localhost since the case began.
-spec wait_numbers(config(), fun((numbers()) -> boolean())) -> numbers().
wait_numbers(Config, Fun) ->
    Before = proplists:get_value(?HOST, proplists:get_value(before, Config)),
    wait(fun() -> minus(numbers(), Before) end, Fun).

%% @doc Waits until the metrics of localhost say that this many were sent.
-spec wait_sent(non_neg_integer()) -> map().
wait_sent(Count) ->
    wait(fun() -> host_metrics:read(?HOST) end, fun(#{sent := Sent}) -> Sent >= Count end).

%% @doc Waits until nothing is pending or uncounted in the engine.
-spec settle() -> ok.
settle() ->
    case host_log:poll(fun unsettled/0, fun(Left) -> Left =:= [] end, ?LONG) of
        {ok, []} ->
            ok;
        {timeout, Left} ->
            %% Which pool holds it, and whether requests are in flight.
            Pools = http_pusher_nif:pools(),
            ct:pal("pending for ~b ms: ~p~n~p~n~p", [?LONG, Left, Pools, http_pusher_pool_rows:all()]),
            _ = put(pending_for_long,
                    [{Phase, Closing, Waiting, InFlight, Workers}
                     || #{phase := Phase, closing := Closing, waiting := Waiting, in_flight := InFlight,
                          workers := Workers} <- Pools]),
            settle(Left)
    end.

%% As long as something has changed meanwhile: a slow machine may have much to deliver.
settle(Before) ->
    case host_log:poll(fun unsettled/0, fun(Left) -> Left =:= [] end, ?TIMEOUT) of
        {ok, []} -> ok;
        {timeout, Left} when Left =/= Before -> settle(Left);
        {timeout, Left} -> error({still, Left})
    end.

unsettled() ->
    [{HostType, Numbers} || HostType <- http_pusher_nif:host_types(),
                            Numbers <- [numbers(HostType)], is_open(Numbers)].

%% @doc All accepted messages were sent, and the others came while there was no pool.
-spec all_accepted_are_sent(non_neg_integer(), config()) -> ok.
all_accepted_are_sent(Pushed, Config) ->
    ok = settle(),
    Numbers = wait_numbers(Config, fun(#{pending := Pending}) -> Pending =:= 0 end),
    #{accepted := Accepted, rejected := Rejected, sent := Sent, failed := Failed} = Numbers,
    case {Accepted + Rejected, Failed, Sent, maps:to_list(maps:without([pool_not_started], reasons()))} of
        {Pushed, 0, Accepted, []} -> ok;
        Other -> error({not_all_sent, Other, {pending_for_long, get(pending_for_long)}})
    end.

is_open(#{pending := Pending, uncounted_rejections := Rejected}) ->
    Pending > 0 orelse Rejected > 0.

%% @doc The requests that the test endpoint received, in order.
-spec received(config()) -> [map()].
received(Config) ->
    test_endpoint:received(endpoint(Config)).

%% @doc {Sender, Message} of each form that the test endpoint received, in order.
-spec messages(config() | [map()]) -> [{binary(), binary()}].
messages([#{body := _} | _] = Records) ->
    [{field(<<"author">>, Record), field(<<"message">>, Record)} || Record <- Records];
messages([]) ->
    [];
messages(Config) ->
    messages(received(Config)).

-spec field(binary(), map()) -> binary().
field(Name, #{body := Body}) ->
    proplists:get_value(Name, test_endpoint:form(Body)).

%% @doc The reasons of failed and rejected notifications in the log, with how often each came.
-spec reasons() -> #{atom() => pos_integer()}.
reasons() ->
    lists:foldl(fun(#{reason := Reason, count := Count}, Reasons) ->
                        maps:update_with(Reason, fun(N) -> N + Count end, Count, Reasons)
                end, #{}, host_log:what(event_pusher_http_req_failed)).

%% @doc Waits until the log has this reason this often, and returns the first line with it.
-spec wait_reason(atom(), pos_integer()) -> map().
wait_reason(Reason, Count) ->
    _ = wait(fun reasons/0, fun(Reasons) -> maps:get(Reason, Reasons, 0) >= Count end),
    hd([Line || #{reason := R} = Line <- host_log:what(event_pusher_http_req_failed), R =:= Reason]).

-spec wait(fun(() -> Value), fun((Value) -> boolean())) -> Value.
wait(Read, Enough) ->
    case host_log:poll(Read, Enough, ?TIMEOUT) of
        {ok, Value} -> Value;
        {timeout, Value} -> error({still, Value})
    end.
