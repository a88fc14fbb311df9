%% @doc What the values of a handler's options may be. The host's parser calls these checks while it reads the
%% configuration; a value that is refused stops the node with a text that names the option.
%%
%% The host logs what it refuses, value and all. So no option holds a secret, only the name of a file or of a
%% variable of the environment.
-module(http_pusher_host_option).

-export([value/4, filled/2, section/4, handler/1, fix_path/1, callback_module/1]).

-include("http_pusher_handler_options.hrl").

-import(http_pusher_host_handler, [find/2]).

-type options() :: http_pusher_host:options().


%% @doc A value of the file, as the host then holds it.
-spec value(atom(), Type :: term(), Since :: string(), Value) -> Value | atom()
              when Value :: binary() | boolean() | integer().
value(Name, Type, Since, Value) ->
    case is_too_new(Since) of
        true -> refuse(Name, not_in_this_release, "~ts exists from MongooseIM ~ts on", [Name, Since]);
        false -> value(Name, Type, Value)
    end.


value(_Name, boolean, Value) ->
    Value;
value(_Name, {milliseconds, Low, High}, Value) when Value >= Low, Value =< High ->
    Value;
value(Name, {milliseconds, Low, High}, _Value) ->
    refuse(Name, wrong_value, "~ts must be a number of milliseconds, from ~b to ~b", [Name, Low, High]);
value(_Name, {integer, Low, High}, Value) when Value >= Low, Value =< High ->
    Value;
value(Name, {integer, Low, High}, _Value) ->
    refuse(Name, wrong_value, "~ts must be a number from ~b to ~b", [Name, Low, High]);
value(Name, {one_of, Atoms}, Value) ->
    case [ Atom || Atom <- Atoms, atom_to_binary(Atom, utf8) =:= Value ] of
        [Atom] -> Atom;
        [] -> refuse(Name, wrong_value, "~ts must be ~ts, not \"~ts\"", [Name, values(Atoms), Value])
    end;
value(Name, domain, Value) ->
    case not matches(Value, "[\\x00-\\x20@/\\x7f]") andalso jid:nameprep(Value) of
        Domain when is_binary(Domain), Domain =/= <<>> -> Domain;
        _ -> refuse(Name, wrong_value, "~ts: \"~ts\" is not a domain", [Name, Value])
    end;
value(Name, Type, Value) ->
    case is_valid(Type, Value) of
        true -> Value;
        false -> refuse(Name, wrong_value, "~ts must be ~ts", [Name, expected(Type)])
    end.


%% The values below are not repeated in the text: a secret in the wrong place is in the log once already.
is_valid(value, Value) -> is_field_value(Value);
is_valid(_Type, <<>>) -> false;
is_valid(text, Value) -> is_printable(Value);
is_valid(file, Value) -> is_printable(Value);
%% RFC 7617.
is_valid(user, Value) -> is_printable(Value) andalso binary:match(Value, <<":">>) =:= nomatch;
is_valid(variable, Value) -> is_printable(Value) andalso binary:match(Value, <<"=">>) =:= nomatch;
is_valid(header_name, Name) -> is_token(Name) andalso not is_reserved(Name);
is_valid(media_type, Value) -> is_field_value(Value) andalso is_media_type(Value);
%% ASCII without spaces, without `#', and without `@' in the authority.
is_valid(url, Value) -> matches(Value, "^https?://[!-\"$-.0->A-~]+([/?][!-\"$-~]*)?$");
%% The characters of RFC 3986, 2.
is_valid(uri_reference, Value) -> matches(Value, "^([A-Za-z0-9._~:/?#\\[\\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+$");
is_valid(success, Value) -> Value =:= <<"any">> orelse is_statuses(Value);
%% 410 is always final.
is_valid(cause, <<"410">>) -> false;
is_valid(cause, Value) -> lists:member(Value, [<<"timeout">>, <<"connection">>]) orelse is_statuses(Value).


expected(value) -> "the value of a header field: text without control characters";
expected(text) -> "text that is not empty";
expected(file) -> "the name of a file";
expected(user) -> "a user name without a colon";
expected(variable) -> "the name of a variable of the environment";
expected(header_name) ->
    ["the name of a header field, other than those that the client, the format or the "
     "signature sets: ",
     lists:join(", ", ?HANDLER_RESERVED_HEADERS)];
expected(media_type) -> "a media type, for example \"text/plain; charset=utf-8\"";
expected(url) -> "a URL that begins with http:// or https://, without user name and fragment";
expected(uri_reference) -> "a URI reference (RFC 3986): percent-encode other characters, a space as %20";
expected(success) -> "a list of \"any\", \"2xx\" to \"5xx\", \"200\" to \"599\"";
expected(cause) ->
    "a list of \"timeout\", \"connection\", \"2xx\" to \"5xx\", \"200\" to \"599\", "
    "without \"410\", which is always final".


%% @doc A list that must not be empty.
-spec filled(atom(), [Item]) -> [Item].
filled(Name, []) -> refuse(Name, empty_list, "~ts must not be empty", [Name]);
filled(_Name, Items) -> Items.


%% @doc Checks what must hold between the options of one section.
-spec section(atom(), Required :: [atom()], Constraints :: [tuple()], Options) -> Options
              when Options :: options().
section(Name, Required, Constraints, Options) ->
    case [ Key || Key <- Required, find(Key, Options) =:= error ] of
        [] -> ok;
        [Missing | _] -> refuse(Name, missing_option, "~ts needs ~ts", [Name, Missing])
    end,
    lists:foreach(fun(Constraint) -> constraint(Name, Constraint, Options) end, Constraints),
    Options.


%% @doc Checks what must hold between the options of a handler.
-spec handler(Options) -> Options when Options :: options().
handler(Options) ->
    _ = section(handler, [], ?HANDLER_CONSTRAINTS, Options),
    lists:foreach(fun(Setter) -> sets_alone(Setter, Options) end,
                  [{auth, <<"authorization">>}, {compress, <<"content-encoding">>}]),
    Options.


%% An option of ours sets a header field, so `headers' must not.
sets_alone({Option, Field}, Options) ->
    case {find(Option, Options), find(headers, Options)} of
        {{ok, _}, {ok, Headers}} -> lists:foreach(fun(Header) -> is_other(Header, Field, Option) end, Headers);
        _ -> ok
    end.


is_other(Header, Field, Option) ->
    {ok, Name} = find(name, Header),
    string:lowercase(Name) =/= Field orelse
    refuse(headers, conflicting_options, "headers must not have ~ts, which ~ts sets", [Field, Option]).


constraint(Name, {exactly_one, Keys}, Options) ->
    case set(Keys, Options) of
        [_] -> ok;
        [] -> refuse(Name, missing_option, "~ts needs ~ts", [Name, alternatives(Keys)]);
        Set -> only_one(Name, Set)
    end;
constraint(Name, {at_most_one, Keys}, Options) ->
    case set(Keys, Options) of
        [_, _ | _] = Set -> only_one(Name, Set);
        _ -> ok
    end;
constraint(_Name, {needs, {Key, Value}, Needed}, Options) ->
    case {find(Key, Options), set(Needed, Options)} of
        {{ok, Value}, []} ->
            refuse(Key, missing_option, "~ts = \"~ts\" needs ~ts", [Key, Value, alternatives(Needed)]);
        _ ->
            ok
    end;
constraint(_Name, {needs, Key, Needed}, Options) ->
    case {find(Key, Options), set(Needed, Options)} of
        {{ok, _}, []} -> refuse(Key, missing_option, "~ts needs ~ts", [Key, alternatives(Needed)]);
        _ -> ok
    end;
constraint(_Name, {needs_value, Key, {Other, Values}}, Options) ->
    case {find(Key, Options), find(Other, Options)} of
        {error, _} ->
            ok;
        {{ok, _}, {ok, Value}} ->
            lists:member(Value, Values) orelse needs_value(Key, Other, Values);
        {{ok, _}, error} ->
            needs_value(Key, Other, Values)
    end;
constraint(_Name, {excludes, Key, {Section, Other, Value}}, Options) ->
    case {find(Key, Options), find(Section, Options)} of
        {{ok, _}, {ok, Below}} ->
            find(Other, Below) =/= {ok, Value} orelse
            refuse(Key,
                   conflicting_options,
                   "~ts does not go with ~ts = \"~ts\" in ~ts",
                   [Key, Other, Value, Section]);
        _ ->
            ok
    end;
constraint(_Name, {not_below, Key, Other}, Options) ->
    case {find(Key, Options), find(Other, Options)} of
        {{ok, Value}, {ok, Least}} when Value < Least ->
            refuse(Key, conflicting_options, "~ts (~b) must not be below ~ts (~b)", [Key, Value, Other, Least]);
        _ ->
            ok
    end.


-spec needs_value(atom(), atom(), [atom()]) -> no_return().
needs_value(Key, Other, Values) ->
    refuse(Key, conflicting_options, "~ts needs ~ts = ~ts", [Key, Other, values(Values)]).


-spec only_one(atom(), [atom()]) -> no_return().
only_one(Name, Keys) ->
    refuse(Name, conflicting_options, "~ts must have only one of ~ts", [Name, names(Keys)]).


set(Keys, Options) ->
    [ Key || Key <- Keys, find(Key, Options) =/= error ].


%% @doc Removes one leading slash from a path; the engine joins it to the prefix with exactly one.
-spec fix_path(binary()) -> binary().
fix_path(<<"/", Path/binary>>) -> Path;
fix_path(Path) -> Path.


%% @doc Refuses a callback module that lacks a function when the configuration is read. The host's own
%% validator has checked that the module exists.
-spec callback_module(module()) -> module().
callback_module(Module) ->
    _ = code:ensure_loaded(Module),
    Missing = [ io_lib:format("~ts/~b", [Name, Arity])
                || {Name, Arity} <- [{should_make_req, 6}, {prepare_headers, 7}, {prepare_body, 7}],
                   not erlang:function_exported(Module, Name, Arity) ],
    case Missing of
        [] ->
            Module;
        _ ->
            Text = io_lib:format("The callback module ~ts does not export ~ts",
                                 [Module, lists:join(", ", Missing)]),
            error(#{
                    what => callback_module_lacks_functions,
                    module => Module,
                    text => lists:flatten(Text)
                   })
    end.


is_too_new("6.9") -> not http_pusher_host:has_user_status();
is_too_new("5.0") -> false.


is_reserved(Name) ->
    lists:member(string:lowercase(unicode:characters_to_list(Name)), ?HANDLER_RESERVED_HEADERS).


is_statuses(Value) -> matches(Value, "^[2-5]([0-9][0-9]|xx)$").


%% Two names with a slash between them, and perhaps parameters.
is_media_type(Value) ->
    [Essence | _] = binary:split(Value, <<";">>),
    case binary:split(Essence, <<"/">>) of
        [Main, Sub] -> is_token(Main) andalso is_token(string:trim(Sub, trailing));
        _ -> false
    end.


is_token(Name) -> matches(Name, "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$").


%% As the engine judges it: no control character except for a tab.
is_field_value(Value) -> not matches(Value, "[\\x00-\\x08\\x0a-\\x1f\\x7f]").


is_printable(Value) -> not matches(Value, "[\\x00-\\x1f\\x7f]").


matches(Value, Pattern) ->
    re:run(Value, Pattern, [{capture, none}, dollar_endonly]) =:= match.


alternatives(Names) -> any_of([ atom_to_list(Name) || Name <- Names ]).


values(Atoms) -> any_of([ [$", atom_to_list(Atom), $"] || Atom <- Atoms ]).


any_of([Text]) -> Text;
any_of([Text, Last]) -> [Text, " or ", Last];
any_of([Text | Rest]) -> [Text, ", ", any_of(Rest)].


names(Names) -> lists:join(", ", [ atom_to_list(Name) || Name <- Names ]).


-spec refuse(atom(), atom(), io:format(), [term()]) -> no_return().
refuse(Name, What, Format, Args) ->
    error(#{what => What, option => Name, text => lists:flatten(io_lib:format(Format, Args))}).
