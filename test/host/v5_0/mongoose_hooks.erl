%% Stands for mongoose_hooks at 5.0.0 (src/mongoose_hooks.erl): the hooks the event pusher's
%% translator listens to. The host type is the accumulator's; without one nothing runs.
-module(mongoose_hooks).

-export([user_send_packet/4, filter_local_packet/1, user_available_hook/2, unset_presence_hook/3,
         unacknowledged_message/2, filter_room_packet/3, inbox_unread_count/3]).

-include_lib("kernel/include/logger.hrl").

user_send_packet(Acc, From, To, Packet) ->
    run(user_send_packet, mongoose_acc:host_type(Acc), Acc, [From, To, Packet]).

filter_local_packet({_From, _To, Acc, _Packet} = FilterAcc) ->
    run(filter_local_packet, mongoose_acc:host_type(Acc), FilterAcc, []).

user_available_hook(Acc, Jid) ->
    run(user_available_hook, mongoose_acc:host_type(Acc), Acc, [Jid]).

unset_presence_hook(Acc, Jid, Status) ->
    {User, Server, Resource} = jid:to_lower(Jid),
    run(unset_presence_hook, mongoose_acc:host_type(Acc), Acc, [User, Server, Resource, Status]).

filter_room_packet(HostType, Packet, EventData) ->
    run(filter_room_packet, HostType, Packet, [HostType, EventData]).

inbox_unread_count(LServer, Acc, User) ->
    run(inbox_unread_count, LServer, Acc, [User]).

unacknowledged_message(Acc, Jid) ->
    run(unacknowledged_message, mongoose_acc:host_type(Acc), Acc, [Jid]).

run(Hook, undefined, Acc, Args) ->
    ?LOG_ERROR(#{what => undefined_host_type, hook_name => Hook, hook_acc => Acc,
                 hook_args => Args}),
    Acc;
run(Hook, HostType, Acc, Args) ->
    {_, Result} = gen_hook:run_fold(Hook, HostType, Acc, ejabberd_hooks:add_args(#{}, Args)),
    Result.
