%% @doc Who sends a message in a classic multi-user chat.
%%
%% Part of the host adapter. A room's copies have the nickname alone, in a new accumulator. But a room first
%% runs the hook `filter_room_packet', which knows the sender, and then routes the copies, all in the room's
%% own process. So the hook notes the sender in the dictionary of that process, where the event of each copy
%% finds it. The hook is used only by host types that have a rule with `own_copy'.
-module(http_pusher_host_room).

-export([watch/1, unwatch/1, sender/3]).
%% Called by the host's hook.
-export([room_packet/3]).

-type user() :: {User :: binary(), Server :: binary()}.

%% Before the archives (60), which may keep a packet back.
-define(PRIORITY, 50).


-spec watch(HostType :: binary()) -> ok.
watch(HostType) ->
    _ = gen_hook:add_handlers(hooks(HostType)),
    ok.


-spec unwatch(HostType :: binary()) -> ok.
unwatch(HostType) ->
    _ = gen_hook:delete_handlers(hooks(HostType)),
    ok.


hooks(HostType) ->
    [{filter_room_packet, HostType, fun ?MODULE:room_packet/3, #{}, ?PRIORITY}].


%% @doc Notes who sends a message to a room. The packet passes unchanged.
-spec room_packet(Packet, Params :: map(), Extra :: map()) -> {ok, Packet}.
%% Up to 6.1.
room_packet(Packet, #{args := [_HostType, Event]}, _Extra) ->
    note(Event),
    {ok, Packet};
room_packet(Packet, Event, _Extra) ->
    note(Event),
    {ok, Packet}.


note(#{from_nick := Nick, from_jid := From, room_jid := Room}) ->
    {Name, Server} = jid:to_lus(Room),
    _ = put(?MODULE, {Name, Server, Nick, jid:to_lus(From)}),
    ok;
note(_Event) ->
    ok.


%% @doc Whose nickname this is, in the message that this process has just passed on to the room's occupants.
-spec sender(Room :: binary(), Server :: binary(), Nick :: binary()) -> user() | undefined.
sender(Room, Server, Nick) ->
    case get(?MODULE) of
        {Room, Server, Nick, User} -> User;
        _ -> undefined
    end.
