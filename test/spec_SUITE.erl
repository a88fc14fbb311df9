%% What users were promised: each testable sentence of MongooseIM's documentation of the module, by name.
-module(spec_SUITE).


-import(pusher_case, [module/1, module/2, pool/2, endpoint/1, send/2, received/1, messages/1, wait_sent/1]).

-define(HOST, <<"localhost">>).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all([v5_0, v6_5, v6_9]).

groups() ->
    pusher_case:groups(
      [the_module_hooks_on_all_packets_sent_by_connected_users,
       it_runs_should_make_req_then_prepare_body_and_headers,
       it_asks_for_no_headers_or_body_where_no_request_is_to_be_made,
       it_sends_a_post_request,
       the_request_has_what_the_callbacks_give,
       the_callback_module_of_the_readme,
       you_can_make_multiple_configuration_entries,
       by_default_it_ships_all_non_empty_chat_messages,
       the_pool_must_be_defined_in_outgoing_pools,
       the_default_pool_name_is_http_pool,
       the_default_path_is_empty,
       the_path_is_appended_to_the_pools_prefix_path,
       the_default_callback_module_is_mod_event_pusher_http_defaults,
       the_content_type_is_a_form,
       the_form_has_author_server_receiver_and_message,
       names_are_processed_by_stringprep,
       the_example_body,
       the_default_callback_module_can_be_called_from_others,
       sent_is_incremented_for_a_notification_that_was_sent,
       any_status_counts_as_sent,
       failed_is_incremented_for_a_notification_that_failed,
       response_time_does_not_include_failed_requests],
      [v5_0, v6_5, v6_9]).

init_per_testcase(_Case, Config) ->
    pusher_case:start(Config).

end_per_testcase(_Case, Config) ->
    pusher_case:finish(Config).

the_module_hooks_on_all_packets_sent_by_connected_users(Config) ->
    custom(Config, #{}),
    Types = [chat, groupchat, headline, normal, none],
    [host_session:send(<<"alice@localhost">>, <<"bob@localhost">>, atom_to_binary(Type), Type, Direction)
     || Type <- Types, Direction <- [in, out]],
    [host_session:event(Kind, <<"alice@localhost">>) || Kind <- [user_status, unack_msg]],
    wait_sent(2 * length(Types)),
    ?assertEqual(lists:sort([atom_to_binary(Type) || Type <- Types, _ <- [in, out]]),
                 lists:sort([Body || #{body := Body} <- received(Config)])).

%% Each with the documented arguments; the options are the entry's own, in the form that the host has them.
it_runs_should_make_req_then_prepare_body_and_headers(Config) ->
    custom(Config, #{report => self(), anything => {my, own}}),
    host_session:send(<<"Alice@localhost/phone">>, <<"Bob@localhost">>, <<"hi">>),
    {should_make_req, [Acc, in, Packet, From, To, Opts]} = next_call(),
    {prepare_body, [Acc, in, ?HOST, <<"hi">>, <<"alice">>, <<"bob">>, Opts]} = next_call(),
    {prepare_headers, [Acc, in, ?HOST, <<"hi">>, <<"alice">>, <<"bob">>, Opts]} = next_call(),
    ?assertEqual(none, next_call()),
    ?assertEqual(<<"hi">>, exml_query:path(Packet, [{element, <<"body">>}, cdata])),
    ?assertEqual([{<<"alice">>, ?HOST}, {<<"bob">>, ?HOST}], [jid:to_lus(Jid) || Jid <- [From, To]]),
    Handlers = gen_mod:get_module_opt(?HOST, mod_event_pusher_http, handlers, undefined),
    Entries = case proplists:get_value(generation, Config) of
                  v5_0 -> gen_mod:get_module_opt(?HOST, mod_event_pusher_http, configs, undefined);
                  _ -> Handlers
              end,
    ?assertEqual([Opts], Entries),
    wait_sent(1).

it_asks_for_no_headers_or_body_where_no_request_is_to_be_made(Config) ->
    custom(Config, #{report => self(), should => false}),
    send(<<"alice">>, <<"hi">>),
    ?assertMatch({should_make_req, _}, next_call()),
    ?assertEqual(none, next_call()),
    ?assertMatch(#{pushed := 0}, pusher_case:numbers_now(Config)).

it_sends_a_post_request(Config) ->
    module(Config, #{}),
    send(<<"alice">>, <<"hi">>),
    wait_sent(1),
    ?assertMatch([#{method := <<"POST">>, version := <<"1.1">>, path := <<"/notifications">>}],
                 received(Config)).

the_request_has_what_the_callbacks_give(Config) ->
    custom(Config, #{own_headers => [{<<"content-type">>, <<"application/json">>}, {<<"x-key">>, <<"k">>}],
                     body => <<"{\"a\": 1}">>}),
    send(<<"alice">>, <<"hi">>),
    wait_sent(1),
    [Record = #{body := Body}] = received(Config),
    ?assertEqual(<<"{\"a\": 1}">>, Body),
    ?assertEqual({<<"application/json">>, <<"k">>},
                 {header(<<"content-type">>, Record), header(<<"x-key">>, Record)}).

%% Groupchat messages that a user sends, as text.
the_callback_module_of_the_readme(Config) ->
    {ok, Page} = file:read_file(filename:join([host_code:test_dir(), "..", "README.md"])),
    [_, Rest] = binary:split(Page, <<"```erlang\n">>),
    [Source, _] = binary:split(Rest, <<"```">>),
    File = filename:join(proplists:get_value(priv_dir, Config), "my_pusher.erl"),
    ok = file:write_file(File, Source),
    {ok, my_pusher, Code} = compile:file(File, [binary, return_errors]),
    {module, my_pusher} = code:load_binary(my_pusher, File, Code),
    try
        {ok, _} = pool(Config, #{}),
        module([#{path => "/n", callback_module => my_pusher}]),
        [host_session:send(<<"alice@localhost">>, <<"room@muc.localhost">>, <<"hi">>, Type, Direction)
         || Type <- [chat, groupchat], Direction <- [in, out]],
        wait_sent(1),
        [Record = #{body := Body}] = received(Config),
        ?assertEqual({<<"alice: hi">>, <<"text/plain; charset=utf-8">>},
                     {Body, header(<<"content-type">>, Record)})
    after
        code:purge(my_pusher),
        code:delete(my_pusher)
    end.

%% Some to one path and some to another, as the callback modules say.
you_can_make_multiple_configuration_entries(Config) ->
    {ok, _} = pool(Config, #{path_prefix => "/webservice"}),
    module([#{path => "/notifications", callback_module => mod_event_pusher_http_defaults},
            #{path => "/alerts", callback_module => pusher_callback},
            #{path => "/none", callback_module => pusher_callback, should => false}]),
    send(<<"alice">>, <<"hi">>),
    host_session:send(<<"alice@localhost">>, <<"bob@localhost">>, <<"look">>, headline, in),
    wait_sent(3),
    ?assertEqual([{<<"/webservice/alerts">>, 2}, {<<"/webservice/notifications">>, 1}],
                 maps:to_list(maps:get(paths, test_endpoint:stats(endpoint(Config))))).

by_default_it_ships_all_non_empty_chat_messages(Config) ->
    module(Config, #{}),
    [host_session:send(<<"alice@localhost">>, <<"bob@localhost">>, Body, Type, Direction)
     || Body <- [<<>>, <<"hi">>], Type <- [groupchat, headline, normal, none], Direction <- [in, out]],
    [host_session:send(<<"alice@localhost">>, <<"bob@localhost">>, Body, chat, Direction)
     || {Body, Direction} <- [{<<>>, in}, {<<>>, out}, {<<"out">>, out}, {<<"in">>, in}]],
    send(<<"alice">>, <<" ">>),
    wait_sent(2),
    ?assertEqual([{<<"alice">>, <<"in">>}, {<<"alice">>, <<" ">>}], messages(Config)).

the_pool_must_be_defined_in_outgoing_pools(_Config) ->
    module([#{path => "/n"}]),
    send(<<"alice">>, <<"hi">>),
    ?assertMatch(#{level := warning}, pusher_case:wait_reason(pool_not_started, 1)),
    ?assertMatch(#{sent := 0, failed := 1}, host_metrics:read(?HOST)).

the_default_pool_name_is_http_pool(Config) ->
    {ok, _} = pusher_case:pool(another, Config, #{path_prefix => "/another"}),
    {ok, _} = pusher_case:pool(http_pool, Config, #{path_prefix => "/http_pool"}),
    module([#{}]),
    send(<<"alice">>, <<"hi">>),
    wait_sent(1),
    ?assertMatch([#{path := <<"/http_pool">>}], received(Config)).

the_default_path_is_empty(Config) ->
    {ok, _} = pool(Config, #{}),
    module([#{}]),
    send(<<"alice">>, <<"hi">>),
    wait_sent(1),
    ?assertMatch([#{path := <<"/">>}], received(Config)).

%% "Notifications will be POSTed to http://localhost:8000/webservice/notifications." One warning names the
%% URL that the stock module would have used.
the_path_is_appended_to_the_pools_prefix_path(Config) ->
    {ok, _} = pool(Config, #{path_prefix => "/webservice"}),
    module([#{path => Path} || Path <- ["/notifications", "alerts", ""]]),
    send(<<"alice">>, <<"hi">>),
    wait_sent(3),
    ?assertEqual([<<"/webservice">>, <<"/webservice/alerts">>, <<"/webservice/notifications">>],
                 lists:sort(maps:keys(maps:get(paths, test_endpoint:stats(endpoint(Config)))))),
    {ok, Warnings} = host_log:wait(http_pusher_pool_warning, 2, 120000),
    ?assertMatch([_], [Text || #{text := Text, level := warning} <- Warnings,
                               has(Text, "/webservice/notifications"),
                               has(Text, "/webservicenotifications")]).

the_default_callback_module_is_mod_event_pusher_http_defaults(Config) ->
    {ok, _} = pool(Config, #{}),
    module([#{path => "/a"}, #{path => "/b", callback_module => mod_event_pusher_http_defaults}]),
    send(<<"alice">>, <<"hi">>),
    wait_sent(2),
    [One, Other] = received(Config),
    ?assertEqual(maps:with([body, headers], One), maps:with([body, headers], Other)).

the_content_type_is_a_form(Config) ->
    module(Config, #{}),
    send(<<"alice">>, <<"hi">>),
    wait_sent(1),
    [Record] = received(Config),
    ?assertEqual(<<"application/x-www-form-urlencoded">>, header(<<"content-type">>, Record)).

the_form_has_author_server_receiver_and_message(Config) ->
    module(Config, #{}),
    Stanza = <<"<message type='chat' from='alice@localhost/phone' to='bob@example.org/pc'>"
               "<subject>no</subject><body>Hi &amp; bye</body></message>">>,
    host_session:send(<<"alice@localhost/phone">>, <<"bob@example.org/pc">>, {xml, Stanza}),
    wait_sent(1),
    [#{body := Body}] = received(Config),
    ?assertEqual([{<<"author">>, <<"alice">>}, {<<"server">>, ?HOST}, {<<"receiver">>, <<"bob">>},
                  {<<"message">>, <<"Hi & bye">>}], test_endpoint:form(Body)).

%% "As a result, these values are all lower case."
names_are_processed_by_stringprep(Config) ->
    module(Config, #{}),
    host_session:send(<<"ALICE@LOCALHOST/Phone">>, <<"BoB@localhost">>, <<"Hi">>),
    wait_sent(1),
    [#{body := Body}] = received(Config),
    ?assertEqual(<<"author=alice&server=localhost&receiver=bob&message=Hi">>, Body).

the_example_body(Config) ->
    module(Config, #{}),
    send(<<"alice">>, <<"Hi, Bob!">>),
    send(<<"alice">>, <<"Hi & bye =+é %"/utf8>>),
    wait_sent(2),
    %% In the form of this node's cowlib, which from 2.14 on escapes in groups.
    Space = case http_pusher_host:escapes_in_groups() of
                true -> <<"%20">>;
                false -> <<"+">>
            end,
    ?assertEqual([<<"author=alice&server=localhost&receiver=bob&message=Hi%2C+Bob%21">>,
                  <<"author=alice&server=localhost&receiver=bob&message=Hi+%26+bye", Space/binary,
                    "%3D%2B%C3%A9+%25">>],
                 [Body || #{body := Body} <- received(Config)]).

the_default_callback_module_can_be_called_from_others(Config) ->
    Defaults = mod_event_pusher_http_defaults,
    Names = [?HOST, <<"Hi *">>, <<"alice">>, <<"bob">>],
    Call = fun(Function) -> fun() -> apply(Defaults, Function, [acc, in | Names] ++ [[]]) end end,
    {ok, _} = pool(Config, #{}),
    module([#{path => "/plain"},
            #{path => "/custom", callback_module => pusher_callback,
              own_headers => Call(prepare_headers), body => Call(prepare_body)}]),
    send(<<"alice">>, <<"Hi *">>),
    wait_sent(2),
    [#{body := Body, headers := Headers}, #{body := Body, headers := Headers}] = received(Config),
    Chat = host_session:element({xml, "<message type='chat'><body>x</body></message>"}, []),
    Empty = host_session:element({xml, "<message type='chat'><body/></message>"}, []),
    Group = host_session:element({xml, "<message type='groupchat'><body>x</body></message>"}, []),
    ?assertEqual([true, false, false, false],
                 [Defaults:should_make_req(acc, Direction, Packet, from, to, [])
                  || {Direction, Packet} <- [{in, Chat}, {out, Chat}, {in, Empty}, {in, Group}]]).

sent_is_incremented_for_a_notification_that_was_sent(Config) ->
    module(Config, #{}),
    [send(<<"alice">>, <<"hi">>) || _ <- lists:seq(1, 7)],
    wait_sent(7),
    ?assertMatch(#{sent := 7, failed := 0}, host_metrics:read(?HOST)).

any_status_counts_as_sent(Config) ->
    module(Config, #{}),
    [begin
         test_endpoint:plan(endpoint(Config), ["status=", integer_to_list(Status)], #{next => 1}),
         send(<<"alice">>, <<"hi">>)
     end || Status <- [200, 204, 304, 302, 404, 500, 503]],
    wait_sent(7),
    ?assertMatch(#{sent := 7, failed := 0}, host_metrics:read(?HOST)),
    ?assertEqual(7, maps:get(received, test_endpoint:stats(endpoint(Config)))).

failed_is_incremented_for_a_notification_that_failed(Config) ->
    module(Config, #{}),
    test_endpoint:plan(endpoint(Config), "fault=close-before-head"),
    [send(<<"alice">>, <<"hi">>) || _ <- lists:seq(1, 3)],
    {ok, _} = host_metrics:wait(?HOST, fun(#{failed := Failed}) -> Failed =:= 3 end, 120000),
    ?assertMatch(#{sent := 0}, host_metrics:read(?HOST)).

%% In microseconds, from hand-over to the response's head.
response_time_does_not_include_failed_requests(Config) ->
    module(Config, #{}),
    test_endpoint:plan(endpoint(Config), "fault=close-before-head"),
    send(<<"alice">>, <<"hi">>),
    {ok, _} = host_metrics:wait(?HOST, fun(#{failed := Failed}) -> Failed =:= 1 end, 120000),
    ?assertMatch(#{response_times := []}, host_metrics:read(?HOST)),
    test_endpoint:plan(endpoint(Config), "status=200 delay=300"),
    {Took, #{response_times := [Time]}} =
        timer:tc(fun() ->
                     send(<<"alice">>, <<"hi">>),
                     pusher_case:wait(fun() -> host_metrics:read(?HOST) end,
                                      fun(#{response_times := Times}) -> Times =/= [] end)
                 end),
    ?assertWith(Time >= 300000 andalso Time =< Took, {Time, Took}).

%% A handler with the test's callback module.
custom(Config, Handler) ->
    {ok, _} = pool(Config, #{}),
    module([maps:merge(#{path => "/n", callback_module => pusher_callback}, Handler)]).

%% Callbacks run in the process that sends, so their reports are already here.
next_call() ->
    receive Call -> Call after 0 -> none end.

header(Name, #{headers := Headers}) ->
    proplists:get_value(Name, [{string:lowercase(Key), Value} || {Key, Value} <- Headers]).

has(Text, Part) ->
    string:find(Text, Part) =/= nomatch.
