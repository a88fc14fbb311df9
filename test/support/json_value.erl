%% Reads JSON in tests: objects are maps, texts binaries. OTP has a module for JSON from 27 on only. What it
%% reads is checked elsewhere (test_endpoint:check_payloads/1); here a mistake is a crash.
-module(json_value).

-export([parse/1, at/2]).

-type value() :: binary() | number() | boolean() | null | [value()] | #{binary() => value()}.

-spec parse(binary()) -> value().
parse(Text) ->
    {Value, Rest} = value(space(Text)),
    <<>> = space(Rest),
    Value.

%% @doc The value at a path, or `absent'.
-spec at([binary()], value()) -> value() | absent.
at([], Value) -> Value;
at([Key | Path], Object) when is_map(Object) ->
    case Object of
        #{Key := Value} -> at(Path, Value);
        _ -> absent
    end.

value(<<"{", Rest/binary>>) -> object(space(Rest), #{});
value(<<"[", Rest/binary>>) -> list(space(Rest), []);
value(<<"\"", Rest/binary>>) -> text(Rest, <<>>);
value(<<"true", Rest/binary>>) -> {true, Rest};
value(<<"false", Rest/binary>>) -> {false, Rest};
value(<<"null", Rest/binary>>) -> {null, Rest};
value(Text) ->
    {match, [{0, Length}]} = re:run(Text, "^-?[0-9]+(\\.[0-9]+)?([eE][-+]?[0-9]+)?"
                                    , [{capture, first}]),
    <<Number:Length/binary, Rest/binary>> = Text,
    case binary:match(Number, [<<".">>, <<"e">>, <<"E">>]) of
        nomatch -> {binary_to_integer(Number), Rest};
        _ -> {binary_to_float(Number), Rest}
    end.

object(<<"}", Rest/binary>>, Object) ->
    {Object, Rest};
object(<<"\"", Text/binary>>, Object) ->
    {Key, Rest} = text(Text, <<>>),
    <<":", Rest1/binary>> = space(Rest),
    {Value, Rest2} = value(space(Rest1)),
    false = is_map_key(Key, Object),
    case space(Rest2) of
        <<",", Rest3/binary>> -> object(space(Rest3), Object#{Key => Value});
        <<"}", _/binary>> = Rest3 -> object(Rest3, Object#{Key => Value})
    end.

list(<<"]", Rest/binary>>, Values) ->
    {lists:reverse(Values), Rest};
list(Text, Values) ->
    {Value, Rest} = value(Text),
    case space(Rest) of
        <<",", Rest1/binary>> -> list(space(Rest1), [Value | Values]);
        <<"]", _/binary>> = Rest1 -> list(Rest1, [Value | Values])
    end.

text(<<"\"", Rest/binary>>, Text) -> {Text, Rest};
text(<<"\\u", Hex:4/binary, "\\u", Low:4/binary, Rest/binary>>, Text) when Hex >= <<"d800">>, Hex < <<"dc00">> ->
    Units = [binary_to_integer(Unit, 16) || Unit <- [Hex, Low]],
    text(Rest, <<Text/binary, (unicode:characters_to_binary(<< <<Unit:16>> || Unit <- Units >>, utf16))/binary>>);
text(<<"\\u", Hex:4/binary, Rest/binary>>, Text) -> text(Rest, <<Text/binary, (binary_to_integer(Hex, 16))/utf8>>);
text(<<"\\", Char, Rest/binary>>, Text) ->
    {Char, Meant} = lists:keyfind(Char, 1, [{$n, $\n}, {$r, $\r}, {$t, $\t}, {$b, $\b}, {$f, $\f}, {$/, $/},
                                            {$\\, $\\}, {$", $"}]),
    text(Rest, <<Text/binary, Meant>>);
text(<<Char, Rest/binary>>, Text) -> text(Rest, <<Text/binary, Char>>).

space(<<Char, Rest/binary>>) when Char =:= $\s; Char =:= $\n; Char =:= $\r; Char =:= $\t -> space(Rest);
space(Text) -> Text.
