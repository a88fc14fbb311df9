%% @doc JSON as the tools print it. OTP has a module for JSON from 27 on only.
-module(json_text).

-export([object/1]).

-export_type([value/0]).

-type value() :: {object, [{iodata() | atom(), value()}]} | {string, unicode:chardata()}
               | [value()] | number() | boolean() | null.

%% @doc The text of an object, its members in this order. Floats have three decimals.
-spec object([{iodata() | atom(), value()}]) -> unicode:chardata().
object(Members) ->
    Texts = [[string(name(Name)), ":", text(Value)] || {Name, Value} <- Members],
    ["{", lists:join(",", Texts), "}"].

name(Name) when is_atom(Name) -> atom_to_list(Name);
name(Name) -> Name.

text({object, Members}) -> object(Members);
text({string, Text}) -> string(Text);
text(Values) when is_list(Values) -> ["[", lists:join(",", [text(Value) || Value <- Values]), "]"];
text(Number) when is_integer(Number) -> integer_to_list(Number);
text(Number) when is_float(Number) -> float_to_list(Number, [{decimals, 3}]);
text(Word) when is_boolean(Word); Word =:= null -> atom_to_list(Word).

string(Text) ->
    [$", [escaped(Char) || Char <- unicode:characters_to_list(Text)], $"].

escaped(Char) when Char =:= $"; Char =:= $\\ -> [$\\, Char];
escaped(Char) when Char < 32 -> io_lib:format("\\u~4.16.0b", [Char]);
escaped(Char) -> Char.
