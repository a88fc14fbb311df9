%% Stands for mongoose_wpool at 5.0.0 (src/wpool/mongoose_wpool.erl): the table mongoose_wpool of
%% {mongoose_wpool, {Type, HostType, Tag}, Strategy, CallTimeout}, look-ups that fall back to
%% global, pools given as {Type, Scope, Tag, PoolOpts, ConnOpts}. stop/3 deletes the rows before the
%% pool's process ends. Calls to workers are not here.
-module(mongoose_wpool).

-export([ensure_started/0, start/5, stop/0, stop/3, start_sup_pool/3,
         start_configured_pools/0, start_configured_pools/1, start_configured_pools/2,
         get_pool_settings/3, get_pools/0, is_configured/1,
         make_pool_name/3, call_start_callback/2, expand_pools/2]).

-include_lib("kernel/include/logger.hrl").
-include("host.hrl").

-record(mongoose_wpool, {name, strategy, call_timeout}).

ensure_started() ->
    wpool:start(),
    case whereis(mongoose_wpool_sup) of
        undefined -> mongoose_wpool_sup:start_link();
        _ -> ok
    end,
    case ets:info(?MODULE) of
        undefined ->
            ets:new(?MODULE, [named_table, public, {read_concurrency, true}, {keypos, 2},
                              {heir, whereis(mongoose_wpool_sup), undefined}]);
        _ ->
            ok
    end.

start_configured_pools() ->
    start_configured_pools(ejabberd_config:get_local_option_or_default(outgoing_pools, [])).

start_configured_pools(Pools) ->
    start_configured_pools(Pools, ?ALL_HOST_TYPES).

start_configured_pools(Pools, HostTypes) ->
    [host_pools:callback(init, Type, []) || Type <- lists:usort([element(1, Pool) || Pool <- Pools])],
    [start(Type, HostType, Tag, PoolOpts, ConnOpts)
     || {Type, HostType, Tag, PoolOpts, ConnOpts} <- expand_pools(Pools, HostTypes)].

start(Type, HostType, Tag, AllPoolOpts, ConnOpts) ->
    {[Strategies, Timeouts], PoolOpts} = proplists:split(AllPoolOpts, [strategy, call_timeout]),
    Strategy = proplists:get_value(strategy, Strategies, best_worker),
    CallTimeout = proplists:get_value(call_timeout, Timeouts, 5000),
    case mongoose_wpool_mgr:start(Type, HostType, Tag, PoolOpts, ConnOpts) of
        {ok, Pid} ->
            ets:insert(?MODULE, #mongoose_wpool{name = {Type, HostType, Tag}, strategy = Strategy,
                                                call_timeout = CallTimeout}),
            {ok, Pid};
        Error ->
            Error
    end.

stop() ->
    [stop(Type, HostType, Tag) || {Type, HostType, Tag} <- get_pools()].

stop(Type, HostType, Tag) ->
    try
        ets:delete(?MODULE, {Type, HostType, Tag}),
        host_pools:callback(stop, Type, [HostType, Tag]),
        mongoose_wpool_mgr:stop(Type, HostType, Tag)
    catch
        Class:Reason:Stacktrace ->
            ?LOG_ERROR(#{what => pool_stop_failed, pool_type => Type, server => HostType,
                         pool_tag => Tag, pool_key => {Type, HostType, Tag},
                         class => Class, reason => Reason, stacktrace => Stacktrace})
    end.

is_configured(Type) ->
    Pools = ejabberd_config:get_local_option_or_default(outgoing_pools, []),
    lists:keymember(Type, 1, Pools).

get_pool_settings(Type, HostType, Tag) ->
    case ets:lookup(?MODULE, {Type, HostType, Tag}) of
        [] when is_binary(HostType) -> get_pool_settings(Type, global, Tag);
        [] -> undefined;
        [Pool] -> Pool
    end.

get_pools() ->
    [Name || #mongoose_wpool{name = Name} <- ets:tab2list(?MODULE)].

call_start_callback(Type, Args) ->
    host_pools:callback(start, Type, Args).

expand_pools(Pools, HostTypes) ->
    Specific = [{Type, HostType, Tag} || {Type, HostType, Tag, _, _} <- Pools, is_binary(HostType)],
    lists:append([expand_pool(Pool, HostTypes, Specific) || Pool <- Pools]).

expand_pool({Type, host, Tag, PoolOpts, ConnOpts}, HostTypes, Specific) ->
    [{Type, HostType, Tag, PoolOpts, ConnOpts}
     || HostType <- HostTypes, not lists:member({Type, HostType, Tag}, Specific)];
expand_pool(Pool, _HostTypes, _Specific) ->
    [Pool].

start_sup_pool(Type, Name, PoolOpts) ->
    host_pools:start_supervised(Type, Name, PoolOpts).

make_pool_name(Type, HostType, Tag) ->
    host_pools:name(Type, HostType, Tag).
