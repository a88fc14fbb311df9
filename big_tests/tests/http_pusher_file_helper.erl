%% @doc The configuration file of the tested node: text for it, and what the node's own parser makes of that.
-module(http_pusher_file_helper).

-export([pool_toml/2, handlers_toml/2, parse_config/1, set_handlers_in_the_file/1, with_configuration/2]).

-import(distributed_helper, [mim/0, rpc/4]).
-import(http_pusher_endpoint_helper, [endpoint/0]).
-import(http_pusher_module_helper, [start_module/3]).
-import(http_pusher_node_helper, [generation/0, host_type/0, lift_shapers/0, restart_host/0, slow/1]).

%% @doc A pool in a configuration file.
-spec pool_toml(atom(), string()) -> iodata().
pool_toml(Tag, Host) ->
    io_lib:format("[outgoing_pools.http.~ts]\n  scope = \"global\"\n  workers = 5\n"
                  "  [outgoing_pools.http.~ts.connection]\n    host = \"~ts\"\n"
                  "    path_prefix = \"/webservice\"\n", [Tag, Tag, Host]).

%% @doc Handlers in a configuration file, as one table (in 5.0 only) or as an array of tables.
-spec handlers_toml(table | array, [string()]) -> iodata().
handlers_toml(Form, Paths) ->
    {Open, Close} = case Form of
                        table -> {"[", "]"};
                        array -> {"[[", "]]"}
                    end,
    Name = case generation() of
               v5_0 -> "modules.mod_event_pusher.backend.http";
               _ -> "modules.mod_event_pusher.http.handlers"
           end,
    [[Open, Name, Close, "\n  path = \"", Path, "\"\n"] || Path <- Paths].

%% @doc Runs the event pusher with handlers as a configuration file has them: a path, and lines of options.
-spec set_handlers_in_the_file([{Path :: string(), Lines :: [iodata()]}]) -> ok.
set_handlers_in_the_file(Handlers) ->
    Text = [[handlers_toml(array, [Path]), [["  ", Line, "\n"] || Line <- Lines]] || {Path, Lines} <- Handlers],
    Options = parse_config([pool_toml(http_pool, endpoint()), Text]),
    start_module(mim(), mod_event_pusher, Options).

%% @doc The options of mod_event_pusher that the node's own parser finds for its domain, when the
%% node's own configuration file has this text added.
-spec parse_config(iodata()) -> term().
parse_config(Added) ->
    Own = rpc(mim(), os, getenv, ["EJABBERD_CONFIG_PATH"]),
    File = filename:join(filename:dirname(Own), "http_pusher_test.toml"),
    {ok, Content} = rpc(mim(), file, read_file, [Own]),
    ok = rpc(mim(), file, write_file, [File, [static_hosts_only(Content), "\n", Added]]),
    try
        %% The module looks into the file that the node was started with.
        true = rpc(mim(), os, putenv, ["EJABBERD_CONFIG_PATH", File]),
        State = rpc(slow(mim()), mongoose_config_parser_toml, parse_file, [File]),
        modules_of(rpc(mim(), mongoose_config_parser, get_opts, [State]))
    after
        true = rpc(mim(), os, putenv, ["EJABBERD_CONFIG_PATH", Own]),
        ok = rpc(mim(), file, delete, [File])
    end.

%% @doc Runs something while the node's configuration file has this text added. Nothing is restarted before; after it
%% the host's application is, with the file as it was.
-spec with_configuration(iodata(), fun(() -> Result)) -> Result.
with_configuration(Added, Fun) ->
    File = rpc(mim(), os, getenv, ["EJABBERD_CONFIG_PATH"]),
    {ok, Content} = file:read_file(File),
    try
        ok = file:write_file(File, [static_hosts_only(Content), "\n", Added]),
        Fun()
    after
        ok = file:write_file(File, Content),
        restart_host(),
        lift_shapers()
    end.

%% @doc Up to 6.5 the host refuses its event pusher where there are dynamic domains, which the configuration
%% of its own test node has.
-spec static_hosts_only(binary()) -> iodata().
static_hosts_only(Content) ->
    case generation() of
        v6_5 ->
            Content;
        _ ->
            NoTypes = re:replace(Content, "^ *host_types = .*$", "", [multiline, {return, binary}]),
            [First | Blocks] = binary:split(NoTypes, <<"[[host_config]]">>, [global]),
            [First | [["[[host_config]]", Block]
                      || Block <- Blocks, re:run(Block, "^ *host_type *=", [multiline]) =:= nomatch]]
    end.

modules_of(Options) when is_map(Options) ->
    modules_of(maps:to_list(Options));
modules_of(Options) ->
    Key = {modules, host_type()},
    [Modules] = [Value || Option <- Options, {K, Value} <- [key_value(Option)], K =:= Key],
    case Modules of
        #{mod_event_pusher := Pusher} -> Pusher;
        _ when is_list(Modules) -> proplists:get_value(mod_event_pusher, Modules)
    end.

%% A record of the host's in 5.0.
key_value({local_config, Key, Value}) -> {Key, Value};
key_value({Key, Value}) -> {Key, Value};
key_value(Other) -> {other, Other}.
