%% @doc Which events a handler with rules notifies in a real MongooseIM node, and what it says of them.
%%
%% The handlers are written as in a configuration file, and the node's own parser reads them.
-module(http_pusher_events_SUITE).

-import(distributed_helper, [mim/0, rpc/4]).
-import(http_pusher_endpoint_helper, [form/1, json/1, requests/0, requests/1, wait_for_requests/1, wait_until/3]).
-import(http_pusher_file_helper, [set_handlers_in_the_file/1]).
-import(http_pusher_node_helper, [domain/0, generation/0, host_type/0]).
-import(http_pusher_user_helper, [create_room/2, log_in/3, short_jid/1, story/2, user/1]).

-include_lib("escalus/include/escalus.hrl").

-define(OWN_GROUPS, true).
-define(POOLS, [http_pool]).

-include("http_pusher_suite.hrl").

all() ->
    [{group, events}, {group, archive}].

groups() ->
    [{events, [], [groupchat_to_members_who_are_offline, presence, unacknowledged_messages]},
     {archive, [], [archive_id]}].

%% As the host's own suites do: an archive needs a database.
init_per_group(archive, Config) ->
    case rpc(mim(), mongoose_wpool, get_pool_settings, [rdbms, global, default]) of
        undefined -> {skip, "the node has no outgoing_pools.rdbms.default"};
        _Pool -> Config
    end;
init_per_group(_Group, Config) ->
    Config.

end_per_group(_Group, Config) ->
    Config.

%%% Events

%% Up to 6.8 there is an event for what goes out to the room, too: `receiver_domain' tells the members from it, and so
%% does `user_status', which a room has not.
groupchat_to_members_who_are_offline(Config) ->
    Out = "event = \"msg\", type = \"groupchat\", direction = \"out\", body = \"non_empty\"",
    ToMembers = [Out, ", receiver_domain = [\"", domain(), "\"]"],
    set_handlers_in_the_file(
      [{"/room", [rules([send("type = \"groupchat\", direction = \"in\"")]), "format = \"json\""]},
       {"/offline", [rules([send(Out ++ ", user_status = \"offline\"")]), "format = \"json\""]},
       {"/others", [rules(["{action = \"skip\", conditions = [{own_copy = true}]}", send(ToMembers)])]},
       {"/own", [rules([send(Out ++ ", own_copy = true")])]}]),
    http_pusher_module_helper:start_module(mim(), mod_muc_light, http_pusher_module_helper:muc_light_opts()),
    escalus:fresh_story(Config, [{alice, 1}, {bob, 1}, {kate, 1}], fun(Alice, Bob, Kate) ->
        Name = create_room(Alice, [Bob, Kate]),
        Jid = rpc(mim(), jid, from_binary, [escalus_client:short_jid(Kate)]),
        escalus_client:stop(Config, Kate),
        wait_until(fun() -> rpc(mim(), ejabberd_sm, is_offline, [Jid]) end, offline, 10000),
        Message = muc_light_helper:when_muc_light_message_is_sent(Alice, Name, <<"Hi, all!">>, <<"id1">>),
        muc_light_helper:then_muc_light_message_is_received_by([Alice, Bob], Message),
        wait_for_requests(5),
        timer:sleep(300),
        Receivers = [{Path, lists:sort([maps:get(<<"receiver">>, form(R)) || R <- requests(Path)])}
                     || Path <- [<<"/others">>, <<"/own">>]],
        ?assertEqual([{<<"/others">>, [user(Bob), user(Kate)]}, {<<"/own">>, [user(Alice)]}], Receivers),
        [Room] = requests(<<"/room">>),
        ?assertMatch(#{<<"type">> := <<"message.groupchat">>,
                       <<"data">> := #{<<"direction">> := <<"in">>, <<"body">> := <<"Hi, all!">>}}, json(Room)),
        [Offline] = requests(<<"/offline">>),
        #{<<"type">> := Type, <<"data">> := Data} = json(Offline),
        ?assertEqual(<<"message.groupchat">>, Type),
        RoomJid = <<Name/binary, "@", (muc_light_helper:muc_host())/binary>>,
        {Domain, Sender, Absent} = {domain(), short_jid(Alice), user(Kate)},
        ?assertMatch(#{<<"direction">> := <<"out">>, <<"host">> := Domain, <<"body">> := <<"Hi, all!">>,
                       <<"message_id">> := <<"id1">>, <<"room">> := #{<<"jid">> := RoomJid},
                       <<"nickname">> := Sender, <<"receiver_status">> := <<"offline">>,
                       <<"to">> := #{<<"user">> := Absent}}, Data)
    end),
    http_pusher_module_helper:stop_module(mim(), mod_muc_light).

presence(Config0) ->
    Rules = rules([send("event = \"user_status\"")]),
    set_handlers_in_the_file([{"/json", [Rules, "format = \"json\""]}, {"/form", [Rules]},
                              {"/gone", [rules([send("user_status = \"offline\"")])]}]),
    Config = escalus_fresh:create_users(Config0, [{alice, 1}]),
    Alice = log_in(Config, alice, <<"phone">>),
    wait_for_requests(2),
    escalus_client:stop(Config, Alice),
    wait_for_requests(5),
    {User, Domain, Jid} = {user(Alice), domain(), <<(short_jid(Alice))/binary, "/phone">>},
    [begin
         Type = <<"presence.", Status/binary>>,
         ?assertMatch(#{<<"type">> := Type}, Event),
         ?assertEqual(#{<<"host">> => Domain, <<"jid">> => Jid, <<"user">> => User, <<"server">> => Domain,
                        <<"resource">> => <<"phone">>, <<"status">> => Status}, maps:get(<<"data">>, Event))
     end || {Status, Event} <- lists:zip([<<"online">>, <<"offline">>], [json(R) || R <- requests(<<"/json">>)])],
    Form = #{<<"user">> => User, <<"server">> => Domain, <<"resource">> => <<"phone">>},
    Gone = Form#{<<"status">> => <<"offline">>},
    ?assertEqual([Form#{<<"status">> => <<"online">>}, Gone], [form(R) || R <- requests(<<"/form">>)]),
    ?assertEqual([Gone], [form(R) || R <- requests(<<"/gone">>)]).

%% What the device has acknowledged before its connection breaks is not notified, the rest is.
unacknowledged_messages(Config) ->
    ?assert(rpc(mim(), gen_mod, is_loaded, [host_type(), mod_stream_management])),
    Rules = rules([send("event = \"unack_msg\"")]),
    set_handlers_in_the_file([{"/json", [Rules, "format = \"json\""]}, {"/form", [Rules]}]),
    BobSpec = escalus_fresh:create_fresh_user(Config, bob),
    {ok, Bob, _} = escalus_connection:start(BobSpec),
    escalus_connection:send(Bob, escalus_stanza:presence(<<"available">>)),
    escalus_connection:get_stanza(Bob, presence),
    AliceSpec = [{manual_ack, true}, {resource, <<"phone">>} | escalus_fresh:create_fresh_user(Config, alice)],
    {ok, Alice, _} = escalus_connection:start(AliceSpec, to_authenticate() ++ [bind, session, stream_resumption]),
    escalus_connection:send(Alice, escalus_stanza:presence(<<"available">>)),
    receive_stanza(Alice, is_presence),
    To = short_jid(Alice),
    Send = fun(Text) -> escalus_connection:send(Bob, escalus_stanza:chat_to(To, Text)) end,
    Send(<<"acknowledged">>),
    receive_stanza(Alice, is_chat_message),
    escalus_connection:send(Alice, escalus_stanza:sm_ack(2)),
    Texts = [<<"first">>, <<"second">>],
    [Send(Text) || Text <- Texts],
    [receive_stanza(Alice, is_chat_message) || _ <- Texts],
    ?assertEqual([], requests()),
    escalus_connection:kill(Alice),
    wait_for_requests(4),
    %% One that comes while the device is away is not acknowledged either.
    Send(<<"third">>),
    wait_for_requests(6),
    {AliceUser, BobUser, Domain} = {user(Alice), user(Bob), domain()},
    [begin
         #{<<"type">> := Type, <<"data">> := Data} = json(Request),
         ?assertEqual(<<"unacknowledged.chat">>, Type),
         ?assertMatch(#{<<"host">> := Domain, <<"body">> := Text, <<"from">> := #{<<"user">> := BobUser},
                        <<"to">> := #{<<"user">> := AliceUser, <<"server">> := Domain, <<"resource">> := <<"phone">>}},
                      Data),
         ?assertNot(maps:is_key(<<"direction">>, Data))
     end || {Text, Request} <- lists:zip(Texts ++ [<<"third">>], requests(<<"/json">>))],
    ?assertEqual([#{<<"author">> => BobUser, <<"server">> => Domain, <<"receiver">> => AliceUser, <<"message">> => Text}
                  || Text <- Texts ++ [<<"third">>]], [form(Request) || Request <- requests(<<"/form">>)]),
    %% She comes back to them.
    Id = proplists:get_value(smid, Alice#client.props),
    {ok, Back, _} = escalus_connection:start(AliceSpec, to_authenticate() ++ [resume(Id, 2)]),
    [receive_stanza(Back, is_chat_message) || _ <- [1, 2, 3]],
    escalus_connection:send(Back, escalus_stanza:sm_ack(5)),
    [escalus_connection:stop(User) || User <- [Back, Bob]].

%%% The archive

%% An incoming message has the id in the sender's archive, an outgoing one that in the receiver's. In 5.0 the host has
%% archived the latter only after its event.
archive_id(Config) ->
    {Module, Options} = http_pusher_module_helper:archive(),
    http_pusher_module_helper:start_module(mim(), Module, Options),
    set_handlers_in_the_file([{"/in", [rules([send("type = \"chat\", direction = \"in\"")]), "format = \"json\""]},
                              {"/out", [rules([send("type = \"chat\", direction = \"out\"")]), "format = \"json\""]}]),
    story(Config, fun(Alice, Bob) ->
        escalus:send(Alice, escalus_stanza:chat_to(Bob, <<"For the archive">>)),
        Received = escalus:wait_for_stanza(Bob),
        escalus:assert(is_chat_message, [<<"For the archive">>], Received),
        wait_for_requests(2),
        [[Sent], [Kept]] = [archived(User) || User <- [Alice, Bob]],
        ?assertEqual(Sent, archive_id_of(<<"/in">>)),
        ?assertEqual(case generation() of v5_0 -> none; _ -> Kept end, archive_id_of(<<"/out">>)),
        ?assertEqual([Kept], stanza_ids(Received, short_jid(Bob)))
    end),
    %% While there still is a module that removes their archives.
    escalus_fresh:clean(),
    http_pusher_module_helper:stop_module(mim(), Module).

archive_id_of(Path) ->
    [Request] = requests(Path),
    #{<<"data">> := Data = #{<<"body">> := <<"For the archive">>}} = json(Request),
    maps:get(<<"archive_id">>, Data, none).

%% 5.0 names the archive as the user wrote the address.
stanza_ids(Stanza, Archive) ->
    [exml_query:attr(Element, <<"id">>)
     || Element <- exml_query:subelements(Stanza, <<"stanza-id">>),
        escalus_utils:jid_to_lower(exml_query:attr(Element, <<"by">>)) =:= Archive].

%% The ids in a user's archive, as the user gets them.
archived(User) ->
    wait_until(fun() -> archived_now(User) =/= [] end, archived, 10000),
    archived_now(User).

archived_now(User) ->
    escalus:send(User, mam_helper:stanza_archive_request(mam_helper:mam06_props(), <<"q">>)),
    [exml_query:path(Message, [{element, <<"result">>}, {attr, <<"id">>}])
     || Message <- mam_helper:respond_messages(mam_helper:wait_archive_respond(User))].

%%% Helpers

rules(Rules) ->
    ["rules = [", lists:join(", ", Rules), "]"].

send(Conditions) ->
    ["{action = \"send\", conditions = [{", Conditions, "}]}"].

%% Acknowledgements are asked for in between.
receive_stanza(Client, Predicate) ->
    Stanza = escalus_connection:get_stanza(Client, Predicate, 10000),
    case escalus_pred:is_sm_ack_request(Stanza) of
        true -> receive_stanza(Client, Predicate);
        false -> escalus:assert(Predicate, Stanza), Stanza
    end.

to_authenticate() ->
    [start_stream, stream_features, maybe_use_ssl, authenticate].

resume(Id, Received) ->
    fun(Client, Features) ->
            escalus_connection:send(Client, escalus_stanza:resume(Id, Received)),
            true = escalus_pred:is_sm_resumed(Id, escalus_connection:get_stanza(Client, resumed)),
            {Client, Features}
    end.
