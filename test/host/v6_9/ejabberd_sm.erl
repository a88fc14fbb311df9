%% Stands for ejabberd_sm of 6.9 and later, as far as the event pusher sees it: a message that is routed
%% to a user who exists runs the hook message_routed with the user's status, before it is known whether a
%% session takes the message. The server itself and users who do not exist have no such hook. host_users has
%% what a case says of users. Sessions themselves are not here.
-module(ejabberd_sm).

-export([route/3, is_offline/1]).

route(HostType, Acc, To) ->
    case host_users:status(jid:to_lus(To)) of
        no_user ->
            Acc;
        UserStatus ->
            {_, Result} = gen_hook:run_fold(message_routed, HostType, Acc,
                                            #{user_status => UserStatus}),
            Result
    end.

is_offline(Jid) ->
    ok = host_users:asked(sessions),
    case host_users:status(jid:to_lus(Jid)) of
        {online, _} -> false;
        _ -> true
    end.
