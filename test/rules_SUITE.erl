%% Which events the rules of a handler let through, in each generation, against an independent reading of the
%% documentation (random_events), and how often the host is asked for it.
-module(rules_SUITE).

-include("support/pusher_case.hrl").

-define(HOST, <<"localhost">>).
-define(EVENTS, 3000).

all() ->
    pusher_case:all([v5_0, v6_5, v6_9]).

groups() ->
    pusher_case:groups([cases_of_the_command_line_program, random_events_and_rules, each_condition_alone, the_sense_of_each_condition,
                        the_first_match_decides, cheap_conditions_come_first,
                        the_host_is_asked_once, a_host_that_does_not_answer,
                        other_stanzas_are_no_unacknowledged_messages, what_no_match_costs],
                       [v5_0, v6_5, v6_9]).

init_per_testcase(_Case, Config) ->
    none = host_ctl:generation(),
    ok = host_ctl:start(generation(Config)),
    host_users:reset(),
    ok = http_pusher_host_room:watch(?HOST),
    _ = [gen_hook:reload_hooks() || host_ctl:layout() =:= v6_5],
    Config.

end_per_testcase(_Case, _Config) ->
    erase(http_pusher_host_room),
    host_ctl:stop().

%% The same cases hold the evaluation in the command-line program.
cases_of_the_command_line_program(_Config) ->
    {ok, Cases} = file:consult(filename:join([host_code:test_dir(), "data", "rules_cases.terms"])),
    ?assert(length(Cases) > 50),
    [begin
         Compiled = compiled([{Action, [maps:from_list(Table) || Table <- Tables]} || {Action, Tables} <- Rules]),
         ?assertEqual({Name, [Expected]}, {Name, decide_all([Compiled], described(Kind, Known), #{})})
     end || {Name, Rules, {Kind, Known}, Expected} <- Cases],
    ok.

%% What is not known belongs to an address that is nowhere.
described(Kind, Known) ->
    Of = fun(Key, Default) -> proplists:get_value(Key, Known, Default) end,
    Jid = fun(Key) -> host_session:jid(Of(Key, <<"nobody@nowhere.example">>)) end,
    #{kind => Kind, type => Of(type, undefined), direction => Of(direction, undefined), from => Jid(from), to => Jid(to),
      packet => host_session:element({xml, Of(stanza, <<"<message/>">>)}, []),
      status => Of(user_status, undefined), client_state => Of(client_state, undefined)}.

%% Three handlers for each event: what one has asked, the others know.
random_events_and_rules(Config) ->
    Generation = generation(Config),
    Seed = seed(),
    ct:pal("RULES_SEED=~b", [Seed]),
    _ = rand:seed(exsss, Seed),
    lists:foreach(fun(Nth) -> random(Nth, Generation) end, lists:seq(1, ?EVENTS)).

random(Nth, Generation) ->
    Event = random_events:event(Generation),
    Handlers = [random_events:rules() || _ <- lists:seq(1, 3)],
    compare({Nth, Event, Handlers}, Handlers, Event, Generation).

seed() ->
    case os:getenv("RULES_SEED") of
        false -> erlang:system_time() rem 1000000;
        Text -> list_to_integer(Text)
    end.

compare(What, Handlers, Event, Generation) ->
    host_users:reset(),
    {Term, Acc} = random_events:term(Event, Generation),
    Decided = decide_all([http_pusher_rules:compile(Rules) || Rules <- Handlers], event(Term, Acc), #{}),
    Asked = maps:with([sessions, users], host_users:counts()),
    ?assertEqual({What, random_events:expected(Handlers, Event, Generation)}, {What, {Decided, Asked}}).

decide_all([], _Event, _Known) ->
    [];
decide_all([Rules | Rest], Event, Known) ->
    {Decision, Known1} = http_pusher_rules:decide(Rules, Event, Known),
    %% With what is left for the sort of event, the same is decided, and the same is asked.
    #{kind := Kind, type := Type, direction := Direction} = Event,
    ?assertEqual({Decision, Known1 == Known},
                 narrowed(http_pusher_rules:narrow(Rules, {Kind, Type, Direction}), Event, Known, Known1)),
    [Decision | decide_all(Rest, Event, Known1)].

%% What has been asked before is known; nothing else may be asked.
narrowed(Left, Event, Known, Known1) ->
    Counts = host_users:counts(),
    {Decision, Known2} = http_pusher_rules:decide(Left, Event, Known1),
    ?assertEqual({Known1, Counts}, {Known2, host_users:counts()}),
    {Decision, Known1 == Known}.

each_condition_alone(Config) ->
    Generation = generation(Config),
    _ = rand:seed(exsss, 1),
    [begin
         Event = random_events:event(Generation),
         Rules = [#{action => send, conditions => [#{Name => Value}]}],
         compare({Name, Value, Event}, [Rules], Event, Generation)
     end || _ <- lists:seq(1, 50), {Name, Values} <- random_events:conditions(), Value <- Values],
    ok.

%% Without the reference: for each condition an event that has it, and one that has not.
the_sense_of_each_condition(Config) ->
    Generation = generation(Config),
    ok = host_session:user_status(<<"bob@localhost">>, offline),
    ok = host_session:user_status(<<"dora@localhost">>, {online, #{client_state => inactive}}),
    In = fun(Xml) -> message(chat, in, <<"alice@localhost/phone">>, <<"bob@localhost">>, Xml) end,
    Hi = In("<message type='chat'><body>hi</body></message>"),
    Out = fun(Type, From, To) -> message(Type, out, From, To, "<message><body>hi</body></message>") end,
    ToBob = Out(chat, <<"alice@localhost/phone">>, <<"bob@localhost">>),
    ToDora = Out(chat, <<"alice@localhost/phone">>, <<"dora@localhost">>),
    Online = presence(<<"bob@localhost/pc">>, online),
    Light = <<"tea@light.localhost/alice@localhost">>,
    Sense = [{#{event => msg}, Hi, Online}, {#{event => user_status}, Online, Hi},
             {#{event => unack_msg}, unacknowledged(<<"bob@localhost/pc">>), Hi},
             {#{type => chat}, Hi, Out(groupchat, Light, <<"bob@localhost">>)},
             {#{type => chat}, unacknowledged(<<"bob@localhost/pc">>), Online},
             {#{direction => in}, Hi, ToBob}, {#{direction => out}, ToBob, Online},
             {#{body => non_empty}, Hi, In("<message type='chat'/>")},
             {#{body => empty}, In("<message type='chat'><body/></message>"), Hi},
             {#{body => absent}, In("<message type='chat'><html><body>x</body></html></message>"), Hi},
             {#{body => absent}, In("<message type='chat'/>"), Online},
             {#{hint => no_store}, In("<message><no-store xmlns='urn:xmpp:hints'/></message>"), Hi},
             {#{hint => store}, In("<message><store xmlns='urn:xmpp:hints'/></message>"),
              In("<message><store xmlns='urn:example'/></message>")},
             {#{jingle => true}, In("<message><ringing xmlns='urn:xmpp:jingle-message:0' id='1'/></message>"), Hi},
             {#{jingle => false}, Hi, Online},
             {#{user_status => offline}, ToBob, ToDora}, {#{user_status => online}, ToDora, ToBob},
             {#{user_status => online}, Online, presence(<<"bob@localhost/pc">>, offline)},
             {#{own_copy => true}, Out(groupchat, Light, <<"alice@localhost">>),
              Out(groupchat, Light, <<"bob@localhost">>)},
             {#{own_copy => false}, Out(groupchat, Light, <<"bob@localhost">>),
              Out(groupchat, Light, <<"alice@localhost">>)},
             {#{own_copy => false}, Out(chat, Light, <<"alice@localhost">>), Online},
             {#{sender_domain => [<<"light.localhost">>]}, Out(groupchat, Light, <<"bob@localhost">>), Hi},
             {#{sender_domain => [<<"x">>, <<"localhost">>]}, Online, Out(groupchat, Light, <<"bob@localhost">>)},
             {#{receiver_domain => [<<"localhost">>]}, Hi, Online}],
    [begin
         ?assertEqual({Conditions, send}, {Conditions, decide([{send, [Conditions]}], Matching)}),
         ?assertEqual({Conditions, skip}, {Conditions, decide([{send, [Conditions]}], Other)})
     end || {Conditions, Matching, Other} <- Sense],
    State = decide([{send, [#{client_state => inactive}]}], ToDora),
    ?assertEqual(case Generation of v6_9 -> send; _ -> skip end, State).

the_first_match_decides(_Config) ->
    Chat = message(chat, in, <<"alice@localhost/phone">>, <<"bob@localhost">>, "<message><body>hi</body></message>"),
    Any = #{},
    Matching = #{type => chat, direction => in},
    Other = #{type => groupchat},
    [?assertEqual({Rules, Expected}, {Rules, decide(Rules, Chat)})
     || {Expected, Rules} <- [{skip, []}, {send, [{send, [Any]}]}, {skip, [{send, [Other]}]},
                              {skip, [{skip, [Any]}, {send, [Any]}]}, {send, [{skip, [Other]}, {send, [Any]}]},
                              {send, [{send, [Matching]}, {skip, [Any]}]}, {send, [{send, [Other, Matching]}]},
                              {skip, [{send, [Other, Other#{event => msg}]}]},
                              {skip, [{send, [Matching#{body => absent}]}]}]].

%% The example of the documentation: whatever else does not match, the table of sessions is not asked.
cheap_conditions_come_first(Config) ->
    Rules = [{skip, [#{own_copy => true}]},
             {send, [#{event => msg, type => groupchat, direction => out, user_status => offline},
                     #{event => user_status}]}],
    ok = host_session:user_status(<<"bob@localhost">>, offline),
    Xml = "<message><body>hi</body></message>",
    From = <<"tea@light.localhost/alice@localhost">>,
    [?assertEqual(skip, decide(Rules, Event))
     || Event <- [message(chat, out, From, <<"bob@localhost">>, Xml),
                  message(groupchat, in, From, <<"bob@localhost">>, Xml),
                  message(groupchat, out, From, <<"alice@localhost">>, Xml),
                  unacknowledged(<<"bob@localhost/pc">>)]],
    ?assertEqual(send, decide(Rules, presence(<<"bob@localhost/pc">>, online))),
    ?assertMatch(#{sessions := 0, users := 0}, host_users:counts()),
    ?assertEqual(send, decide(Rules, message(groupchat, out, From, <<"bob@localhost">>, Xml))),
    Once = case generation(Config) of v6_9 -> 0; _ -> 1 end,
    ?assertMatch(#{sessions := Once, users := Once}, host_users:counts()).

%% Whichever handler asks first. Online users need not be looked up in the database.
the_host_is_asked_once(Config) ->
    ok = host_session:user_status(<<"bob@localhost">>, offline),
    ok = host_session:user_status(<<"ghost@localhost">>, no_user),
    Offline = [{send, [#{user_status => offline}]}],
    Online = [{send, [#{user_status => online}]}],
    Xml = "<message><body>hi</body></message>",
    %% Receiver, the handlers' rules, what they decide, how often each table is asked before 6.9.
    Cases = [{<<"bob@localhost">>, [Offline, Offline, Offline], [send, send, send], {1, 1}},
             {<<"bob@localhost">>, [Online, Online], [skip, skip], {1, 0}},
             {<<"bob@localhost">>, [Online, Offline, Online], [skip, send, skip], {1, 1}},
             {<<"dora@localhost/pc">>, [Offline, Online, Offline], [skip, send, skip], {1, 0}},
             {<<"ghost@localhost">>, [Offline, Online, Offline], [skip, skip, skip], {1, 1}},
             {<<"localhost">>, [Offline, Online], [skip, skip], {0, 0}},
             {<<"tea@light.localhost">>, [Offline, Online], [skip, skip], {0, 0}},
             {<<"eve@example.org">>, [Offline, Online], [skip, skip], {0, 0}}],
    [begin
         {Sessions, Users} = Counts,
         #{sessions := S0, users := U0} = host_users:counts(),
         Event = message(chat, out, <<"alice@localhost/phone">>, To, Xml),
         ?assertEqual({To, Expected}, {To, decide_all([compiled(Rules) || Rules <- Handlers], Event, #{})}),
         #{sessions := S1, users := U1} = host_users:counts(),
         ?assertEqual({To, Sessions, Users}, {To, S1 - S0, U1 - U0})
     end || generation(Config) =/= v6_9, {To, Handlers, Expected, Counts} <- Cases],
    ok.

%% Neither online nor offline, and not asked again for the same event.
a_host_that_does_not_answer(Config) ->
    Event = message(chat, out, <<"alice@localhost/phone">>, <<"bob@localhost">>, "<message/>"),
    Handlers = [compiled([{send, [#{user_status => Status}]}]) || Status <- [offline, online, offline]],
    ok = host_session:user_status(<<"bob@localhost">>, offline),
    [begin
         ok = host_users:break(Table, true),
         #{Table := Before} = host_users:counts(),
         ?assertEqual({Table, Expected}, {Table, decide_all(Handlers, Event, #{})}),
         ?assertMatch(#{Table := After} when After =:= Before + 1, host_users:counts()),
         ok = host_users:break(Table, false)
     end || generation(Config) =/= v6_9,
            {Table, Expected} <- [{sessions, [failed, failed, failed]}, {users, [failed, skip, failed]}]],
    ok.

other_stanzas_are_no_unacknowledged_messages(_Config) ->
    Jid = <<"bob@localhost/pc">>,
    To = host_session:jid(Jid),
    [?assertEqual({Xml, none}, {Xml, event(unack_term(To, "chat", Xml), acc(Jid, Xml))})
     || Xml <- ["<iq type='get'/>", "<presence/>", "<message type='error'><body>x</body></message>",
                "<r xmlns='urn:xmpp:sm:3'/>"], layout_has_it(Xml)],
    ?assertEqual(none, event(unack_term(To, "chat", "<message/>"), host_session:acc(Jid, Jid, undefined))),
    [?assertMatch({Xml, #{kind := unack_msg, type := Type, packet := {xmlel, <<"message">>, _, _}}},
                  {Xml, event(unack_term(To, Type, Xml), acc(Jid, Xml))})
     || {Type, Xml} <- [{normal, "<message/>"}, {normal, "<message type='normal'/>"}, {chat, "<message type='chat'/>"},
                        {groupchat, "<message type='groupchat'/>"}, {headline, "<message type='headline'/>"}]].

%% Printed, because no verdict depends on the machine's speed.
what_no_match_costs(_Config) ->
    Event = message(chat, in, <<"alice@localhost/phone">>, <<"bob@localhost">>, "<message><body>hi</body></message>"),
    Rules = compiled([{skip, [#{own_copy => true}]},
                      {send, [#{event => msg, type => groupchat, direction => out, user_status => offline},
                              #{event => user_status}]}]),
    Count = 100000,
    {Micros, _} = timer:tc(fun() -> repeat(Count, Rules, Event) end),
    ct:pal("~.1f ns for rules that do not match", [Micros * 1000 / Count]).

repeat(0, _Rules, _Event) -> ok;
repeat(Count, Rules, Event) ->
    {skip, _} = http_pusher_rules:decide(Rules, Event, #{}),
    repeat(Count - 1, Rules, Event).

%%% Helpers

generation(Config) ->
    proplists:get_value(generation, Config).

decide(Rules, Event) ->
    {Decision, _Known} = http_pusher_rules:decide(compiled(Rules), Event, #{}),
    Decision.

compiled(Rules) ->
    http_pusher_rules:compile([#{action => Action, conditions => Tables} || {Action, Tables} <- Rules]).

event(Term, Acc) ->
    http_pusher_host_event:event(Term, Acc).

%% With the receiver's status as the session table has it.
message(Type, Direction, From, To, Xml) ->
    Packet = host_session:element({xml, Xml}, []),
    {FromJid, ToJid} = {host_session:jid(From), host_session:jid(To)},
    Term = case host_ctl:generation() of
               v6_9 when Direction =:= out ->
                   {msg_event, Type, out, FromJid, ToJid, Packet, host_users:status(jid:to_lus(ToJid))};
               Generation ->
                   host_terms:message_event(Generation, {Type, Direction, FromJid, ToJid, Packet})
           end,
    event(Term, host_session:acc(From, To, Packet)).

presence(Jid, Status) ->
    event({user_status_event, host_session:jid(Jid), Status}, host_session:acc(Jid, Jid, undefined)).

unacknowledged(Jid) ->
    Xml = "<message type='chat'><body>hi</body></message>",
    event(unack_term(host_session:jid(Jid), chat, Xml), acc(Jid, Xml)).

unack_term(To, Type, Xml) ->
    case host_ctl:generation() of
        v6_9 -> {unack_msg_event, Type, To, host_session:element({xml, Xml}, [])};
        _ -> {unack_msg_event, To}
    end.

acc(Jid, Xml) ->
    host_session:acc(<<"alice@localhost/phone">>, Jid, host_session:element({xml, Xml}, [])).

%% 6.9 makes no event of messages of type error.
layout_has_it("<message" ++ _) -> host_ctl:generation() =/= v6_9;
layout_has_it(_Xml) -> true.
