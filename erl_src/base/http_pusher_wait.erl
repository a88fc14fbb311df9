%% @doc Lets a session wait until its notifications have been counted, for operators who need the stock
%% module's order: the web service receives the notification before the receiver gets the message.
%%
%% The session creates an alias for each notification. The engine carries it to the reporter as bytes, and
%% the reporter sends one message to it. When a session has waited long enough, it deactivates the alias, so
%% a late answer goes nowhere; neither does one to a session that has died. No other state is kept.
-module(http_pusher_wait).

-export([set_default/1, begin_for/1, waiter/1, forget/1, for_all/1]).
%% Called by the reporter.
-export([counted/1]).

-export_type([waiting/0, waiter/0]).

%% The alias, and until when the session waits, in milliseconds of monotonic time.
-type waiting() :: none | {Alias :: reference(), Until :: integer()}.
%% An alias as bytes; empty if the session does not wait.
-type waiter() :: binary().

-define(COUNTED(Alias), {http_pusher_counted, Alias}).
%% The longest time that a receive accepts.
-define(MOST, 16#FFFFFFFF).


%% @doc How long sessions wait for handlers that have no option `wait'.
-spec set_default(non_neg_integer()) -> ok.
set_default(Wait) ->
    persistent_term:put(?MODULE, Wait).


%% @doc Called before a notification is handed over for a handler with this option `wait'.
-spec begin_for(term()) -> waiting().
begin_for(0) ->
    none;
begin_for(Wait) when is_integer(Wait), Wait > 0 ->
    %% The first answer deactivates the alias.
    {erlang:alias([reply]), erlang:monotonic_time(millisecond) + min(Wait, ?MOST)};
begin_for(_NotSet) ->
    case persistent_term:get(?MODULE, 0) of
        0 -> none;
        Default -> begin_for(Default)
    end.


%% @doc The bytes that the engine carries to the reporter.
-spec waiter(waiting()) -> waiter().
waiter(none) -> <<>>;
waiter({Alias, _Until}) -> term_to_binary(Alias).


%% @doc The session does not wait after all: the answer is dropped, also if it has come already.
-spec forget(waiting()) -> ok.
forget(none) ->
    ok;
forget({Alias, _Until}) ->
    give_up(Alias).


%% @doc Waits until all have been counted, for each of them as long as its handler asks for.
-spec for_all([waiting()]) -> ok.
for_all([]) ->
    ok;
for_all([none | Rest]) ->
    for_all(Rest);
for_all([{Alias, Until} | Rest]) ->
    receive
        ?COUNTED(Alias) -> ok
    after
        max(0, Until - erlang:monotonic_time(millisecond)) ->
            give_up(Alias)
    end,
    for_all(Rest).


give_up(Alias) ->
    case erlang:unalias(Alias) of
        true -> ok;
        %% The answer came first, and is in the mailbox.
        false -> receive ?COUNTED(Alias) -> ok after 0 -> ok end
    end.


%% @doc A notification has been counted in the metrics.
-spec counted(undefined | waiter()) -> ok.
counted(undefined) ->
    ok;
counted(Waiter) ->
    Alias = binary_to_term(Waiter),
    Alias ! ?COUNTED(Alias),
    ok.
