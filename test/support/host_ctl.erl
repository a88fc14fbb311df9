%% Runs a stand-in MongooseIM in this node, of generation v5_0 (5.0), v6_5 (6.5 to 6.8) or v6_9 (6.9 and later).
%% Translates pools and handlers into the generation's terms and calls the host's own functions with them, so that each
%% suite is written only once. test/host has the host's behaviour; host_session is a session in it, and host_metrics are
%% its metrics.
-module(host_ctl).

-export([start/1, start/2, stop/0, generation/0, layout/0, layout/1]).
-export([start_pool/3, stop_pool/2, crash_pool/2, pool_pid/2]).
-export([start_module/2, stop_module/1, opts/2, start_inbox/1, set_metadata/1]).
-export([hosts/0, host_type_of/1, back_ends/0]).
%% Called by gen_hook.
-export([add_metadata/3]).
-export([start_peer/2, call/4, stop_peer/1]).

-type generation() :: v5_0 | v6_5 | v6_9.
-type scope() :: global | binary().
-type handler() :: map() | proplists:proplist().

-spec start(generation()) -> ok.
start(Generation) ->
    start(Generation, #{}).

%% @doc Boots the host with the given pools and modules; raises if the node would not start. Options: vsn,
%% hosts, host_types, domains, pools, modules, handlers, record, log.
-spec start(generation(), map()) -> ok.
start(Generation, Opts) ->
    none = generation(),
    {ok, _} = application:ensure_all_started(stringprep),
    {ok, _} = application:ensure_all_started(fast_xml),
    ok = host_code:load(Generation),
    ok = host_log:start(maps:get(log, Opts, info)),
    ok = host_owner:start(),
    persistent_term:put(?MODULE, Opts#{generation => Generation}),
    Vsn = maps:get(vsn, Opts, default_vsn(Generation)),
    ok = application:load({application, mongooseim,
                           [{description, "stand-in host"}, {vsn, Vsn}, {modules, []},
                            {registered, []}, {applications, [kernel, stdlib]},
                            {mod, {ejabberd_app, host_terms:config(layout(Generation), Opts)}}]}),
    case application:start(mongooseim) of
        ok ->
            ok;
        {error, Reason} ->
            stop(),
            error({host_not_started, Reason})
    end.

%% @doc Stops the host in the order of its own shutdown and removes its code from the node.
-spec stop() -> ok.
stop() ->
    case generation() of
        none ->
            ok;
        Generation ->
            _ = application:stop(mongooseim),
            _ = application:unload(mongooseim),
            host_owner:stop(),
            host_log:stop(),
            persistent_term:erase(?MODULE),
            persistent_term:erase(host_users),
            host_code:unload(Generation)
    end.

-spec generation() -> generation() | none.
generation() ->
    maps:get(generation, persistent_term:get(?MODULE, #{}), none).

%% @doc The generation that has everything in common with this one, except for the events.
-spec layout() -> v5_0 | v6_5.
layout() ->
    layout(generation()).

-spec layout(generation()) -> v5_0 | v6_5.
layout(v6_9) -> v6_5;
layout(Generation) -> Generation.

-spec start_pool(scope(), atom(), map()) -> {ok, pid()} | {error, term()}.
start_pool(Scope, Tag, Pool) ->
    Term = host_terms:pool(layout(), Scope, Tag, Pool),
    [Result] = mongoose_wpool:start_configured_pools([Term]),
    Result.

-spec stop_pool(scope(), atom()) -> term().
stop_pool(Scope, Tag) ->
    mongoose_wpool:stop(http, Scope, Tag).

%% @doc Kills the pool's process; the host restarts it after 2 seconds.
-spec crash_pool(scope(), atom()) -> ok.
crash_pool(Scope, Tag) ->
    Pid = pool_pid(Scope, Tag),
    Ref = erlang:monitor(process, Pid),
    exit(Pid, kill),
    receive {'DOWN', Ref, _, _, _} -> ok end.

-spec pool_pid(scope(), atom()) -> pid() | undefined.
pool_pid(Scope, Tag) ->
    whereis(mongoose_wpool:make_pool_name(http, Scope, Tag)).

%% @doc Starts mod_event_pusher with the back end http, or replaces its handlers. Raises what the host
%% raises; returns ok if the host returns a value.
-spec start_module(binary(), [handler()]) -> ok.
start_module(HostType, Handlers) ->
    New = host_terms:modules(layout(), Handlers),
    case layout() of
        v5_0 -> gen_mod_deps:replace_modules(HostType, running(HostType), New);
        v6_5 -> mongoose_modules:replace_modules(HostType, [], maps:from_list(New))
    end.

%% @doc Stops the modules of start_module/2 while the node runs, as the host's own suites do.
-spec stop_module(binary()) -> ok.
stop_module(HostType) ->
    case layout() of
        v5_0 -> gen_mod_deps:replace_modules(HostType, running(HostType), []);
        v6_5 -> mongoose_modules:replace_modules(HostType, [mod_event_pusher], #{})
    end.

%% @doc The options of mod_event_pusher_http as the host holds them.
-spec opts(binary(), module()) -> term().
opts(HostType, Module) ->
    gen_mod:get_module_opts(HostType, Module).

%% @doc Starts mod_inbox for a host type.
-spec start_inbox(binary()) -> ok.
start_inbox(HostType) ->
    ok = mod_inbox:start(HostType),
    reload_hooks().

%% @doc Another module puts this into the accumulator of the hook push_event (6.5 and later).
-spec set_metadata(map()) -> ok.
set_metadata(Metadata) ->
    ok = gen_hook:add_handlers([{push_event, HostType, fun ?MODULE:add_metadata/3, #{metadata => Metadata}, 10}
                                || HostType <- hosts()]),
    reload_hooks().

-spec add_metadata(map(), map(), map()) -> {ok, map()}.
add_metadata(HookAcc = #{metadata := Metadata}, _Params, #{metadata := More}) ->
    {ok, HookAcc#{metadata := maps:merge(Metadata, More)}}.

reload_hooks() ->
    case layout() of
        v5_0 -> ok;
        v6_5 -> gen_hook:reload_hooks()
    end.

%% @doc A host in a node of its own, with this node's code path. Beside the options of start/2: `exec', the
%% program that starts the node (peer's option), and `env', the application's own settings.
-spec start_peer(generation(), map()) -> pid().
start_peer(Generation, Opts) ->
    Exec = maps:with([exec], Opts),
    {ok, Peer, _Node} = peer:start_link(Exec#{connection => standard_io, wait_boot => 60000,
                                              args => ["-pa" | code:get_path()]}),
    ok = call(Peer, application, load, [mongoose_http_pusher]),
    [ok = call(Peer, application, set_env, [mongoose_http_pusher, Key, Value])
     || {Key, Value} <- maps:get(env, Opts, [])],
    ok = call(Peer, ?MODULE, start, [Generation, maps:without([exec, env], Opts)]),
    Peer.

-spec call(pid(), module(), atom(), [term()]) -> term().
call(Peer, Module, Function, Args) ->
    peer:call(Peer, Module, Function, Args, 60000).

-spec stop_peer(pid()) -> ok.
stop_peer(Peer) ->
    peer:stop(Peer).

default_vsn(v5_0) -> "5.0.0";
default_vsn(v6_5) -> "6.8.0";
default_vsn(v6_9) -> "6.11.0".

running(HostType) ->
    [{mod_event_pusher, Opts}
     || {mod_event_pusher, Opts} <- gen_mod:loaded_modules_with_opts(HostType)].

%% @doc Where the host's metrics are.
-spec back_ends() -> [atom()].
back_ends() ->
    maps:get(handlers, persistent_term:get(?MODULE), [prometheus]).

-spec hosts() -> [binary()].
hosts() ->
    maps:get(hosts, persistent_term:get(?MODULE), [<<"localhost">>]).

%% @doc The host type of a domain that has users.
-spec host_type_of(binary()) -> binary() | undefined.
host_type_of(LServer) ->
    Opts = persistent_term:get(?MODULE),
    case lists:member(LServer, hosts()) of
        true -> LServer;
        false -> maps:get(LServer, maps:get(domains, Opts, #{}), undefined)
    end.
