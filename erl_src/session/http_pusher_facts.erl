%% @doc What the engine is told of an event: facts that only the session knows. The rest it reads from the
%% stanza.
%%
%% A fact that is not known is left out. What costs something (the stanza as text, the unread count) is made
%% once for an event, however many handlers use it.
-module(http_pusher_facts).

-export([of_event/4, stanza/2]).

-export_type([facts/0, value/0]).

-type facts() :: [{Key :: binary(), value()}].
-type value() :: binary() | integer() | float() | boolean().

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
    {Count ++ status(Event, Known2) ++ Basic, Known2}.


basic(_Event, _Context, Known = #{facts := Facts}) ->
    {Facts, Known};
basic(Event = #{
                kind := Kind,
                type := Type,
                direction := Direction,
                from := From,
                to := To,
                client_state := State
               },
      {Acc, Metadata},
      Known) ->
    From1 = jid(From,
                <<"from_user">>,
                <<"from_server">>,
                <<"from_resource">>,
                archive_id(Event, Acc) ++ metadata(Metadata)),
    To1 = jid(To, <<"to_user">>, <<"to_server">>, <<"to_resource">>, From1),
    Facts = [kind(Kind),
             {<<"timestamp">>, timestamp(Kind, Acc)},
             {<<"host">>, host(Event)} | type(Type, direction(Direction, client_state(State, To1)))],
    {Facts, Known#{facts => Facts}}.


%% Literals, because a session would spend more time on making the text of an atom.
kind(msg) -> {<<"event">>, <<"msg">>};
kind(unack_msg) -> {<<"event">>, <<"unack_msg">>};
kind(user_status) -> {<<"event">>, <<"user_status">>}.


type(undefined, Facts) -> Facts;
type(chat, Facts) -> [{<<"type">>, <<"chat">>} | Facts];
type(groupchat, Facts) -> [{<<"type">>, <<"groupchat">>} | Facts];
type(Type, Facts) -> [{<<"type">>, atom_to_binary(Type, utf8)} | Facts].


direction(undefined, Facts) -> Facts;
direction(in, Facts) -> [{<<"direction">>, <<"in">>} | Facts];
direction(out, Facts) -> [{<<"direction">>, <<"out">>} | Facts].


client_state(undefined, Facts) -> Facts;
client_state(State, Facts) -> [{<<"client_state">>, atom_to_binary(State, utf8)} | Facts].


%% When the event happened, in microseconds. A message has the time at which the host received it.
timestamp(msg, Acc) -> mongoose_acc:timestamp(Acc);
timestamp(_Kind, _Acc) -> os:system_time(microsecond).


%% The server of the local user.
host(#{kind := msg, direction := out, to := To}) -> server(To);
host(#{kind := unack_msg, to := To}) -> server(To);
host(#{from := From}) -> server(From).


server(Jid) ->
    {_User, Server} = jid:to_lus(Jid),
    Server.


jid(undefined, _User, _Server, _Resource, Facts) ->
    Facts;
jid(Jid, User, Server, Resource, Facts) ->
    {LUser, LServer, LResource} = jid:to_lower(Jid),
    part(User, LUser, part(Server, LServer, part(Resource, LResource, Facts))).


part(_Key, <<>>, Facts) -> Facts;
part(Key, Part, Facts) -> [{Key, Part} | Facts].


archive_id(#{kind := user_status}, _Acc) ->
    [];
archive_id(#{direction := Direction}, Acc) ->
    case http_pusher_host_stanza:archive_id(Direction, Acc) of
        undefined -> [];
        Id -> [{<<"archive_id">>, Id}]
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


status(#{kind := user_status, status := Status}, _Known) -> [word(Status)];
%% The status in an `in' event is not the receiver's.
status(#{direction := out, status := Status}, _Known) when Status =/= undefined -> [word(Status)];
status(#{kind := msg, status := undefined}, #{session := {ok, online}}) -> [word(online)];
status(#{kind := msg, status := undefined}, #{session := {ok, offline}, exists := {ok, true}}) -> [word(offline)];
status(_Event, _Known) -> [].


word(Status) ->
    {<<"user_status">>, atom_to_binary(Status, utf8)}.


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
