%% Stands for ejabberd_auth (src/auth/ejabberd_auth.erl at 5.0.0 and 6.8.0): whether a user is in the database
%% of the host type.
-module(ejabberd_auth).

-export([does_user_exist/3]).

does_user_exist(HostType, Jid, stored) when is_binary(HostType) ->
    ok = host_users:asked(users),
    host_users:status(jid:to_lus(Jid)) =/= no_user.
