%% From a session to the endpoint in each format: stanzas as clients and attackers write them, names in other
%% scripts, presence, and what was not acknowledged. That each payload is as the schemas say is checked when a
%% case ends (pusher_case:finish/1).
-module(payloads_SUITE).

-import(pusher_case, [module/1, wait_sent/1, received/1]).

-include("support/pusher_case.hrl").

-define(ALICE, <<"alice@localhost/phone">>).
-define(BOB, <<"bob@localhost">>).
-define(ALL_EVENTS, [#{action => send, conditions => [#{event => Event} || Event <- [msg, unack_msg, user_status]]}]).

all() ->
    pusher_case:all([v5_0, v6_5, v6_9]).

groups() ->
    pusher_case:groups(
      [stanzas_of_any_kind,
       large_deep_and_many,
       text_that_is_not_what_xml_allows,
       names_in_other_scripts,
       a_message_from_a_room,
       presence_and_what_was_not_acknowledged,
       cloudevents,
       what_is_included_and_left_out],
      [v5_0, v6_5, v6_9]).

init_per_testcase(_Case, Config) ->
    Started = pusher_case:start(Config),
    {ok, _} = pusher_case:pool(Started, #{}),
    Started.

end_per_testcase(_Case, Config) ->
    pusher_case:finish(Config).

%% Without type, id and body; bodies in several languages, with CDATA and references.
stanzas_of_any_kind(Config) ->
    handler(#{format => json}),
    check([{"<message/>", []},
           {"<message><body/></message>", []},
           {"<message type='chat' id='m&quot;1'><body>Hi</body></message>", ["\"message_id\":\"m\\\"1\"", "\"body\":\"Hi\""]},
           {"<message><body xml:lang='de'>1</body><body xml:lang='fr'>2</body><body>3</body><body>4</body>"
            "<body xml:lang='pl'>5</body></message>", ["\"body\":\"3\""]},
           {"<message><body xml:lang='de'>1</body><body xml:lang='fr'>2</body></message>", ["\"body\":\"1\""]},
           {"<message><body>a<![CDATA[<b>]]>&amp;&#x1F980;&quot;</body></message>", ["\"body\":\"a<b>&\x{1f980}\\\"\""]},
           {"<message><subject>s</subject><thread>t</thread><x xmlns='jabber:x:oob'><url>u</url></x>"
            "<no-store xmlns='urn:xmpp:hints'/><origin-id xmlns='urn:xmpp:sid:0' id='o'/></message>",
            ["\"subject\":\"s\"", "\"thread\":\"t\"", "\"attachments\":[{\"url\":\"u\"}]", "\"hints\":[\"no_store\"]",
             "\"origin_id\":\"o\""]}], Config).

large_deep_and_many(Config) ->
    handler(#{format => json, include => [stanza]}),
    Deep = [lists:duplicate(9998, "<a>"), lists:duplicate(9998, "</a>")],
    Long = lists:duplicate(64 * 1024, $x),
    check([{["<message>", lists:duplicate(10000, "<x/>"), "<body>wide</body></message>"], ["\"body\":\"wide\""]},
           {["<message>", Deep, "<body>deep</body></message>"], ["\"body\":\"deep\""]},
           {["<message><body>", Long, "</body></message>"], [["\"body\":\"", Long, "\""]]}], Config).

%% Bytes that are no UTF-8, and characters that are not allowed in XML, as a host may have them in a body.
text_that_is_not_what_xml_allows(Config) ->
    handler(#{format => json, include => [stanza]}),
    Bodies = [{<<"caf", 16#e9, "!">>, <<"\"body\":\"caf", 16#fffd/utf8, "!\"">>},
              {<<1, 8, 16#1f, 16#7f>>, <<"\"body\":\"\\u0001\\b\\u001f", 16#7f, "\"">>},
              {<<16#d7, 16#90, 16#e2, 16#80, 16#ae, "\"\\">>, <<"\"body\":\"", 16#d7, 16#90, 16#e2, 16#80, 16#ae, "\\\"\\\\\"">>}],
    [host_session:send(?ALICE, ?BOB, Body) || {Body, _} <- Bodies],
    has([Expected || {_, Expected} <- Bodies], Config).

names_in_other_scripts(Config) ->
    handler(#{format => json}),
    Names = [<<"o\"b\\rien">>, <<"אליס"/utf8>>, <<16#1f980/utf8>>, <<"a<b>&'c">>],
    [host_session:send({Name, <<"localhost">>, <<"\\\"", Name/binary>>}, ?BOB, <<"hi">>) || Name <- Names],
    wait_sent(length(Names)),
    Bodies = [Body || #{body := Body} <- received(Config)],
    Escaped = fun(Name) -> binary:replace(binary:replace(Name, <<"\\">>, <<"\\\\">>), <<"\"">>, <<"\\\"">>) end,
    [?assertMatch([_], [Body || Body <- Bodies, holds(Body, ["\"user\":\"", Escaped(Name), "\""])]) || Name <- Names].

a_message_from_a_room(Config) ->
    handler(#{format => json}),
    Stanza = "<message type='groupchat'><body>hi</body>"
        "<stanza-id xmlns='urn:xmpp:sid:0' by='forged@localhost' id='forged'/>"
        "<stanza-id xmlns='urn:xmpp:sid:0' by='room@muc.localhost' id='archived'/></message>",
    host_session:room_copy(<<"room@muc.localhost/Alice">>, <<"bob@localhost/pc">>, {xml, Stanza}, groupchat),
    has_all(["\"archive_id\":\"archived\"", "\"nickname\":\"Alice\"",
         "\"room\":{\"jid\":\"room@muc.localhost\",\"user\":\"room\",\"server\":\"muc.localhost\"}"], Config).

presence_and_what_was_not_acknowledged(Config) ->
    _ = host_ctl:start_module(pusher_case:host(), [#{path => "/form", rules => ?ALL_EVENTS},
                                                   #{path => "/json", rules => ?ALL_EVENTS, format => json}]),
    Stanza = "<message type='chat' from='alice@localhost/phone' to='bob@localhost/pc'><body>Hi &amp; bye</body></message>",
    Acc = host_session:acc(?ALICE, <<"bob@localhost/pc">>, host_session:element({xml, Stanza}, [])),
    host_session:event(user_status, ?ALICE),
    host_session:unacknowledged(Acc, <<"bob@localhost/pc">>),
    host_session:event(unavailable, ?ALICE),
    wait_sent(6),
    Bodies = fun(Path) -> lists:sort([Body || #{path := Of, body := Body} <- received(Config), Of =:= Path]) end,
    [Message, Offline, Online] = Bodies(<<"/form">>),
    ?assertEqual(<<"author=alice&server=localhost&receiver=bob&message=Hi+%26+bye">>, Message),
    ?assertEqual(<<"user=alice&server=localhost&resource=phone&status=offline">>, Offline),
    ?assertEqual(<<"user=alice&server=localhost&resource=phone&status=online">>, Online),
    [OfflineJson, OnlineJson, MessageJson] = Bodies(<<"/json">>),
    ?assert(holds(MessageJson, "\"type\":\"unacknowledged.chat\"")),
    ?assert(holds(MessageJson, "\"body\":\"Hi & bye\"")),
    ?assert(holds(OfflineJson, "\"type\":\"presence.offline\"")),
    ?assert(holds(OnlineJson, "\"type\":\"presence.online\"")).

cloudevents(Config) ->
    _ = host_ctl:start_module(pusher_case:host(),
                              [#{path => "/structured", format => cloudevents},
                               #{path => "/binary", format => cloudevents,
                                 cloudevents => #{mode => binary, source => <<"urn:chat">>}}]),
    host_session:send(?ALICE, ?BOB, <<"hi">>),
    wait_sent(2),
    #{<<"/binary">> := InFields, <<"/structured">> := InBody} =
        maps:from_list([{Path, Request} || Request = #{path := Path} <- received(Config)]),
    ?assertEqual(<<"application/cloudevents+json">>, field(<<"content-type">>, InBody)),
    ?assert(holds(maps:get(body, InBody), "\"source\":\"xmpp://localhost\"")),
    ?assertEqual(<<"urn:chat">>, field(<<"ce-source">>, InFields)),
    ?assertEqual(<<"message.chat">>, field(<<"ce-type">>, InFields)),
    ?assertEqual(field(<<"webhook-id">>, InFields), field(<<"ce-id">>, InFields)).

what_is_included_and_left_out(Config) ->
    _ = host_ctl:start_module(pusher_case:host(), [#{path => "/whole", format => json, include => [stanza]},
                                                   #{path => "/less", format => json, omit => [body]}]),
    host_session:send(?ALICE, ?BOB, <<"secret">>),
    wait_sent(2),
    #{<<"/whole">> := Whole, <<"/less">> := Less} =
        maps:from_list([{Path, Body} || #{path := Path, body := Body} <- received(Config)]),
    ?assert(holds(Whole, "\"stanza\":\"<message")),
    ?assert(holds(Whole, "\"body\":\"secret\"")),
    ?assertNot(holds(Less, "secret")).

%%% Helpers

handler(Options) ->
    module([Options#{path => "/n", rules => ?ALL_EVENTS}]).

%% Each stanza is sent, and the request that it becomes has these texts in it.
check(Cases, Config) ->
    lists:foldl(fun({Stanza, Texts}, Count) ->
                        host_session:send(?ALICE, ?BOB, {xml, unicode:characters_to_binary(Stanza)}),
                        wait_sent(Count),
                        #{body := Body} = lists:last(received(Config)),
                        [?assert(holds(Body, Text)) || Text <- Texts],
                        Count + 1
                end, 1, Cases).

%% The requests have a text each, in this order.
has(Texts, Config) ->
    wait_sent(length(Texts)),
    Bodies = [Body || #{body := Body} <- received(Config)],
    [?assert(holds(Body, Text)) || {Body, Text} <- lists:zip(Bodies, Texts)].

%% The only request has all of the texts.
has_all(Texts, Config) ->
    wait_sent(1),
    [#{body := Body}] = received(Config),
    [?assert(holds(Body, Text)) || Text <- Texts].

holds(Body, Text) ->
    binary:match(Body, bytes(Text)) =/= nomatch.

bytes(Text) when is_binary(Text) -> Text;
bytes(Text) -> unicode:characters_to_binary(Text).

field(Name, #{headers := Headers}) ->
    proplists:get_value(Name, Headers).
