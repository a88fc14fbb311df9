%% Stands for ejabberd_app at 6.8.0 (src/ejabberd_app.erl): the order in which a node starts
%% (configuration, pools, modules, then instrumentation persisted, then hooks live) and stops
%% (sessions have ended before; modules in reverse order, then pools). A module that crashes in its
%% stop keeps the ones after it from stopping.
-module(ejabberd_app).
-behaviour(application).

-export([start/2, prep_stop/1, stop/1]).

start(normal, Config) ->
    mongoose_config:set_opts(Config),
    {ok, _} = Sup = ejabberd_sup:start_link(),
    mongoose_wpool:ensure_started(),
    mongoose_wpool:start_configured_pools(),
    mongoose_modules:start(),
    mongoose_instrument:persist(),
    gen_hook:reload_hooks(),
    Sup.

prep_stop(_State) ->
    mongoose_modules:stop(),
    mongoose_wpool:stop(),
    #{stopped_count => 0}.

stop(#{stopped_count := _}) ->
    mongoose_config:stop(),
    ok.
