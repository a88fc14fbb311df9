%% @doc mongoose-http-pusher in a real MongooseIM node, seen from its users and from the endpoint.
%%
%% The node runs with the package installed; big_tests/README.md says how. One beam of a suite fits
%% one MongooseIM version, the source fits all since 5.0: the helpers know what differs.
-module(http_pusher_SUITE).

-import(distributed_helper, [mim/0, rpc/4]).
-import(http_pusher_endpoint_helper, [answer/2, form/1, closed_address/0, requests/0, wait_for_requests/1, wait_until/3]).
-import(http_pusher_module_helper, [set_handlers/1, start_pool/2]).
-import(http_pusher_node_helper, [counts/0, domain/0, exports/1, generation/0, host_type/0, wait_for_more/2]).
-import(http_pusher_user_helper, [chat/3, chat_to_absent/2, story/2, user/1]).

-define(EVENT, mod_event_pusher_http_sent).

-include("http_pusher_suite.hrl").

all() ->
    [{group, installed}, {group, messages}, {group, metrics}].

groups() ->
    [{installed, [], [module_is_ours, application_runs, other_nodes_modules_are_untouched]},
     {messages, [], [simple_message,
                     message_with_every_character,
                     no_listener,
                     failing_listener,
                     offline_receiver,
                     empty_message_is_not_notified,
                     event_of_an_unknown_shape_is_said_once,
                     prefix_and_path,
                     prefix_without_path]},
     {metrics, [], [metrics_of_sent_and_failed, instrumentation_events]}].

%%% The package is in place

module_is_ours(_Config) ->
    Ours = filename:dirname(rpc(mim(), code, which, [http_pusher_nif])),
    ?assertEqual(Ours, filename:dirname(rpc(mim(), code, which, [mod_event_pusher_http]))),
    ?assertEqual(Ours, filename:dirname(rpc(mim(), code, which, [mod_event_pusher_http_defaults]))).

application_runs(_Config) ->
    start_pool(http_pool, #{}),
    set_handlers([#{}]),
    Running = rpc(mim(), application, which_applications, []),
    ?assertMatch({mongoose_http_pusher, _, _}, lists:keyfind(mongoose_http_pusher, 1, Running)),
    %% Says whether the call before it has been answered.
    wait_until(fun() -> rpc(mim(), http_pusher_nif, ping, []) end, ping, 10000).

other_nodes_modules_are_untouched(_Config) ->
    Ours = filename:dirname(rpc(mim(), code, which, [mod_event_pusher_http])),
    ?assertNotEqual(Ours, filename:dirname(rpc(mim(), code, which, [mod_event_pusher]))).

%%% Messages

simple_message(Config) ->
    start_pool(http_pool, #{}),
    set_handlers([#{path => <<"/notifications">>}]),
    Before = counts(),
    story(Config, fun(Alice, Bob) ->
        chat(Alice, Bob, <<"Hi, Bob!">>),
        [Request] = wait_for_requests(1),
        #{method := Method, path := Path, headers := Headers} = Request,
        ?assertEqual(<<"POST">>, Method),
        ?assertEqual(<<"/notifications">>, Path),
        ?assertEqual(<<"application/x-www-form-urlencoded">>, maps:get(<<"content-type">>, Headers)),
        ?assertNot(maps:is_key(<<"accept">>, Headers)),
        ?assertEqual(#{<<"author">> => user(Alice), <<"server">> => domain(),
                       <<"receiver">> => user(Bob), <<"message">> => <<"Hi, Bob!">>}, form(Request))
    end),
    wait_for_more(Before, #{sent => 1}).

%% The bytes are those of the node's own encoder.
message_with_every_character(Config) ->
    start_pool(http_pool, #{}),
    set_handlers([#{}]),
    Text = <<"*&=+% ~-._!'()\n\t\"<>", "żółć 🦀 שלום مرحبا"/utf8>>,
    story(Config, fun(Alice, Bob) ->
        chat(Alice, Bob, Text),
        [#{body := Body}] = wait_for_requests(1),
        ?assertEqual(rpc(mim(), cow_qs, qs, [[{<<"author">>, user(Alice)}, {<<"server">>, domain()},
                                              {<<"receiver">>, user(Bob)}, {<<"message">>, Text}]]),
                     Body)
    end).

no_listener(Config) ->
    start_pool(http_pool, #{host => closed_address()}),
    set_handlers([#{}]),
    Before = counts(),
    story(Config, fun(Alice, Bob) -> chat(Alice, Bob, <<"Hi!">>) end),
    wait_for_more(Before, #{failed => 1}).

%% As in the stock module, an answer counts as sent, whatever its status.
failing_listener(Config) ->
    start_pool(http_pool, #{}),
    set_handlers([#{}]),
    answer(default, #{status => 500}),
    Before = counts(),
    story(Config, fun(Alice, Bob) -> chat(Alice, Bob, <<"Hi, failing!">>) end),
    wait_for_more(Before, #{sent => 1}).

offline_receiver(Config0) ->
    start_pool(http_pool, #{}),
    http_pusher_module_helper:start_module(mim(), mod_offline, http_pusher_module_helper:offline_opts()),
    set_handlers([#{}]),
    {Config, Alice, BobJid} = chat_to_absent(Config0, <<"Are you there?">>),
    [Request] = wait_for_requests(1),
    Receiver = escalus_utils:jid_to_lower(escalus_utils:get_username(BobJid)),
    ?assertMatch(#{<<"message">> := <<"Are you there?">>, <<"receiver">> := Receiver}, form(Request)),
    escalus_client:stop(Config, Alice),
    {ok, Bob} = escalus_client:start(Config, bob, <<"res1">>),
    escalus:send(Bob, escalus_stanza:presence(<<"available">>)),
    Stanzas = escalus:wait_for_stanzas(Bob, 2),
    escalus_new_assert:mix_match(
      [is_presence, fun(S) -> escalus_pred:is_chat_message(<<"Are you there?">>, S) end], Stanzas),
    escalus_client:stop(Config, Bob),
    ?assertEqual(1, length(requests())),
    http_pusher_module_helper:stop_module(mim(), mod_offline).

empty_message_is_not_notified(Config) ->
    start_pool(http_pool, #{}),
    set_handlers([#{}]),
    story(Config, fun(Alice, Bob) ->
        escalus:send(Alice, escalus_stanza:chat_to(Bob, <<>>)),
        escalus:wait_for_stanza(Bob),
        chat(Alice, Bob, <<"not empty">>),
        [Request] = wait_for_requests(1),
        ?assertMatch(#{<<"message">> := <<"not empty">>}, form(Request))
    end).

%% The shapes that were said are remembered by the node, a handful of them; each run has its own.
event_of_an_unknown_shape_is_said_once(Config) ->
    start_pool(http_pool, #{}),
    set_handlers([#{}]),
    Tag = binary_to_atom(<<"event_", (integer_to_binary(erlang:system_time()))/binary>>, utf8),
    _ = rpc(mim(), persistent_term, erase, [http_pusher_host_event]),
    http_pusher_node_helper:hear(http_pusher_unknown_event),
    try
        [ok = http_pusher_node_helper:push({Tag, one, two}) || _ <- lists:seq(1, 3)],
        ok = http_pusher_node_helper:push({Tag, one, two, three}),
        %% What the node's own modules push after it is still notified.
        story(Config, fun(Alice, Bob) ->
            chat(Alice, Bob, <<"of a known shape">>),
            ?assertMatch([_], wait_for_requests(1))
        end),
        ?assertMatch([{warning, #{tag := Tag, size := 3}}, {warning, #{tag := Tag, size := 4}}],
                     http_pusher_node_helper:heard())
    after
        http_pusher_node_helper:hear_no_more()
    end.

prefix_and_path(Config) ->
    start_pool(http_pool, #{path_prefix => "/webservice"}),
    set_handlers([#{path => <<"/notifications">>}]),
    story(Config, fun(Alice, Bob) ->
        chat(Alice, Bob, <<"Where to?">>),
        ?assertMatch([#{path := <<"/webservice/notifications">>}], wait_for_requests(1))
    end).

prefix_without_path(Config) ->
    start_pool(http_pool, #{path_prefix => "/webservice"}),
    set_handlers([#{}]),
    story(Config, fun(Alice, Bob) ->
        chat(Alice, Bob, <<"Where to?">>),
        ?assertMatch([#{path := <<"/webservice">>}], wait_for_requests(1))
    end).

%%% Metrics

metrics_of_sent_and_failed(Config) ->
    Delay = 500,
    start_pool(http_pool, #{request_timeout => 4000}),
    start_pool(other_pool, #{host => closed_address()}),
    set_handlers([#{path => <<"/a">>}, #{path => <<"/b">>, pool_name => other_pool}]),
    answer(default, #{delay => Delay}),
    Before = counts(),
    story(Config, fun(Alice, Bob) ->
        [chat(Alice, Bob, integer_to_binary(N)) || N <- lists:seq(1, 7)]
    end),
    wait_for_more(Before, #{sent => 7, failed => 7}),
    Name = case generation() of
               Old when Old =:= v5_0; Old =:= v5_1 -> [host_type(), mod_event_pusher_http, response_time];
               _ -> [host_type(), ?EVENT, response_time]
           end,
    {ok, Points} = rpc(mim(), exometer, get_value, [Name]),
    ct:log("~p", [Points]),
    ?assert(proplists:get_value(n, Points) >= 1),
    %% Microseconds. The cases of the minute before are in it too.
    ?assert(proplists:get_value(max, Points) >= Delay * 1000),
    ?assert(proplists:get_value(max, Points) < Delay * 1000 * 1000).

%% The fields that the host's own suite asserts.
instrumentation_events(Config) ->
    case generation() of
        Old when Old =:= v5_0; Old =:= v5_1 ->
            %% No such events yet: the metrics above are all there is.
            ?assertNot(lists:member({execute, 3}, exports(mongoose_instrument)));
        _ ->
            Labels = #{host_type => host_type()},
            start_pool(http_pool, #{}),
            start_pool(other_pool, #{host => closed_address()}),
            set_handlers([#{path => <<"/a">>}, #{path => <<"/b">>, pool_name => other_pool}]),
            ?assertEqual([{?EVENT, Labels}],
                         [{Event, L} || {Event, L, _} <- rpc(mim(), mod_event_pusher_http,
                                                             instrumentation, [host_type()])]),
            instrument_helper:start([{?EVENT, Labels}]),
            story(Config, fun(Alice, Bob) ->
                chat(Alice, Bob, <<"Hi!">>),
                Name = user(Alice),
                instrument_helper:wait_and_assert(
                  ?EVENT, Labels,
                  fun(#{count := 1, sender := S, response_code := <<"200">>, response_time := T}) ->
                          T > 0 andalso S =:= Name
                  end),
                instrument_helper:wait_and_assert(
                  ?EVENT, Labels, fun(#{failure_count := 1, sender := S}) -> S =:= Name end)
            end),
            instrument_helper:stop()
    end.
