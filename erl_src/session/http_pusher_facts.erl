%% @doc What the engine is told of an event: facts that only the session knows. The rest it reads from the
%% stanza, and who sends to whom from the notification's names.
%%
%% What every event has comes in a tuple, because a session would spend more time on a list of pairs, and more
%% memory. A fact that is not known is empty, or left out of the list of the others. What costs something (the
%% stanza as text, the unread count) is made once for an event, however many handlers use it.
-module(http_pusher_facts).

-export([of_event/4, others/1, stanza/2]).

-export_type([facts/0]).

-type facts() :: http_pusher_nif:facts().
-type fact() :: http_pusher_nif:fact().

%% The engine's integers; others are texts.
-define(LEAST, -16#8000000000000000).
-define(MOST,  16#7FFFFFFFFFFFFFFF).


%% @doc The facts of an event. `Unread' adds how many messages the receiver has not read, which is a query of
%% the host's database, in the session.
-spec of_event(http_pusher_host_event:event(),
               {Acc :: term(), Metadata :: map()},
               http_pusher_rules:known(),
               Unread :: boolean()) -> {facts(), http_pusher_rules:known()}.
of_event(Event, Context, Known, Unread) ->
    {Basic, Known1} = basic(Event, Context, Known),
    {Count, Known2} = unread(Unread, Event, Context, Known1),
    {completed(Basic, status(Event, Known2), Count), Known2}.


%% @doc Those that few events have.
-spec others(facts()) -> [fact()].
others({_Kind, _Type, _Timestamp, _Status, _From, _To, Others}) ->
    Others.


basic(_Event, _Context, Known = #{facts := Facts}) ->
    {Facts, Known};
basic(Event = #{
                kind := Kind,
                type := Type,
                from := From,
                to := To,
                client_state := State
               },
      {Acc, Metadata},
      Known) ->
    Others = client_state(State, archive_id(Event, Acc, metadata(Metadata))),
    Facts = {kind(Kind), type(Type), timestamp(Kind, Acc), <<>>, resource(From), resource(To), Others},
    {Facts, Known#{facts => Facts}}.


completed(Basic, <<>>, []) ->
    Basic;
completed({Kind, Type, Timestamp, _None, From, To, Others}, Status, Count) ->
    {Kind, Type, Timestamp, Status, From, To, Count ++ Others}.


%% Literals, because a session would spend more time on making the text of an atom.
kind(msg) -> <<"msg">>;
kind(unack_msg) -> <<"unack_msg">>;
kind(user_status) -> <<"user_status">>.


type(undefined) -> <<>>;
type(chat) -> <<"chat">>;
type(groupchat) -> <<"groupchat">>;
type(Type) -> atom_to_binary(Type, utf8).


client_state(undefined, Others) -> Others;
client_state(State, Others) -> [{<<"client_state">>, atom_to_binary(State, utf8)} | Others].


%% When the event happened, in microseconds. A message has the time at which the host received it.
timestamp(msg, Acc) -> mongoose_acc:timestamp(Acc);
timestamp(_Kind, _Acc) -> os:system_time(microsecond).


resource(undefined) ->
    <<>>;
resource(Jid) ->
    {_User, _Server, Resource} = jid:to_lower(Jid),
    Resource.


archive_id(#{kind := user_status}, _Acc, Others) ->
    Others;
archive_id(#{direction := Direction}, Acc, Others) ->
    case http_pusher_host_stanza:archive_id(Direction, Acc) of
        undefined -> Others;
        Id -> [{<<"archive_id">>, Id} | Others]
    end.


%% What other modules have put into the hook's accumulator (6.5 and later).
metadata(Metadata) when map_size(Metadata) =:= 0 ->
    [];
metadata(Metadata) ->
    %% Not `<<...>>': the compiler's code for that, made for OTP 24, does not load on OTP 29.
    [ {iolist_to_binary(["metadata.", key(Key)]), Fact} || {Key, Value} <- maps:to_list(Metadata),
                                                           is_atom(Key) orelse is_binary(Key),
                                                           {ok, Fact} <- [value(Value)] ].


key(Key) when is_atom(Key) -> atom_to_binary(Key, utf8);
key(Key) -> Key.


value(Value) when is_boolean(Value); is_binary(Value); is_float(Value) -> {ok, Value};
value(undefined) -> none;
value(Value) when is_atom(Value) -> {ok, atom_to_binary(Value, utf8)};
value(Value) when is_integer(Value), Value >= ?LEAST, Value =< ?MOST -> {ok, Value};
value(Value) when is_integer(Value) -> {ok, integer_to_binary(Value)};
value(_Other) -> none.


status(#{kind := user_status, status := Status}, _Known) -> word(Status);
%% The status in an `in' event is not the receiver's.
status(#{direction := out, status := Status}, _Known) when Status =/= undefined -> word(Status);
status(#{kind := msg, status := undefined}, #{session := {ok, online}}) -> word(online);
status(#{kind := msg, status := undefined}, #{session := {ok, offline}, exists := {ok, true}}) -> word(offline);
status(_Event, _Known) -> <<>>.


word(Status) ->
    atom_to_binary(Status, utf8).


unread(true, #{kind := Kind, to := To}, {Acc, _}, Known) when Kind =/= user_status ->
    case Known of
        #{unread := Count} ->
            {Count, Known};
        _ ->
            Count = [ {<<"unread">>, Number} || Number <- [count(Acc, To)], Number =/= undefined ],
            {Count, Known#{unread => Count}}
    end;
unread(_Unread, _Event, _Context, Known) ->
    {[], Known}.


%% A database that does not answer costs the number, not the notification.
count(Acc, To) ->
    try
        http_pusher_host_user:unread(Acc, To)
    catch
        _:_ -> undefined
    end.


%% @doc The stanza as text; empty for a presence.
-spec stanza(http_pusher_host_event:event(), http_pusher_rules:known()) ->
          {binary(), http_pusher_rules:known()}.
stanza(#{kind := user_status}, Known) ->
    {<<>>, Known};
stanza(_Event, Known = #{stanza := Stanza}) ->
    {Stanza, Known};
stanza(#{packet := Packet}, Known) ->
    Stanza = http_pusher_host_stanza:bytes(Packet),
    {Stanza, Known#{stanza => Stanza}}.
