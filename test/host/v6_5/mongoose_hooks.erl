%% Stands for mongoose_hooks and mongoose_c2s_hooks at 6.8.0 (src/hooks/): the hooks around the event
%% pusher. The host type is the accumulator's; without one nothing runs.
-module(mongoose_hooks).

-export([push_event/2, user_send_message/1, filter_local_packet/1, user_available/2, unset_presence/3,
         unacknowledged_message/2, filter_room_packet/3, inbox_unread_count/2]).

-include_lib("kernel/include/logger.hrl").

push_event(Acc, Event) ->
    run(push_event, mongoose_acc:host_type(Acc), #{acc => Acc, metadata => #{}}, #{event => Event}).

user_send_message(Acc) ->
    run(user_send_message, mongoose_acc:host_type(Acc), Acc, #{}).

filter_local_packet({_From, _To, Acc, _Packet} = FilterAcc) ->
    run(filter_local_packet, mongoose_acc:host_type(Acc), FilterAcc, #{}).

user_available(Acc, Jid) ->
    run(user_available, mongoose_acc:host_type(Acc), Acc, #{jid => Jid}).

unset_presence(Acc, Jid, Status) ->
    run(unset_presence, mongoose_acc:host_type(Acc), Acc, #{jid => Jid, status => Status}).

filter_room_packet(HostType, Packet, EventData) ->
    run(filter_room_packet, HostType, Packet, EventData).

%% With 6.7's parameters.
inbox_unread_count(Acc, User) ->
    run(inbox_unread_count, mongoose_acc:host_type(Acc), Acc, #{user => User}).

unacknowledged_message(Acc, Jid) ->
    run(unacknowledged_message, mongoose_acc:host_type(Acc), Acc, #{jid => Jid}).

run(Hook, undefined, Acc, Params) ->
    ?LOG_ERROR(#{what => undefined_host_type, hook_name => Hook, hook_acc => Acc,
                 hook_args => Params}),
    Acc;
run(Hook, HostType, Acc, Params) ->
    {_, Result} = gen_hook:run_fold(Hook, HostType, Acc, Params),
    Result.
