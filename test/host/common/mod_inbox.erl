%% Stands for mod_inbox (src/inbox/mod_inbox.erl at 5.0.0 and 6.8.0), as far as the hook inbox_unread_count goes:
%% a query for the user's unread messages, unless the accumulator has the number already. A case says how many
%% there are (host_users:unread/2).
-module(mod_inbox).

-export([start/1, stop/1, inbox_unread_count/3]).

start(HostType) ->
    gen_hook:add_handlers(hooks(HostType)).

stop(HostType) ->
    gen_hook:delete_handlers(hooks(HostType)).

%% 5.0.0 has the user as an argument, 6.8.0 as a parameter.
inbox_unread_count(Acc, #{args := [User]}, _Extra) -> {ok, counted(Acc, User)};
inbox_unread_count(Acc, #{user := User}, _Extra) -> {ok, counted(Acc, User)}.

counted(Acc, User) ->
    case mongoose_acc:get(inbox, unread_count, undefined, Acc) of
        undefined -> mongoose_acc:set(inbox, unread_count, host_users:unread_of(jid:to_lus(User)), Acc);
        _Known -> Acc
    end.

hooks(HostType) ->
    [{inbox_unread_count, HostType, fun ?MODULE:inbox_unread_count/3, #{}, 80}].
