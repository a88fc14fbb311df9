%% Handlers with rules, from the events of a stand-in host through the library to the test endpoint, in each
%% generation: what arrives, in which form and order, and what the host was asked for it.
-module(handlers_SUITE).

-import(pusher_case, [module/1, wait_sent/1, received/1, settle/0]).
-import(handler_cases, [handler/3, offline_groupchat/0, stanza/2, element/1, bodies/2, events/1, data/1, values/2, asked/2]).

-define(KEY, <<"a key of more than 24 bytes">>).

-include("support/handler_cases.hrl").

groups() ->
    Every = [groupchat_to_offline_members_only,
             groupchat_of_a_classic_room,
             presence_as_form_and_as_json,
             unacknowledged_messages,
             archive_id_of_json,
             unread_count_of_json,
             status_of_json,
             a_template_with_rules,
             a_signature_with_rules,
             order_in_one_lane_across_kinds],
    [{v5_0, [], Every},
     {v6_5, [], [metadata_of_json | Every]},
     {v6_9, [], [state_of_the_client, metadata_of_json | Every]}].

%% The example of the documentation.
groupchat_to_offline_members_only(Config) ->
    module([handler("/json", #{format => json}, offline_groupchat())]),
    ok = host_session:user_status(<<"alice@localhost">>, offline),
    ok = host_session:user_status(<<"bob@localhost">>, offline),
    ok = host_session:user_status(<<"ghost@localhost">>, no_user),
    host_session:send(?ALICE, ?ROOM, <<"tea?">>, groupchat, in),
    [host_session:room_copy(?FROM_ROOM, To, stanza(groupchat, "<body>tea?</body>"), groupchat)
     || To <- [<<"alice@localhost">>, <<"bob@localhost">>, <<"carol@localhost">>, <<"ghost@localhost">>]],
    host_session:send(?ALICE, <<"bob@localhost">>, <<"tea?">>, chat, out),
    wait_sent(1),
    settle(),
    [Event] = events(Config),
    ?assertEqual([<<"message.groupchat">>, <<"out">>, <<"bob@localhost">>, <<"offline">>, <<"tea?">>,
                  ?ROOM, <<"alice@localhost">>],
                 values([[<<"type">>], data(<<"direction">>), [<<"data">>, <<"to">>, <<"jid">>],
                         data(<<"receiver_status">>), data(<<"body">>), [<<"data">>, <<"room">>, <<"jid">>],
                         data(<<"nickname">>)], Event)),
    asked(Config, #{sessions => 3, users => 2}).

%% The room's copies have the nickname alone.
groupchat_of_a_classic_room(Config) ->
    module([handler("/n", #{}, [{skip, [#{own_copy => true}]}, {send, [#{type => groupchat}]}])]),
    Occupants = [?ALICE, <<"alice@localhost/tablet">>, ?BOB, <<"carol@localhost/pc">>],
    Message = stanza(groupchat, "<body>hi</body>"),
    host_session:room_message(<<"tea@rooms.localhost">>, {<<"queen">>, ?ALICE}, Message, Occupants),
    wait_sent(2),
    host_session:room_message(<<"tea@rooms.localhost">>, {<<"king">>, ?BOB}, Message, Occupants),
    wait_sent(5),
    settle(),
    ?assertEqual([<<"alice">>, <<"alice">>, <<"bob">>, <<"carol">>, <<"carol">>],
                 lists:sort([pusher_case:field(<<"receiver">>, Request) || Request <- received(Config)])).

presence_as_form_and_as_json(Config) ->
    Rules = [{send, [#{event => user_status, user_status => Status}]} || Status <- [online, offline]],
    module([handler("/form", #{}, Rules), handler("/json", #{format => json}, Rules),
            handler("/offline", #{callback_module => pusher_callback},
                    [{send, [#{event => user_status, user_status => offline}]}])]),
    host_session:event(user_status, ?BOB),
    wait_sent(2),
    host_session:event(unavailable, ?BOB),
    wait_sent(5),
    Form = fun(Status) -> <<"user=bob&server=localhost&resource=pc&status=", Status/binary>> end,
    ?assertEqual([Form(<<"online">>), Form(<<"offline">>)], bodies(<<"/form">>, Config)),
    ?assertEqual([Form(<<"offline">>)], bodies(<<"/offline">>, Config)),
    Events = [json_value:parse(Body) || Body <- bodies(<<"/json">>, Config)],
    ?assertEqual([[<<"presence.online">>, ?BOB, <<"online">>], [<<"presence.offline">>, ?BOB, <<"offline">>]],
                 [values([[<<"type">>], data(<<"jid">>), data(<<"status">>)], Event) || Event <- Events]),
    asked(Config, #{sessions => 0, users => 0}).

unacknowledged_messages(Config) ->
    Rules = [{send, [#{event => unack_msg, body => non_empty}]}],
    module([handler("/form", #{}, Rules), handler("/json", #{format => json}, Rules),
            handler("/own", #{callback_module => pusher_callback, report => self()}, Rules)]),
    Stanza = stanza(chat, "<body>are you there?</body>"),
    host_session:unacknowledged(host_session:acc(?ALICE, ?BOB, Stanza), ?BOB),
    %% What else a stream may not have acknowledged.
    [host_session:unacknowledged(host_session:acc(?ALICE, ?BOB, element(Xml)), ?BOB)
     || Xml <- ["<iq type='get'/>", "<presence><body>no message</body></presence>",
                "<message type='error'><body>x</body></message>", "<message type='chat'/>"]],
    wait_sent(3),
    settle(),
    ?assertEqual([<<"author=alice&server=localhost&receiver=bob&message=are+you+there%3F">>],
                 bodies(<<"/form">>, Config)),
    ?assertEqual([<<"are you there?">>], bodies(<<"/own">>, Config)),
    [Event] = [json_value:parse(Body) || Body <- bodies(<<"/json">>, Config)],
    ?assertEqual([<<"unacknowledged.chat">>, absent, ?BOB, <<"alice@localhost/phone">>, <<"are you there?">>],
                 values([[<<"type">>], data(<<"direction">>), [<<"data">>, <<"to">>, <<"jid">>],
                         [<<"data">>, <<"from">>, <<"jid">>], data(<<"body">>)], Event)),
    %% The callback module sees a message that was about to be delivered.
    receive {should_make_req, [_, out, _, From, To, _]} ->
            ?assertEqual({host_session:jid(?ALICE), host_session:jid(?BOB)}, {From, To})
    after 0 -> error(not_asked) end.

archive_id_of_json(Config) ->
    module([handler("/json", #{format => json}, [{send, [#{event => msg}]}])]),
    Stanza = stanza(chat, "<body>hi</body>"),
    Mam = mongoose_acc:set(mam, mam_id, <<"CKC8QK4Q5TG1">>, host_session:acc(?ALICE, ?BOB, Stanza)),
    Stable = mongoose_acc:set(stable_stanza_id, value, 1000000, Mam),
    Archived = stanza(chat, "<body>hi</body><stanza-id xmlns='urn:xmpp:sid:0' by='bob@localhost' id='OF-BOB'/>"),
    [begin
         host_session:push(Acc, ?ALICE, ?BOB, Packet, chat, Direction),
         wait_sent(Nth)
     end || {Nth, {Acc, Direction, Packet}} <- numbered([{Mam, in, Stanza}, {Stable, in, Stanza}, {Stable, out, Stanza},
                                                         {Mam, out, Archived}, {Mam, out, Stanza}])],
    %% The id in the accumulator of a delivery may be that of the sender's archive.
    ?assertEqual([<<"CKC8QK4Q5TG1">>, <<"UGI0">>, <<"UGI0">>, <<"OF-BOB">>, absent],
                 [json_value:at(data(<<"archive_id">>), Event) || Event <- events(Config)]).

%% A query for those that want it, once for an event, and only if the rules let it through.
unread_count_of_json(Config) ->
    Unread = fun(Path, Type) -> handler(Path, #{format => json, include => [unread]}, [{send, [#{type => Type}]}]) end,
    module([Unread("/1", chat), Unread("/2", chat), handler("/no", #{format => json}, [{send, [#{type => chat}]}]),
            Unread("/other", headline)]),
    ok = host_users:unread({<<"bob">>, ?HOST}, 3),
    Send = fun(To, Type) -> host_session:send(?ALICE, To, <<"hi">>, Type, in) end,
    %% Without mod_inbox.
    Send(?BOB, chat),
    wait_sent(3),
    ok = host_ctl:start_inbox(?HOST),
    Send(?BOB, chat),
    wait_sent(6),
    ?assertMatch(#{inbox := 1}, host_users:counts()),
    Send(?BOB, normal),
    %% Rooms and other servers have no inbox here.
    Send(<<"tea@rooms.localhost">>, chat),
    wait_sent(9),
    ?assertMatch(#{inbox := 1}, host_users:counts()),
    %% A database that does not answer costs the number alone.
    ok = host_users:break(inbox, true),
    Send(?BOB, chat),
    wait_sent(12),
    ?assertEqual([absent, 3, absent, absent], counts(<<"/1">>, Config)),
    ?assertEqual([absent, 3, absent, absent], counts(<<"/2">>, Config)),
    ?assertEqual([absent, absent, absent, absent], counts(<<"/no">>, Config)).

counts(Path, Config) ->
    [json_value:at(data(<<"unread">>), json_value:parse(Body)) || Body <- bodies(Path, Config)].

%% Said if the event says it, or if a rule has asked.
status_of_json(Config) ->
    module([handler("/any", #{format => json}, [{send, [#{direction => out}]}]),
            handler("/asks", #{format => json}, [{send, [#{type => chat, user_status => offline}]}]),
            handler("/after", #{format => json}, [{send, [#{direction => out}]}])]),
    ok = host_session:user_status(<<"bob@localhost">>, offline),
    host_session:send(?ALICE, ?BOB, <<"hi">>, chat, out),
    wait_sent(3),
    Before = case proplists:get_value(generation, Config) of v6_9 -> <<"offline">>; _ -> absent end,
    ?assertEqual([{<<"/after">>, <<"offline">>}, {<<"/any">>, Before}, {<<"/asks">>, <<"offline">>}],
                 lists:sort([{Path, json_value:at(data(<<"receiver_status">>), json_value:parse(Body))}
                             || #{path := Path, body := Body} <- received(Config)])).

state_of_the_client(Config) ->
    module([handler("/json", #{format => json}, [{send, [#{client_state => inactive}]}])]),
    ok = host_session:user_status(<<"bob@localhost">>, {online, #{client_state => inactive}}),
    [host_session:send(?ALICE, To, <<"hi">>, chat, out) || To <- [<<"carol@localhost">>, ?BOB]],
    wait_sent(1),
    settle(),
    [Event] = events(Config),
    ?assertEqual([<<"bob">>, <<"inactive">>, <<"online">>],
                 values([[<<"data">>, <<"to">>, <<"user">>], data(<<"client_state">>), data(<<"receiver_status">>)],
                        Event)).

%% Keys are atoms, or texts, of which some are no UTF-8; values atoms, texts and numbers.
metadata_of_json(Config) ->
    module([handler("/json", #{format => json}, [{send, [#{event => msg}]}])]),
    Huge = 1 bsl 80,
    ok = host_ctl:set_metadata(#{tenant => acme, trace => <<"caf", 195, 169>>, count => 7, share => 0.5, vip => true,
                                 <<"own key">> => 1, <<"caf", 233>> => 2, huge => Huge, none => undefined, odd => {no, fact}}),
    host_session:send(?ALICE, ?BOB, <<"hi">>),
    wait_sent(1),
    [Event] = events(Config),
    ?assertEqual(#{<<"tenant">> => <<"acme">>, <<"trace">> => <<"caf", 195, 169>>, <<"count">> => 7,
                   <<"share">> => 0.5, <<"vip">> => true, <<"huge">> => integer_to_binary(Huge),
                   <<"own key">> => 1, <<"caf\x{fffd}"/utf8>> => 2},
                 json_value:at(data(<<"metadata">>), Event)).

a_template_with_rules(Config) ->
    File = filename:join(proplists:get_value(priv_dir, Config), "message.json"),
    ok = file:write_file(File, "{\"text\": {{ from.user ~ \": \" ~ body }}}"),
    module([handler("/t", #{format => template, template_file => unicode:characters_to_binary(File),
                            content_type => <<"application/json">>},
                    [{send, [#{type => chat, body => non_empty}]}])]),
    host_session:send(?ALICE, ?BOB, <<"say \"hi\"">>),
    host_session:send(?ALICE, ?BOB, <<>>),
    wait_sent(1),
    settle(),
    [#{body := Body}] = received(Config),
    ?assertEqual(#{<<"text">> => <<"alice: say \"hi\"">>}, json_value:parse(Body)).

a_signature_with_rules(Config) ->
    File = filename:join(proplists:get_value(priv_dir, Config), "secrets"),
    ok = file:write_file(File, ["whsec_", base64:encode(?KEY), $\n]),
    module([handler("/" ++ Name, Options#{signing => #{secret_file => unicode:characters_to_binary(File)}},
                    [{send, [#{event => user_status}]}])
            || {Name, Options} <- [{"form", #{}}, {"json", #{format => json}}]]),
    host_session:event(user_status, ?BOB),
    wait_sent(2),
    [begin
         Of = fun(Name) -> proplists:get_value(Name, Headers) end,
         Signed = [Of(<<"webhook-id">>), $., Of(<<"webhook-timestamp">>), $., Body],
         ?assertEqual(<<"v1,", (base64:encode(crypto:mac(hmac, sha256, ?KEY, Signed)))/binary>>,
                      Of(<<"webhook-signature">>))
     end || #{headers := Headers, body := Body} <- received(Config)].

%% What a user sends, its presence, and what its broken connection left belong to one lane.
order_in_one_lane_across_kinds(Config) ->
    module([handler("/form", #{}, [{send, [#{event => user_status}, #{event => unack_msg}, #{direction => in}]}]),
            handler("/json", #{format => json}, [{send, [#{event => user_status}, #{event => unack_msg}, #{direction => in}]}])]),
    Rounds = 30,
    [begin
         Text = integer_to_binary(Nth),
         Acc = host_session:acc(?ALICE, ?BOB, stanza(chat, ["<body>", Text, "</body>"])),
         host_session:event(user_status, ?BOB),
         host_session:send(?BOB, ?ALICE, Text),
         host_session:unacknowledged(Acc, ?BOB),
         host_session:event(unavailable, ?BOB)
     end || Nth <- lists:seq(1, Rounds)],
    wait_sent(8 * Rounds),
    Expected = lists:append([[online, {bob, Nth}, {alice, Nth}, offline] || Nth <- lists:seq(1, Rounds)]),
    %% Each handler's are in order, also among the other's.
    Kinds = [kind(Request) || Request <- received(Config)],
    ?assertEqual(lists:append([[Kind, Kind] || Kind <- Expected]), Kinds).

kind(#{path := <<"/json">>, body := Body}) ->
    Event = json_value:parse(Body),
    case json_value:at([<<"type">>], Event) of
        <<"presence.", Status/binary>> -> binary_to_atom(Status, utf8);
        _ -> {binary_to_atom(json_value:at([<<"data">>, <<"from">>, <<"user">>], Event), utf8),
              binary_to_integer(json_value:at(data(<<"body">>), Event))}
    end;
kind(#{body := Body}) ->
    Form = test_endpoint:form(Body),
    case proplists:get_value(<<"status">>, Form) of
        undefined -> {binary_to_atom(proplists:get_value(<<"author">>, Form), utf8),
                      binary_to_integer(proplists:get_value(<<"message">>, Form))};
        Status -> binary_to_atom(Status, utf8)
    end.

%%% Helpers

numbered(Values) ->
    lists:zip(lists:seq(1, length(Values)), Values).
