%% Stands for the host's parser of configuration files (src/config/mongoose_config_parser_toml.erl and
%% mongoose_config_validator.erl of 5.0.0 and 6.8.0): what becomes of a section of a file that tomerl has read, given
%% the specification of a module. Only what the module's own section needs is here. An error of the host has the path,
%% the value and the reason, and so has one of these.
-module(host_parser).

-export([parse/3, handlers/2]).

-type layout() :: v5_0 | v6_5.
-type problem() :: #{toml_path := string(), toml_value := term(), reason := term(), text := string()}.

%% @doc What the host keeps of a section, or what is wrong with it.
-spec parse(layout(), tuple(), term()) -> {ok, term()} | {error, [problem()]}.
parse(Layout, Spec, Value) ->
    Parts = node(Layout, [<<"http">>], Value, Spec),
    case [Problem || Problem = #{class := error} <- flat(Parts)] of
        [] -> {ok, Parts};
        Problems -> {error, Problems}
    end.

%% @doc The options of handlers as the host holds them. Each is a map with the names and values of the file.
-spec handlers(layout(), #{binary() => term()} | [#{binary() => term()}]) -> {ok, [term()]} | {error, [problem()]}.
handlers(v5_0, Section) ->
    case parse(v5_0, mod_event_pusher_http:config_spec(), Section) of
        {ok, Backends} -> {ok, [Options || {http, Options} <- Backends]};
        Problems -> Problems
    end;
handlers(v6_5, Handlers) ->
    case parse(v6_5, mod_event_pusher_http:config_spec(), #{<<"handlers">> => Handlers}) of
        {ok, [{http, #{handlers := Options}}]} -> {ok, Options};
        Problems -> Problems
    end.

node(v5_0, Path, Value, Spec) ->
    steps([parse, validate, process, wrap], v5_0, Path, Value, Spec);
node(v6_5, Path, Value, Spec) when element(1, Spec) =:= option ->
    steps([parse, validate, process, wrap], v6_5, Path, Value, Spec);
node(v6_5, Path, Value, Spec) ->
    steps([parse, validate, format_items, process, wrap], v6_5, Path, Value, Spec).

%% A step is skipped after one that has failed.
steps(Steps, Layout, Path, Value, Spec) ->
    lists:foldl(fun(_Step, Failed = [#{class := error} | _]) -> Failed;
                   (Step, Before) -> try_step(Step, Layout, Path, Value, Before, Spec)
                end, Value, Steps).

try_step(Step, Layout, Path, Value, Before, Spec) ->
    try
        step(Step, Layout, Path, Before, Spec)
    catch
        error:Reason ->
            Names = [binary_to_list(Key) || Key <- lists:reverse(Path), is_binary(Key)],
            Problem = #{class => error, toml_path => lists:flatten(lists:join(".", Names)), toml_value => Value,
                        text => "the host's own text"},
            [maps:merge(Problem, reason(Reason))]
    end.

reason(#{what := What} = Fields) -> maps:remove(what, Fields#{reason => What});
reason(Reason) -> #{reason => Reason}.

step(parse, Layout, Path, Value, Spec) ->
    Parsed = parsed(Layout, Path, Value, Spec),
    case [Problem || Problem = #{class := error} <- flat(Parsed)] of
        [] -> Parsed;
        Problems -> Problems
    end;
step(validate, _, _Path, Value, Spec) ->
    ok = valid(Spec, Value),
    Value;
step(format_items, v6_5, _Path, Pairs, {section, _, _, _, _, map, _, _, _, _}) ->
    Map = maps:from_list(Pairs),
    true = map_size(Map) =:= length(Pairs),
    Map;
step(format_items, v6_5, _Path, Items, {list, _, _, list, _, _}) ->
    Items;
step(process, Layout, _Path, Value, Spec) ->
    processed(Layout, process(Spec), Value);
step(wrap, _, Path, Value, Spec) ->
    wrapped(Path, wrap(Spec), Value).

wrap({section, _, _, _, _, _, _, _, Wrap, _}) -> Wrap;
wrap(Spec) -> element(tuple_size(Spec), Spec).

parsed(v5_0, Path, Map, {section, Items, any, [], any, _, _}) when is_map(Map) ->
    lists:append([node(v5_0, [Key | Path], Value, item(Key, Items)) || {Key, Value} <- lists:sort(maps:to_list(Map))]);
parsed(v6_5, Path, Map, {section, Items, any, [], any, _, _, Defaults, _, when_present}) when is_map(Map) ->
    Given = [{Key, node(v6_5, [Key | Path], Value, item(Key, Items))} || {Key, Value} <- maps:to_list(Map)],
    Absent = maps:without(maps:keys(Map), Defaults),
    Default = [{Key, steps([wrap], v6_5, [Key | Path], Value, maps:get(Key, Items))}
               || {Key, Value} <- maps:to_list(Absent)],
    lists:append([Parts || {_, Parts} <- lists:keysort(1, Given ++ Default)]);
parsed(Layout, Path, List, Spec) when element(1, Spec) =:= list, is_list(List) ->
    lists:append([node(Layout, [item | Path], Item, element(2, Spec)) || Item <- List]);
parsed(_, _Path, Value, {option, Type, _, _, _}) when not is_list(Value), not is_map(Value) ->
    converted(Type, Value).

item(Key, Items) ->
    case Items of
        #{Key := Spec} -> Spec;
        #{} -> error(#{what => unexpected_key, key => Key})
    end.

converted(boolean, Value) when is_boolean(Value) -> Value;
converted(binary, Value) when is_binary(Value) -> Value;
converted(string, Value) -> binary_to_list(Value);
converted(atom, Value) -> binary_to_atom(Value, utf8);
converted(integer, Value) when is_integer(Value) -> Value.

valid({option, atom, pool_name, _, _}, Value) when is_atom(Value), Value =/= '' -> ok;
valid({option, atom, module, _, _}, Module) ->
    case code:ensure_loaded(Module) of
        {module, _} -> ok;
        Other -> error(#{what => module_not_found, module => Module, reason => Other})
    end;
valid({option, integer, non_negative, _, _}, Value) when Value >= 0 -> ok;
valid({option, _, any, _, _}, _Value) -> ok;
valid(Spec, Parts) when element(1, Spec) =:= section, is_list(Parts) -> ok;
valid({list, _, unique, _, _, _}, Parts) ->
    true = length(Parts) =:= length(lists:usort(Parts)),
    ok;
valid(Spec, Parts) when element(1, Spec) =:= list, element(3, Spec) =:= any, is_list(Parts) -> ok.

process({section, _, _, _, _, Process, _}) -> Process;
process({section, _, _, _, _, _, Process, _, _, _}) -> Process;
process({list, _, _, Process, _}) -> Process;
process({list, _, _, _, Process, _}) -> Process;
process({option, _, _, Process, _}) -> Process.

processed(_, Process, Value) when is_function(Process, 1) -> Process(Value);
processed(v5_0, undefined, Value) -> Value;
processed(v6_5, [], Value) -> Value.

wrapped([item | _], default, Value) -> [Value];
wrapped([Key | _], default, Value) -> [{binary_to_atom(Key, utf8), Value}];
wrapped(_Path, {kv, Key}, Value) -> [{Key, Value}];
wrapped(_Path, none, Value) when is_list(Value) -> Value.

flat(#{class := error} = Problem) -> [Problem];
flat(Map) when is_map(Map) -> flat(maps:to_list(Map));
flat(Tuple) when is_tuple(Tuple) -> flat(tuple_to_list(Tuple));
flat(List) when is_list(List) -> lists:flatmap(fun flat/1, List);
flat(_Leaf) -> [].
