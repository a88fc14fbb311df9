%% Which handlers an event is for, in each generation: beside handlers without rules and callback modules, if one of
%% them fails, and after a stop; and what that costs.
-module(handler_choice_SUITE).

-import(pusher_case, [module/1, wait_sent/1, wait_reason/2, received/1, settle/0]).
-import(handler_cases, [handler/3, offline_groupchat/0, stanza/2, bodies/2, asked/2]).

-include("support/handler_cases.hrl").

groups() ->
    Every = [rules_before_the_callback_module,
             a_rule_that_skips_all_of_a_type,
             presence_on_its_way_is_no_message,
             handlers_without_rules_are_as_before,
             a_host_that_does_not_answer_costs_one_handler,
             rules_that_crash_cost_one_handler,
             nothing_is_left_after_the_module,
             an_unknown_event_is_said_once,
             rules_that_do_not_match_cost_little,
             an_event_costs_one_look_up_and_each_handler_another],
    [{v5_0, [], [the_host_of_an_event | Every]},
     {v6_5, [], Every},
     {v6_9, [], Every}].

rules_before_the_callback_module(Config) ->
    Own = #{callback_module => pusher_callback, report => self()},
    module([handler("/skipped", Own, [{skip, [#{type => chat}]}, {send, [#{}]}]),
            handler("/no", Own#{should => false}, [{send, [#{type => chat}]}]),
            handler("/yes", Own, [{send, [#{type => chat}]}]),
            handler("/decides", Own#{format => json}, [{send, [#{type => chat}]}]),
            handler("/default", #{callback_module => mod_event_pusher_http_defaults}, [{send, [#{event => msg}]}])]),
    host_session:send(?ALICE, ?BOB, <<"hi">>),
    wait_sent(3),
    %% Not a chat that a user sends.
    host_session:send(?ALICE, ?BOB, <<"hi">>, chat, out),
    wait_sent(5),
    settle(),
    ?assertEqual([<<"author=alice&server=localhost&receiver=bob&message=hi">>], bodies(<<"/default">>, Config)),
    ?assertEqual([<<"hi">>, <<"hi">>], bodies(<<"/yes">>, Config)),
    ?assertMatch([_, _], bodies(<<"/decides">>, Config)),
    ?assertEqual(5, length(received(Config))),
    Asked = [Function || {Function, _} <- flush()],
    ?assertEqual(#{should_make_req => 6, prepare_body => 2, prepare_headers => 2},
                 maps:from_list([{F, length([G || G <- Asked, G =:= F])} || F <- lists:usort(Asked)])).

%% No other handler wants them either.
a_rule_that_skips_all_of_a_type(Config) ->
    module([handler("/one", #{}, [{skip, [#{type => chat}]}, {send, [#{}]}])]),
    host_session:send(?ALICE, ?BOB, <<"a chat">>),
    host_session:send(?ALICE, ?BOB, <<"a headline">>, headline, in),
    wait_sent(1),
    settle(),
    [Body] = bodies(<<"/one">>, Config),
    ?assertNotEqual(nomatch, string:find(Body, "a+headline")).

%% The host hands presence that is about to be delivered over as a message of type normal.
presence_on_its_way_is_no_message(Config) ->
    module([handler("/rules", #{}, [{send, [#{event => msg}]}]),
            #{path => "/own", callback_module => pusher_callback, report => self(), should => false}]),
    Text = ["<presence from='", ?ALICE, "' to='", ?BOB, "'/>"],
    Presence = host_session:element({xml, Text}, []),
    host_session:push(host_session:acc(?ALICE, ?BOB, Presence), ?ALICE, ?BOB, Presence, normal, out),
    host_session:send(?ALICE, ?BOB, <<"hi">>, normal, out),
    wait_sent(1),
    settle(),
    ?assertMatch([_], bodies(<<"/rules">>, Config)),
    %% As with the stock module.
    ?assertMatch([{should_make_req, [_, out, Presence | _]}, {should_make_req, _}], flush()).

%% Beside one with rules: the same bytes, and messages only.
handlers_without_rules_are_as_before(Config) ->
    module([#{path => "/stock"}, handler("/rules", #{}, [{send, [#{}]}]),
            #{path => "/own", callback_module => pusher_callback, report => self()}]),
    host_session:event(user_status, ?BOB),
    host_session:event(unack_msg, ?BOB),
    wait_sent(2),
    ?assertEqual([], [Path || #{path := Path} <- received(Config), Path =/= <<"/rules">>]),
    ?assertEqual([], flush()),
    host_session:send(?ALICE, ?BOB, <<"hi">>),
    wait_sent(5),
    [Request] = [Request || Request = #{path := <<"/stock">>} <- received(Config)],
    ?assertMatch(#{body := <<"author=alice&server=localhost&receiver=bob&message=hi">>}, Request),
    ?assertEqual([<<"content-length">>, <<"content-type">>, <<"host">>],
                 lists:sort([string:lowercase(Name) || {Name, _} <- maps:get(headers, Request)])),
    Packet = host_session:element(<<"hi">>, [{<<"type">>, <<"chat">>}, {<<"from">>, ?ALICE}, {<<"to">>, ?BOB}]),
    ?assertMatch([{should_make_req, [_, in, Packet, _, _, _]}, {prepare_body, [_, in, ?HOST, <<"hi">>, <<"alice">>, <<"bob">>, _]},
                  {prepare_headers, _}], flush()).

a_host_that_does_not_answer_costs_one_handler(Config) ->
    module([handler("/a", #{}, [{send, [#{type => chat, direction => out, user_status => online}]}]),
            handler("/b", #{}, [{send, [#{direction => out}]}])]),
    ok = host_users:break(sessions, true),
    host_session:send(?ALICE, ?BOB, <<"hi">>, chat, out),
    case proplists:get_value(generation, Config) of
        v6_9 ->
            wait_sent(2);
        _ ->
            wait_sent(1),
            #{text := Text, path := _, sender := <<"alice">>} = wait_reason(event_error, 1),
            ?assertNotEqual(nomatch, string:find(Text, "online"))
    end,
    ?assertEqual([], host_log:what(hook_failed)).

%% With a stanza that is none: rules that look into it fail, and so does the stanza as text.
rules_that_crash_cost_one_handler(Config) ->
    module([handler("/hint", #{}, [{send, [#{hint => store}]}]),
            handler("/json", #{format => json}, [{send, [#{type => chat}]}]),
            handler("/form", #{}, [{send, [#{type => chat}]}])]),
    Acc = host_session:acc(?ALICE, ?BOB, stanza(chat, "<body>secret</body>")),
    host_session:push(Acc, ?ALICE, ?BOB, {no, <<"secret">>}, chat, in),
    wait_sent(1),
    #{count := _} = wait_reason(event_error, 2),
    ?assertEqual([<<"author=alice&server=localhost&receiver=bob&message=">>], bodies(<<"/form">>, Config)),
    ?assertEqual([], host_log:what(hook_failed)),
    ?assertEqual([], [Line || #{msg := Line} <- host_log:all(),
                              string:find(io_lib:format("~0tp", [Line]), "secret") =/= nomatch]).

nothing_is_left_after_the_module(Config) ->
    module([handler("/n", #{}, [{skip, [#{own_copy => true}]}, {send, [#{}]}])]),
    ?assertMatch(#{asks_own_copy := true}, persistent_term:get({http_pusher_compiled, ?HOST})),
    host_ctl:stop_module(?HOST),
    ?assertEqual(undefined, persistent_term:get({http_pusher_compiled, ?HOST}, undefined)),
    _ = mongoose_hooks:filter_room_packet(?HOST, stanza(groupchat, []),
                                          #{from_nick => <<"n">>, from_jid => host_session:jid(?ALICE),
                                            room_jid => host_session:jid(?ROOM)}),
    ?assertEqual(undefined, get(http_pusher_host_room)),
    %% Other rules with the same pool and path are those of the new start.
    module([handler("/n", #{}, [{send, [#{type => headline}]}])]),
    host_session:send(?ALICE, ?BOB, <<"chat">>),
    host_session:send(?ALICE, ?BOB, <<"headline">>, headline, in),
    wait_sent(1),
    settle(),
    ?assertEqual([{<<"alice">>, <<"headline">>}], pusher_case:messages(Config)).

an_unknown_event_is_said_once(_Config) ->
    module([handler("/n", #{}, [{send, [#{}]}])]),
    Acc = host_session:acc(?ALICE, ?BOB, stanza(chat, [])),
    [host_session:push(Acc, ?ALICE, {unack_msg_event, a, b, c, d}) || _ <- [1, 2]],
    ?assertMatch([#{tag := unack_msg_event, size := 5}], host_log:what(http_pusher_unknown_event)).

%% 5.0 calls the module for the receiver's host; a room's own domain has no module.
the_host_of_an_event(Config) ->
    module([#{path => "/stock", callback_module => pusher_callback}, handler("/rules", #{}, offline_groupchat())]),
    ok = host_session:user_status(<<"bob@localhost">>, offline),
    host_session:room_copy(?FROM_ROOM, <<"bob@localhost">>, stanza(groupchat, "<body>hi</body>"), groupchat),
    wait_sent(1),
    settle(),
    %% As in the stock module: the handlers of the sender's server, and those are none.
    ?assertEqual([<<"/rules">>], [Path || #{path := Path} <- received(Config)]).

%% Printed (of the best of many rounds), and bounded in reductions, which do not depend on the machine.
rules_that_do_not_match_cost_little(Config) ->
    Kinds = [{"the sort of event", offline_groupchat(), 100},
             {"what the stanza holds", [{send, [#{type => chat, hint => no_store}, #{direction => in, body => empty}]}], 1000}],
    [begin
         module([handler("/" ++ integer_to_list(Nth), #{format => json}, Rules) || Nth <- lists:seq(1, Handlers)]),
         Push = pusher(proplists:get_value(generation, Config)),
         Push(),
         Count = 1000,
         {reductions, Before} = process_info(self(), reductions),
         Best = lists:min([element(1, timer:tc(fun() -> [Push() || _ <- lists:seq(1, Count)], ok end))
                           || _ <- lists:seq(1, 20)]),
         {reductions, After} = process_info(self(), reductions),
         Reductions = (After - Before) div (20 * Count),
         ct:pal("~b handlers whose rules do not match by ~s: ~.3f us, ~b reductions an event",
                [Handlers, Kind, Best / Count, Reductions]),
         ?assert(Reductions < Bound * counting(http_pusher_rules))
     end || {Kind, Rules, Bound} <- Kinds, Handlers <- [1, 10]],
    asked(Config, #{sessions => 0, users => 0}).

%% Digests are made when the module starts. Each call is a trace message, so no clock is involved.
an_event_costs_one_look_up_and_each_handler_another(Config) ->
    module([handler("/" ++ integer_to_list(Nth), #{format => json}, [{send, [#{type => chat}]}]) || Nth <- lists:seq(1, 3)]),
    Push = pusher(proplists:get_value(generation, Config)),
    Functions = [{persistent_term, get, 2}, {http_pusher_routes, of_short, 1}, {http_pusher_routes, find, 1},
                 {http_pusher_routes, short, 1}, {http_pusher_compiled, compiled, 2}, {erlang, md5, 1},
                 {erlang, phash2, 1}, {erlang, term_to_binary, 1}],
    [1 = erlang:trace_pattern(Function, true, [local]) || Function <- Functions],
    Session = spawn(fun() -> receive push -> Push() end end),
    1 = erlang:trace(Session, true, [call]),
    Session ! push,
    wait_sent(3),
    Delivered = erlang:trace_delivered(Session),
    receive {trace_delivered, Session, Delivered} -> ok end,
    [1 = erlang:trace_pattern(Function, false, [local]) || Function <- Functions],
    Calls = [case Call of
                 {persistent_term, get, [{http_pusher_compiled, _}, _]} -> handlers;
                 {persistent_term, get, _} -> other;
                 {_, Function, _} -> Function
             end || {trace, _, call, Call} <- flush()],
    ?assertEqual([handlers, of_short, of_short, of_short], [Call || Call <- Calls, Call =/= other]).

%% Counting the lines that run (cover) costs reductions itself.
counting(Module) ->
    case code:is_loaded(Module) of
        {file, cover_compiled} -> 10;
        {file, _} -> 1
    end.

pusher(Generation) ->
    Packet = stanza(chat, "<body>hi</body>"),
    Acc = host_session:acc(?ALICE, ?BOB, Packet),
    Event = host_terms:message_event(Generation, {chat, in, host_session:jid(?ALICE), host_session:jid(?BOB), Packet}),
    case Generation of
        v5_0 -> fun() -> mod_event_pusher_http:push_event(Acc, ?HOST, Event) end;
        _ -> fun() -> mod_event_pusher_http:push_event(#{acc => Acc, metadata => #{}}, #{event => Event},
                                                       #{host_type => ?HOST}) end
    end.

%%% Helpers

flush() ->
    receive Message -> [Message | flush()] after 0 -> [] end.
