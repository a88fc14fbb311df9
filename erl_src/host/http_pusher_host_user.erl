%% @doc What the host knows of a user: whether there is a session, whether the user exists, and how much is
%% unread.
%%
%% Part of the host adapter. Each function asks the host in the calling session, so the callers ask only if
%% an option of a handler needs the answer, and once for an event.
-module(http_pusher_host_user).

-export([session/1, exists/1, unread/2]).


%% @doc Whether a local user has a session that messages go to. Asks the host's table of sessions.
%% `elsewhere' for everything that is no user of a domain of this node: rooms, servers, users of other servers.
-spec session(Jid :: term()) -> online | offline | elsewhere.
session(Jid) ->
    case host_type(Jid) of
        {ok, _HostType} ->
            case ejabberd_sm:is_offline(Jid) of
                false -> online;
                true -> offline
            end;
        none ->
            elsewhere
    end.


%% @doc Whether there is such a user in the host's database.
-spec exists(Jid :: term()) -> boolean().
exists(Jid) ->
    case host_type(Jid) of
        {ok, HostType} -> ejabberd_auth:does_user_exist(HostType, Jid, stored) =:= true;
        none -> false
    end.


host_type(Jid) ->
    case jid:to_lus(Jid) of
        {<<>>, _Server} ->
            none;
        {_User, Server} ->
            case mongoose_domain_api:get_domain_host_type(Server) of
                {ok, HostType} -> {ok, HostType};
                _ -> none
            end
    end.


%% @doc How many messages a user has not read, in the conversation that the accumulator's stanza belongs to. A
%% database query, unless mod_inbox has put the number into the accumulator already. `undefined' without
%% mod_inbox.
-spec unread(Acc :: term(), Jid :: term()) -> non_neg_integer() | undefined.
unread(Acc, Jid) ->
    case host_type(Jid) of
        {ok, HostType} ->
            case mongoose_acc:get(inbox, unread_count, undefined, counted(HostType, Acc, Jid)) of
                Count when is_integer(Count), Count >= 0 -> Count;
                _ -> undefined
            end;
        none ->
            undefined
    end.


%% Up to 6.6 the hook is run for its first parameter, from 6.7 on for the accumulator's host type.
counted(HostType, Acc, Jid) ->
    case erlang:function_exported(mongoose_hooks, inbox_unread_count, 2) of
        true -> mongoose_hooks:inbox_unread_count(Acc, Jid);
        false -> mongoose_hooks:inbox_unread_count(HostType, Acc, Jid)
    end.
