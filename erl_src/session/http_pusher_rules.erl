%% @doc The rules of a handler: whether an event is sent.
%%
%% The first rule that matches decides, and no match means no. A rule matches if one of its tables of
%% conditions does, and a table if all of its conditions do. A condition that makes no sense for a kind of
%% event (the body of a presence) does not match it.
%%
%% Much is known before any event: what sort of event the rules that are left are for (`narrow/2'). Most events
%% are of sorts for which a handler has no rule left.
%%
%% When compiled, the conditions of a table are in the order of what they cost, whatever their order in the
%% file. `user_status' comes last, because before 6.9 it asks the host's table of sessions, in the session.
%% What the host has said is kept for the event's other handlers.
-module(http_pusher_rules).

-export([compile/1, narrow/2, asks_own_copy/1, decide/3]).

-export_type([rules/0, known/0, sort/0]).

-type test() :: {atom(), atom() | [binary()]}.
%% What an event must fulfil, and the status that its user must have.
-type table() :: {[test()], any | online | offline}.
-opaque rules() :: [{send | skip, [table()]}].

%% What is known of an event without looking at it. The type is `other' if it is none of a message's four.
-type sort() :: {http_pusher_host_event:kind(), Type :: atom(), undefined | in | out}.

%% What the host has said of an event's receiver. `session': of the table of sessions; `exists': of the
%% database. Other keys are not ours.
-type known() :: #{
                   session => {ok, online | offline | elsewhere} | failed,
                   exists => {ok, boolean()} | failed,
                   atom() => term()
                  }.

%% From the cheapest to the dearest.
-define(COSTS, [event, direction, type, client_state, sender_domain, receiver_domain, own_copy, body, hint,
                jingle]).


-spec compile([http_pusher_host_handler:rule()]) -> rules().
compile(Rules) ->
    [ {Action, [ table(Conditions) || Conditions <- Tables ]}
      || #{action := Action, conditions := Tables} <- Rules ].


table(Conditions) ->
    Costs = lists:zip(?COSTS, lists:seq(1, length(?COSTS))),
    Status = maps:get(user_status, Conditions, any),
    Tests = [ {proplists:get_value(Name, Costs), {Name, Value}}
              || {Name, Value} <- maps:to_list(maps:remove(user_status, Conditions)) ],
    {[ Test || {_Cost, Test} <- lists:sort(Tests) ], Status}.


%% @doc The rules that are left for events of a sort. The last one sends, because what no rule matches is not
%% sent anyway.
-spec narrow(rules(), sort()) -> rules().
narrow(Rules, Sort) ->
    Left = reachable([ {Action, tables(Tables, Sort)} || {Action, Tables} <- Rules ]),
    lists:reverse(lists:dropwhile(fun({Action, _Tables}) -> Action =:= skip end, lists:reverse(Left))).


tables(Tables, Sort) ->
    [ {[ Test || {Test, unknown} <- Known ], Status}
      || {Tests, Status} <- Tables,
         Known <- [[ {Test, sort_is(Test, Sort)} || Test <- Tests ]],
         not lists:keymember(false, 2, Known),
         can_have(Status, Sort) ].


%% Up to the first rule that matches whatever the event.
reachable([]) -> [];
reachable([{_Action, []} | Rules]) -> reachable(Rules);
reachable([Rule = {_Action, Tables} | Rules]) ->
    case lists:member({[], any}, Tables) of
        true -> [Rule];
        false -> [Rule | reachable(Rules)]
    end.


%% Whether events of a sort have a condition: `unknown' if it depends on the event.
sort_is({event, Kind}, {Is, _, _}) -> Kind =:= Is;
sort_is({sender_domain, _}, _Sort) -> unknown;
sort_is(_Test, {user_status, _, _}) -> false;
sort_is({direction, Direction}, {_, _, Is}) -> Direction =:= Is;
sort_is({type, Type}, {_, Is, _}) -> Type =:= Is;
sort_is({client_state, _}, {unack_msg, _, _}) -> false;
sort_is({own_copy, Wanted}, {_, Type, Direction}) when Type =/= groupchat; Direction =:= in -> not Wanted;
sort_is(_Test, _Sort) -> unknown.


can_have(any, _Sort) -> true;
can_have(_Status, {Kind, _, _}) -> Kind =/= unack_msg.


%% @doc Whether a rule has the condition `own_copy'.
-spec asks_own_copy(rules()) -> boolean().
asks_own_copy(Rules) ->
    lists:any(fun({_Action, Tables}) ->
                      lists:any(fun({Tests, _Status}) -> lists:keymember(own_copy, 1, Tests) end, Tables)
              end,
              Rules).


%% @doc Whether an event is sent, and what is known of its receiver now. `failed' if a rule would have to know
%% what the host could not say.
-spec decide(rules(), http_pusher_host_event:event(), known()) -> {send | skip | failed, known()}.
decide([], _Event, Known) ->
    {skip, Known};
decide([{Action, Tables} | Rules], Event, Known) ->
    case any(Tables, Event, Known) of
        {true, Known1} -> {Action, Known1};
        {false, Known1} -> decide(Rules, Event, Known1);
        {failed, Known1} -> {failed, Known1}
    end.


any([], _Event, Known) ->
    {false, Known};
any([{Tests, Status} | Tables], Event, Known) ->
    case all(Tests, Event) of
        false ->
            any(Tables, Event, Known);
        true when Status =:= any ->
            {true, Known};
        true ->
            case has_status(Status, Event, Known) of
                {false, Known1} -> any(Tables, Event, Known1);
                Decided -> Decided
            end
    end.


all([], _Event) ->
    true;
all([{Name, Value} | Tests], Event) ->
    case is(Name, Value, Event) of
        true -> all(Tests, Event);
        false -> false
    end.


is(event, Kind, #{kind := Is}) -> Kind =:= Is;
is(sender_domain, Domains, #{from := From}) -> is_in(From, Domains);
%% All others are about a message.
is(_Name, _Value, #{kind := user_status}) -> false;
is(direction, Direction, #{direction := Is}) -> Direction =:= Is;
is(type, Type, #{type := Is}) -> Type =:= Is;
is(client_state, State, #{client_state := Is}) -> State =:= Is;
is(receiver_domain, Domains, #{to := To}) -> is_in(To, Domains);
is(own_copy, Wanted, Event) -> Wanted =:= http_pusher_host_stanza:is_own_copy(Event);
is(body, Wanted, #{packet := Packet}) -> Wanted =:= http_pusher_host_stanza:body(Packet);
is(hint, Hint, #{packet := Packet}) -> http_pusher_host_stanza:has_hint(Hint, Packet);
is(jingle, Wanted, #{packet := Packet}) -> Wanted =:= http_pusher_host_stanza:is_jingle(Packet).


is_in(Jid, Domains) ->
    {_User, Server} = jid:to_lus(Jid),
    lists:member(Server, Domains).


has_status(_Status, #{kind := unack_msg}, Known) ->
    {false, Known};
has_status(Status, #{kind := user_status, status := Is}, Known) ->
    {Status =:= Is, Known};
has_status(Status, #{status := undefined, to := To}, Known) ->
    receiver_has(Status, To, Known);
has_status(Status, #{status := Is}, Known) ->
    {Status =:= Is, Known}.


receiver_has(Status, To, Known = #{session := Session}) ->
    case Session of
        {ok, Status} when Status =:= online -> {true, Known};
        {ok, Status} -> receiver_exists(To, Known);
        {ok, _Other} -> {false, Known};
        failed -> {failed, Known}
    end;
receiver_has(Status, To, Known) ->
    receiver_has(Status, To, Known#{session => ask(fun http_pusher_host_user:session/1, To)}).


%% Without a session, an address may also be one that does not exist.
receiver_exists(_To, Known = #{exists := {ok, Exists}}) ->
    {Exists, Known};
receiver_exists(_To, Known = #{exists := failed}) ->
    {failed, Known};
receiver_exists(To, Known) ->
    receiver_exists(To, Known#{exists => ask(fun http_pusher_host_user:exists/1, To)}).


%% A table that does not answer is not asked again for the same event.
ask(Question, Jid) ->
    try
        {ok, Question(Jid)}
    catch
        _:_ -> failed
    end.
