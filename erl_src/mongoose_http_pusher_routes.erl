%% @doc The table in which a session finds where its notification goes.
%%
%% One row for each handler, keyed by host type, pool and path as the host has them; a look-up is all
%% that a session does. Rows are written by mongoose_http_pusher_pools alone. The table belongs to
%% the top supervisor and survives its writer.
-module(mongoose_http_pusher_routes).

-export([new/0, find/3, put/2, delete/1, all/0, choose/1, ask_to_look/1, looked/1, forget_looks/0]).

-export_type([key/0, route/0, candidate/0, pool_key/0]).

-type key() :: {HostType :: binary(), Tag :: atom(), Path :: binary() | string()}.
-type pool_key() :: {Scope :: binary() | global, Tag :: atom()}.

%% A pool that may serve a handler: the host's own pool of the host type, or the global one.
-type candidate() :: #{
    key := pool_key(),
    name := atom(),
    %% The host's pool process that `pool' was opened for.
    pid := pid() | undefined,
    pool := mongoose_http_pusher_nif:pool_id() | undefined,
    %% Takes notifications while a restarted pool is looked at.
    spare := mongoose_http_pusher_nif:pool_id()
}.

-type route() :: {key(), mongoose_http_pusher_nif:handler_id(), [candidate()]}.

-define(TABLE, ?MODULE).

-spec new() -> ok.
new() ->
    ?TABLE = ets:new(?TABLE, [named_table, public, {read_concurrency, true}]),
    ok.

%% @doc The route of a handler. `engine_down' where the application does not run.
-spec find(binary(), atom(), binary() | string()) -> {ok, route()} | unknown | engine_down.
find(HostType, Tag, Path) ->
    try ets:lookup(?TABLE, {HostType, Tag, Path}) of
        [Route] -> {ok, Route};
        [] -> unknown
    catch
        error:badarg -> engine_down
    end.

-spec put(key(), {mongoose_http_pusher_nif:handler_id(), [candidate()]}) -> ok.
put(Key, {Handler, Candidates}) ->
    true = ets:insert(?TABLE, {Key, Handler, Candidates}),
    ok.

-spec delete(key()) -> ok.
delete(Key) ->
    true = ets:delete(?TABLE, Key),
    ok.

-spec all() -> [route()].
all() ->
    ets:match_object(?TABLE, {{'_', '_', '_'}, '_', '_'}).

%% @doc The pool to hand a notification to. The host's pool process decides: while it lives, its pool
%% is used; one that nobody has looked at yet has its notifications wait in the spare pool; one that
%% has crashed (the host still lists it, and starts it again after two seconds) keeps its pool.
-spec choose([candidate()]) -> {ok, mongoose_http_pusher_nif:pool_id()} | pool_not_started.
choose(Candidates) ->
    case living(Candidates) of
        none -> crashed(Candidates);
        PoolId -> {ok, PoolId}
    end.

living([]) ->
    none;
living([#{name := Name, pid := Known} = Candidate | Rest]) ->
    case whereis(Name) of
        undefined ->
            living(Rest);
        Known ->
            maps:get(pool, Candidate);
        _Other ->
            ask_to_look(maps:get(key, Candidate)),
            maps:get(spare, Candidate)
    end.

crashed([]) ->
    pool_not_started;
crashed([#{key := Key, pool := PoolId} | Rest]) ->
    case PoolId =/= undefined andalso mongoose_http_pusher_host_pool:is_listed(Key) of
        true -> {ok, PoolId};
        false -> crashed(Rest)
    end.

%% @doc Tells the writer that a pool has changed; only the first of many that see it does.
-spec ask_to_look(pool_key()) -> ok.
ask_to_look(Key) ->
    case ets:insert_new(?TABLE, {{look, Key}, true}) andalso whereis(mongoose_http_pusher_pools) of
        Pid when is_pid(Pid) ->
            Pid ! {look, Key},
            ok;
        _ ->
            ok
    end.

%% @doc The writer looks now: whoever sees another change from here on asks again.
-spec looked(pool_key()) -> ok.
looked(Key) ->
    true = ets:delete(?TABLE, {look, Key}),
    ok.

%% @doc The writer is a new one: who has asked the one before asks again.
-spec forget_looks() -> ok.
forget_looks() ->
    true = ets:match_delete(?TABLE, {{look, '_'}, '_'}),
    ok.
