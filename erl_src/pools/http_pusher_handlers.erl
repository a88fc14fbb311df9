%% @doc Registers handlers: their id in the engine, their route, and the pools that may serve them.
%%
%% Called by the owner of the pools. A handler that cannot be registered affects no other handler.
-module(http_pusher_handlers).

-export([register/3, unrouted/0]).

-export_type([one/0]).

-type one() :: {HostType :: binary(), http_pusher_host:handler()}.
-type pools() :: #{http_pusher_pool_key:pool_key() => http_pusher_pool_rows:row()}.


%% @doc Returns the pools, including new ones, and the handlers that cannot be registered, including those
%% of Unrouted that still cannot; only the others are logged.
-spec register([one()], Unrouted :: [one()], pools()) -> {pools(), [one()]}.
register(Handlers, Unrouted, Pools) ->
    lists:foldl(
      fun(One = {HostType, Handler}, {Pools1, Unrouted1}) ->
              try
                  {route(HostType, Handler, Pools1), lists:delete(One, Unrouted1)}
              catch
                  Class:Reason ->
                      _ = [ http_pusher_log:handler_failed(HostType, Handler, {Class, Reason})
                            || not lists:member(One, Unrouted1) ],
                      {Pools1, lists:usort([One | Unrouted1])}
              end
      end,
      {Pools, Unrouted},
      Handlers).


route(HostType, Handler = #{pool_name := Tag, path := Path}, Pools) ->
    Keys = [{HostType, Tag}, {global, Tag}],
    Row = http_pusher_routes:key(HostType, Handler),
    Id = http_pusher_nif:handler(HostType,
                                 atom_to_binary(Tag, utf8),
                                 http_pusher_utf8:text(Path),
                                 maps:get(plan, Handler, #{})),
    %% Without candidates its notifications are at least rejected with a reason, whatever fails below.
    case http_pusher_routes:find(Row) of
        {ok, _} -> ok;
        unknown -> http_pusher_routes:put(Row, {Id, []})
    end,
    %% Fails for a name that is too long for a process, before pools are created for it.
    lists:foreach(fun http_pusher_pool_key:process_name/1, Keys),
    http_pusher_spools:open_for(Handler, Keys),
    Pools1 = lists:foldl(fun ensure_pool/2, Pools, Keys),
    Mine = [ {Key, maps:get(Key, Pools1)} || Key <- Keys ],
    http_pusher_routes:put(Row, {Id, http_pusher_pool_rows:candidates(Mine)}),
    Pools1.


ensure_pool(Key, Pools) when is_map_key(Key, Pools) -> Pools;
ensure_pool(Key, Pools) -> Pools#{Key => http_pusher_pool:new(Key)}.


%% @doc Handlers whose route is missing or leads to no pool.
-spec unrouted() -> [one()].
unrouted() ->
    [ {HostType, Handler}
      || {HostType, Handlers} <- maps:to_list(http_pusher_pool_rows:host_types()),
         Handler <- Handlers,
         not is_routed(HostType, Handler) ].


is_routed(HostType, Handler) ->
    case http_pusher_routes:find(http_pusher_routes:key(HostType, Handler)) of
        {ok, {_, _, [_ | _]}} -> true;
        _ -> false
    end.
