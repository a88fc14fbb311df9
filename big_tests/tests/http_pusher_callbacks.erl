%% @doc The callback module of the big tests; runs in the tested node. What it does is said by the
%% handler's path, so that one module serves them all. It is the node's log handler too, if a test asks.
-module(http_pusher_callbacks).

-export([should_make_req/6, prepare_headers/7, prepare_body/7]).
%% Of a log handler.
-export([log/2]).

%% /json      chat messages as they come in
%% /delivered chat messages as they go out, one for each receiver
%% /room      groupchat messages as they come in, one for the room
%% /groupchat groupchat messages as they go out, one for each occupant
%% /crash     crashes on every chat message that comes in
should_make_req(_Acc, Direction, Packet, _From, _To, Options) ->
    Type = exml_query:attr(Packet, <<"type">>, <<>>),
    Body = exml_query:path(Packet, [{element, <<"body">>}, cdata], <<>>),
    case {path(Options), Direction, Type} of
        {<<"crash">>, in, <<"chat">>} -> error(on_purpose);
        _ when Body =:= <<>> -> false;
        {<<"json">>, in, <<"chat">>} -> true;
        {<<"delivered">>, out, <<"chat">>} -> true;
        {<<"room">>, in, <<"groupchat">>} -> true;
        {<<"groupchat">>, out, <<"groupchat">>} -> true;
        _ -> false
    end.

prepare_headers(_Acc, Direction, _Host, _Message, _Sender, _Receiver, _Options) ->
    [{<<"content-type">>, <<"application/json">>},
     {"Authorization", "Bearer secret"},
     {'x-direction', Direction}].

prepare_body(_Acc, _Direction, Host, Message, Sender, Receiver, _Options) ->
    ["{\"host\":\"", Host, "\",\"from\":\"", Sender, "\",\"to\":\"", Receiver,
     "\",\"text\":\"", Message, "\"}"].

path(Options) ->
    Path = case Options of
               #{path := P} -> P;
               _ -> iolist_to_binary(proplists:get_value(path, Options, ""))
           end,
    hd([Part || Part <- binary:split(Path, <<"/">>, [global]), Part =/= <<>>]).

log(#{level := Level, msg := {report, Report = #{what := What}}},
    #{config := #{what := What, listener := Listener}}) ->
    Listener ! {http_pusher_log, Level, Report},
    ok;
log(_Event, _Handler) ->
    ok.
