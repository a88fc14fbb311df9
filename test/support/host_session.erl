%% A session in the stand-in host (host_ctl), and what goes through it: messages, presences, a room's messages, and
%% events of any shape. All in the calling process, as in the host.
-module(host_session).

-compile({no_auto_import, [element/2]}).

-export([run/1, start/1, ended/1, send/3, send/5, push/3, push/6, event/2, unacknowledged/2, user_status/2]).
-export([room_message/4, room_copy/4, acc/3, element/2, jid/1]).

-spec send(term(), term(), term()) -> map().
send(From, To, What) ->
    send(From, To, What, chat, in).

%% @doc A message goes through the calling process as through a session: in is sent by From, out is
%% about to be delivered to To. Returns the accumulator, whatever the module does.
-spec send(term(), term(), term(), atom(), in | out) -> map().
send(From0, To0, What, Type, Direction) ->
    {From, To} = {jid(From0), jid(To0)},
    Packet = element(What, attrs(Type, From, To)),
    Acc = acc(From, To, Packet),
    case {Direction, host_ctl:generation()} of
        {out, v6_9} -> route(Acc, To);
        {out, _} -> host_terms:acc_of(mongoose_hooks:filter_local_packet({From, To, Acc, Packet}));
        {in, v5_0} -> mongoose_hooks:user_send_packet(Acc, From, To, Packet);
        {in, _} -> mongoose_hooks:user_send_message(Acc)
    end.

%% To the users of this node: ejabberd_sm never sees messages to rooms and other servers.
route(Acc, To) ->
    {_User, LServer} = jid:to_lus(To),
    case host_ctl:host_type_of(LServer) of
        undefined -> Acc;
        HostType -> ejabberd_sm:route(HostType, Acc, To)
    end.

%% @doc Sets the status of a user: what the session table says, and from 6.9 on the event of a message that is
%% routed to it. By default, every user of the host's domains exists and is online.
-spec user_status(term(), no_user | offline | {online, map()}) -> ok.
user_status(Jid, UserStatus) ->
    host_users:set(jid:to_lus(jid(Jid)), UserStatus).

%% @doc Hands exactly this chat event to the event pusher, without the session's hooks (in 5.0, where
%% nothing catches a crash).
-spec push(map(), term(), term(), tuple(), atom(), in | out) -> map().
push(Acc, From, To, Packet, Type, Direction) ->
    Event = host_terms:message_event(host_ctl:generation(), {Type, Direction, jid(From), jid(To), Packet}),
    Whose = case Direction of in -> From; out -> To end,
    push(Acc, Whose, Event).

%% @doc Hands any term to the event pusher as an event of this user's host.
-spec push(map(), term(), term()) -> map().
push(Acc, Jid, Event) ->
    case host_ctl:layout() of
        v5_0 -> {_User, LServer} = jid:to_lus(jid(Jid)),
             mod_event_pusher:push_event(Acc, LServer, Event);
        v6_5 -> mod_event_pusher:push_event(Acc, Event)
    end.

%% @doc The events that are not messages: a user becomes available or unavailable, or the stream of a session
%% breaks before a message was acknowledged.
-spec event(user_status | unavailable | unack_msg, term()) -> map().
event(unack_msg, Jid) ->
    unacknowledged(acc(Jid, Jid, element(<<"hi">>, attrs(chat, jid(Jid), jid(Jid)))), Jid);
event(Kind, Jid0) ->
    Jid = jid(Jid0),
    Acc = acc(Jid, Jid, undefined),
    case {Kind, host_ctl:layout()} of
        {user_status, v5_0} -> mongoose_hooks:user_available_hook(Acc, Jid);
        {user_status, v6_5} -> mongoose_hooks:user_available(Acc, Jid);
        {unavailable, v5_0} -> mongoose_hooks:unset_presence_hook(Acc, Jid, <<>>);
        {unavailable, v6_5} -> mongoose_hooks:unset_presence(Acc, Jid, <<>>)
    end.

%% @doc The stanza of this accumulator was not acknowledged by this session.
-spec unacknowledged(map(), term()) -> map().
unacknowledged(Acc, Jid) ->
    mongoose_hooks:unacknowledged_message(Acc, jid(Jid)).

%% @doc A room of the classic multi-user chat passes on a message to its occupants, in the calling process: the
%% hook of the room, and then a copy to each with a new accumulator.
-spec room_message(Room :: term(), Sender :: {Nick :: binary(), term()}, term(), [term()]) -> ok.
room_message(Room0, {Nick, Sender}, What, Occupants) ->
    Room = jid(Room0),
    {Name, Server} = jid:to_lus(Room),
    Packet = element(What, [{<<"type">>, <<"groupchat">>}, {<<"to">>, jid:to_binary(Room)}]),
    Event = #{from_nick => Nick, from_jid => jid(Sender), room_jid => Room, role => participant,
              affiliation => none, timestamp => os:system_time(microsecond)},
    Passed = mongoose_hooks:filter_room_packet(hd(host_ctl:hosts()), Packet, Event),
    [room_copy({Name, Server, Nick}, To, Passed, groupchat) || To <- Occupants],
    ok.

%% @doc One copy of a room's message, about to be delivered.
-spec room_copy(term(), term(), term(), atom()) -> map().
room_copy(From0, To0, What, Type) ->
    {From, To} = {jid(From0), jid(To0)},
    Packet = element(What, attrs(Type, From, To)),
    {_User, LServer} = jid:to_lus(To),
    Acc = acc_of(LServer, From, To, Packet),
    case host_ctl:generation() of
        v6_9 -> route(Acc, To);
        _ -> host_terms:acc_of(mongoose_hooks:filter_local_packet({From, To, Acc, Packet}))
    end.

%% @doc The accumulator of a session of From; its host type is that of From's domain.
-spec acc(term(), term(), tuple() | undefined) -> map().
acc(From0, To0, Packet) ->
    {From, To} = {jid(From0), jid(To0)},
    {_User, LServer} = jid:to_lus(From),
    acc_of(LServer, From, To, Packet).

%% A room's host type is that of the domain that its service belongs to.
acc_of(LServer, From, To, Packet) ->
    Location = #{mfa => {?MODULE, acc, 3}, line => ?LINE, file => ?FILE},
    mongoose_acc:new(#{location => Location, lserver => LServer, element => Packet,
                       from_jid => From, to_jid => To, host_type => host_ctl:host_type_of(LServer)}).

%% @doc A message element: as given, from stanza text, or with this body in it.
-spec element(tuple() | {xml, iodata()} | binary(), [{binary(), binary()}]) -> tuple().
element({xml, Text}, _Attrs) ->
    {ok, Element} = exml:parse(iolist_to_binary(Text)),
    Element;
element(Body, Attrs) when is_binary(Body) ->
    Layout = host_ctl:layout(),
    Children = [host_terms:cdata(Layout, Body) || Body =/= <<>>],
    host_terms:element(Layout, <<"message">>, Attrs,
                       [host_terms:element(Layout, <<"body">>, [], Children)]);
element(Element, _Attrs) ->
    Element.

%% @doc From text (prepared, error if the host refuses it), {User, Server, Resource} taken as
%% prepared, or a jid already.
-spec jid(binary() | {binary(), binary(), binary()} | tuple()) -> tuple().
jid(Text) when is_binary(Text) ->
    case jid:from_binary(Text) of
        error -> error({bad_jid, Text});
        Jid -> Jid
    end;
jid({User, Server, Resource}) when is_binary(User) ->
    jid:make_noprep(User, Server, Resource);
jid(Jid) when is_tuple(Jid) ->
    Jid.

%% @doc Runs the fun in a process of its own and returns its result; two minutes at most.
-spec run(fun(() -> Result)) -> Result.
run(Fun) ->
    {Pid, Ref} = spawn_monitor(fun() -> exit({session_result, Fun()}) end),
    receive
        {'DOWN', Ref, _, _, {session_result, Result}} -> Result;
        {'DOWN', Ref, _, _, Reason} -> error({session_crashed, Reason})
    after 120000 ->
            exit(Pid, kill),
            error(session_timeout)
    end.

%% @doc Runs the fun in a process of its own.
-spec start(fun(() -> term())) -> {pid(), reference()}.
start(Fun) ->
    spawn_monitor(Fun).

%% @doc Waits until it has ended, without a crash; half a minute at most.
-spec ended({pid(), reference()}) -> ok.
ended({Pid, Ref}) ->
    receive
        {'DOWN', Ref, process, Pid, normal} -> ok;
        {'DOWN', Ref, process, Pid, Reason} -> error({session_crashed, Reason})
    after 30000 -> error({still_waiting, Pid})
    end.

attrs(none, From, To) ->
    [{<<"from">>, jid:to_binary(From)}, {<<"to">>, jid:to_binary(To)}];
attrs(Type, From, To) ->
    [{<<"type">>, atom_to_binary(Type)} | attrs(none, From, To)].
