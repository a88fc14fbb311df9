%% @doc Lines and numbers of a text for an operator, at most 80 columns wide.
-module(http_pusher_text).

-export([row/2, paragraph/2, list/1, printable/1, format/2]).
-export([number/1, bytes/1, duration_micros/1, duration/1]).

-define(COLUMNS, 80).
-define(INDENT,  18).

%%% Lines


%% @doc A name, and beside it a paragraph.
-spec row(unicode:chardata(), unicode:chardata()) -> unicode:chardata().
row(Name, Text) ->
    paragraph(["  ", string:pad(Name, ?INDENT - 2)], Text).


%% @doc Lines break between words; a word that is longer than a line stays whole, so that it can be copied.
-spec paragraph(unicode:chardata(), unicode:chardata()) -> unicode:chardata().
paragraph(Begin, Text) ->
    Words = string:lexemes(unicode:characters_to_list(Text), " "),
    [Begin, wrap(Words, string:length(Begin), []), "\n"].


wrap([], _Column, _Space) ->
    [];
wrap([Word | Words], Column, Space) ->
    Length = string:length(Word),
    case Column + length(Space) + Length > ?COLUMNS andalso Column > ?INDENT of
        true -> ["\n", lists:duplicate(?INDENT, $\s), Word | wrap(Words, ?INDENT + Length, " ")];
        false -> [Space, Word | wrap(Words, Column + length(Space) + Length, " ")]
    end.


%% @doc The names of host types, and of many the first five.
-spec list([binary()]) -> unicode:chardata().
list(Names) ->
    {Some, More} = lists:split(min(5, length(Names)), lists:sort(Names)),
    [lists:join(", ", [ printable(Name) || Name <- Some ]),
     case More of
         [] -> "";
         _ -> [" and ", number(length(More)), " more host types"]
     end].


%% @doc Text from an endpoint or a file must not control the terminal.
-spec printable(unicode:chardata()) -> string().
printable(Text) ->
    [ case Char < 32 orelse (Char >= 127 andalso Char < 160) of
          true -> $.;
          false -> Char
      end || Char <- string_of(unicode:characters_to_list(Text)) ].


string_of({_, Valid, _}) -> Valid ++ "...";
string_of(Text) -> Text.


-spec format(io:format(), [term()]) -> unicode:chardata().
format(Format, Args) ->
    io_lib:format(Format, Args).


%%% Numbers


%% @doc With a comma between each three digits.
-spec number(non_neg_integer()) -> string().
number(N) ->
    lists:reverse(grouped(lists:reverse(integer_to_list(N)))).


grouped([A, B, C, D | Rest]) -> [A, B, C, $, | grouped([D | Rest])];
grouped(Digits) -> Digits.


-spec bytes(non_neg_integer()) -> unicode:chardata().
bytes(N) when N < 1024 -> [number(N), " bytes"];
bytes(N) when N < 1024 * 1024 -> format("~.1f KiB", [N / 1024]);
bytes(N) -> format("~.1f MiB", [N / (1024 * 1024)]).


-spec duration_micros(non_neg_integer()) -> unicode:chardata().
duration_micros(Micros) when Micros < 10000 -> format("~.2f ms", [Micros / 1000]);
duration_micros(Micros) -> duration(Micros div 1000).


%% @doc In milliseconds.
-spec duration(non_neg_integer()) -> unicode:chardata().
duration(T) when T < 1000 -> format("~b ms", [T]);
duration(T) when T < 60000, T rem 1000 =:= 0 -> format("~b s", [T div 1000]);
duration(T) when T < 60000 -> format("~.1f s", [T / 1000]);
duration(T) when T < 3600000 -> format("~b min ~b s", [T div 60000, T rem 60000 div 1000]);
duration(T) when T < 86400000 -> format("~b h ~b min", [T div 3600000, T rem 3600000 div 60000]);
duration(T) -> format("~b d ~b h", [T div 86400000, T rem 86400000 div 3600000]).
