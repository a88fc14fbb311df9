%% @doc The module's section of `mongooseim.toml', described to each release's own parser.
%%
%% Part of the host adapter. The parser takes records whose fields differ between releases, so they
%% are written as tuples here, checked against a record that the host itself makes.
%%
%% 5.0 documents the section both as one table `[modules.mod_event_pusher.backend.http]' and as an array of
%% tables. But its parser takes a map for a table and a list for an array, and a specification can only be
%% one of the two. The module is asked before the file is parsed, so it reads the file and returns the form
%% that it finds there. A file that has both (one in `modules', the other in `host_config') has to be
%% written with arrays throughout.
-module(http_pusher_host_config).

-export([spec/0, uses_array/1]).
%% Called by the configuration parser.
-export([fix_path/1, check_callback_module/1, check_wait/1]).

-spec spec() -> tuple().
spec() ->
    Process = default_process(),
    case http_pusher_host:generation() of
        v5_0 -> spec_5_0(Process, uses_array(os:getenv("EJABBERD_CONFIG_PATH")));
        _ -> spec_5_1(Process)
    end.

%% section: items, validate_keys, required, validate, process, format
spec_5_0(Process, false) ->
    {section, items_5_0(Process), any, [], any, Process, default};
spec_5_0(Process, true) ->
    Table = {section, items_5_0(Process), any, [], any, Process, {kv, http}},
    %% Each table becomes a backend of its own, as if it were the only one.
    {list, Table, any, Process, none}.

items_5_0(Process) ->
    #{<<"pool_name">> => option(atom, pool_name, Process),
      <<"path">> => option(string, any, Process),
      <<"callback_module">> => option(atom, module, fun ?MODULE:check_callback_module/1),
      <<"wait">> => wait()}.

%% section: items, validate_keys, required, validate, format_items, process, defaults, wrap, include
spec_5_1(Process) ->
    Handler = {section,
               #{<<"pool_name">> => option(atom, pool_name, Process),
                 <<"path">> => option(binary, any, fun ?MODULE:fix_path/1),
                 <<"callback_module">> => option(atom, module,
                                                 fun ?MODULE:check_callback_module/1),
                 <<"wait">> => wait()},
               any, [], any, map, Process,
               #{<<"pool_name">> => http_pool,
                 <<"path">> => <<>>,
                 <<"callback_module">> => mod_event_pusher_http_defaults},
               default, when_present},
    Handlers = {list, Handler, unique, list, Process, default},
    {section, #{<<"handlers">> => Handlers}, any, [], any, map, Process,
     #{<<"handlers">> => []}, default, when_present}.

%% Without a default: if it is not set, the node's own setting applies.
wait() ->
    option(integer, non_negative, fun ?MODULE:check_wait/1).

%% option: type, validate, process, and the last field (`format', later `wrap'), which means the same in
%% both.
option(Type, Validate, Process) ->
    {option, Type, Validate, Process, default}.

%% `undefined' up to 6.3.0, `[]' from 6.3.1 on; neither parser accepts the other's.
default_process() ->
    try
        #{<<"report_commands_node">> := Option} = element(2, mod_adhoc:config_spec()),
        {option, boolean, any, Process, default} = Option,
        Process
    catch
        error:_ -> process_by_version()
    end.

process_by_version() ->
    Numbers = [Number || Part <- string:lexemes(http_pusher_host:version(), ".-+"),
                         {Number, []} <- [string:to_integer(Part)]],
    case Numbers >= [6, 3, 1] of
        true -> [];
        false -> undefined
    end.

%% @doc Removes one leading slash from a path; the engine joins it to the prefix with exactly one.
-spec fix_path(binary()) -> binary().
fix_path(<<"/", Path/binary>>) -> Path;
fix_path(Path) -> Path.

%% @doc Refuses a callback module that lacks a function when the configuration is read. The host's own
%% validator has checked that the module exists.
-spec check_callback_module(module()) -> module().
check_callback_module(Module) ->
    _ = code:ensure_loaded(Module),
    Missing = [io_lib:format("~ts/~b", [Name, Arity])
               || {Name, Arity} <- [{should_make_req, 6}, {prepare_headers, 7}, {prepare_body, 7}],
                  not erlang:function_exported(Module, Name, Arity)],
    case Missing of
        [] ->
            Module;
        _ ->
            Text = io_lib:format("The callback module ~ts does not export ~ts",
                                 [Module, lists:join(", ", Missing)]),
            error(#{what => callback_module_lacks_functions, module => Module,
                    text => lists:flatten(Text)})
    end.

%% @doc Refuses a time that is longer than a timer of the VM accepts.
-spec check_wait(non_neg_integer()) -> non_neg_integer().
check_wait(Wait) when Wait =< 16#FFFFFFFF ->
    Wait;
check_wait(Wait) ->
    error(#{what => wait_too_long, wait => Wait,
            text => "The option wait is a number of milliseconds, from 0 to 4294967295"}).

%% @doc Whether a configuration file has the HTTP backend as an array of tables somewhere.
-spec uses_array(file:filename() | false) -> boolean().
uses_array(false) ->
    false;
uses_array(File) ->
    case tomerl:read_file(File) of
        {ok, Content} -> has_array(Content);
        %% The host's parser reports what is wrong with the file.
        {error, _} -> false
    end.

has_array(#{<<"mod_event_pusher">> := #{<<"backend">> := #{<<"http">> := Http}}}) when is_list(Http) ->
    true;
has_array(Section) when is_map(Section) ->
    lists:any(fun has_array/1, maps:values(Section));
has_array(List) when is_list(List) ->
    lists:any(fun has_array/1, List);
has_array(_Value) ->
    false.
