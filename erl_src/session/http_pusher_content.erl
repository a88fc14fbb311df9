%% @doc Converts what a custom callback module returns into what the engine accepts.
%%
%% A body may be any iodata; a header's name and value may be binaries, strings, iodata or atoms, and a
%% value may be a number. The engine checks what HTTP allows in a header.
-module(http_pusher_content).

-export([headers/1, body/1]).


%% @doc Headers as pairs of binaries.
-spec headers(term()) -> {ok, [{binary(), binary()}]} | {error, Text :: string()}.
headers(Headers) ->
    headers(Headers, []).


headers([], Pairs) ->
    {ok, lists:reverse(Pairs)};
headers([{Name0, Value0} | Rest], Pairs) ->
    case {text(Name0), text(Value0)} of
        {{ok, Name}, {ok, Value}} -> headers(Rest, [{Name, Value} | Pairs]);
        {{ok, Name}, error} ->
            {error, io_lib:format("the value of header ~ts is neither text nor "
                                  "an atom",
                                  [printable(Name)])};
        {error, _} -> {error, "a header's name is neither text nor an atom"}
    end;
headers(_Other, _Pairs) ->
    {error, "the headers are not a list of pairs {Name, Value}"}.


%% @doc A body as one binary.
-spec body(term()) -> {ok, binary()} | {error, Text :: string()}.
body(Body) when is_binary(Body) ->
    {ok, Body};
body(Body) ->
    try
        {ok, iolist_to_binary(Body)}
    catch
        error:badarg -> {error, "the body is not iodata (a binary or a list of bytes and binaries)"}
    end.


text(Text) when is_binary(Text) -> {ok, Text};
text(Atom) when is_atom(Atom) -> {ok, atom_to_binary(Atom, utf8)};
text(Number) when is_integer(Number) -> {ok, integer_to_binary(Number)};
text(Text) ->
    try
        {ok, iolist_to_binary(Text)}
    catch
        error:badarg -> characters(Text)
    end.


%% A string with characters beyond Latin-1 is sent as UTF-8.
characters(Text) when is_list(Text) ->
    try unicode:characters_to_binary(Text) of
        Binary when is_binary(Binary) -> {ok, Binary};
        _ -> error
    catch
        error:badarg -> error
    end;
characters(_Text) ->
    error.


printable(Name) ->
    [ Char || <<Char>> <= binary:part(Name, 0, min(64, byte_size(Name))), Char >= 32, Char < 127 ].
