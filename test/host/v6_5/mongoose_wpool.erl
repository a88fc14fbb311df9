%% Stands for mongoose_wpool at 6.8.0 (src/wpool/mongoose_wpool.erl): the table mongoose_wpool of
%% {mongoose_wpool, {Type, HostType, Tag}, PoolAtom, Strategy, CallTimeout}, look-ups that fall back
%% to global, pools given as maps. Strategy is an atom, or with max_worker_queue_len a fun whose
%% environment alone holds that number. stop/3 deletes the
%% rows before the pool's process ends. Each pool has an event of its own, so starting one that is
%% there raises event_already_registered. Calls to workers and the probes of the queue lengths are
%% not here.
-module(mongoose_wpool).

-export([ensure_started/0, start/5, stop/0, stop/3, start_sup_pool/3,
         start_configured_pools/0, start_configured_pools/1, start_configured_pools/2,
         start_configured_pools/3,
         get_pool_settings/3, get_pools/0, is_configured/1,
         make_pool_name/3, call_start_callback/2, expand_pools/3]).

-include_lib("kernel/include/logger.hrl").
-include("host.hrl").

-record(mongoose_wpool, {name, atom_name, strategy, call_timeout}).

ensure_started() ->
    wpool:start(),
    case whereis(mongoose_wpool_sup) of
        undefined -> mongoose_wpool_sup:start_link();
        _ -> ok
    end,
    ejabberd_sup:create_ets_table(?MODULE,
                                  [named_table, public, {read_concurrency, true},
                                   {keypos, #mongoose_wpool.name},
                                   {heir, whereis(mongoose_wpool_sup), undefined}]).

start_configured_pools() ->
    start_configured_pools(mongoose_config:get_opt(outgoing_pools)).

start_configured_pools(Pools) ->
    start_configured_pools(Pools, ?ALL_HOST_TYPES).

start_configured_pools(Pools, HostTypes) ->
    PerHostType = lists:append([mongoose_config:get_opt({outgoing_pools, HostType}, [])
                                || HostType <- HostTypes]),
    start_configured_pools(Pools, PerHostType, HostTypes).

start_configured_pools(Pools, PerHostType, HostTypes) ->
    Expanded = expand_pools(Pools, PerHostType, HostTypes),
    [host_pools:callback(init, Type, [])
     || Type <- lists:usort([Type || #{type := Type} <- Pools ++ PerHostType])],
    [start(Type, HostType, Tag, PoolOpts, ConnOpts)
     || #{type := Type, host_type := HostType, tag := Tag,
          opts := PoolOpts, conn_opts := ConnOpts} <- Expanded].

start(Type, HostType, Tag, AllPoolOpts, ConnOpts) ->
    {[Strategies, Timeouts], PoolOpts} = proplists:split(AllPoolOpts, [strategy, call_timeout]),
    Strategy = proplists:get_value(strategy, Strategies, best_worker),
    CallTimeout = proplists:get_value(call_timeout, Timeouts, 5000),
    mongoose_instrument:set_up(instrumentation(Type, HostType, Tag)),
    case mongoose_wpool_mgr:start(Type, HostType, Tag, PoolOpts, ConnOpts) of
        {ok, Pid} ->
            ets:insert(?MODULE, #mongoose_wpool{name = {Type, HostType, Tag},
                                                atom_name = host_pools:name(Type, HostType, Tag),
                                                strategy = Strategy,
                                                call_timeout = CallTimeout}),
            {ok, Pid};
        Error ->
            mongoose_instrument:tear_down(instrumentation(Type, HostType, Tag)),
            Error
    end.

stop() ->
    [stop(Type, HostType, Tag) || {Type, HostType, Tag} <- get_pools()].

%% What it returns is what tearing down the pool's instrumentation returns: ok, known pool or not.
stop(Type, HostType, Tag) ->
    try
        ets:delete(?MODULE, {Type, HostType, Tag}),
        host_pools:callback(stop, Type, [HostType, Tag]),
        mongoose_wpool_mgr:stop(Type, HostType, Tag),
        mongoose_instrument:tear_down(instrumentation(Type, HostType, Tag))
    catch
        Class:Reason:Stacktrace ->
            ?LOG_ERROR(#{what => pool_stop_failed, pool_type => Type, server => HostType,
                         pool_tag => Tag, pool_key => {Type, HostType, Tag},
                         class => Class, reason => Reason, stacktrace => Stacktrace})
    end.

is_configured(Type) ->
    lists:member(Type, [T || #{type := T} <- mongoose_config:get_opt(outgoing_pools)]).

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

expand_pools(Pools, PerHostType, HostTypes) ->
    Specific = [{Type, Scope, Tag} || #{type := Type, scope := Scope, tag := Tag} <- PerHostType],
    Expanded = lists:append([expand_pool(Pool, HostTypes, Specific) || Pool <- Pools]),
    [prepare_pool(Pool) || Pool <- PerHostType ++ Expanded].

expand_pool(#{scope := host_type, type := Type, tag := Tag} = Pool, HostTypes, Specific) ->
    [Pool#{scope := HostType}
     || HostType <- HostTypes, not lists:member({Type, HostType, Tag}, Specific)];
expand_pool(Pool, _HostTypes, _Specific) ->
    [Pool].

prepare_pool(#{scope := HostType, opts := Opts} = Pool) ->
    (maps:remove(scope, Pool))#{host_type => HostType, opts := maps:to_list(prepare_opts(Opts))}.

prepare_opts(#{strategy := best_worker, max_worker_queue_len := MaxQueueLen} = Opts) ->
    Fun = fun(Name) -> best_worker_with_max_queue_len(Name, MaxQueueLen) end,
    (maps:remove(max_worker_queue_len, Opts))#{strategy := Fun};
prepare_opts(Opts) ->
    Opts.

instrumentation(Type, global, Tag) ->
    [{wpool_global_queue_lengths, #{pool_type => Type, pool_tag => Tag}, #{}}];
instrumentation(Type, HostType, Tag) ->
    [{wpool_queue_lengths, #{host_type => HostType, pool_type => Type, pool_tag => Tag}, #{}}].

%% There are no workers here to choose from.
best_worker_with_max_queue_len(_Name, _MaxQueueLen) ->
    exit(no_workers).

start_sup_pool(Type, Name, PoolOpts) ->
    host_pools:start_supervised(Type, Name, PoolOpts).

make_pool_name(Type, HostType, Tag) ->
    host_pools:name(Type, HostType, Tag).
