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
-define(MOST, 16#7FFFFFFFFFFFFFFF).

%% @doc The facts of an event. `Unread' adds how many messages the receiver has not read, which is a query of
%% the host's database, in the session.
-spec of_event(http_pusher_host_event:event(), {Acc :: term(), Metadata :: map()}, http_pusher_rules:known(),
               Unread :: boolean()) -> {facts(), http_pusher_rules:known()}.
of_event(Event, Context, Known, Unread) ->
    {Basic, Known1} = basic(Event, Context, Known),
    {Count, Known2} = unread(Unread, Event, Context, Known1),
    {Count ++ status(Event, Known2) ++ Basic, Known2}.

basic(_Event, _Context, Known = #{facts := Facts}) ->
    {Facts, Known};
basic(Event = #{kind := Kind, type := Type, direction := Direction, from := From, to := To,
                client_state := State}, {Acc, Metadata}, Known) ->
    Words = [{Key, atom_to_binary(Word, utf8)}
             || {Key, Word} <- [{<<"event">>, Kind}, {<<"type">>, Type}, {<<"direction">>, Direction},
                                {<<"client_state">>, State}], Word =/= undefined],
    Facts = Words
        ++ [{<<"timestamp">>, timestamp(Kind, Acc)}, {<<"host">>, host(Event)}]
        ++ jid(From, <<"from_user">>, <<"from_server">>, <<"from_resource">>)
        ++ jid(To, <<"to_user">>, <<"to_server">>, <<"to_resource">>)
        ++ archive_id(Event, Acc)
        ++ metadata(Metadata),
    {Facts, Known#{facts => Facts}}.

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

jid(undefined, _User, _Server, _Resource) ->
    [];
jid(Jid, User, Server, Resource) ->
    {LUser, LServer, LResource} = jid:to_lower(Jid),
    [{Key, Part} || {Key, Part} <- [{User, LUser}, {Server, LServer}, {Resource, LResource}], Part =/= <<>>].

archive_id(#{kind := user_status}, _Acc) ->
    [];
archive_id(#{direction := Direction}, Acc) ->
    [{<<"archive_id">>, Id} || Id <- [http_pusher_host_stanza:archive_id(Direction, Acc)], Id =/= undefined].

%% What other modules have put into the hook's accumulator (6.5 and later).
metadata(Metadata) ->
    %% Not `<<...>>': the compiler's code for that, made for OTP 24, does not load on OTP 29.
    [{iolist_to_binary(["metadata.", key(Key)]), Fact} || {Key, Value} <- maps:to_list(Metadata),
                                                            is_atom(Key) orelse is_binary(Key),
                                                            {ok, Fact} <- [value(Value)]].

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
            Count = [{<<"unread">>, Number} || Number <- [count(Acc, To)], Number =/= undefined],
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
