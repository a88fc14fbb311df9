%% Stands for ejabberd_sm (src/ejabberd_sm.erl at 5.0.0 and 6.8.0): whether a user has no session with a priority
%% of 0 or more. It does not know which addresses are users.
-module(ejabberd_sm).

-export([is_offline/1]).

is_offline(Jid) ->
    ok = host_users:asked(sessions),
    case host_users:status(jid:to_lus(Jid)) of
        {online, _} -> false;
        _ -> true
    end.
