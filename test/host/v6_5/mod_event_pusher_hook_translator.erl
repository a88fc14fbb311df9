%% Stands for mod_event_pusher_hook_translator at 6.8.0 (src/event_pusher/, same name): what a
%% session's hooks turn into events. Only the four known types (none counts as normal). Of the
%% pusher's accumulator only the keys of event_pusher are kept.
-module(mod_event_pusher_hook_translator).

-export([add_hooks/1, delete_hooks/1]).
-export([user_send_message/3, filter_local_packet/3, user_present/3, user_not_present/3,
         unacknowledged_message/3]).

-include("events.hrl").

add_hooks(HostType) ->
    gen_hook:add_handlers(hooks(HostType)).

delete_hooks(HostType) ->
    gen_hook:delete_handlers(hooks(HostType)).

filter_local_packet({From, To, Acc, Packet}, _Params, _Extra) ->
    {ok, {From, To, push_chat(Acc, {From, To, Packet}, out), Packet}}.

user_send_message(Acc, _Params, _Extra) ->
    case mongoose_acc:packet(Acc) of
        undefined -> {ok, Acc};
        Packet -> {ok, push_chat(Acc, Packet, in)}
    end.

user_present(Acc, #{jid := Jid}, _Extra) ->
    {ok, push(Acc, #user_status_event{jid = Jid, status = online})}.

user_not_present(Acc, #{jid := Jid}, _Extra) ->
    {ok, push(Acc, #user_status_event{jid = Jid, status = offline})}.

unacknowledged_message(Acc, #{jid := Jid}, _Extra) ->
    {ok, push(Acc, #unack_msg_event{to = Jid})}.

push_chat(Acc, {From, To, Packet}, Direction) ->
    case chat_type(mongoose_acc:stanza_type(Acc)) of
        false ->
            Acc;
        Type ->
            push(Acc, #chat_event{type = Type, direction = Direction,
                                  from = From, to = To, packet = Packet})
    end.

push(Acc, Event) ->
    Pushed = mod_event_pusher:push_event(Acc, Event),
    mongoose_acc:set_permanent(event_pusher, mongoose_acc:get(event_pusher, Pushed), Acc).

chat_type(<<"chat">>) -> chat;
chat_type(<<"groupchat">>) -> groupchat;
chat_type(<<"headline">>) -> headline;
chat_type(<<"normal">>) -> normal;
chat_type(undefined) -> normal;
chat_type(_) -> false.

hooks(HostType) ->
    [{filter_local_packet, HostType, fun ?MODULE:filter_local_packet/3, #{}, 80},
     {unset_presence, HostType, fun ?MODULE:user_not_present/3, #{}, 90},
     {user_available, HostType, fun ?MODULE:user_present/3, #{}, 90},
     {user_send_message, HostType, fun ?MODULE:user_send_message/3, #{}, 90},
     {unacknowledged_message, HostType, fun ?MODULE:unacknowledged_message/3, #{}, 90}].
