%% Stands for exml (3.0.5 in MongooseIM 5.0.0, 4.2.1 in 6.8.0): parse/1 and to_binary/1.
%% The parser underneath is fast_xml (expat), which is stricter than exml's rapidxml; what exml does
%% otherwise (seen on both releases) is restored here: bytes that are not UTF-8 pass through,
%% CR is kept, text that is white space alone is dropped. Errors have exml's tag, not its words.
%% Printing is a C++ function in exml. What need not be escaped is not taken apart here, so that a usual
%% message takes less than a microsecond, which is still about twice as long as there.
-module(exml).

-export([parse/1, to_binary/1]).

-include("host.hrl").

-spec parse(binary()) -> {ok, tuple()} | {error, term()}.
parse(Text) ->
    case unicode:characters_to_binary(Text) of
        Text -> parse_with(Text, fun(Bin) -> Bin end);
        _NotUtf8 -> parse_with(unicode:characters_to_binary(Text, latin1, utf8), fun to_bytes/1)
    end.

-spec to_binary(tuple()) -> binary().
to_binary(#xmlel{} = Element) ->
    print(Element, <<>>).

parse_with(Text, Decode) ->
    KeepCR = binary:replace(Text, <<"\r">>, <<"&#13;">>, [global]),
    case fxml_stream:parse_element(KeepCR) of
        {error, {_Code, Reason}} -> {error, Reason};
        {error, Reason} -> {error, Reason};
        Parsed -> {ok, convert(Parsed, Decode)}
    end.

to_bytes(Bin) ->
    unicode:characters_to_binary(Bin, utf8, latin1).

convert({xmlel, Name, Attrs, Children}, Decode) ->
    #xmlel{name = Decode(Name),
           attrs = attrs([{Decode(Key), Decode(Value)} || {Key, Value} <- Attrs]),
           children = lists:flatmap(fun(Child) -> child(Child, Decode) end, Children)}.

child({xmlcdata, Text}, Decode) ->
    case re:run(Text, <<"^[ \t\r\n]*\\z">>, [{capture, none}]) of
        match -> [];
        nomatch -> [#xmlcdata{content = Decode(Text)}]
    end;
child(Element, Decode) ->
    [convert(Element, Decode)].

%% What is printed grows in one binary.
print(#xmlel{name = Name, attrs = Attrs, children = Children}, Text) ->
    Head = attributes(pairs(Attrs), <<Text/binary, $<, Name/binary>>),
    case Children of
        [] -> <<Head/binary, "/>">>;
        _ -> <<(children(Children, <<Head/binary, $>>>))/binary, "</", Name/binary, $>>>
    end;
print(#xmlcdata{content = Content}, Text) ->
    <<Text/binary, (escape(iolist_to_binary(Content)))/binary>>.

attributes([], Text) ->
    Text;
attributes([{Key, Value} | Rest], Text) ->
    attributes(Rest, <<Text/binary, $\s, Key/binary, $=, (quote(Value))/binary>>).

children([], Text) ->
    Text;
children([Child | Rest], Text) ->
    children(Rest, print(Child, Text)).

%% In single quotes, unless there is one in the value.
quote(Value) ->
    case is_plain(Value) of
        true ->
            <<$', Value/binary, $'>>;
        false ->
            {Mark, Kept} = case binary:match(Value, <<"'">>) of
                               nomatch -> {$', $"};
                               _ -> {$", $'}
                           end,
            iolist_to_binary([Mark, [case Byte of Kept -> Byte; _ -> escape_byte(Byte) end || <<Byte>> <= Value],
                              Mark])
    end.

escape(Text) ->
    case is_plain(Text) of
        true -> Text;
        false -> iolist_to_binary([escape_byte(Byte) || <<Byte>> <= Text])
    end.

is_plain(<<Byte, Rest/binary>>) when Byte =/= $&, Byte =/= $<, Byte =/= $>, Byte =/= $", Byte =/= $' ->
    is_plain(Rest);
is_plain(Rest) ->
    Rest =:= <<>>.

escape_byte($&) -> "&amp;";
escape_byte($<) -> "&lt;";
escape_byte($>) -> "&gt;";
escape_byte($") -> "&quot;";
escape_byte($') -> "&apos;";
escape_byte(Byte) -> Byte.

-if(?GENERATION =:= v5_0).
attrs(Pairs) -> Pairs.
pairs(Attrs) -> Attrs.
-else.
attrs(Pairs) -> maps:from_list(Pairs).
pairs(Attrs) -> maps:to_list(Attrs).
-endif.
