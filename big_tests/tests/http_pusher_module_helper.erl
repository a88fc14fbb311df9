%% @doc Pools and modules of the tested node.
%%
%% The generations take them in different shapes; the suites say what they want in one, and here it is put into the
%% node's own.
-module(http_pusher_module_helper).

-export([start_pool/2, start_pool/3, stop_pool/1, stop_pool/2]).
-export([set_handlers/1, set_handlers/2, stop_pusher/0, stop_pusher/1, start_module/3, stop_module/2]).
-export([callback/1, muc_light_opts/0, offline_opts/0, archive/0]).

-import(distributed_helper, [mim/0, rpc/4]).
-import(http_pusher_endpoint_helper, [endpoint/0, wait_until/2]).
-import(http_pusher_node_helper, [generation/0, generation/1, host_type/0, slow/1]).

%%% Pools

%% @doc Starts a pool of the tested node. Options: host, path_prefix, request_timeout, workers,
%% strategy, call_timeout.
-spec start_pool(atom(), map()) -> ok.
start_pool(Tag, Options) ->
    start_pool(mim(), Tag, Options).

-spec start_pool(distributed_helper:rpc_spec(), atom(), map()) -> ok.
start_pool(Node, Tag, Options) ->
    Host = maps:get(host, Options, endpoint()),
    Pool = maps:with([workers, strategy, call_timeout], Options),
    Connection = maps:with([path_prefix, request_timeout], Options),
    Spec = case generation(Node) of
               v5_0 ->
                   {http, global, Tag, maps:to_list(Pool), [{server, Host} | maps:to_list(Connection)]};
               _ ->
                   Defaults = #{request_timeout => 2000, path_prefix => "/"},
                   #{type => http, scope => global, tag => Tag,
                     opts => maps:merge(#{workers => 10, strategy => best_worker,
                                          call_timeout => 5000}, Pool),
                     conn_opts => maps:merge(Defaults#{host => Host}, Connection)}
           end,
    [{ok, _}] = rpc(slow(Node), mongoose_wpool, start_configured_pools, [[Spec]]),
    ok.

-spec stop_pool(atom()) -> any().
stop_pool(Tag) ->
    stop_pool(mim(), Tag).

-spec stop_pool(distributed_helper:rpc_spec(), atom()) -> any().
stop_pool(Node, Tag) ->
    case rpc(Node, http_pusher_host_pool, is_listed, [{global, Tag}]) of
        true ->
            rpc(slow(Node), mongoose_wpool, stop, [http, global, Tag]),
            wait_until(fun() -> not has_processes(Node, Tag) end, {stopped, Tag});
        false ->
            ok
    end.

%% The host kills the supervisor of the workers, and does not wait for them. A pool of the same name cannot be started
%% while one of them lives.
has_processes(Node, Tag) ->
    Part = "$http$global$" ++ atom_to_list(Tag),
    lists:any(fun(Name) -> string:find(atom_to_list(Name), Part) =/= nomatch end, rpc(Node, erlang, registered, [])).

%%% Modules

%% @doc Runs the event pusher with these handlers, each a map of pool_name, path, callback_module.
-spec set_handlers([map()]) -> ok.
set_handlers(Handlers) ->
    set_handlers(mim(), Handlers).

-spec set_handlers(distributed_helper:rpc_spec(), [map()]) -> ok.
set_handlers(Node, Handlers) ->
    stop_pusher(Node),
    start_module(Node, mod_event_pusher, module_opts(Handlers)).

-spec stop_pusher() -> ok.
stop_pusher() ->
    stop_pusher(mim()).

-spec stop_pusher(distributed_helper:rpc_spec()) -> ok.
stop_pusher(Node) ->
    stop_module(Node, mod_event_pusher).

%% @doc Starts a module of the host with what it needs, with just these options.
-spec start_module(distributed_helper:rpc_spec(), module(), term()) -> ok.
start_module(Node, Module, Options) ->
    stop_module(Node, Module),
    _ = case generation(Node) of
            v5_0 -> rpc(slow(Node), gen_mod_deps, replace_modules,
                        [host_type(), [], [{Module, Options}]]);
            _ -> rpc(slow(Node), mongoose_modules, replace_modules,
                     [host_type(), [], #{Module => Options}])
        end,
    true = rpc(Node, gen_mod, is_loaded, [host_type(), Module]),
    ok.

-spec stop_module(distributed_helper:rpc_spec(), module()) -> ok.
stop_module(Node, Module) ->
    case rpc(Node, gen_mod, is_loaded, [host_type(), Module]) of
        true ->
            _ = case generation(Node) of
                    v5_0 ->
                        Loaded = rpc(Node, gen_mod, loaded_modules_with_opts, [host_type()]),
                        rpc(slow(Node), gen_mod_deps, replace_modules,
                            [host_type(), [lists:keyfind(Module, 1, Loaded)], []]);
                    _ ->
                        rpc(slow(Node), mongoose_modules, replace_modules,
                            [host_type(), [Module], #{}])
                end,
            ok;
        false ->
            ok
    end.

%%% Their options

%% Of mod_event_pusher, as the node's configuration would have them.
module_opts(Handlers) ->
    case generation() of
        v5_0 ->
            [{backends, [{http, pairs(Handler)} || Handler <- Handlers]}];
        _ ->
            #{http => #{handlers => [with_defaults(fix_path(Handler)) || Handler <- Handlers]}}
    end.

%% 5.0 holds sections as lists of pairs, and the path as a string.
pairs(#{} = Section) -> [{Key, pair(Key, Value)} || {Key, Value} <- maps:to_list(Section)].

pair(path, Path) when is_binary(Path) -> binary_to_list(Path);
pair(_Key, #{} = Section) -> pairs(Section);
pair(_Key, [#{} | _] = Sections) -> [pairs(Section) || Section <- Sections];
pair(_Key, Value) -> Value.

%% Rules decide without a callback module.
with_defaults(Handler = #{rules := _}) ->
    maps:merge(#{pool_name => http_pool, path => <<>>}, Handler);
with_defaults(Handler) ->
    maps:merge(#{pool_name => http_pool, path => <<>>, callback_module => mod_event_pusher_http_defaults},
               Handler).

fix_path(Handler = #{path := <<"/", Path/binary>>}) -> Handler#{path := Path};
fix_path(Handler) -> Handler.

-spec muc_light_opts() -> term().
muc_light_opts() ->
    case generation() of
        v5_0 -> [{backend, mnesia}];
        _ -> config_parser_helper:mod_config(mod_muc_light, #{backend => mnesia})
    end.

-spec offline_opts() -> term().
offline_opts() ->
    case generation() of
        v5_0 -> [{backend, mnesia}];
        _ -> config_parser_helper:mod_config(mod_offline, #{backend => mnesia})
    end.

%% @doc The module that archives messages, and its options: in the node's own database.
-spec archive() -> {module(), Options :: term()}.
archive() ->
    case generation() of
        v5_0 ->
            {mod_mam_meta, [{backend, rdbms}, {pm, []}]};
        _ ->
            {mod_mam, config_parser_helper:mod_config(
                        mod_mam, #{backend => rdbms, pm => config_parser_helper:config([modules, mod_mam, pm], #{})})}
    end.

%% @doc A handler whose callback module does what the path says; see http_pusher_callbacks.
-spec callback(binary()) -> map().
callback(Path) ->
    #{path => Path, callback_module => http_pusher_callbacks}.
