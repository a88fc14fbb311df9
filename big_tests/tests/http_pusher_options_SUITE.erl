%% @doc Handlers with options of their own in a real MongooseIM node: rules, formats, signatures, batches, retries.
%%
%% The handlers are written as in a configuration file, and the node's own parser reads them.
-module(http_pusher_options_SUITE).

-compile([export_all, nowarn_export_all]).

-include_lib("escalus/include/escalus.hrl").
-include_lib("eunit/include/eunit.hrl").

-import(distributed_helper, [mim/0, require_rpc_nodes/1, rpc/4]).
-import(http_pusher_helper, [answer/2, counts/0, domain/0, form/1, forget/0, generation/0, header/2, host_type/0,
                             json/1, requests/0, requests/1, set_handlers_in_the_file/1, start_pool/2, stop_pool/1,
                             stop_pusher/0, wait_for_counts/1, wait_for_requests/1, wait_until/3]).

-define(SECRETS, [<<"a secret that is long enough for it">>, <<"another one that is as long as that">>]).

%%%===================================================================
%%% Suite configuration
%%%===================================================================

suite() ->
    require_rpc_nodes([mim]) ++ escalus:suite().

all() ->
    [{group, events}, {group, payloads}, {group, archive}, {group, many}, {group, deliveries}].

groups() ->
    [{events, [], [groupchat_to_members_who_are_offline, presence, unacknowledged_messages]},
     {payloads, [], [signed, template, cloudevents]},
     {archive, [], [archive_id]},
     {many, [], [batches, compressed, limited, several_reporters]},
     {deliveries, [], [retried_in_order, killed_node]}].

init_per_suite(Config0) ->
    http_pusher_helper:start_endpoint(),
    http_pusher_helper:lift_shapers(),
    Config = dynamic_modules:save_modules(host_type(), Config0),
    escalus:init_per_suite(Config).

end_per_suite(Config) ->
    escalus_fresh:clean(),
    stop_pusher(),
    dynamic_modules:restore_modules(Config),
    http_pusher_helper:stop_endpoint(),
    escalus:end_per_suite(Config).

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

init_per_testcase(CaseName, Config) ->
    forget(),
    start_pool(http_pool, #{}),
    escalus:init_per_testcase(CaseName, Config).

%% Whatever a case is about, its payloads are as the schemas say.
end_per_testcase(CaseName, Config) ->
    Valid = http_pusher_helper:check_payloads(),
    stop_pool(http_pool),
    stop_pusher(),
    Config1 = escalus:end_per_testcase(CaseName, Config),
    case Valid of
        ok -> Config1;
        {invalid_payloads, Text} -> {fail, {invalid_payloads, Text}}
    end.

%%%===================================================================
%%% Events
%%%===================================================================

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
    http_pusher_helper:start_module(mim(), mod_muc_light, http_pusher_helper:muc_light_opts()),
    escalus:fresh_story(Config, [{alice, 1}, {bob, 1}, {kate, 1}], fun(Alice, Bob, Kate) ->
        Name = <<"room", (integer_to_binary(erlang:system_time()))/binary>>,
        escalus:send(Alice, muc_light_helper:stanza_create_room(Name, [], [{Bob, member}, {Kate, member}])),
        escalus:wait_for_stanzas(Alice, 2),
        [escalus:wait_for_stanza(User) || User <- [Bob, Kate]],
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
    http_pusher_helper:stop_module(mim(), mod_muc_light).

presence(Config0) ->
    Rules = rules([send("event = \"user_status\"")]),
    set_handlers_in_the_file([{"/json", [Rules, "format = \"json\""]}, {"/form", [Rules]},
                              {"/gone", [rules([send("user_status = \"offline\"")])]}]),
    Config = escalus_fresh:create_users(Config0, [{alice, 1}]),
    {ok, Alice} = escalus_client:start(Config, alice, <<"phone">>),
    escalus:send(Alice, escalus_stanza:presence(<<"available">>)),
    escalus:assert(is_presence, escalus:wait_for_stanza(Alice)),
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

%%%===================================================================
%%% Payloads
%%%===================================================================

%% By every secret of the file, over the bytes that are sent. The header fields that the handler adds, and a path with
%% a secret part.
signed(Config) ->
    Token = http_pusher_helper:write_file("http_pusher_test_token", "token1\n"),
    Lines = [signing(), ["auth = {bearer_file = \"", Token, "\"}"],
             ["headers = [{name = \"x-tenant\", value = \"acme\"}, {name = \"x-key\", value_file = \"", Token, "\"}]"]],
    set_handlers_in_the_file([{"/form", Lines}, {"/json", ["format = \"json\"" | Lines]},
                              {"/hooks/$SECRET", [["path_secret_file = \"", Token, "\""] | Lines]}]),
    story(Config, fun(Alice, Bob) ->
        chat(Alice, Bob, <<"Sign here, żółć"/utf8>>),
        Requests = wait_for_requests(3),
        Ids = [begin
                   is_signed(Request),
                   ?assertEqual(<<"Bearer token1">>, header(<<"authorization">>, Request)),
                   ?assertEqual(<<"acme">>, header(<<"x-tenant">>, Request)),
                   ?assertEqual(<<"token1">>, header(<<"x-key">>, Request)),
                   header(<<"webhook-id">>, Request)
               end || Request <- Requests],
        ?assertEqual(3, length(lists:usort(Ids))),
        Form = #{<<"author">> => user(Alice), <<"server">> => domain(), <<"receiver">> => user(Bob),
                 <<"message">> => <<"Sign here, żółć"/utf8>>},
        ?assertEqual([[Form], [Form]], [[form(Request) || Request <- requests(Path)]
                                        || Path <- [<<"/form">>, <<"/hooks/token1">>]])
    end).

signing() ->
    Secrets = http_pusher_helper:write_file(
                "http_pusher_test_secrets", [["whsec_", base64:encode(S), "\n"] || S <- ?SECRETS]),
    ["signing = {secret_file = \"", Secrets, "\"}"].

%% By every secret, over the bytes that were sent.
is_signed(Request = #{body := Body}) ->
    [Id, Timestamp, Signatures] = [header(<<"webhook-", Name/binary>>, Request)
                                   || Name <- [<<"id">>, <<"timestamp">>, <<"signature">>]],
    Age = erlang:system_time(second) - binary_to_integer(Timestamp),
    ?assert(Age >= 0 andalso Age < 60),
    ?assertEqual([signature(S, [Id, ".", Timestamp, ".", Body]) || S <- ?SECRETS],
                 binary:split(Signatures, <<" ">>, [global])).

signature(Secret, Signed) ->
    <<"v1,", (base64:encode(crypto:mac(hmac, sha256, Secret, Signed)))/binary>>.

%% In the body, the path and a header field.
template(Config) ->
    File = http_pusher_helper:write_file(
             "http_pusher_test.j2",
             "{\"text\": {{ from.user ~ \" wrote: \" ~ body }}, \"to\": {{ to.user }}, \"id\": {{ id }},"
             " \"archived\": {{ archive_id is defined }}}"),
    set_handlers_in_the_file([{"/users/{{ to.user }}/messages",
                               ["format = \"template\"", ["template_file = \"", File, "\""],
                                "content_type = \"application/json\"",
                                "headers = [{name = \"x-sender\", value = \"{{ from.user }}\"}]"]}]),
    story(Config, fun(Alice, Bob) ->
        Text = <<"\"Hi\" & \\ <", "żółć 🦀>"/utf8>>,
        chat(Alice, Bob, Text),
        [Request] = wait_for_requests(1),
        ?assertEqual(<<"/users/", (user(Bob))/binary, "/messages">>, maps:get(path, Request)),
        ?assertEqual(<<"application/json">>, header(<<"content-type">>, Request)),
        ?assertEqual(user(Alice), header(<<"x-sender">>, Request)),
        ?assertEqual(#{<<"text">> => <<(user(Alice))/binary, " wrote: ", Text/binary>>, <<"to">> => user(Bob),
                       <<"id">> => header(<<"webhook-id">>, Request), <<"archived">> => false}, json(Request))
    end).

cloudevents(Config) ->
    set_handlers_in_the_file([{"/structured", ["format = \"cloudevents\""]},
                              {"/binary", ["format = \"cloudevents\"",
                                           "cloudevents = {mode = \"binary\", source = \"/chat\"}"]}]),
    story(Config, fun(Alice, Bob) ->
        chat(Alice, Bob, <<"Hi!">>),
        wait_for_requests(2),
        [Structured] = requests(<<"/structured">>),
        [Binary] = requests(<<"/binary">>),
        Source = <<"xmpp://", (domain())/binary>>,
        Id = header(<<"webhook-id">>, Structured),
        #{<<"data">> := Data} = Whole = json(Structured),
        ?assertMatch(#{<<"specversion">> := <<"1.0">>, <<"type">> := <<"message.chat">>, <<"source">> := Source,
                       <<"id">> := Id}, Whole),
        ?assertEqual(<<"application/cloudevents+json">>, header(<<"content-type">>, Structured)),
        ?assertEqual([<<"application/json">>, <<"1.0">>, <<"message.chat">>, <<"/chat">>],
                     [header(Name, Binary) || Name <- [<<"content-type">>, <<"ce-specversion">>, <<"ce-type">>,
                                                       <<"ce-source">>]]),
        ?assertEqual(header(<<"webhook-id">>, Binary), header(<<"ce-id">>, Binary)),
        ?assertEqual(Data, json(Binary)),
        ?assertMatch(#{<<"body">> := <<"Hi!">>, <<"direction">> := <<"in">>}, Data)
    end).

%%%===================================================================
%%% The archive
%%%===================================================================

%% An incoming message has the id in the sender's archive, an outgoing one that in the receiver's. In 5.0 the host has
%% archived the latter only after its event.
archive_id(Config) ->
    {Module, Options} = http_pusher_helper:archive(),
    http_pusher_helper:start_module(mim(), Module, Options),
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
    http_pusher_helper:stop_module(mim(), Module).

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

%%%===================================================================
%%% Many events
%%%===================================================================

%% Three messages fill a batch, and each is counted. The fourth waits for company until the module is stopped.
batches(Config) ->
    Batch = "batch = {max_events = 3, linger = 60000}",
    set_handlers_in_the_file([{"/json", ["format = \"json\"", Batch]},
                              {"/cloudevents", ["format = \"cloudevents\"", Batch]}]),
    Before = counts(),
    story(Config, fun(Alice, Bob) ->
        [chat(Alice, Bob, integer_to_binary(N)) || N <- lists:seq(1, 4)],
        wait_for_requests(2),
        wait_for_counts(Before#{sent => maps:get(sent, Before) + 6}),
        stop_pusher(),
        wait_for_requests(4),
        [begin
             Requests = requests(Path),
             Events = [json(Request) || Request <- Requests],
             ?assertEqual([[{user(Alice), 1}, {user(Alice), 2}, {user(Alice), 3}], [{user(Alice), 4}]],
                          [[lane_and_number_of(Event) || Event <- Batched] || Batched <- Events]),
             ?assertEqual(4, length(lists:usort([maps:get(<<"id">>, Event) || Event <- lists:append(Events)]))),
             ?assertEqual([Type, Type], [header(<<"content-type">>, Request) || Request <- Requests])
         end || {Path, Type} <- [{<<"/json">>, <<"application/json">>},
                                 {<<"/cloudevents">>, <<"application/cloudevents-batch+json">>}]]
    end).

%% What is long, and signed as it is sent. OTP before 28 does not read zstd, so its frame is known by its first bytes.
compressed(Config) ->
    Lines = [signing(), "format = \"json\""],
    set_handlers_in_the_file([{"/gzip", ["compress = \"gzip\"" | Lines]}, {"/zstd", ["compress = \"zstd\"" | Lines]}]),
    Long = binary:copy(<<"żółć "/utf8>>, 500),
    story(Config, fun(Alice, Bob) ->
        [chat(Alice, Bob, Text) || Text <- [<<"short">>, Long]],
        [is_signed(Request) || Request <- wait_for_requests(4)],
        [Gzip, Zstd] = [requests(Path) || Path <- [<<"/gzip">>, <<"/zstd">>]],
        [?assertEqual([undefined, Encoding], [header(<<"content-encoding">>, Request) || Request <- Requests])
         || {Encoding, Requests} <- [{<<"gzip">>, Gzip}, {<<"zstd">>, Zstd}]],
        ?assertEqual([<<"short">>, Long], [text(json(Request)) || Request <- Gzip]),
        [Short, #{body := Body}] = Zstd,
        ?assertEqual(<<"short">>, text(json(Short))),
        ?assertMatch(<<16#FD2FB528:32/little, _/binary>>, Body),
        ?assert(byte_size(Body) < 1024)
    end).

%% One at once and then five a second: six take a second or longer. All arrive, in their order.
limited(Config) ->
    set_handlers_in_the_file([{"/limited", ["rate = {per_second = 5, burst = 1}"]}, {"/unlimited", []}]),
    Before = counts(),
    Texts = [integer_to_binary(N) || N <- lists:seq(1, 6)],
    story(Config, fun(Alice, Bob) ->
        Began = erlang:monotonic_time(millisecond),
        [chat(Alice, Bob, Text) || Text <- Texts],
        wait_for_requests(12),
        ?assert(erlang:monotonic_time(millisecond) - Began >= 1000),
        wait_for_counts(Before#{sent => maps:get(sent, Before) + 12})
    end),
    [?assertEqual(Texts, [maps:get(<<"message">>, form(Request)) || Request <- requests(Path)])
     || Path <- [<<"/limited">>, <<"/unlimited">>]].

%% With the first one at rest, the others count in the host's metrics at the same time; in the end each message is
%% counted once.
several_reporters(Config) ->
    Count = 500,
    restart_application(4),
    try
        [First | _] = Reporters = [http_pusher_reporter, http_pusher_reporter_2, http_pusher_reporter_3,
                                   http_pusher_reporter_4],
        ?assertEqual([true, true, true, true], [is_pid(rpc(mim(), erlang, whereis, [Name])) || Name <- Reporters]),
        set_handlers_in_the_file([{"/counted", []}]),
        #{sent := Before} = counts(),
        Difference = fun() -> maps:get(sent, counts()) - Before end,
        story(Config, fun(Alice, Bob) ->
            ok = rpc(mim(), sys, suspend, [First]),
            [escalus:send(From, escalus_stanza:chat_to(To, integer_to_binary(N)))
             || N <- lists:seq(1, Count), {From, To} <- [{Alice, Bob}, {Bob, Alice}]],
            [escalus:wait_for_stanzas(User, Count) || User <- [Alice, Bob]],
            wait_until(fun() -> length(requests()) >= 2 * Count end, all, 30000),
            wait_until(fun() -> Difference() > Count end, counted_by_the_others, 30000),
            ct:pal("~b of ~b counted by three reporters", [Difference(), 2 * Count]),
            ok = rpc(mim(), sys, resume, [First]),
            wait_until(fun() -> Difference() >= 2 * Count end, counted, 30000)
        end),
        timer:sleep(500),
        ?assertEqual(2 * Count, Difference())
    after
        restart_application(default)
    end.

%% The module's application, with so many reporters.
restart_application(Reporters) ->
    App = mongoose_http_pusher,
    stop_pusher(),
    ok = rpc(http_pusher_helper:slow(mim()), application, stop, [App]),
    ok = case Reporters of
             default -> rpc(mim(), application, unset_env, [App, reporters]);
             _ -> rpc(mim(), application, set_env, [App, reporters, Reporters])
         end,
    ok = rpc(http_pusher_helper:slow(mim()), application, start, [App]).

text(#{<<"data">> := #{<<"body">> := Text}}) ->
    Text.

%%%===================================================================
%%% Deliveries that are tried again
%%%===================================================================

%% The web service is unavailable for a while. Then all arrives, in the order of each sender, and once.
retried_in_order(Config) ->
    Count = 100,
    set_handlers_in_the_file([{"/retried", ["format = \"json\"", "success = [\"2xx\"]",
                                            "retry = {initial = 50, max = 400}"]}]),
    answer(default, #{status => 503}),
    Before = counts(),
    story(Config, fun(Alice, Bob) ->
        [escalus:send(From, escalus_stanza:chat_to(To, integer_to_binary(N)))
         || N <- lists:seq(1, Count), {From, To} <- [{Alice, Bob}, {Bob, Alice}]],
        [escalus:wait_for_stanzas(User, Count) || User <- [Alice, Bob]],
        wait_until(fun() -> length(requests()) >= 6 end, attempts, 20000),
        timer:sleep(2000),
        ?assertEqual(Before, counts()),
        answer(default, #{status => 200}),
        wait_for_counts(Before#{sent => maps:get(sent, Before) + 2 * Count}),
        {Refused, Taken} = lists:partition(fun(#{status := Status}) -> Status =:= 503 end, requests()),
        ct:pal("~b attempts were answered with 503, ~b notifications came", [length(Refused), length(Taken)]),
        ?assertEqual(2 * Count, length(Taken)),
        Lanes = [lane_and_number(Request) || Request <- Taken],
        [?assertEqual(lists:seq(1, Count), [N || {Lane, N} <- Lanes, Lane =:= user(User)]) || User <- [Alice, Bob]],
        %% The same id on each attempt.
        Ids = [header(<<"webhook-id">>, Request) || Request <- Taken],
        ?assertEqual(2 * Count, length(lists:usort(Ids))),
        [?assert(lists:member(header(<<"webhook-id">>, Request), Ids)) || Request <- Refused]
    end).

%% The node is killed again and again, each time between messages and with a web service that fails now and then. What
%% came long enough before a kill arrives, in the order of its lane, with the same id each time, and twice only across a
%% kill; what came with the kill may be lost. HTTP_PUSHER_KILLS says how often, HTTP_PUSHER_MESSAGES how many messages
%% each of two users sends before each kill.
killed_node(Config) ->
    [Kills, Messages] = [list_to_integer(os:getenv(Name, Default))
                         || {Name, Default} <- [{"HTTP_PUSHER_KILLS", "3"}, {"HTTP_PUSHER_MESSAGES", "50"}]],
    stop_pool(http_pool),
    http_pusher_helper:with_configuration(certain(), fun() ->
        http_pusher_helper:restart_host(),
        answer(default, #{status => [200, 200, 200, 500, 503], delay => {random, 20}}),
        {Sent, Ends} = lists:unzip([killed_once(Config, Messages) || _ <- lists:seq(1, Kills)]),
        answer(default, #{}),
        Pushed = lists:append(Sent),
        Missing = fun() -> Pushed -- [lane_and_number(Request) || Request <- taken()] end,
        wait_until(fun() -> Missing() =:= [] end, fun() -> {missing, Missing()} end, 60000),
        Taken = [{lane_and_number(Request), life(Request, Ends)} || Request <- taken()],
        First = first([Message || {Message, _} <- Taken]),
        Arrived = length(First -- (First -- Pushed)),
        ct:pal("{\"pushed\": ~b, \"arrived\": ~b, \"lost\": ~b, \"duplicates\": ~b, \"kills\": ~b, \"attempts\": ~b}",
               [length(Pushed), Arrived, length(Pushed) - Arrived, length(Taken) - length(First), Kills,
                length(requests())]),
        [begin
             Numbers = [Number || {L, Number} <- First, L =:= Lane],
             ?assertEqual({Lane, lists:sort(Numbers)}, {Lane, Numbers})
         end || Lane <- lists:usort([Lane || {Lane, _} <- Pushed])],
        ?assertEqual([], Taken -- lists:usort(Taken)),
        Ids = lists:usort([{lane_and_number(Request), header(<<"webhook-id">>, Request)} || Request <- requests()]),
        ?assertEqual(length(Ids), length(lists:usort([Message || {Message, _} <- Ids]))),
        ?assertEqual(length(Ids), length(lists:usort([Id || {_, Id} <- Ids])))
    end).

%% With times that a slow machine does not exceed, or messages would arrive twice without a kill. With 8 attempts, as
%% by default, the web service would poison one message in 1,500.
certain() ->
    ["[outgoing_pools.http.certain]\n  scope = \"global\"\n  workers = 5\n  call_timeout = 60000\n"
     "  [outgoing_pools.http.certain.connection]\n    host = \"", http_pusher_helper:endpoint(), "\"\n"
     "    request_timeout = 50000\n",
     http_pusher_helper:handlers_toml(array, ["/certain"]),
     "  pool_name = \"certain\"\n  format = \"json\"\n  delivery = \"at_least_once\"\n"
     "  retry = {initial = 50, max = 1000, alone = 1000}\n"].

%% What must arrive, and how many requests there were when the node ended.
killed_once(Config0, Messages) ->
    http_pusher_helper:lift_shapers(),
    Config = escalus_fresh:create_users(Config0, [{alice, 1}, {bob, 1}]),
    [Alice, Bob] = Users = [begin
                                {ok, Client} = escalus_client:start(Config, User, <<"res1">>),
                                escalus:send(Client, escalus_stanza:presence(<<"available">>)),
                                escalus:assert(is_presence, escalus:wait_for_stanza(Client)),
                                Client
                            end || User <- [alice, bob]],
    Send = fun(N) ->
               [escalus:send(From, escalus_stanza:chat_to(To, integer_to_binary(N)))
                || {From, To} <- [{Alice, Bob}, {Bob, Alice}]]
           end,
    [Send(N) || N <- lists:seq(1, Messages)],
    [escalus:wait_for_stanzas(User, Messages) || User <- Users],
    timer:sleep(250),
    [Send(N) || N <- lists:seq(Messages + 1, Messages + 10)],
    Start = http_pusher_helper:kill_node(),
    Requests = length(requests()),
    [escalus_client:kill_connection(Config, User) || User <- Users],
    Start(),
    {[{user(User), N} || User <- Users, N <- lists:seq(1, Messages)], Requests}.

taken() ->
    [Request || Request = #{status := 200} <- requests()].

%% Which of the node's lives a request comes from.
life(#{n := N}, Ends) ->
    length([End || End <- Ends, End < N]).

%% The first of each.
first(Messages) ->
    {First, _} = lists:foldl(fun(Message, {Kept, Seen}) when is_map_key(Message, Seen) -> {Kept, Seen};
                                (Message, {Kept, Seen}) -> {[Message | Kept], Seen#{Message => seen}}
                             end, {[], #{}}, Messages),
    lists:reverse(First).

%% Who has sent it, and its number.
lane_and_number(Request) ->
    lane_and_number_of(json(Request)).

lane_and_number_of(#{<<"data">> := #{<<"from">> := #{<<"user">> := From}, <<"body">> := Text}}) ->
    {From, binary_to_integer(Text)}.

%%%===================================================================
%%% Helpers
%%%===================================================================

rules(Rules) ->
    ["rules = [", lists:join(", ", Rules), "]"].

send(Conditions) ->
    ["{action = \"send\", conditions = [{", Conditions, "}]}"].

story(Config, Fun) ->
    escalus:fresh_story(Config, [{alice, 1}, {bob, 1}], Fun).

chat(From, To, Text) ->
    escalus:send(From, escalus_stanza:chat_to(To, Text)),
    escalus:assert(is_chat_message, [Text], escalus:wait_for_stanza(To)).

user(Client) ->
    escalus_utils:jid_to_lower(escalus_client:username(Client)).

short_jid(Client) ->
    escalus_utils:jid_to_lower(escalus_client:short_jid(Client)).

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
