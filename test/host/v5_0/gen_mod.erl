%% Stands for gen_mod at 5.0.0 (src/gen_mod.erl). Options are a proplist in the table
%% ejabberd_modules ({ejabberd_module, {Module, HostType}, Opts}).
%% Start: options are stored, dynamic domains checked, Module:start/2. A crash removes the options
%% and is raised again if the node runs or Common Test does; while the node boots it halts it.
%% Stop: Module:stop/1, then the options go; a crash is logged, gives {error, Reason}, and the module
%% stays loaded. Nothing is torn down for the module: 5.0.0 has no instrumentation.
-module(gen_mod).

-export([start/0, start_module/3, stop_module/2, stop_module_keep_config/2, reload_module/3,
         does_module_support/2, config_spec/1, get_deps/3,
         get_opt/2, get_opt/3, get_opt/4, get_module_opt/4, get_module_opts/2,
         get_loaded_module_opts/2, loaded_modules/0, loaded_modules/1, loaded_modules_with_opts/1,
         hosts_with_module/1, get_module_proc/2, is_loaded/2, is_app_running/1]).

-include_lib("kernel/include/logger.hrl").
-include("host.hrl").

-record(ejabberd_module, {module_host_type, opts}).

start() ->
    ets:new(ejabberd_modules, [named_table, public, {read_concurrency, true},
                               {keypos, #ejabberd_module.module_host_type}]),
    ok.

start_module(HostType, Module, Opts) ->
    case is_loaded(HostType, Module) of
        true -> {error, already_started};
        false -> start_unloaded_module(HostType, Module, proplists:unfold(Opts))
    end.

stop_module(HostType, Module) ->
    case is_loaded(HostType, Module) of
        false ->
            {error, not_loaded};
        true ->
            case stop_module_keep_config(HostType, Module) of
                {ok, Opts} ->
                    forget_configured(HostType, Module),
                    {ok, Opts};
                {error, Reason} ->
                    {error, Reason}
            end
    end.

stop_module_keep_config(HostType, Module) ->
    Opts = get_module_opts(HostType, Module),
    try Module:stop(HostType) of
        {wait, Processes} when is_list(Processes) -> stopped(HostType, Module, Opts, Processes);
        {wait, Process} -> stopped(HostType, Module, Opts, [Process]);
        _ -> stopped(HostType, Module, Opts, [])
    catch
        Class:Reason:Stacktrace ->
            ?LOG_ERROR(#{what => module_stopping_failed, host_type => HostType,
                         stop_module => Module, class => Class, reason => Reason,
                         stacktrace => Stacktrace}),
            {error, Reason}
    end.

reload_module(HostType, Module, Opts) ->
    stop_module_keep_config(HostType, Module),
    start_module(HostType, Module, Opts).

does_module_support(Module, Feature) ->
    %% A module that is not loaded yet exports nothing, so it supports nothing.
    erlang:function_exported(Module, supported_features, 0)
        andalso lists:member(Feature, Module:supported_features()).

config_spec(Module) ->
    Module:config_spec().

get_deps(HostType, Module, Opts) ->
    code:ensure_loaded(Module),
    case erlang:function_exported(Module, deps, 2) of
        true -> [Dep || Dep <- Module:deps(HostType, Opts), element(1, Dep) =/= service];
        false -> []
    end.

get_opt(Opt, Opts) ->
    case lists:keyfind(Opt, 1, Opts) of
        {_, Value} -> Value;
        false -> throw({undefined_option, Opt})
    end.

get_opt(Opt, Opts, Default) ->
    get_opt(Opt, Opts, fun(Value) -> Value end, Default).

get_opt(Opt, Opts, Fun, Default) ->
    case lists:keyfind(Opt, 1, Opts) of
        {_, Value} -> Fun(Value);
        false -> Default
    end.

get_module_opt(HostType, Module, Opt, Default) ->
    get_opt(Opt, get_module_opts(HostType, Module), Default).

get_module_opts(HostType, Module) ->
    case ets:lookup(ejabberd_modules, {Module, HostType}) of
        [#ejabberd_module{opts = Opts}] -> Opts;
        [] -> []
    end.

get_loaded_module_opts(HostType, Module) ->
    case ets:lookup(ejabberd_modules, {Module, HostType}) of
        [#ejabberd_module{opts = Opts}] -> Opts;
        [] -> error({module_not_loaded, HostType, Module})
    end.

loaded_modules() ->
    lists:usort([Module || [Module] <- ets:match(ejabberd_modules, {'_', {'$1', '_'}, '_'})]).

loaded_modules(HostType) ->
    [Module || {Module, _Opts} <- loaded_modules_with_opts(HostType)].

loaded_modules_with_opts(HostType) ->
    [{Module, Opts}
     || [Module, Opts] <- ets:match(ejabberd_modules, {'_', {'$1', HostType}, '$2'})].

hosts_with_module(Module) ->
    [HostType || [HostType] <- ets:match(ejabberd_modules, {'_', {Module, '$1'}, '_'})].

get_module_proc(Host, Base) ->
    list_to_atom(atom_to_list(Base) ++ "_" ++ binary_to_list(iolist_to_binary(Host))).

is_loaded(HostType, Module) ->
    ets:member(ejabberd_modules, {Module, HostType}).

is_app_running(App) ->
    lists:keymember(App, 1, application:which_applications(15000)).

start_unloaded_module(HostType, Module, Opts) ->
    {links, LinksBefore} = process_info(self(), links),
    remember_configured(HostType, Module, Opts),
    ets:insert(ejabberd_modules, #ejabberd_module{module_host_type = {Module, HostType},
                                                  opts = Opts}),
    try
        code:ensure_loaded(Module),
        check_dynamic_domains_support(HostType, Module),
        Result = Module:start(HostType, Opts),
        host_modules:report_links(LinksBefore),
        case Result of
            {ok, Value} -> {ok, Value};
            _ -> {ok, Result}
        end
    catch
        Class:Reason:Stacktrace ->
            forget_configured(HostType, Module),
            ets:delete(ejabberd_modules, {Module, HostType}),
            start_failed(HostType, Module, Opts, Class, Reason, Stacktrace)
    end.

check_dynamic_domains_support(HostType, Module) ->
    case lists:member(HostType, ?MYHOSTS) orelse does_module_support(Module, dynamic_domains) of
        true -> ok;
        false -> error({Module, HostType, dynamic_domains_feature_is_not_supported})
    end.

start_failed(HostType, Module, Opts, Class, Reason, Stacktrace) ->
    ?LOG_CRITICAL(#{what => module_start_failed, module => Module, host_type => HostType,
                    opts => Opts, class => Class, reason => Reason, stacktrace => Stacktrace}),
    case is_app_running(mongooseim) orelse is_common_test_running() of
        true ->
            erlang:raise(Class, Reason, Stacktrace);
        false ->
            ?LOG_CRITICAL(#{what => mim_initialization_aborted, class => Class, reason => Reason,
                            stacktrace => Stacktrace}),
            timer:sleep(3000),
            erlang:halt(string:slice(io_lib:format("Problem starting the module ~p: ~p ~p",
                                                   [Module, Class, Reason]), 0, 199))
    end.

is_common_test_running() ->
    try is_list(ct:get_status())
    catch _:_ -> false
    end.

stopped(HostType, Module, Opts, Processes) ->
    lists:foreach(fun host_modules:wait_for_process/1, Processes),
    ets:delete(ejabberd_modules, {Module, HostType}),
    {ok, Opts}.

remember_configured(HostType, Module, Opts) ->
    ejabberd_config:add_local_option({modules, HostType},
                                     [{Module, Opts} | configured_without(HostType, Module)]).

forget_configured(HostType, Module) ->
    case configured_without(HostType, Module) of
        [] -> ejabberd_config:del_local_option({modules, HostType});
        Others -> ejabberd_config:add_local_option({modules, HostType}, Others)
    end.

configured_without(HostType, Module) ->
    Configured = ejabberd_config:get_local_option_or_default({modules, HostType}, []),
    lists:keydelete(Module, 1, Configured).
