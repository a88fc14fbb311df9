%% @doc Makes one form of the host's events, which differ between releases.
%%
%% Part of the host adapter. The records are the host's, and nothing in a node says which ones it was
%% compiled with, so each event is recognized by its own tag and size. If an event's shape is not known
%% here, it is ignored, and a warning says so once for each shape: a node might otherwise silently notify
%% nothing.
-module(http_pusher_host_event).

-export([prepare/0, message/1, unknown/1]).

-export_type([message/0]).

-type message() :: {message, Type :: atom(), in | out, From :: term(), To :: term(),
                    Packet :: term(), UserStatus :: user_status() | undefined}.
%% The receiver's status when the message was routed; `undefined' in releases before 6.9, which do not tell.
-type user_status() :: offline | {online, #{atom() => term()}}.

%% The number of shapes that are remembered; any more are ignored without a warning. A release has a
%% handful.
-define(SHAPES, 16).

%% @doc Creates the array of the shapes that have been reported. It outlives the application, so that a node
%% reports each shape only once.
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
