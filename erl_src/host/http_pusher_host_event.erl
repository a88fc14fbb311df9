%% @doc The host's events, in every shape that a release has given them, made into one.
%%
%% Part of the host adapter. The records are the host's, and nothing in a node says which ones it was
%% compiled with, so each event is told by its own tag and size. An event of a shape that is not known
%% here would mean a node that notifies nobody; a warning says so, once for each shape.
-module(http_pusher_host_event).

-export([prepare/0, message/1, unknown/1]).

-export_type([message/0]).

-type message() :: {message, Type :: atom(), in | out, From :: term(), To :: term(),
                    Packet :: term(), UserStatus :: user_status() | undefined}.
%% The receiver's when the message was routed; `undefined' if the release does not tell (before 6.9).
-type user_status() :: offline | {online, #{atom() => term()}}.

%% Shapes that are remembered; one more than these is ignored without a word. A release has a handful.
-define(SHAPES, 16).

%% @doc Makes the memory of the shapes that were reported. It outlives the application, so that a node
%% says each only once.
-spec prepare() -> ok.
prepare() ->
    _ = reported(),
    ok.

%% @doc The message that an event is about, or `none'.
-spec message(Event :: term()) -> message() | none.
%% 6.9 and later.
message({msg_event, Type, Direction, From, To, Packet, UserStatus}) ->
    {message, Type, Direction, From, To, Packet, UserStatus};
%% 5.0 to 6.8.
message({chat_event, Type, Direction, From, To, Packet}) ->
    {message, Type, Direction, From, To, Packet, undefined};
%% Trees between 6.8 and 6.9.
message({chat_event, Type, Direction, From, To, Packet, UserStatus}) ->
    {message, Type, Direction, From, To, Packet, UserStatus};
message({user_status_event, _Jid, _Status}) ->
    none;
message({unack_msg_event, _To}) ->
    none;
message({unack_msg_event, _Type, _To, _Packet}) ->
    none;
message(Event) ->
    unknown(Event),
    none.

%% @doc Something of the host's that is ignored because its shape is not known.
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
