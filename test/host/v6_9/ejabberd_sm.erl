%% Stands for ejabberd_sm of 6.9 and later, as far as the event pusher sees it: a message that is routed
%% to a user who exists runs the hook message_routed with the user's status, before it is known whether a
%% session takes the message. The server itself and users who do not exist have no such hook. Who exists,
%% and who is online, is said by set_user_status/2; every user exists and is online otherwise. Sessions
%% themselves are not here.
-module(ejabberd_sm).

-export([route/3, set_user_status/2]).

route(HostType, Acc, To) ->
    case user_status(jid:to_lus(To)) of
        no_user ->
            Acc;
        UserStatus ->
            {_, Result} = gen_hook:run_fold(message_routed, HostType, Acc,
                                            #{user_status => UserStatus}),
            Result
    end.

set_user_status(Jid, UserStatus) ->
    persistent_term:put(?MODULE, (statuses())#{jid:to_lus(Jid) => UserStatus}).

user_status({<<>>, _Server}) -> no_user;
user_status(User) -> maps:get(User, statuses(), {online, #{client_state => active}}).

statuses() ->
    persistent_term:get(?MODULE, #{}).
