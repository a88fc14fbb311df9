%% The metrics of a case's own pool in exometer and Prometheus. Counters live as long as the node, so each
%% case has a pool name of its own, which is the tag in its configuration.
-module(gauges).

-export([tag/2, tag/1, pool/2, handlers/2, stalled/2, user/1, kill/1]).
-export([await/3, number/2, await_rejected/3, rejected/2, rejected_so_far/2, down/0, our_entries/0,
         other_entries/0, collectors/1, scrape/1]).

-include_lib("stdlib/include/assert.hrl").

-import(pusher_case, [module/1, endpoint/1, wait/2]).

-type config() :: [{atom(), term()}].

%% @doc The configuration with the name of this case's pool.
-spec tag(atom(), config()) -> config().
tag(Case, Config) ->
    Generation = proplists:get_value(generation, Config),
    [{tag, list_to_atom(atom_to_list(Generation) ++ "_" ++ atom_to_list(Case))} | Config].

-spec tag(config()) -> atom().
tag(Config) ->
    proplists:get_value(tag, Config).

-spec pool(config(), map()) -> {ok, pid()}.
pool(Config, Opts) ->
    pusher_case:pool(tag(Config), Config, Opts).

-spec handlers(config(), [map()]) -> ok.
handlers(Config, Handlers) ->
    module([maps:merge(#{pool_name => tag(Config)}, Handler) || Handler <- Handlers]).

%% @doc A pool whose endpoint stalls, opened.
-spec stalled(config(), map()) -> ok.
stalled(Config, Opts) ->
    {ok, _} = pool(Config, Opts),
    handlers(Config, [#{path => "/n"}]),
    ok = http_pusher_pools:await_look(120000),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head").

-spec user(integer()) -> binary().
user(N) ->
    iolist_to_binary(["user", integer_to_list(N)]).

-spec kill(atom()) -> ok.
kill(Name) ->
    Pid = whereis(Name),
    Ref = erlang:monitor(process, Pid),
    exit(Pid, kill),
    receive {'DOWN', Ref, _, _, _} -> ok end.

%%% What exometer and Prometheus say

%% @doc Waits for a number of the case's pool, in both libraries if the host has both.
-spec await(config(), atom(), integer()) -> ok.
await(Config, What, Expected) ->
    Tag = tag(Config),
    ?assertEqual(Expected, wait(fun() -> number(Config, What) end, fun(N) -> N =:= Expected end)),
    case proplists:get_value(generation, Config) of
        v5_0 -> ok;
        v6_5 ->
            {Family, Factor} = family(What),
            Series = [Family, "{pool=\"global/", atom_to_list(Tag), "\"}"],
            case Family of
                none -> ok;
                _ -> ?assertEqual(Expected, wait(fun() -> round(Factor * series(Series)) end,
                                                 fun(N) -> N =:= Expected end))
            end
    end.

-spec number(config(), atom()) -> integer().
number(Config, What) ->
    value([http_pusher, global, tag(Config), What]).

-spec await_rejected(atom(), atom(), integer()) -> ok.
await_rejected(Tag, Reason, Expected) ->
    ?assertEqual(Expected, wait(fun() -> rejected(Tag, Reason) end, fun(N) -> N =:= Expected end)),
    case host_ctl:generation() of
        v5_0 -> ok;
        v6_5 ->
            Series = ["http_pusher_rejected_total{host_type=\"localhost\",pool_name=\"",
                      atom_to_list(Tag), "\",reason=\"", atom_to_list(Reason), "\"}"],
            ?assertEqual(Expected, series(Series))
    end.

-spec rejected(atom(), atom()) -> integer().
rejected(Tag, Reason) ->
    value([http_pusher, <<"localhost">>, Tag, rejected, Reason]).

%% @doc Called before the gauges of this host have their names.
-spec rejected_so_far(atom(), atom()) -> integer().
rejected_so_far(Tag, Reason) ->
    Name = atom_to_binary(Tag),
    {_, Rejected} = http_pusher_metrics:read(),
    lists:sum([N || {<<"localhost">>, Pool, R, N} <- Rejected, Pool =:= Name, R =:= Reason]).

%% @doc What was rejected while the application was down.
-spec down() -> integer().
down() ->
    value([http_pusher, <<"localhost">>, rejected, engine_down]).

value(Name) ->
    case exometer:get_value(Name) of
        {ok, [{value, Value}]} -> Value;
        {error, not_found} -> 0
    end.

-spec our_entries() -> [list()].
our_entries() ->
    lists:sort([Name || {Name, function, enabled} <- exometer:find_entries([http_pusher])]).

-spec other_entries() -> [list()].
other_entries() ->
    [Name || {[First | _] = Name, _, _} <- exometer:find_entries([]), First =/= http_pusher].

-spec collectors(config()) -> [module()].
collectors(Config) ->
    case proplists:get_value(generation, Config) of
        v5_0 -> [];
        v6_5 -> prometheus_registry:collectors(default)
    end.

%% Names in Prometheus, in its base units.
family(started) -> {"http_pusher_queue_time_seconds_count", 1};
family(queue_time_max) -> {none, 1};
family(queue_time) -> {"http_pusher_queue_time_seconds_sum", 1000};
family(oldest_waiting) -> {"http_pusher_oldest_waiting_seconds", 1000};
family(rejected) -> {none, 1};
family(dead_letters) -> {none, 1};
family(spool_oldest) -> {"http_pusher_spool_oldest_seconds", 1000};
family(What) when What =:= spool_commits; What =:= spool_errors ->
    {["http_pusher_", atom_to_list(What), "_total"], 1};
family(What) when What =:= sent; What =:= failed; What =:= retries ->
    {["http_pusher_", atom_to_list(What), "_total"], 1};
family(What) -> {["http_pusher_", atom_to_list(What)], 1}.

series(Name) ->
    Begin = unicode:characters_to_list([Name, " "]),
    case [L || L <- string:split(scrape(v6_5), "\n", all), string:prefix(L, Begin) =/= nomatch] of
        [Line] ->
            Text = string:prefix(Line, Begin),
            try list_to_integer(Text) catch error:badarg -> list_to_float(Text) end;
        [] ->
            -1
    end.

-spec scrape(config() | v5_0 | v6_5) -> string().
scrape(Config) when is_list(Config) ->
    scrape(proplists:get_value(generation, Config));
scrape(v5_0) ->
    "";
scrape(v6_5) ->
    binary_to_list(prometheus_text_format:format()).
