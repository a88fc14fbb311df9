%% @doc Makes one form of the host's events, which differ between releases.
%%
%% Part of the host adapter. The records are the host's, and nothing in a node says which ones it was
%% compiled with, so each event is recognized by its own tag and size. If an event's shape is not known
%% here, it is ignored, and a warning says so once for each shape: a node might otherwise silently notify
%% nothing.
-module(http_pusher_host_event).

-export([prepare/0, event/2, unknown/1]).

-export_type([event/0, kind/0]).

-type kind() :: msg | unack_msg | user_status.
%% `msg': a message that a user sends (`in'), or that is about to be delivered (`out'). `unack_msg': a
%% message that a broken connection has not acknowledged; `to' is the full jid of that session. `user_status':
%% `from' is the user.
-type event() :: #{
                   kind := kind(),
                   %% chat, groupchat, headline or normal.
                   type := atom(),
                   direction := undefined | in | out,
                   from := undefined | term(),
                   to := undefined | term(),
                   packet := undefined | term(),
                   %% For `msg', what the event says of the receiver when the message was routed (6.9 and later;
                   %% `in' events always say online); for `user_status', the user's new status.
                   status := undefined | online | offline,
                   client_state := undefined | active | inactive
                  }.

%% The number of shapes that are remembered; any more are ignored without a warning. A release has a
%% handful.
-define(SHAPES, 16).


%% @doc Creates the array of the shapes that have been reported. It outlives the application, so that a node
%% reports each shape only once.
-spec prepare() -> ok.
prepare() ->
    _ = reported(),
    ok.


%% @doc The internal form of an event. `none' if its shape is not known, or if no handler can get it: a stream may
%% also leave other stanzas than messages unacknowledged, and messages of other types (errors), for which no
%% release has an event of another kind.
-spec event(Event :: term(), Acc :: term()) -> event() | none.
%% 6.9 and later.
event({msg_event, Type, Direction, From, To, Packet, UserStatus}, _Acc) ->
    message(Type, Direction, From, To, Packet, UserStatus);
%% 5.0 to 6.8.
event({chat_event, Type, Direction, From, To, Packet}, _Acc) ->
    message(Type, Direction, From, To, Packet, undefined);
%% Trees between 6.8 and 6.9.
event({chat_event, Type, Direction, From, To, Packet, UserStatus}, _Acc) ->
    message(Type, Direction, From, To, Packet, UserStatus);
event({user_status_event, Jid, Status}, _Acc) ->
    #{
      kind => user_status,
      type => undefined,
      direction => undefined,
      from => Jid,
      to => undefined,
      packet => undefined,
      status => Status,
      client_state => undefined
     };
%% 5.0 to 6.8.
event({unack_msg_event, To}, Acc) ->
    unacknowledged(undefined, To, undefined, Acc);
event({unack_msg_event, Type, To, Packet}, Acc) ->
    unacknowledged(Type, To, Packet, Acc);
event(Event, _Acc) ->
    unknown(Event),
    none.


message(Type, Direction, From, To, Packet, UserStatus) ->
    #{
      kind => msg,
      type => Type,
      direction => Direction,
      from => From,
      to => To,
      packet => Packet,
      status => status(UserStatus),
      client_state => client_state(UserStatus)
     }.


status({online, _}) -> online;
status(offline) -> offline;
status(_) -> undefined.


client_state({online, #{client_state := State}}) -> State;
client_state(_) -> undefined.


%% The accumulator has the rest, before 6.9 all of it.
unacknowledged(Known, To, Given, Acc) ->
    case mongoose_acc:packet(Acc) of
        {From, _To, Packet} ->
            Type = type(Known, mongoose_acc:stanza_type(Acc)),
            case mongoose_acc:stanza_name(Acc) of
                <<"message">> when Type =/= none ->
                    #{
                      kind => unack_msg,
                      type => Type,
                      direction => undefined,
                      from => From,
                      to => To,
                      packet => given(Given, Packet),
                      status => undefined,
                      client_state => undefined
                     };
                _ ->
                    none
            end;
        _ ->
            none
    end.


given(undefined, Packet) -> Packet;
given(Packet, _InAcc) -> Packet.


%% The type as the host's own events of messages have it.
type(undefined, <<"chat">>) -> chat;
type(undefined, <<"groupchat">>) -> groupchat;
type(undefined, <<"headline">>) -> headline;
type(undefined, <<"normal">>) -> normal;
type(undefined, undefined) -> normal;
type(undefined, _Other) -> none;
type(Known, _Attribute) -> Known.


%% @doc An event or hook of the host that is ignored because its shape is not known.
-spec unknown(term()) -> ok.
unknown(Event) ->
    Shape = {Tag, Size} = shape(Event),
    case is_new(erlang:phash2(Shape) + 1, reported(), 1) of
        true -> http_pusher_log:unknown_event(Tag, Size, http_pusher_host:version());
        false -> ok
    end.


shape(Event) when is_tuple(Event), tuple_size(Event) > 0, is_atom(element(1, Event)) ->
    {element(1, Event), tuple_size(Event)};
shape(Event) when is_tuple(Event) ->
    {untagged, tuple_size(Event)};
shape(_Event) ->
    {no_tuple, 0}.


%% Of several sessions that meet a shape at the same time, one reports it.
is_new(_Hash, _Reported, Slot) when Slot > ?SHAPES ->
    false;
is_new(Hash, Reported, Slot) ->
    case atomics:get(Reported, Slot) of
        Hash ->
            false;
        0 ->
            case atomics:compare_exchange(Reported, Slot, 0, Hash) of
                ok -> true;
                _Taken -> is_new(Hash, Reported, Slot)
            end;
        _Other ->
            is_new(Hash, Reported, Slot + 1)
    end.


reported() ->
    case persistent_term:get(?MODULE, undefined) of
        undefined ->
            Reported = atomics:new(?SHAPES, []),
            persistent_term:put(?MODULE, Reported),
            Reported;
        Reported ->
            Reported
    end.
