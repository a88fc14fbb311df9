%% @doc The table that tells sessions where notifications go.
%%
%% One row for each handler, with the key host type, pool and path as the host has them, and a digest of
%% what else the engine needs of it; and one with a short key for sessions, which do one look-up of an event and copy
%% no key. Only http_pusher_pools writes rows. The table belongs to the top supervisor and outlives its writer.
-module(http_pusher_routes).

-export([new/0, key/2, short/1, find/1, of_short/1, put/2, delete/1, all/0, choose/1, ask_to_look/1, asked/1]).
-export([forget_looks/0]).

-export_type([key/0, short/0, route/0, candidate/0]).

%% Two handlers with the same pool and path and different plans are different handlers. Empty without a plan.
-type key() :: {HostType :: binary(), Tag :: atom(), Path :: binary() | string(), PlanDigest :: binary()}.
%% A digest of the key.
-type short() :: binary().
-type pool_key() :: http_pusher_pool_key:pool_key().

%% A pool that may serve a handler: the host's own pool of the host type, or the global one. A tuple, because a
%% session copies it.
-type candidate() :: {Key :: pool_key(),
                      Name :: atom(),
                      %% The host's pool process that Pool was opened for.
                      Process :: pid() | undefined,
                      Pool :: http_pusher_nif:pool_id() | undefined,
                      %% Accepts notifications while the options of a restarted pool are read.
                      Spare :: http_pusher_nif:pool_id()}.

-type route() :: {key(), http_pusher_nif:handler_id(), [candidate()]}.

-define(TABLE, ?MODULE).


-spec new() -> ok.
new() ->
    ?TABLE = ets:new(?TABLE, [named_table, public, {read_concurrency, true}]),
    ok.


%% @doc The key of a handler. It takes microseconds if the handler has a plan, so sessions keep it.
-spec key(binary(), http_pusher_host:handler()) -> key().
key(HostType, Handler = #{pool_name := Tag, path := Path}) ->
    {HostType, Tag, Path, digest(maps:get(plan, Handler, #{}))}.


digest(Plan) when map_size(Plan) =:= 0 -> <<>>;
digest(Plan) -> erlang:md5(term_to_binary(Plan)).


%% @doc The key with which sessions look a handler up.
-spec short(key()) -> short().
short(Key) ->
    erlang:md5(term_to_binary(Key)).


%% @doc A handler's number and its pools, for a session. `engine_down' if the application does not run.
-spec of_short(short()) -> {http_pusher_nif:handler_id(), [candidate()]} | engine_down.
of_short(Short) ->
    try
        ets:lookup_element(?TABLE, Short, 2)
    catch
        error:badarg -> engine_down
    end.


%% @doc The route of a handler. `engine_down' if the application does not run.
-spec find(key()) -> {ok, route()} | unknown | engine_down.
find(Key) ->
    try ets:lookup(?TABLE, Key) of
        [Route] -> {ok, Route};
        [] -> unknown
    catch
        error:badarg -> engine_down
    end.


-spec put(key(), {http_pusher_nif:handler_id(), [candidate()]}) -> ok.
put(Key, {Handler, Candidates}) ->
    true = ets:insert(?TABLE, [{Key, Handler, Candidates}, {short(Key), {Handler, Candidates}}]),
    ok.


-spec delete(key()) -> ok.
delete(Key) ->
    true = ets:delete(?TABLE, short(Key)),
    true = ets:delete(?TABLE, Key),
    ok.


-spec all() -> [route()].
all() ->
    ets:match_object(?TABLE, {{'_', '_', '_', '_'}, '_', '_'}).


%% @doc The pool to hand a notification to. As in the stock module, the host's listing decides: the first
%% candidate that is listed, whether or not its process is alive, because the other one can be another
%% tenant's web service. A crashed pool is listed, and the host restarts it after two seconds. Only if none
%% is listed, a living process decides: the host starts it before it lists the pool, and delists the pool
%% before it stops the process.
-spec choose([candidate()]) -> {ok, http_pusher_nif:pool_id()} | pool_not_started.
choose(Candidates) ->
    choose(Candidates, Candidates).


choose([], Candidates) ->
    living(Candidates);
choose([Candidate = {Key, Name, _, _, _} | Rest], Candidates) ->
    case http_pusher_host_pool:is_listed(Key) of
        true ->
            case whereis(Name) of
                undefined -> without_process(Candidate, Rest, Candidates);
                Process -> {ok, pool(Candidate, Process)}
            end;
        false ->
            choose(Rest, Candidates)
    end.


%% The host delists a pool before it stops the process, so a pool that is still listed now has crashed.
without_process(Candidate = {Key, _, _, _, _}, Rest, Candidates) ->
    case http_pusher_host_pool:is_listed(Key) of
        true -> {ok, pool(Candidate, undefined)};
        false -> choose(Rest, Candidates)
    end.


living([]) ->
    pool_not_started;
living([Candidate = {_, Name, _, _, _} | Rest]) ->
    case whereis(Name) of
        undefined -> living(Rest);
        Process -> {ok, pool(Candidate, Process)}
    end.


%% Notifications wait in the spare pool if the process's options have not been read yet, or if the pool
%% crashed before it was opened. A pool that crashed later stays in use.
pool(Candidate = {_, _, Known, Pool, _}, Process) ->
    case Process of
        Known when is_pid(Known) -> Pool;
        undefined when is_pid(Known) -> Pool;
        _Other -> spare(Candidate)
    end.


spare({Key, _, _, _, Spare}) ->
    ask_to_look(Key),
    Spare.


%% @doc Tells the writer that a pool has changed. Of many sessions that see it, only the first sends a
%% message.
-spec ask_to_look(pool_key()) -> ok.
ask_to_look(Key) ->
    try ets:insert_new(?TABLE, {{look, Key}, true}) andalso whereis(http_pusher_pools) of
        Pid when is_pid(Pid) ->
            Pid ! {look, Key},
            ok;
        _ ->
            ok
    catch
        %% The application has ended since the session looked the route up.
        error:badarg -> ok
    end.


%% @doc Whether a session has asked. The writer checks now, so a session that sees another change from here
%% on asks again.
-spec asked(pool_key()) -> boolean().
asked(Key) ->
    ets:take(?TABLE, {look, Key}) =/= [].


%% @doc There is a new writer: sessions that asked the one before ask again.
-spec forget_looks() -> ok.
forget_looks() ->
    true = ets:match_delete(?TABLE, {{look, '_'}, '_'}),
    ok.
