%% Stands for gen_mod at 6.8.0 (src/gen_mod.erl). Options are maps in mongoose_config under
%% {modules, HostType}.
%% Start: dynamic domains checked, instrumentation set up, Module:start/2, hooks added. A crash is
%% raised again if the node runs or Common Test does; while the node boots it halts it. What was set
%% up before the crash stays set up.
%% Stop: hooks deleted, Module:stop/1, instrumentation torn down; a crash of stop/1 is logged and
%% raised, and leaves the instrumentation. hooks/1 and instrumentation/1 are called again to stop.
-module(gen_mod).

-export([start_module/3, stop_module/2, does_module_support/2, config_spec/1,
         get_opt/2, get_opt/3, lookup_module_opt/3, get_module_opt/3, get_module_opt/4,
         get_module_opts/2, get_loaded_module_opts/2, loaded_modules/0, loaded_modules/1,
         loaded_modules_with_opts/1, hosts_with_module/1, get_module_proc/2, is_loaded/2,
         get_deps/3, is_app_running/1]).

-include_lib("kernel/include/logger.hrl").
-include("host.hrl").

start_module(HostType, Module, Opts) ->
    assert_loaded(HostType, Module),
    {links, LinksBefore} = process_info(self(), links),
    try
        code:ensure_loaded(Module),
        check_dynamic_domains_support(HostType, Module),
        run_for(instrumentation, HostType, fun mongoose_instrument:set_up/1, Module),
        Result = Module:start(HostType, Opts),
        run_for(hooks, HostType, fun gen_hook:add_handlers/1, Module),
        host_modules:report_links(LinksBefore),
        case Result of
            {ok, Value} -> {ok, Value};
            _ -> {ok, Result}
        end
    catch
        Class:Reason:Stacktrace ->
            start_failed(HostType, Module, Opts, Class, Reason, Stacktrace)
    end.

stop_module(HostType, Module) ->
    assert_loaded(HostType, Module),
    run_for(hooks, HostType, fun gen_hook:delete_handlers/1, Module),
    try Module:stop(HostType) of
        {wait, Processes} when is_list(Processes) -> lists:foreach(fun host_modules:wait_for_process/1, Processes);
        {wait, Process} -> host_modules:wait_for_process(Process);
        _ -> ok
    catch
        Class:Reason:Stacktrace ->
            ?LOG_ERROR(#{what => module_stopping_failed, host_type => HostType,
                         stop_module => Module, class => Class, reason => Reason,
                         stacktrace => Stacktrace}),
            erlang:raise(Class, Reason, Stacktrace)
    end,
    run_for(instrumentation, HostType, fun mongoose_instrument:tear_down/1, Module).

does_module_support(Module, Feature) ->
    %% A module that is not loaded yet exports nothing, so it supports nothing.
    erlang:function_exported(Module, supported_features, 0)
        andalso lists:member(Feature, Module:supported_features()).

config_spec(Module) ->
    Module:config_spec().

get_opt(Path, Opts) when is_list(Path) -> lists:foldl(fun maps:get/2, Opts, Path);
get_opt(Opt, Opts) -> maps:get(Opt, Opts).

get_opt(Path, Opts, Default) ->
    try get_opt(Path, Opts)
    catch error:{badkey, _} -> Default
    end.

lookup_module_opt(HostType, Module, Key) ->
    mongoose_config:lookup_opt(path(HostType, Module, Key)).

get_module_opt(HostType, Module, Key, Default) ->
    mongoose_config:get_opt(path(HostType, Module, Key), Default).

get_module_opt(HostType, Module, Key) ->
    mongoose_config:get_opt(path(HostType, Module, Key)).

get_module_opts(HostType, Module) ->
    mongoose_config:get_opt([{modules, HostType}, Module], #{}).

get_loaded_module_opts(HostType, Module) ->
    mongoose_config:get_opt([{modules, HostType}, Module]).

loaded_modules() ->
    lists:usort(lists:append([loaded_modules(HostType) || HostType <- ?ALL_HOST_TYPES])).

loaded_modules(HostType) ->
    maps:keys(loaded_modules_with_opts(HostType)).

loaded_modules_with_opts(HostType) ->
    mongoose_config:get_opt({modules, HostType}).

hosts_with_module(Module) ->
    [HostType || HostType <- ?ALL_HOST_TYPES, is_loaded(HostType, Module)].

get_module_proc(Host, Base) ->
    list_to_atom(atom_to_list(Base) ++ "_" ++ binary_to_list(iolist_to_binary(Host))).

is_loaded(HostType, Module) ->
    maps:is_key(Module, loaded_modules_with_opts(HostType)).

get_deps(HostType, Module, Opts) ->
    case mongoose_lib:is_exported(Module, deps, 2) of
        true -> [Dep || Dep <- Module:deps(HostType, Opts), element(1, Dep) =/= service];
        false -> []
    end.

is_app_running(App) ->
    lists:keymember(App, 1, application:which_applications(15000)).

path(HostType, Module, Path) when is_list(Path) -> [{modules, HostType}, Module | Path];
path(HostType, Module, Key) -> [{modules, HostType}, Module, Key].

assert_loaded(HostType, Module) ->
    case is_loaded(HostType, Module) of
        true -> ok;
        false -> error(#{what => module_not_loaded,
                         text => <<"Module missing from mongoose_config">>,
                         host_type => HostType, module => Module})
    end.

run_for(Callback, HostType, Fun, Module) ->
    case erlang:function_exported(Module, Callback, 1) of
        true -> Fun(Module:Callback(HostType));
        false -> ok
    end.

check_dynamic_domains_support(HostType, Module) ->
    case lists:member(HostType, ?MYHOSTS) orelse does_module_support(Module, dynamic_domains) of
        true -> ok;
        false -> error({Module, HostType, dynamic_domains_feature_is_not_supported})
    end.

start_failed(HostType, Module, Opts, Class, Reason, Stacktrace) ->
    ?LOG_CRITICAL(#{what => module_start_failed, module => Module, host_type => HostType,
                    opts => Opts, class => Class, reason => Reason, stacktrace => Stacktrace}),
    case is_app_running(mongooseim) orelse whereis(ct_util_server) =/= undefined of
        true ->
            erlang:raise(Class, Reason, Stacktrace);
        false ->
            ?LOG_CRITICAL(#{what => mim_initialization_aborted, class => Class, reason => Reason,
                            stacktrace => Stacktrace}),
            timer:sleep(3000),
            erlang:halt(string:slice(io_lib:format("Problem starting the module ~p: ~p ~p",
                                                   [Module, Class, Reason]), 0, 199))
    end.
