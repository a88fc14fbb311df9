%% @doc `make bench': compares this module with a synchronous pool and with bare clients, on one machine
%% in one run.
%%
%% Run by scripts/bench. The contestants of a comparison are measured in turn, round after round
%% (A B A B ...). The result is a list of samples for each, which `http-pusher-bench report' turns into
%% ratios, a table and a picture. The host is the stand-in of 6.8, with its metrics. Each endpoint is a
%% process of its own, with one thread, and keeps no records.
-module(bench).

-export([main/0]).

-define(WORKERS, 50).
-define(CALLERS, 200).
-define(LONG_MS, 600000).
-define(ADDRESS, {127, 0, 0, 1}).

-spec main() -> no_return().
main() ->
    Quick = os:getenv("QUICK", "") =/= "",
    Status = try
                 run(Quick),
                 0
             catch
                 Class:Reason:Stack ->
                     io:format(standard_error, "~p:~p~n~p~n", [Class, Reason, Stack]),
                     1
             end,
    halt(Status).

run(Quick) ->
    Size = sizes(Quick),
    Env = set_up(),
    Parts = [{"hand-off", fun hand_off/3},
             {"500 ms", fun slow/3},
             {"throughput", fun throughput/3},
             {"slots at 10 ms", fun slots/3},
             {"TLS", fun tls/3},
             {"formats", fun formats/3},
             {"compression", fun compression/3},
             {"at least once", fun certain/3},
             {"batches", fun batches/3},
             {"senders", fun senders/3},
             {"callers", fun callers/3},
             {"memory", fun memory/3},
             {"1,000 pools", fun pools/3},
             {"reporters", fun reporters/3},
             {"cores", fun cores/3}],
    Only = os:getenv("ONLY", ""),
    Samples = lists:append([part(Name, Part, Env, Size)
                            || {Name, Part} <- Parts, string:find(Name, Only) =/= nomatch]),
    ok = host_ctl:stop(),
    [test_endpoint:stop(Endpoint) || Endpoint <- maps:values(maps:get(endpoints, Env))],
    write(Quick, grouped(Samples)).

%% Notifications per sample, and rounds. TOTAL is for a check that all runs.
sizes(Quick) ->
    Sizes = #{total := Total} = usual_sizes(Quick),
    Sizes#{total := list_to_integer(os:getenv("TOTAL", integer_to_list(Total)))}.

usual_sizes(true) -> #{quick => true, total => 20000, few => 4000, calls => 1000, rounds => 3, long => 2};
usual_sizes(false) -> #{quick => false, total => 80000, few => 8000, calls => 1500, rounds => 5, long => 3}.

part(Name, Part, Env, Size) ->
    Begin = erlang:monotonic_time(millisecond),
    Samples = Part(Name, Env, Size),
    say("~ts: ~.1f s", [Name, (erlang:monotonic_time(millisecond) - Begin) / 1000]),
    Samples.

%% Each contestant returns its samples of one round.
rounds(Count, Contestants) ->
    [Sample || _ <- lists:seq(1, Count), Contestant <- Contestants, Sample <- Contestant()].

grouped(Samples) ->
    lists:foldr(fun({Name, Value}, Groups) ->
                        maps:update_with(Name, fun(Values) -> [Value | Values] end, [Value], Groups)
                end, #{}, Samples).

%%% Host, pools, endpoints

%% Each pool has its own host type, so that each has metrics of its own.
pools() ->
    [{fast, #{}, #{}},
     {slot, #{plan => "status=200 delay=10"}, #{}},
     {json, #{}, #{}},
     {signed, #{}, #{}},
     {certain, #{}, #{}},
     {batch, #{}, #{}},
     {slow, #{plan => "status=200 delay=500"}, #{}},
     {stalled, #{plan => "fault=stall-before-head"}, #{}},
     {tls_h1, #{tls => #{write_ca => authority(tls_h1)}}, #{tls => #{cacertfile => authority(tls_h1)}}},
     {tls_h2, #{tls => #{write_ca => authority(tls_h2)}, h2 => true},
      #{tls => #{cacertfile => authority(tls_h2)}}}].

authority(Pool) ->
    filename:join(out(), atom_to_list(Pool) ++ ".pem").

out() ->
    os:getenv("BENCH_OUT").

set_up() ->
    _ = application:load(mongoose_http_pusher),
    ok = application:set_env(mongoose_http_pusher, http2_pools, [tls_h2]),
    ok = application:set_env(mongoose_http_pusher, spool_dir, filename:join(out(), "spool")),
    Pools = pools(),
    Endpoints = maps:from_list([{Tag, test_endpoint:start(EndpointOpts#{record => false, threads => 1})}
                                || {Tag, EndpointOpts, _} <- Pools]),
    ok = host_ctl:start(v6_5, #{hosts => [host_type(Tag) || {Tag, _, _} <- Pools],
                                log => warning, record => false}),
    [start_pool(global, Tag, maps:get(Tag, Endpoints), Opts) || {Tag, _, Opts} <- Pools],
    [ok = host_ctl:start_module(host_type(Tag), [handler(Tag)]) || {Tag, _, _} <- Pools],
    #{endpoints => Endpoints}.

host_type(Tag) ->
    atom_to_binary(Tag).

handler(Tag) ->
    maps:merge(#{pool_name => Tag, path => "/notifications"}, plan(Tag)).

%% What a handler asks for beyond the stock module's options.
plan(json) ->
    #{format => json};
plan(batch) ->
    #{format => json, batch => #{max_events => 500}};
plan(signed) ->
    File = filename:join(out(), "secret"),
    ok = file:write_file(File, ["whsec_", base64:encode(binary:copy(<<"secret">>, 6))]),
    #{format => json, signing => #{secret_file => list_to_binary(File)}};
plan(certain) ->
    #{delivery => at_least_once};
plan(_Tag) ->
    #{}.

start_pool(Scope, Tag, Endpoint, Opts) ->
    Pool = maps:merge(#{host => test_endpoint:url(Endpoint), workers => ?WORKERS, request_timeout => ?LONG_MS,
                        call_timeout => ?LONG_MS}, Opts),
    {ok, _} = host_ctl:start_pool(Scope, Tag, Pool).

endpoint(Tag, #{endpoints := Endpoints}) ->
    maps:get(Tag, Endpoints).

product(Tag) ->
    bench_load:product([host_type(Tag)]).

%% The pool runs only while it is measured, and its connections are open by then.
with_sync(Tag, Env, Fun) ->
    Pool = sync_pool:start(?ADDRESS, test_endpoint:port(endpoint(Tag, Env)), ?WORKERS),
    try Fun(bench_load:sync(host_type(Tag), Pool))
    after sync_pool:stop(Pool)
    end.

load(Total) ->
    #{callers => ?CALLERS, total => Total, senders => ?CALLERS}.

%%% Programs in Rust

raw(Client, Endpoint, Total, More) ->
    bench_client:raw(Client, url(Endpoint), {?WORKERS, Total}, More).

engine(Endpoint, Total) ->
    bench_client:engine(url(Endpoint), {?WORKERS, Total}, []).

url(Endpoint) ->
    test_endpoint:url(Endpoint, "/notifications").

%%% The comparisons

hand_off(_Name, Env, #{calls := Calls, rounds := Rounds}) ->
    warm_up(fast),
    fill(stalled, 10000, 1000),
    Dropper = bench_cast:start(),
    Samples = rounds(Rounds, [fun() -> latencies("idle", product(fast), Calls) end,
                              fun() -> latencies("cast", bench_load:cast(host_type(fast), Dropper), Calls) end,
                              fun() -> latencies("stalled", product(stalled), Calls) end]),
    ok = bench_cast:stop(Dropper),
    empty(stalled, Env),
    Samples.

latencies(Name, Target, Calls) ->
    Sorted = lists:sort(bench_load:hand_off(Target, Calls, 1000)),
    [{"handoff_" ++ Name ++ "_p50", percentile(50, Sorted)},
     {"handoff_" ++ Name ++ "_p99", percentile(99, Sorted)}].

percentile(Percent, Sorted) ->
    lists:nth(max(1, ceil(length(Sorted) * Percent / 100)), Sorted).

warm_up(Tag) ->
    bench_load:throughput(product(Tag), load(2000)).

fill(Tag, Total, Senders) ->
    bench_load:accepted(product(Tag), #{callers => 10, total => Total, senders => Senders}).

%% Lets a stalled endpoint answer until everything is delivered.
empty(Tag, Env) ->
    Endpoint = endpoint(Tag, Env),
    ok = test_endpoint:plan(Endpoint, "status=200"),
    ok = test_endpoint:release(Endpoint),
    bench_load:wait_idle(host_type(Tag)),
    ok = test_endpoint:plan(Endpoint, "fault=stall-before-head").

slow(_Name, Env, #{long := Rounds}) ->
    with_sync(slow, Env, fun(Sync) ->
        Median = fun(Name, Target, Calls, Interval) ->
                         Times = bench_load:hand_off(Target, Calls, Interval),
                         [{Name, percentile(50, lists:sort(Times))}]
                 end,
        Samples = rounds(Rounds, [fun() -> Median("blocked_product", product(slow), 100, 1000) end,
                                  fun() -> Median("blocked_sync", Sync, 3, 1000) end]),
        bench_load:wait_idle(host_type(slow)),
        Samples
    end).

throughput(_Name, Env, #{total := Total, rounds := Rounds}) ->
    Endpoint = endpoint(fast, Env),
    warm_up(fast),
    with_sync(fast, Env, fun(Sync) ->
        rounds(Rounds,
               [fun() -> both("raw", raw("reqwest", Endpoint, Total, [])) end,
                fun() -> both("product", bench_load:throughput(product(fast), load(Total))) end,
                fun() -> both("sync", bench_load:throughput(Sync, load(Total))) end,
                fun() -> both("engine", engine(Endpoint, Total)) end,
                fun() -> both("hyper", raw("hyper", Endpoint, Total, [])) end])
    end).

both(Name, {PerSecond, Cpu}) ->
    [{Name ++ "_per_second", PerSecond}, {Name ++ "_cpu", Cpu}].

slots(_Name, Env, #{few := Total, rounds := Rounds}) ->
    Endpoint = endpoint(slot, Env),
    warm_up(slot),
    with_sync(slot, Env, fun(Sync) ->
        rounds(Rounds, [fun() -> first("slot_raw", raw("reqwest", Endpoint, Total, [])) end,
                        fun() -> first("slot_product",
                                       bench_load:throughput(product(slot), load(Total))) end,
                        fun() -> first("slot_sync", bench_load:throughput(Sync, load(Total))) end])
    end).

first(Name, {PerSecond, _Cpu}) ->
    [{Name, PerSecond}].

tls(_Name, Env, #{total := Total, rounds := Rounds}) ->
    [warm_up(Tag) || Tag <- [tls_h1, tls_h2]],
    Contestants = [[fun() -> first(Name ++ "_raw",
                                   raw("reqwest", endpoint(Tag, Env), Total,
                                       ["--ca", authority(Tag) | More])) end,
                    fun() -> first(Name ++ "_product",
                                   bench_load:throughput(product(Tag), load(Total))) end]
                   || {Name, Tag, More} <- [{"tls_h1", tls_h1, []}, {"tls_h2", tls_h2, ["--http2"]}]],
    rounds(Rounds, lists:append(Contestants)).

%% The same messages as a form, as JSON, and as JSON with a signature.
formats(_Name, _Env, #{calls := Calls, total := Total, rounds := Rounds}) ->
    Formats = [{"form", fast}, {"json", json}, {"signed", signed}],
    [warm_up(Tag) || {_, Tag} <- Formats],
    rounds(Rounds, [fun() -> latencies(Name, product(Tag), Calls) end || {Name, Tag} <- Formats]
                   ++ [fun() -> both(Name, bench_load:throughput(product(Tag), load(Total))) end
                       || {Name, Tag} <- Formats]).

compression(_Name, _Env, #{rounds := Rounds}) ->
    rounds(Rounds, [fun bench_client:compression/0]).

%% The same messages, in memory alone and on disk too.
certain(_Name, _Env, #{calls := Calls, total := Total, rounds := Rounds}) ->
    Handlers = [{"best_effort", fast}, {"at_least_once", certain}],
    [warm_up(Tag) || {_, Tag} <- Handlers],
    rounds(Rounds, [fun() -> latencies(Name, product(Tag), Calls) end || {Name, Tag} <- Handlers]
                   ++ [fun() -> on_disk(Name, Total, fun() -> bench_load:throughput(product(Tag), load(Total)) end) end
                       || {Name, Tag} <- Handlers]).

%% With the bytes that were written for each, and the longest commit of the last minute in milliseconds.
on_disk(Name, Total, Measure) ->
    Before = os_figures:written_bytes(),
    Samples = both(Name, Measure()),
    Written = os_figures:written_bytes() - Before,
    Slowest = [Micros || #{slowest_commit := Micros} <- http_pusher_nif:spools()],
    Samples ++ [{Name ++ "_bytes", Written / Total}, {Name ++ "_slowest_commit", lists:max([0 | Slowest]) / 1000}].

%% The same messages as JSON, up to 500 in a request.
batches(_Name, _Env, #{total := Total, rounds := Rounds}) ->
    warm_up(batch),
    %% The usual window would be empty before a caller looks again.
    Load = (load(5 * Total))#{window => 50000},
    rounds(Rounds, [fun() -> both("batch", bench_load:throughput(product(batch), Load)) end]).

senders(_Name, _Env, #{total := Total, rounds := Rounds}) ->
    Measure = fun(Name, Senders) ->
                      first(Name, bench_load:throughput(product(fast),
                                                        (load(Total))#{senders := Senders}))
              end,
    rounds(Rounds, [fun() -> Measure("senders_100", 100) end,
                    fun() -> Measure("senders_100k", 100000) end]).

callers(_Name, Env, #{total := Total, long := Rounds}) ->
    Measure = fun(Callers) ->
                      PerSecond = bench_load:accepted(product(stalled),
                                                      #{callers => Callers, total => Total div 2,
                                                        senders => 1000}),
                      empty(stalled, Env),
                      [{"callers_" ++ integer_to_list(Callers), PerSecond}]
              end,
    rounds(Rounds, [fun() -> Measure(1 bsl N) end || N <- lists:seq(0, 8)]).

memory(_Name, _Env, _Size) ->
    bench_peer:memory().

pools(_Name, _Env, #{total := Total, long := Rounds}) ->
    bench_peer:pools(Total, Rounds).

reporters(_Name, _Env, #{total := Total, long := Rounds}) ->
    warm_up(fast),
    Load = fun() -> bench_load:throughput(product(fast), load(Total)) end,
    rounds(Rounds, [fun() -> [{"reporters_share", bench_reporters:share(Load)}] end]).

cores(_Name, _Env, Size) ->
    Samples = bench_cores:scaling(Size),
    say("~ts", [bench_cores:table(Samples)]),
    Samples.

%%% What was measured

write(Quick, Groups) ->
    Machine = [{"quick", Quick},
               {"cores", erlang:system_info(logical_processors)},
               {"schedulers", erlang:system_info(schedulers_online)},
               {"engine_threads", maps:get(tokio_threads, http_pusher_settings:current())},
               {"reporters", maps:get(reporters, http_pusher_settings:current())},
               {"otp", {string, erlang:system_info(otp_release)}}],
    Samples = [{Name, [float(Value) || Value <- Values]}
               || {Name, Values} <- lists:sort(maps:to_list(Groups))],
    ok = file:write_file(filename:join(out(), "samples.json"),
                         [json_text:object(Machine ++ [{"samples", {object, Samples}}]), $\n]).

say(Format, Arguments) ->
    io:format(standard_error, Format ++ "~n", Arguments).
