%% Stands for ejabberd_app at 5.0.0 (src/ejabberd_app.erl): the order in which a node starts
%% (configuration, pools, modules) and stops (modules while sessions go on sending, then the
%% sessions, then pools, then all metrics). Modules stop in the reverse order of their start, a
%% module that crashes does not keep the others from stopping.
-module(ejabberd_app).
-behaviour(application).

-export([start/2, prep_stop/1, stop/1]).

-include("host.hrl").

start(normal, Config) ->
    exometer:start(),
    gen_mod:start(),
    ejabberd_config:start(Config),
    {ok, _} = Sup = ejabberd_sup:start_link(),
    mongoose_wpool:ensure_started(),
    mongoose_wpool:start_configured_pools(),
    [gen_mod_deps:start_modules(HostType, Modules) || {HostType, Modules} <- configured_modules()],
    Sup.

prep_stop(State) ->
    [gen_mod:stop_module_keep_config(HostType, Module)
     || {HostType, Modules} <- configured_modules(), {Module, _Opts} <- Modules],
    mongoose_wpool:stop(),
    mongoose_metrics:remove_all_metrics(),
    State.

stop(_State) ->
    ok.

configured_modules() ->
    [{HostType, Modules}
     || HostType <- ?ALL_HOST_TYPES,
        Modules <- [ejabberd_config:get_local_option({modules, HostType})],
        Modules =/= undefined].
