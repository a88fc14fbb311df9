%% @doc Text for the library and for the log: always a UTF-8 binary.
%%
%% The library accepts nothing else, and `iolist_to_binary/1' is wrong for that: it returns Latin-1 for
%% characters up to 255 and crashes for those beyond. So every formatted text, and every option of the host
%% that is a string, becomes a binary here.
-module(http_pusher_utf8).

-export([format/2, text/1]).


%% @doc Like io_lib:format/2.
-spec format(io:format(), [term()]) -> binary().
format(Format, Args) ->
    characters(io_lib:format(Format, Args)).


%% @doc Text in the form that the host or io_lib has it in.
%%
%% MongooseIM makes strings of its configuration file byte by byte, so a list may hold characters or the
%% bytes of their UTF-8 encoding. Bytes that are valid UTF-8 and not ASCII are taken for UTF-8: as
%% characters they would be control characters and signs that occur in no name. A binary that is not valid
%% UTF-8 is taken for Latin-1.
-spec text(unicode:chardata()) -> binary().
text(Text) when is_binary(Text) ->
    case unicode:characters_to_binary(Text) of
        Text -> Text;
        _ -> unicode:characters_to_binary(Text, latin1)
    end;
text(Text) ->
    case bytes(Text) of
        {ok, Utf8} -> Utf8;
        error -> characters(Text)
    end.


bytes(Text) ->
    try iolist_to_binary(Text) of
        Bytes ->
            case unicode:characters_to_binary(Bytes) of
                Bytes -> {ok, Bytes};
                _ -> error
            end
    catch
        error:badarg -> error
    end.


%% Up to the first invalid character, which only a binary inside a list can hold.
characters(Text) ->
    case unicode:characters_to_binary(Text) of
        Binary when is_binary(Binary) -> Binary;
        {_, Valid, _} -> Valid
    end.
