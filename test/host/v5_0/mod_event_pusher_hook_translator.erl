%% Stands for mod_event_pusher_hook_translator at 5.0.0 (src/event_pusher/, same name): what a
%% session's hooks turn into events. Only messages, only the four known types (none counts as
%% normal); in events go to the sender's server, out events to the receiver's. Of the pusher's
%% accumulator only the keys of event_pusher are kept.
-module(mod_event_pusher_hook_translator).

-export([start/2, stop/1]).
-export([user_send_packet/4, filter_local_packet/1, user_present/2, user_not_present/5,
         unacknowledged_message/2]).

-include("host.hrl").
-include("events.hrl").

start(Host, _Opts) ->
    ejabberd_hooks:add(hooks(Host)).

stop(Host) ->
    ejabberd_hooks:delete(hooks(Host)).

filter_local_packet(drop) ->
    drop;
filter_local_packet({From, #jid{lserver = Host} = To, Acc, Packet}) ->
    {From, To, push_chat(Acc, Host, out, From, To, Packet), Packet}.

user_send_packet(Acc, From, To, #xmlel{name = <<"message">>} = Packet) ->
    push_chat(Acc, From#jid.lserver, in, From, To, Packet);
user_send_packet(Acc, _From, _To, _Packet) ->
    Acc.

user_present(Acc, #jid{lserver = Host} = Jid) ->
    push(Acc, Host, #user_status_event{jid = Jid, status = online}).

user_not_present(Acc, LUser, LServer, LResource, _Status) ->
    Jid = jid:make_noprep(LUser, LServer, LResource),
    push(Acc, LServer, #user_status_event{jid = Jid, status = offline}).

unacknowledged_message(Acc, #jid{lserver = Host} = Jid) ->
    push(Acc, Host, #unack_msg_event{to = Jid}).

push_chat(Acc, Host, Direction, From, To, Packet) ->
    case chat_type(mongoose_acc:stanza_type(Acc)) of
        false ->
            Acc;
        Type ->
            push(Acc, Host, #chat_event{type = Type, direction = Direction,
                                        from = From, to = To, packet = Packet})
    end.

push(Acc, Host, Event) ->
    Pushed = mod_event_pusher:push_event(Acc, Host, Event),
    mongoose_acc:set_permanent(event_pusher, mongoose_acc:get(event_pusher, Pushed), Acc).

chat_type(<<"chat">>) -> chat;
chat_type(<<"groupchat">>) -> groupchat;
chat_type(<<"headline">>) -> headline;
chat_type(<<"normal">>) -> normal;
chat_type(undefined) -> normal;
chat_type(_) -> false.

hooks(Host) ->
    [{filter_local_packet, Host, ?MODULE, filter_local_packet, 90},
     {unset_presence_hook, Host, ?MODULE, user_not_present, 90},
     {user_available_hook, Host, ?MODULE, user_present, 90},
     {user_send_packet, Host, ?MODULE, user_send_packet, 90},
     {unacknowledged_message, Host, ?MODULE, unacknowledged_message, 90}].
