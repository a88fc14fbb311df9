%% Stands for mod_event_pusher_hook_translator of 6.9 and later (src/event_pusher/, same name). Read in a
%% version between 6.8 and 6.9, in which the hooks and the user's status are those of 6.9, and in 6.9's
%% records. An out event comes from the hook message_routed, with the status of the receiver; an in event
%% says {online, #{}}. What is pushed is the accumulator's packet. Of the pusher's accumulator only the
%% keys of event_pusher are kept.
-module(mod_event_pusher_hook_translator).

-export([add_hooks/1, delete_hooks/1]).
-export([user_send_message/3, message_routed/3, user_present/3, user_not_present/3,
         unacknowledged_message/3]).

-include("events.hrl").

add_hooks(HostType) ->
    gen_hook:add_handlers(hooks(HostType)).

delete_hooks(HostType) ->
    gen_hook:delete_handlers(hooks(HostType)).

message_routed(Acc, #{user_status := UserStatus}, _Extra) ->
    {ok, push_message(Acc, out, UserStatus)}.

user_send_message(Acc, _Params, _Extra) ->
    case mongoose_acc:packet(Acc) of
        undefined -> {ok, Acc};
        _ -> {ok, push_message(Acc, in, {online, #{}})}
    end.

user_present(Acc, #{jid := Jid}, _Extra) ->
    {ok, push(Acc, #user_status_event{jid = Jid, status = online})}.

user_not_present(Acc, #{jid := Jid}, _Extra) ->
    {ok, push(Acc, #user_status_event{jid = Jid, status = offline})}.

unacknowledged_message(Acc, #{jid := Jid}, _Extra) ->
    case {type(mongoose_acc:stanza_type(Acc)), mongoose_acc:packet(Acc)} of
        {false, _} -> {ok, Acc};
        {_, undefined} -> {ok, Acc};
        {Type, {_, _, Packet}} ->
            {ok, push(Acc, #unack_msg_event{type = Type, to = Jid, packet = Packet})}
    end.

push_message(Acc, Direction, UserStatus) ->
    case type(mongoose_acc:stanza_type(Acc)) of
        false ->
            Acc;
        Type ->
            {From, To, Packet} = mongoose_acc:packet(Acc),
            push(Acc, #msg_event{type = Type, direction = Direction, from = From, to = To,
                                 packet = Packet, user_status = UserStatus})
    end.

push(Acc, Event) ->
    Pushed = mod_event_pusher:push_event(Acc, Event),
    mongoose_acc:set_permanent(event_pusher, mongoose_acc:get(event_pusher, Pushed), Acc).

type(<<"chat">>) -> chat;
type(<<"groupchat">>) -> groupchat;
type(<<"headline">>) -> headline;
type(<<"normal">>) -> normal;
type(undefined) -> normal;
type(_) -> false.

hooks(HostType) ->
    [{message_routed, HostType, fun ?MODULE:message_routed/3, #{}, 80},
     {unset_presence, HostType, fun ?MODULE:user_not_present/3, #{}, 90},
     {user_available, HostType, fun ?MODULE:user_present/3, #{}, 90},
     {user_send_message, HostType, fun ?MODULE:user_send_message/3, #{}, 90},
     {unacknowledged_message, HostType, fun ?MODULE:unacknowledged_message/3, #{}, 90}].
