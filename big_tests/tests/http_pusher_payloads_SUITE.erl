%% @doc What is sent in a real MongooseIM node: formats, signatures, header fields, batches, compression.
%%
%% The handlers are written as in a configuration file, and the node's own parser reads them.
-module(http_pusher_payloads_SUITE).

-import(http_pusher_endpoint_helper, [form/1, header/2, json/1, lane_and_number/1, requests/1, wait_for_requests/1]).
-import(http_pusher_file_helper, [set_handlers_in_the_file/1]).
-import(http_pusher_module_helper, [stop_pusher/0]).
-import(http_pusher_node_helper, [counts/0, domain/0, wait_for_more/2]).
-import(http_pusher_user_helper, [chat/3, story/2, user/1]).

-define(SECRETS, [<<"a secret that is long enough for it">>, <<"another one that is as long as that">>]).
-define(POOLS, [http_pool]).

-include("http_pusher_suite.hrl").

all() ->
    [signed, template, cloudevents, batches, compressed].

%% By every secret of the file, over the bytes that are sent. The header fields that the handler adds, and a path with
%% a secret part.
signed(Config) ->
    Token = http_pusher_node_helper:write_file("http_pusher_test_token", "token1\n"),
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
    Secrets = http_pusher_node_helper:write_file(
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
    File = http_pusher_node_helper:write_file(
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

%% Three messages fill a batch, and each is counted. The fourth waits for company until the module is stopped.
batches(Config) ->
    Batch = "batch = {max_events = 3, linger = 60000}",
    set_handlers_in_the_file([{"/json", ["format = \"json\"", Batch]},
                              {"/cloudevents", ["format = \"cloudevents\"", Batch]}]),
    Before = counts(),
    story(Config, fun(Alice, Bob) ->
        [chat(Alice, Bob, integer_to_binary(N)) || N <- lists:seq(1, 4)],
        wait_for_requests(2),
        wait_for_more(Before, #{sent => 6}),
        stop_pusher(),
        wait_for_requests(4),
        [begin
             Requests = requests(Path),
             Events = [json(Request) || Request <- Requests],
             ?assertEqual([[{user(Alice), 1}, {user(Alice), 2}, {user(Alice), 3}], [{user(Alice), 4}]],
                          [[lane_and_number(Event) || Event <- Batched] || Batched <- Events]),
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

text(#{<<"data">> := #{<<"body">> := Text}}) ->
    Text.
