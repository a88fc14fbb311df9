%% @doc Several handlers, and callback modules, in a real MongooseIM node.
-module(http_pusher_handlers_SUITE).

-import(distributed_helper, [mim/0]).
-import(http_pusher_endpoint_helper, [answer/2, form/1, requests/0, requests/1, wait_for_requests/1, wait_until/3]).
-import(http_pusher_module_helper, [callback/1, set_handlers/1, start_pool/2]).
-import(http_pusher_node_helper, [counts/0, domain/0, exports/1, generation/0, wait_for_more/2]).
-import(http_pusher_user_helper, [chat/3, chat_to_absent/2, create_room/2, story/2, user/1]).

-include("http_pusher_suite.hrl").

all() ->
    [two_handlers,
     two_handlers_one_stalled,
     custom_callback_module,
     delivered_message,
     delivered_message_to_an_offline_receiver,
     delivered_message_to_an_unknown_user,
     crashing_callback_module,
     groupchat_through_muc_light].

two_handlers(Config) ->
    start_pool(http_pool, #{}),
    start_pool(other_pool, #{path_prefix => "/other"}),
    set_handlers([#{path => <<"/a">>}, #{path => <<"/b">>, pool_name => other_pool}]),
    Before = counts(),
    story(Config, fun(Alice, Bob) ->
        chat(Alice, Bob, <<"To both">>),
        Requests = wait_for_requests(2),
        ?assertEqual([<<"/a">>, <<"/other/b">>], lists:sort([Path || #{path := Path} <- Requests])),
        [?assertMatch(#{<<"message">> := <<"To both">>}, form(Request)) || Request <- Requests]
    end),
    wait_for_more(Before, #{sent => 2}).

two_handlers_one_stalled(Config) ->
    start_pool(http_pool, #{request_timeout => 3000}),
    start_pool(other_pool, #{}),
    answer(<<"/stalled">>, #{delay => 20000}),
    set_handlers([#{path => <<"/stalled">>}, #{path => <<"/lively">>, pool_name => other_pool}]),
    Before = counts(),
    story(Config, fun(Alice, Bob) ->
        [chat(Alice, Bob, integer_to_binary(N)) || N <- lists:seq(1, 20)],
        wait_until(fun() -> length(requests(<<"/lively">>)) =:= 20 end, lively, 5000),
        ?assertEqual(1, length(requests(<<"/stalled">>)))
    end),
    wait_until(fun() -> maps:get(sent, counts()) - maps:get(sent, Before) =:= 20 end, sent, 5000).

custom_callback_module(Config) ->
    start_pool(http_pool, #{}),
    set_handlers([callback(<<"/json">>)]),
    story(Config, fun(Alice, Bob) ->
        chat(Alice, Bob, <<"custom">>),
        [#{headers := Headers, body := Body}] = wait_for_requests(1),
        ?assertEqual(<<"application/json">>, maps:get(<<"content-type">>, Headers)),
        ?assertEqual(<<"Bearer secret">>, maps:get(<<"authorization">>, Headers)),
        ?assertEqual(<<"in">>, maps:get(<<"x-direction">>, Headers)),
        ?assertEqual(json(user(Alice), user(Bob), <<"custom">>), Body)
    end).

delivered_message(Config) ->
    start_pool(http_pool, #{}),
    set_handlers([callback(<<"/delivered">>)]),
    story(Config, fun(Alice, Bob) ->
        chat(Alice, Bob, <<"on its way out">>),
        [#{headers := Headers}] = wait_for_requests(1),
        ?assertEqual(<<"out">>, maps:get(<<"x-direction">>, Headers))
    end).

%% A message that goes to storage is on its way out too.
delivered_message_to_an_offline_receiver(Config0) ->
    start_pool(http_pool, #{}),
    http_pusher_module_helper:start_module(mim(), mod_offline, http_pusher_module_helper:offline_opts()),
    set_handlers([callback(<<"/delivered">>)]),
    {Config, Alice, BobJid} = chat_to_absent(Config0, <<"For later">>),
    [#{headers := Headers, body := Body}] = wait_for_requests(1),
    ?assertEqual(<<"out">>, maps:get(<<"x-direction">>, Headers)),
    Receiver = escalus_utils:jid_to_lower(escalus_utils:get_username(BobJid)),
    ?assertEqual(json(user(Alice), Receiver, <<"For later">>), Body),
    escalus_client:stop(Config, Alice),
    http_pusher_module_helper:stop_module(mim(), mod_offline).

%% Up to 6.8 the host has an event for every message that leaves the router; from 6.9 on one for each
%% that is routed to a user who exists.
delivered_message_to_an_unknown_user(Config) ->
    Expected = case lists:member({message_routed, 3}, exports(mod_event_pusher_hook_translator)) of
                   true -> [];
                   false -> [<<"Anybody there?">>]
               end,
    start_pool(http_pool, #{}),
    set_handlers([callback(<<"/delivered">>)]),
    story(Config, fun(Alice, Bob) ->
        Unknown = <<"unknown", (integer_to_binary(erlang:system_time()))/binary, "@", (domain())/binary>>,
        escalus:send(Alice, escalus_stanza:chat_to(Unknown, <<"Anybody there?">>)),
        escalus:assert(is_error, [<<"cancel">>, <<"service-unavailable">>], escalus:wait_for_stanza(Alice)),
        %% Notifications of one sender to one pool are in order: after this one there is none to come.
        chat(Alice, Bob, <<"for Bob">>),
        Requests = wait_for_requests(length(Expected) + 1),
        ?assertEqual([json(user(Alice), hd(binary:split(Unknown, <<"@">>)), Text) || Text <- Expected]
                     ++ [json(user(Alice), user(Bob), <<"for Bob">>)],
                     [Body || #{body := Body} <- Requests])
    end).

%% It costs its own handler's notification, and nothing else.
crashing_callback_module(Config) ->
    start_pool(http_pool, #{}),
    set_handlers([callback(<<"/crash">>), #{path => <<"/after">>}]),
    Before = counts(),
    story(Config, fun(Alice, Bob) ->
        chat(Alice, Bob, <<"still delivered">>),
        ?assertMatch([#{path := <<"/after">>}], wait_for_requests(1))
    end),
    wait_for_more(Before, #{sent => 1, failed => 1}).

%% One for the room as the message comes in, and one for each occupant as it goes out. For the latter
%% 5.0 looks for a handler of the room's domain, which has none; the stock module does the same there.
groupchat_through_muc_light(Config) ->
    Expected = case generation() of
                   v5_0 -> 0;
                   _ -> 1
               end,
    start_pool(http_pool, #{}),
    http_pusher_module_helper:start_module(mim(), mod_muc_light, http_pusher_module_helper:muc_light_opts()),
    set_handlers([callback(<<"/room">>), callback(<<"/groupchat">>)]),
    escalus:fresh_story(Config, [{alice, 1}, {bob, 1}, {kate, 1}], fun(Alice, Bob, Kate) ->
        Name = create_room(Alice, [Bob, Kate]),
        ?assertEqual([], requests()),
        Message = muc_light_helper:when_muc_light_message_is_sent(Alice, Name, <<"Hi, all!">>, <<"1">>),
        muc_light_helper:then_muc_light_message_is_received_by([Alice, Bob, Kate], Message),
        Users = [user(User) || User <- [Alice, Bob, Kate]],
        wait_until(fun() -> length(bodies(<<"/room">>)) >= 1
                                andalso length(for_users(Users)) >= 3 * Expected
                   end, groupchat, 10000),
        timer:sleep(200),
        ?assertEqual([json(user(Alice), Name, <<"Hi, all!">>)], bodies(<<"/room">>)),
        [?assertEqual({User, Expected}, {User, length(for_users([User]))}) || User <- Users]
    end),
    http_pusher_module_helper:stop_module(mim(), mod_muc_light).

%%% Helpers

json(From, To, Text) ->
    iolist_to_binary(["{\"host\":\"", domain(), "\",\"from\":\"", From, "\",\"to\":\"", To,
                      "\",\"text\":\"", Text, "\"}"]).

%% Groupchat messages that were notified as they went out to these users.
for_users(Users) ->
    [Body || Body <- bodies(<<"/groupchat">>), User <- Users,
             binary:match(Body, <<"\"to\":\"", User/binary, "\"">>) =/= nomatch].

bodies(Path) ->
    [Body || #{body := Body} <- requests(Path)].
