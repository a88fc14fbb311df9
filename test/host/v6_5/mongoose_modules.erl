%% Stands for mongoose_modules at 6.8.0 (src/mongoose_modules.erl): starts and stops modules of a
%% host type and keeps {modules, HostType} in the configuration up to date. Options are written
%% before a module starts and taken back when it crashes; they are removed after it has stopped.
%% Hooks change for the sessions only with gen_hook:reload_hooks/0, which comes last.
-module(mongoose_modules).

-export([start/0, stop/0, replace_modules/3, ensure_stopped/2, ensure_started/3]).

-include("host.hrl").

start() ->
    [gen_mod:start_module(HostType, Module, Opts)
     || HostType <- ?ALL_HOST_TYPES, {Module, Opts} <- sorted(HostType)],
    ok.

stop() ->
    [gen_mod:stop_module(HostType, Module)
     || HostType <- ?ALL_HOST_TYPES, {Module, _Opts} <- lists:reverse(sorted(HostType))],
    ok.

replace_modules(HostType, ToStop, ToEnsure) ->
    Current = modules(HostType),
    Old = gen_mod_deps:sort_deps(HostType, maps:with(ToStop ++ maps:keys(ToEnsure), Current)),
    Kept = maps:without([Module || {Module, _} <- Old], Current),
    Target = gen_mod_deps:sort_deps(HostType, maps:merge(Kept, ToEnsure)),
    [stop_if_running(HostType, Module)
     || {Module, _} <- lists:reverse(Old), not lists:keymember(Module, 1, Target)],
    [start_if_needed(HostType, Module, Opts) || {Module, Opts} <- Target],
    gen_hook:reload_hooks().

ensure_stopped(HostType, Module) ->
    Result = stop_if_running(HostType, Module),
    gen_hook:reload_hooks(),
    Result.

ensure_started(HostType, Module, Opts) ->
    Result = start_if_needed(HostType, Module, Opts),
    gen_hook:reload_hooks(),
    Result.

stop_if_running(HostType, Module) ->
    case modules(HostType) of
        #{Module := Opts} -> stop(HostType, Module), {stopped, Opts};
        #{} -> already_stopped
    end.

start_if_needed(HostType, Module, Opts) ->
    case modules(HostType) of
        #{Module := Opts} ->
            already_started;
        #{Module := Previous} ->
            stop(HostType, Module),
            {ok, Result} = start(HostType, Module, Opts),
            {restarted, Previous, Result};
        #{} ->
            {ok, Result} = start(HostType, Module, Opts),
            {started, Result}
    end.

start(HostType, Module, Opts) ->
    Before = modules(HostType),
    set_modules(HostType, Before#{Module => Opts}),
    try gen_mod:start_module(HostType, Module, Opts)
    catch
        Class:Reason:Stacktrace ->
            set_modules(HostType, Before),
            erlang:raise(Class, Reason, Stacktrace)
    end.

stop(HostType, Module) ->
    gen_mod:stop_module(HostType, Module),
    set_modules(HostType, maps:remove(Module, modules(HostType))).

sorted(HostType) ->
    gen_mod_deps:sort_deps(HostType, modules(HostType)).

modules(HostType) ->
    mongoose_config:get_opt({modules, HostType}).

set_modules(HostType, Modules) ->
    mongoose_config:set_opt({modules, HostType}, Modules).
