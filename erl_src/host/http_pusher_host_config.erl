%% @doc The module's section of `mongooseim.toml', described to each release's own parser.
%%
%% Part of the host adapter. The parser takes records whose fields differ between releases, so they
%% are written as tuples here, checked against a record that the host itself makes. The options are those of
%% the table in http_pusher_handler_options.hrl, and http_pusher_host_option checks their values.
%%
%% 5.0 documents the section both as one table `[modules.mod_event_pusher.backend.http]' and as an array of
%% tables. But its parser takes a map for a table and a list for an array, and a specification can only be
%% one of the two. The module is asked before the file is parsed, so it reads the file and returns the form
%% that it finds there. A file that has both (one in `modules', the other in `host_config') has to be
%% written with arrays throughout.
-module(http_pusher_host_config).

-export([spec/0, uses_array/1]).

-include("http_pusher_handler_options.hrl").

-define(DEFAULT_MODULE, mod_event_pusher_http_defaults).

%% The layout, and the parser's default for the field `process'.
-type parser() :: {v5_0 | v5_1, undefined | []}.


-spec spec() -> tuple().
spec() ->
    Process = default_process(),
    case http_pusher_host:generation() of
        v5_0 -> spec_5_0(Process, uses_array(os:getenv("EJABBERD_CONFIG_PATH")));
        _ -> spec_5_1(Process)
    end.


%% section: items, validate_keys, required, validate, process, format
spec_5_0(Process, Array) ->
    Items = items({v5_0, Process}, ?HANDLER_OPTIONS),
    Check = fun http_pusher_host_option:handler/1,
    case Array of
        false -> {section, Items, any, [], any, Check, default};
        %% Each table becomes a backend of its own, as if it were the only one.
        true -> {list, {section, Items, any, [], any, Check, {kv, http}}, any, Process, none}
    end.


%% section: items, validate_keys, required, validate, format_items, process, defaults, wrap, include
spec_5_1(Process) ->
    %% Without the callback module, whose default depends on the other options.
    Defaults = #{<<"pool_name">> => http_pool, <<"path">> => <<>>},
    Handler = {section, items({v5_1, Process}, ?HANDLER_OPTIONS),
                        any,
                        [],
                        any,
                        map,
                        fun complete/1,
                        Defaults,
                        default,
                        when_present},
    Handlers = {list, Handler, unique, list, Process, default},
    {section, #{<<"handlers">> => Handlers},
              any,
              [],
              any,
              map,
              Process,
              #{<<"handlers">> => []},
              default,
              when_present}.


%% The handler as sessions and callback modules see it. If rules decide, the handler asks no module unless it
%% names one.
complete(Options) ->
    case http_pusher_host_option:handler(Options) of
        #{rules := _} -> Options;
        _ -> maps:merge(#{callback_module => ?DEFAULT_MODULE}, Options)
    end.


-spec items(parser(), [tuple()]) -> #{binary() => tuple()}.
items(Parser, Rows) ->
    maps:from_list([ {atom_to_binary(Name, utf8), item(Parser, Name, Type, Since)}
                     || {Name, Type, _Default, Since, _Meaning} <- Rows ]).


item({_, Process}, _Name, pool_name, _Since) ->
    option(atom, pool_name, Process);
item({v5_0, Process}, _Name, path, _Since) ->
    option(string, any, Process);
item({v5_1, _}, _Name, path, _Since) ->
    option(binary, any, fun http_pusher_host_option:fix_path/1);
item(_, _Name, module, _Since) ->
    option(atom, module, fun http_pusher_host_option:callback_module/1);
item(Parser, Name, {section, Rows, Constraints}, _Since) ->
    section(Parser, Name, Rows, Constraints);
item(Parser, Name, {sections, Rows, Constraints}, _Since) ->
    list(Parser, section(Parser, Name, Rows, Constraints), fun any/1);
item(Parser, Name, {filled_sections, Rows, Constraints}, _Since) ->
    list(Parser, section(Parser, Name, Rows, Constraints), filled(Name));
item(Parser, Name, {list, Type}, Since) ->
    list(Parser, item(Parser, Name, Type, Since), fun any/1);
item(Parser, Name, {filled_list, Type}, Since) ->
    list(Parser, item(Parser, Name, Type, Since), filled(Name));
item(_, Name, Type, Since) ->
    Check = fun(Value) -> http_pusher_host_option:value(Name, Type, Since, Value) end,
    option(parsed_as(Type), any, Check).


any(Items) -> Items.


filled(Name) ->
    fun(Items) -> http_pusher_host_option:filled(Name, Items) end.


parsed_as(boolean) -> boolean;
parsed_as({milliseconds, _, _}) -> integer;
parsed_as({integer, _, _}) -> integer;
parsed_as(_Text) -> binary.


section(Parser = {Layout, _}, Name, Rows, Constraints) ->
    Items = items(Parser, Rows),
    Required = [ Key || {Key, _, required, _, _} <- Rows ],
    Check = fun(Options) -> http_pusher_host_option:section(Name, Required, Constraints, Options) end,
    case Layout of
        v5_0 -> {section, Items, any, [], any, Check, default};
        v5_1 -> {section, Items, any, [], any, map, Check, #{}, default, when_present}
    end.


%% list: items, validate, (from 5.1 on) format_items, process, and the last field (`format', later `wrap')
list({v5_0, _}, Item, Check) -> {list, Item, any, Check, default};
list({v5_1, _}, Item, Check) -> {list, Item, any, list, Check, default}.


%% option: type, validate, process, and the last field, which means the same in both.
option(Type, Validate, Process) ->
    {option, Type, Validate, Process, default}.


%% `undefined' up to 6.3.0, `[]' from 6.3.1 on; neither parser accepts the other's.
default_process() ->
    try
        #{<<"report_commands_node">> := Option} = element(2, mod_adhoc:config_spec()),
        {option, boolean, any, Process, default} = Option,
        Process
    catch
        error:_ ->
            case http_pusher_host:is_from([6, 3, 1]) of
                true -> [];
                false -> undefined
            end
    end.


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
