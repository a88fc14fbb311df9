%% The users of a stand-in host and their sessions, as a case says (host_session:user_status/2), and how often the
%% host was asked: the counts are what cases compare. Every user of a domain of the host exists and is online
%% otherwise. No module of the host has this name.
-module(host_users).

-export([set/2, status/1, host_type/1, asked/1, counts/0, reset/0, break/2, unread/2, unread_of/1]).

-type status() :: no_user | offline | {online, map()}.

-spec set({binary(), binary()}, status()) -> ok.
set(User, Status) ->
    put_term(fun(Term) -> Term#{{status, User} => Status} end).

-spec status({binary(), binary()}) -> status().
status({<<>>, _Server}) -> no_user;
status(User) -> maps:get({status, User}, term(), {online, #{client_state => active}}).

%% @doc A user's unread messages (mod_inbox).
-spec unread({binary(), binary()}, non_neg_integer()) -> ok.
unread(User, Count) ->
    put_term(fun(Term) -> Term#{{unread, User} => Count} end).

%% @doc Asks for it.
-spec unread_of({binary(), binary()}) -> non_neg_integer().
unread_of(User) ->
    ok = asked(inbox),
    maps:get({unread, User}, term(), 0).

-spec host_type(binary()) -> {ok, binary()} | {error, not_found}.
host_type(Server) ->
    case host_ctl:host_type_of(Server) of
        undefined -> {error, not_found};
        HostType -> {ok, HostType}
    end.

%% @doc A table is asked. Raises if the case has broken it.
-spec asked(sessions | users | inbox) -> ok.
asked(Table) ->
    counters:add(counter(), index(Table), 1),
    case maps:get({broken, Table}, term(), false) of
        true -> error({table_is_broken, Table});
        false -> ok
    end.

-spec break(sessions | users | inbox, boolean()) -> ok.
break(Table, Broken) ->
    put_term(fun(Term) -> Term#{{broken, Table} => Broken} end).

-spec counts() -> #{sessions | users | inbox => non_neg_integer()}.
counts() ->
    maps:from_list([{Table, counters:get(counter(), index(Table))} || Table <- [sessions, users, inbox]]).

%% @doc Forgets everything that cases have said.
-spec reset() -> ok.
reset() ->
    persistent_term:put(?MODULE, #{counter => counters:new(3, [])}),
    ok.

counter() ->
    maps:get(counter, term()).

term() ->
    case persistent_term:get(?MODULE, undefined) of
        undefined ->
            reset(),
            persistent_term:get(?MODULE);
        Term ->
            Term
    end.

put_term(Change) ->
    persistent_term:put(?MODULE, Change(term())),
    ok.

index(sessions) -> 1;
index(users) -> 2;
index(inbox) -> 3.
