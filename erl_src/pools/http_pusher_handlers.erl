%% @doc Registers handlers: a number in the engine, a route for sessions, and the pools that may serve it.
%%
%% Called by the owner of the pools. A handler that cannot be registered costs itself alone. Not here:
%% what becomes of the pools (http_pusher_pools).
-module(http_pusher_handlers).

-export([register/3, unrouted/0]).

-export_type([one/0]).

-type one() :: {HostType :: binary(), http_pusher_host:handler()}.
-type pools() :: #{http_pusher_pool_key:pool_key() => http_pusher_pool_rows:row()}.

%% @doc Gives the pools with those that are new, and the handlers that cannot be registered: those of
%% Unrouted, which were named before, and those which are named now.
-spec register([one()], Unrouted :: [one()], pools()) -> {pools(), [one()]}.
register(Handlers, Unrouted, Pools) ->
    lists:foldl(
      fun(One = {HostType, Handler}, {Pools1, Unrouted1}) ->
              try
                  {route(HostType, Handler, Pools1), lists:delete(One, Unrouted1)}
              catch
                  Class:Reason ->
                      _ = [http_pusher_log:handler_failed(HostType, Handler, {Class, Reason})
                           || not lists:member(One, Unrouted1)],
                      {Pools1, lists:usort([One | Unrouted1])}
              end
      end, {Pools, Unrouted}, Handlers).

route(HostType, #{pool_name := Tag, path := Path}, Pools) ->
    Keys = [{HostType, Tag}, {global, Tag}],
    Row = {HostType, Tag, Path},
    Id = http_pusher_nif:handler(HostType, atom_to_binary(Tag, utf8),
                                 http_pusher_utf8:text(Path)),
    %% Without candidates its notifications have a reason at least, whatever fails below.
    case http_pusher_routes:find(HostType, Tag, Path) of
        {ok, _} -> ok;
        unknown -> http_pusher_routes:put(Row, {Id, []})
    end,
    %% A name that no process can have: known before pools are made for it.
    lists:foreach(fun http_pusher_pool_key:process_name/1, Keys),
    Pools1 = lists:foldl(fun ensure_pool/2, Pools, Keys),
    Mine = [{Key, maps:get(Key, Pools1)} || Key <- Keys],
    http_pusher_routes:put(Row, {Id, http_pusher_pool_rows:candidates(Mine)}),
    Pools1.

ensure_pool(Key, Pools) when is_map_key(Key, Pools) -> Pools;
ensure_pool(Key, Pools) -> Pools#{Key => http_pusher_pool:new(Key)}.

%% @doc Handlers that are written down and have no route that leads anywhere.
-spec unrouted() -> [one()].
unrouted() ->
    [{HostType, Handler}
     || {HostType, Handlers} <- maps:to_list(http_pusher_pool_rows:host_types()),
        Handler <- Handlers, not is_routed(HostType, Handler)].

is_routed(HostType, #{pool_name := Tag, path := Path}) ->
    case http_pusher_routes:find(HostType, Tag, Path) of
        {ok, {_, _, [_ | _]}} -> true;
        _ -> false
    end.
