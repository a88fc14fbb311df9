%% Random events and rules, as plain descriptions, and what the documentation of `rules' says of them. It
%% shares nothing with http_pusher_rules: it looks at descriptions, never at the host's terms, and decides
%% condition by condition without any order of cost.
-module(random_events).

-export([event/1, rules/0, conditions/0, expected/3, term/2]).

-export_type([description/0]).

%% What there is to know of an event. `sender' and `receiver' are users, `from' and `to' the addresses that the
%% event has. `status' is what the host knows of the receiver: online and offline are those of existing users.
-type description() :: #{atom() => term()}.
-type asked() :: #{sessions := 0 | 1, users := 0 | 1}.

-define(LOCAL, <<"localhost">>).
-define(OTHER, <<"example.org">>).
-define(LIGHT, <<"light.localhost">>).
-define(ROOMS, <<"rooms.localhost">>).
-define(TYPES, [chat, groupchat, headline, normal]).

%% @doc A random event of a generation.
-spec event(atom()) -> description().
event(Generation) ->
    case one_of([msg, msg, msg, msg, unack_msg, user_status]) of
        user_status ->
            #{kind => user_status, from => {name(), ?LOCAL, <<"phone">>}, new_status => one_of([online, offline])};
        Kind ->
            stanza(Kind, Generation)
    end.

stanza(Kind, Generation) ->
    Sender = {name(), one_of([?LOCAL, ?LOCAL, ?OTHER])},
    Direction = case Kind of msg -> one_of([in, out]); unack_msg -> undefined end,
    Type = one_of(?TYPES),
    Room = case Type of
               groupchat when Direction =/= in -> one_of([light, classic, none]);
               _ -> none
           end,
    Receiver = receiver(Kind, Direction, Generation),
    #{kind => Kind, type => Type, direction => Direction, sender => Sender, receiver => Receiver, room => Room,
      from => from(Room, Sender), to => to(Kind, Receiver),
      body => one_of([absent, empty, non_empty]), hints => some_of([no_store, store]), jingle => one_of([true, false]),
      status => status(Receiver, Direction, Generation), client_state => one_of([active, inactive, undefined])}.

receiver(unack_msg, _Direction, _Generation) -> {name(), ?LOCAL};
%% From 6.9 on, there is no event for other receivers.
receiver(msg, out, v6_9) -> {name(), ?LOCAL};
receiver(msg, _Direction, _Generation) -> {one_of([<<>>, name(), name(), name()]), one_of([?LOCAL, ?LOCAL, ?OTHER])}.

from(light, {User, Server}) -> {<<"tea">>, ?LIGHT, <<User/binary, "@", Server/binary>>};
from(classic, {User, _Server}) -> {<<"tea">>, ?ROOMS, <<"nick of ", User/binary>>};
from(none, {User, Server}) -> {User, Server, <<"phone">>}.

to(unack_msg, {User, Server}) -> {User, Server, <<"phone">>};
to(msg, {<<>>, Server}) -> {<<>>, Server, <<>>};
to(msg, {User, Server}) -> {User, Server, one_of([<<>>, <<"pc">>])}.

status(_Receiver, out, v6_9) -> one_of([online, offline]);
status({<<>>, _}, _, _) -> no_user;
status({_, ?OTHER}, _, _) -> no_user;
status(_Receiver, _, _) -> one_of([online, offline, no_user]).

name() -> one_of([<<"alice">>, <<"bob">>, <<"carol">>]).

%% @doc Random rules, in the form of http_pusher_host:handler/1.
-spec rules() -> [http_pusher_host_handler:rule()].
rules() ->
    [#{action => one_of([send, send, skip]),
       conditions => [table() || _ <- lists:seq(1, rand:uniform(3))]} || _ <- lists:seq(1, rand:uniform(4))].

table() ->
    maps:from_list([{Name, one_of(Values)} || {Name, Values} <- conditions(), rand:uniform(4) =:= 1]).

%% @doc Every condition with the values that the tests use.
-spec conditions() -> [{atom(), [term()]}].
conditions() ->
    [{event, [msg, unack_msg, user_status]}, {type, ?TYPES}, {direction, [in, out]},
     {body, [absent, empty, non_empty]}, {hint, [no_store, store]}, {jingle, [true, false]},
     {user_status, [online, offline]}, {client_state, [active, inactive]}, {own_copy, [true, false]},
     {sender_domain, [[?LOCAL], [?OTHER, ?LIGHT], [?ROOMS]]}, {receiver_domain, [[?LOCAL], [?OTHER], [?LIGHT, ?LOCAL]]}].

%% @doc What each of the handlers with these rules does with an event, and how often the host is asked for all
%% of them together.
-spec expected([[http_pusher_host_handler:rule()]], description(), atom()) -> {[send | skip], asked()}.
expected(Handlers, Event, Generation) ->
    Decided = [decide(Rules, Event, Generation) || Rules <- Handlers],
    Asked = lists:append([Tables || {_, Tables} <- Decided]),
    Local = is_local_user(Event),
    Sessions = [Status || Status <- Asked, Local],
    %% Whether the user exists matters for those without a session.
    Users = [offline || offline <- Sessions, maps:get(status, Event) =/= online],
    {[Action || {Action, _} <- Decided], #{sessions => min(1, length(Sessions)), users => min(1, length(Users))}}.

%% The action, and the statuses that tables had to ask the host for, because all else in them matched.
decide([], _Event, _Generation) ->
    {skip, []};
decide([#{action := Action, conditions := Tables} | Rules], Event, Generation) ->
    {Matches, Asked} = first(Tables, Event, Generation),
    case Matches of
        true ->
            {Action, Asked};
        false ->
            {Decision, More} = decide(Rules, Event, Generation),
            {Decision, Asked ++ More}
    end.

first([], _Event, _Generation) ->
    {false, []};
first([Table | Tables], Event, Generation) ->
    {Status, Others} = case maps:take(user_status, Table) of
                           error -> {any, Table};
                           Taken -> Taken
                       end,
    Cheap = lists:all(fun({Name, Value}) -> matches(Name, Value, Event, Generation) end, maps:to_list(Others)),
    Asked = [Status || Cheap, Status =/= any, maps:get(kind, Event) =:= msg, Generation =/= v6_9],
    case Cheap andalso (Status =:= any orelse matches(user_status, Status, Event, Generation)) of
        true ->
            {true, Asked};
        false ->
            {Matches, More} = first(Tables, Event, Generation),
            {Matches, Asked ++ More}
    end.

is_local_user(#{kind := msg, receiver := {User, Server}}) -> User =/= <<>> andalso Server =:= ?LOCAL;
is_local_user(_Event) -> false.

matches(event, Kind, #{kind := Kind}, _) -> true;
matches(user_status, Status, #{kind := user_status, new_status := Status}, _) -> true;
matches(sender_domain, Domains, #{from := {_, Server, _}}, _) -> lists:member(Server, Domains);
matches(_, _, #{kind := user_status}, _) -> false;
matches(receiver_domain, Domains, #{to := {_, Server, _}}, _) -> lists:member(Server, Domains);
matches(type, Type, #{type := Type}, _) -> true;
matches(body, Body, #{body := Body}, _) -> true;
matches(hint, Hint, #{hints := Hints}, _) -> lists:member(Hint, Hints);
matches(jingle, Jingle, #{jingle := Jingle}, _) -> true;
matches(own_copy, Wanted, Event, _) -> Wanted =:= is_own(Event);
matches(direction, Direction, #{kind := msg, direction := Direction}, _) -> true;
%% From 6.9 on the event says it; of `in' messages it always says online.
matches(user_status, online, #{kind := msg, direction := in}, v6_9) -> true;
matches(user_status, _, #{kind := msg, direction := in}, v6_9) -> false;
matches(user_status, Status, #{kind := msg, status := Status}, _) -> true;
matches(client_state, State, #{kind := msg, direction := out, status := online, client_state := State}, v6_9) -> true;
matches(_, _, _, _) -> false.

%% Of a message that a connection has not acknowledged, the nickname's owner is not known.
is_own(#{type := groupchat, room := light, sender := User, receiver := User}) -> true;
is_own(#{type := groupchat, kind := msg, room := classic, sender := User, receiver := User}) -> true;
is_own(_Event) -> false.

%% @doc The event and the accumulator of a stand-in host for a description. Says what the host knows of the
%% receiver.
-spec term(description(), atom()) -> {tuple(), map()}.
term(#{kind := user_status, from := From, new_status := Status}, _Generation) ->
    {{user_status_event, host_session:jid(From), Status}, host_session:acc(From, From, undefined)};
term(Event = #{kind := Kind, type := Type, direction := Direction, from := From, to := To}, Generation) ->
    Packet = host_session:element({xml, packet(Event)}, []),
    note(Event, Packet),
    {host_event(Kind, {Type, Direction, host_session:jid(From), host_session:jid(To), Packet}, Event, Generation),
     host_session:acc(From, To, Packet)}.

host_event(msg, {Type, Direction, From, To, Packet}, #{status := Status, client_state := State}, v6_9) ->
    UserStatus = case {Direction, Status} of
                     {in, _} -> {online, #{}};
                     {out, offline} -> offline;
                     {out, online} -> {online, maps:from_list([{client_state, State} || State =/= undefined])}
                 end,
    {msg_event, Type, Direction, From, To, Packet, UserStatus};
host_event(msg, {Type, Direction, From, To, Packet}, _Event, _Generation) ->
    {chat_event, Type, Direction, From, To, Packet};
host_event(unack_msg, {Type, _, _From, To, Packet}, _Event, v6_9) ->
    {unack_msg_event, Type, To, Packet};
host_event(unack_msg, {_Type, _, _From, To, _Packet}, _Event, _Generation) ->
    {unack_msg_event, To}.

%% What has happened before the event: the receiver logged in or not, and a room passed the message on.
note(Event = #{kind := msg, receiver := {User, _} = Receiver, status := Status}, Packet) ->
    _ = [host_users:set(Receiver, status_term(Status)) || User =/= <<>>],
    case Event of
        #{room := classic, from := {Name, Server, Nick}, sender := {SenderName, SenderServer}} ->
            Passed = #{from_nick => Nick, from_jid => host_session:jid({SenderName, SenderServer, <<"phone">>}),
                       room_jid => host_session:jid({Name, Server, <<>>})},
            mongoose_hooks:filter_room_packet(?LOCAL, Packet, Passed);
        _ ->
            ok
    end;
%% Another process than the room's.
note(#{kind := unack_msg}, _Packet) ->
    erase(http_pusher_host_room).

status_term(online) -> {online, #{}};
status_term(Status) -> Status.

packet(#{type := Type, body := Body, hints := Hints, jingle := Jingle}) ->
    ["<message type='", atom_to_list(Type), "'>",
     shuffled([body(Body), [hint(Hint) || Hint <- Hints],
               case Jingle of true -> "<propose xmlns='urn:xmpp:jingle-message:0' id='1'/>"; false -> [] end,
               %% Elements with the right name in another namespace, and the other way round.
               "<store xmlns='urn:example'/>", "<no-copy xmlns='urn:xmpp:hints'/>",
               "<thread>t</thread>"]),
     "</message>"].

body(absent) -> "<html xmlns='http://jabber.org/protocol/xhtml-im'><body>inside</body></html>";
body(empty) -> one_of(["<body/>", "<body></body>"]);
body(non_empty) -> one_of(["<body>hi</body>", "<body>hi</body><body xml:lang='de'/>"]).

hint(no_store) -> "<no-store xmlns='urn:xmpp:hints'/>";
hint(store) -> "<store xmlns='urn:xmpp:hints'/>".

one_of(Values) -> lists:nth(rand:uniform(length(Values)), Values).

some_of(Values) -> [Value || Value <- Values, rand:uniform(2) =:= 1].

shuffled(Values) -> [Value || {_, Value} <- lists:sort([{rand:uniform(), Value} || Value <- Values])].
