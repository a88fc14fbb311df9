%% What a handler's options ask for beyond the stock module's, from the host's configuration to the
%% endpoint: handlers that differ in nothing else, headers, authentication, signatures, events as JSON, and
%% what is said of a secret that cannot be read.
-module(plan_SUITE).

-import(pusher_case, [module/1, send/2, wait_sent/1, wait_reason/2, wait/2, received/1]).

-define(HOST, <<"localhost">>).
-define(NIF, http_pusher_nif).
-define(KEY, <<"a key of more than 24 bytes">>).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all().

groups() ->
    pusher_case:groups(
      [handlers_that_differ_in_their_headers_alone,
       other_options_are_another_handler,
       a_form_that_is_signed,
       a_callback_module_with_headers_and_signature,
       an_event_as_json,
       an_event_that_is_long,
       an_event_through_a_template,
       a_token_is_fetched_once_for_many_notifications,
       a_token_is_renewed_before_it_ends,
       a_secret_that_appears_later]).

init_per_testcase(_Case, Config) ->
    Started = pusher_case:start(Config),
    {ok, _} = pusher_case:pool(Started, #{}),
    Started.

end_per_testcase(other_options_are_another_handler, Config) ->
    pusher_case:finish(Config, uncounted);
end_per_testcase(_Case, Config) ->
    pusher_case:finish(Config).

%% The stock one has nothing of the other.
handlers_that_differ_in_their_headers_alone(Config) ->
    module([#{path => "/n"}, #{path => "/n", headers => [header("a")]},
            #{path => "/n", headers => [header("b")]}]),
    send(<<"alice">>, <<"hi">>),
    wait_sent(3),
    ?assertEqual([none, <<"a">>, <<"b">>], lists:sort([tenant(Request) || Request <- received(Config)])),
    ?assertMatch([_], lists:usort([maps:get(body, Request) || Request <- received(Config)])).

%% And the same options are the same handler.
other_options_are_another_handler(_Config) ->
    Ids = [begin
               module([#{path => "/n", headers => [header(Tenant)]}]),
               [{_, Id, _}] = http_pusher_routes:all(),
               Id
           end || Tenant <- ["a", "b", "a"]],
    ?assertMatch([Id, Other, Id] when Id =/= Other, Ids).

a_form_that_is_signed(Config) ->
    module([#{path => "/n", signing => signing(Config)}]),
    send(<<"alice">>, <<"hi">>),
    wait_sent(1),
    [Request = #{body := Body}] = received(Config),
    ?assertEqual(<<"author=alice&server=localhost&receiver=bob&message=hi">>, Body),
    ?assertEqual(<<"application/x-www-form-urlencoded">>, field(<<"content-type">>, Request)),
    signed(Request).

a_callback_module_with_headers_and_signature(Config) ->
    module([#{path => "/n", callback_module => pusher_callback, body => "own body",
              own_headers => [{<<"x-tenant">>, <<"own">>}, {<<"x-own">>, <<"1">>}],
              headers => [header("a")], signing => signing(Config)}]),
    send(<<"alice">>, <<"hi">>),
    wait_sent(1),
    [Request = #{body := <<"own body">>}] = received(Config),
    ?assertEqual(<<"a">>, tenant(Request)),
    ?assertEqual(<<"1">>, field(<<"x-own">>, Request)),
    signed(Request).

an_event_as_json(Config) ->
    module([#{path => "/json", format => json, signing => signing(Config)}]),
    push(stanza("Hi &amp; bye"), push_event),
    wait_sent(1),
    [Request = #{body := Body}] = received(Config),
    ?assertEqual(<<"application/json">>, field(<<"content-type">>, Request)),
    ?assertMatch({_, _}, binary:match(Body, <<"\"body\":\"Hi & bye\"">>)),
    signed(Request).

an_event_that_is_long(Config) ->
    module([#{path => "/json", format => json}]),
    Text = binary:copy(<<"x">>, 100000),
    push(stanza(Text), push_event_dirty),
    wait_sent(1),
    [#{body := Body}] = received(Config),
    ?assertMatch({_, _}, binary:match(Body, Text)).

%% Its path is not said to be an odd one of the pool's, because it is not known yet.
an_event_through_a_template(Config) ->
    File = filename:join(proplists:get_value(priv_dir, Config), "body"),
    ok = file:write_file(File, "{{ data.from.user }}: {{ data.body }}"),
    Path = "/of/{{ data.from.user }}",
    module([#{path => Path, pool_name => later, format => template, template_file => unicode:characters_to_binary(File),
              content_type => <<"text/plain">>, headers => [header("{{ data.to.user }}")]}]),
    {ok, _} = pusher_case:pool(later, Config, #{path_prefix => "/prefix"}),
    ok = http_pusher_pools:await_look(30000),
    push(stanza("hi"), push_event),
    wait_sent(1),
    [Request = #{body := <<"alice: hi">>, path := <<"/prefix/of/alice">>}] = received(Config),
    ?assertEqual(<<"bob">>, tenant(Request)),
    ?assertEqual([], [Line || Line = #{text := Text} <- host_log:what(http_pusher_pool_warning),
                              string:find(Text, "/of/") =/= nomatch]).

%% By one request, with the client's id and secret; the notifications of all senders carry what it has brought.
a_token_is_fetched_once_for_many_notifications(Config) ->
    with_token_endpoint(
      fun(Tokens) ->
              token(Tokens, "long", 3600),
              module([#{path => "/n", auth => oauth2(Config, Tokens)}]),
              ok = test_endpoint:wait_for_count(Tokens, 1, 120000),
              Senders = [<<"alice">>, <<"carol">>, <<"dave">>, <<"erin">>],
              [send(Sender, <<"hi">>) || _ <- lists:seq(1, 10), Sender <- Senders],
              wait_sent(40),
              ?assertEqual([<<"Bearer long">>], authorizations(received(Config))),
              [Asked = #{method := <<"POST">>, body := Body}] = test_endpoint:received(Tokens),
              ?assertEqual(<<"Basic ", (base64:encode(<<"node:s3cret">>))/binary>>,
                           field(<<"authorization">>, Asked)),
              ?assertEqual([{<<"grant_type">>, <<"client_credentials">>}, {<<"scope">>, <<"events">>}],
                           lists:sort(test_endpoint:form(Body)))
      end).

%% The first token is good for some seconds only, and is fetched again while it is. Once the endpoint has another,
%% that one comes by itself, and the one before is used no more.
a_token_is_renewed_before_it_ends(Config) ->
    with_token_endpoint(
      fun(Tokens) ->
              token(Tokens, "brief", 5),
              module([#{path => "/n", auth => oauth2(Config, Tokens)}]),
              ok = test_endpoint:wait_for_count(Tokens, 1, 120000),
              send(<<"alice">>, <<"hi">>),
              _ = wait(fun() -> received(Config) end, fun(Requests) -> Requests =/= [] end),
              ?assertEqual([<<"Bearer brief">>], authorizations(received(Config))),
              token(Tokens, "long", 3600),
              %% Nothing is sent meanwhile.
              ok = test_endpoint:wait_for_count(Tokens, length(test_endpoint:received(Tokens)) + 1, 120000),
              _ = wait(fun() ->
                               send(<<"alice">>, <<"hi">>),
                               pusher_case:settle(),
                               authorizations([lists:last(received(Config))])
                       end, fun(Last) -> Last =:= [<<"Bearer long">>] end),
              {Before, Fetched} = {length(received(Config)), length(test_endpoint:received(Tokens))},
              ?assert(Fetched >= 2),
              [send(<<"alice">>, <<"hi">>) || _ <- lists:seq(1, 20)],
              pusher_case:settle(),
              Later = lists:nthtail(Before, received(Config)),
              ?assertEqual({20, [<<"Bearer long">>]}, {length(Later), authorizations(Later)}),
              ?assertEqual(Fetched, length(test_endpoint:received(Tokens)))
      end).

%% Said once, with the reason in each outcome, and over once the file is there.
a_secret_that_appears_later(Config) ->
    File = filename:join(proplists:get_value(priv_dir, Config),
                         "later." ++ atom_to_list(proplists:get_value(generation, Config))),
    _ = file:delete(File),
    Auth = #{bearer_file => unicode:characters_to_binary(File)},
    module([#{path => "/n", auth => Auth}]),
    [send(<<"alice">>, <<"hi">>) || _ <- lists:seq(1, 3)],
    #{text := Text} = wait_reason(secret_error, 3),
    ?assertNotEqual(nomatch, string:find(Text, "auth.bearer_file")),
    {ok, [Line]} = host_log:wait(http_pusher_handler_problem, 1, 120000),
    ?assertMatch(#{level := error, host_type := ?HOST, pool_name := <<"http_pool">>, path := _}, Line),
    ok = file:write_file(File, <<"t0ken\n">>),
    _ = wait(fun() -> send(<<"alice">>, <<"hi">>), pusher_case:settle(), length(received(Config)) end,
             fun(Count) -> Count > 0 end),
    [Request | _] = received(Config),
    ?assertEqual(<<"Bearer t0ken">>, field(<<"authorization">>, Request)),
    {ok, [#{level := notice}]} = host_log:wait(http_pusher_handler_mended, 1, 120000),
    ?assertMatch([_], host_log:what(http_pusher_handler_problem)).

%%% What they share

header(Tenant) ->
    #{name => <<"x-tenant">>, value => list_to_binary(Tenant)}.

tenant(Request) ->
    field(<<"x-tenant">>, Request).

%% A second test endpoint, so that the case's own one receives notifications only.
with_token_endpoint(Case) ->
    Tokens = test_endpoint:start(),
    try Case(Tokens) after test_endpoint:stop(Tokens) end.

token(Tokens, Token, Seconds) ->
    Body = io_lib:format("{\"access_token\":\"~s\",\"token_type\":\"Bearer\",\"expires_in\":~b}", [Token, Seconds]),
    test_endpoint:plan(Tokens, ["header=content-type:application/json body=", Body]).

oauth2(Config, Tokens) ->
    File = filename:join(proplists:get_value(priv_dir, Config), "client_secret"),
    ok = file:write_file(File, <<"s3cret\n">>),
    #{oauth2 => #{token_url => list_to_binary(test_endpoint:url(Tokens, "/token")), client_id => <<"node">>,
                  client_secret_file => unicode:characters_to_binary(File), scope => <<"events">>}}.

%% Each value once.
authorizations(Requests) ->
    lists:usort([field(<<"authorization">>, Request) || Request <- Requests]).

signing(Config) ->
    File = filename:join(proplists:get_value(priv_dir, Config), "secrets"),
    ok = file:write_file(File, ["whsec_", base64:encode(?KEY), $\n]),
    #{secret_file => unicode:characters_to_binary(File)}.

%% With OTP's own HMAC.
signed(Request = #{body := Body}) ->
    Signed = [field(<<"webhook-id">>, Request), $., field(<<"webhook-timestamp">>, Request), $., Body],
    Expected = ["v1,", base64:encode(crypto:mac(hmac, sha256, ?KEY, Signed))],
    ?assertEqual(iolist_to_binary(Expected), field(<<"webhook-signature">>, Request)).

field(Name, #{headers := Headers}) ->
    case [Value || {Field, Value} <- Headers, Field =:= Name] of
        [Value] -> Value;
        [] -> none
    end.

%% As a session hands an event over.
push(Stanza, Function) ->
    Candidates = fun() -> [Row || Row = {_, _, [_ | _]} <- http_pusher_routes:all()] end,
    [{_, Id, Pools}] = wait(Candidates, fun(Rows) -> Rows =/= [] end),
    {ok, Pool} = http_pusher_routes:choose(Pools),
    Facts = {<<"msg">>, <<"chat">>, 1795696496789012, <<>>, <<"phone">>, <<>>,
             [{<<"metadata.number">>, 1.5}, {<<"metadata.flag">>, true}]},
    Names = {<<"alice">>, ?HOST, <<"bob">>, ?HOST},
    ok = ?NIF:Function(Pool, Id, in, Names, Facts, Stanza).

stanza(Body) ->
    iolist_to_binary(["<message type='chat' id='m1' to='bob@localhost'><body>", Body, "</body></message>"]).
