%% Invalid input from callback modules, endpoints and users: each has its reason in the log and in the
%% metrics, and nothing else is lost.
-module(bad_input_SUITE).


-import(pusher_case, [module/2, module/1, endpoint/1, send/2, messages/1, received/1, wait_sent/1,
                      wait_reason/2, reasons/0]).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all().

groups() ->
    pusher_case:groups(
      [bodies_that_are_not_iodata,
       bodies_of_every_kind_of_iodata,
       headers_that_are_no_list_of_pairs,
       headers_that_http_forbids,
       headers_that_frame_the_request,
       headers_of_every_kind_of_text,
       a_host_header_goes_as_given,
       a_host_header_that_servers_refuse,
       no_accept_header_is_added,
       a_callback_module_that_does_not_exist,
       a_callback_module_that_crashes,
       should_make_req_that_is_neither_true_nor_false,
       a_bad_handler_does_not_cost_the_others,
       pool_tags_outside_ascii,
       a_handler_that_cannot_be_registered_costs_itself,
       handlers_of_an_owner_that_died_over_one_are_registered,
       a_message_that_is_not_utf8,
       an_empty_sender,
       names_outside_ascii_go_unchanged,
       endpoints_that_do_wrong,
       endpoints_that_do_not_end]).

init_per_testcase(_Case, Config) ->
    pusher_case:start(Config).

end_per_testcase(_Case, Config) ->
    pusher_case:finish(Config).

bodies_that_are_not_iodata(Config) ->
    Bodies = [atom, 42, {<<"a">>, <<"b">>}, [256], [<<"a">> | b], #{}, "caf\x{e9}\x{20ac}", 1.5],
    custom_and_good(Config, [#{body => Body} || Body <- Bodies]),
    send(<<"alice">>, <<"secret message">>),
    Line = wait_reason(bad_body, length(Bodies)),
    ?assertMatch({match, _}, re:run(maps:get(text, Line), "pusher_callback:prepare_body")),
    only_good_arrive(Config).

bodies_of_every_kind_of_iodata(Config) ->
    Bodies = [<<>>, [], <<"binary">>, "string", ["deep", [<<"list">>, $s]], <<0, 255, 10, 13>>],
    custom(Config, [#{body => Body} || Body <- Bodies]),
    send(<<"alice">>, <<"hi">>),
    wait_sent(length(Bodies)),
    ?assertEqual(lists:sort([iolist_to_binary(Body) || Body <- Bodies]),
                 lists:sort([Body || #{body := Body} <- received(Config)])).

headers_that_are_no_list_of_pairs(Config) ->
    Bad = [atom, <<"x-a: b">>, #{<<"x-a">> => <<"b">>}, [x_a], [{<<"x-a">>, <<"b">>, c}],
           [{<<"x-a">>, <<"b">>} | improper], [{{}, <<"b">>}], [{<<"x-a">>, self()}], [{1.0, 2.0}]],
    custom_and_good(Config, [#{own_headers => Headers} || Headers <- Bad]),
    send(<<"alice">>, <<"secret message">>),
    _ = wait_reason(bad_headers, length(Bad)),
    only_good_arrive(Config).

%% The reason names the header, and no request is sent.
headers_that_http_forbids(Config) ->
    Bad = [{<<"x-injected">>, <<"a\r\nx-b: secret">>}, {<<"x-injected">>, <<"secret\n">>},
           {<<"x-injected">>, <<"sec", 0, "ret">>}, {"x-injected", "\rsecret"},
           {<<"x-injected\r\nx-b">>, <<"secret">>}, {<<"x-injected: x">>, <<"secret">>},
           {<<"x-injected", 0>>, <<"secret">>}],
    custom_and_good(Config, [#{own_headers => [{<<"x-good">>, <<"1">>}, Header]} || Header <- Bad]),
    send(<<"alice">>, <<"hi">>),
    Line = wait_reason(bad_header, length(Bad)),
    ?assertMatch({match, _}, re:run(maps:get(text, Line), "x-injected")),
    ?assertEqual([], [secret || #{msg := Msg} <- host_log:all(), mentions(Msg, "secret")]),
    only_good_arrive(Config).

headers_that_frame_the_request(Config) ->
    Bad = [<<"content-length">>, <<"Content-Length">>, "transfer-encoding", 'Transfer-Encoding',
           connection, <<"CONNECTION">>],
    custom_and_good(Config, [#{own_headers => [{Name, <<"1">>}]} || Name <- Bad]),
    send(<<"alice">>, <<"hi">>),
    Line = wait_reason(bad_header, length(Bad)),
    ?assertMatch({match, _},
                 re:run(maps:get(text, Line), "content-length|transfer-encoding|connection")),
    only_good_arrive(Config).

headers_of_every_kind_of_text(Config) ->
    custom(Config, [#{own_headers => [{'x-atom', atom}, {"x-string", "string"},
                                      {<<"x-binary">>, <<"binary">>}, {["x-", <<"deep">>], ["de", $e, "p"]},
                                      {<<"x-number">>, 42}, {<<"X-Upper">>, <<"Upper">>},
                                      {<<"x-twice">>, <<"1">>}, {<<"x-twice">>, <<"2">>},
                                      {<<"x-latin">>, <<"caf", 233>>}, {<<"x-empty">>, <<>>}]}]),
    send(<<"alice">>, <<"hi">>),
    wait_sent(1),
    [#{headers := Headers}] = received(Config),
    ?assertEqual([{<<"x-atom">>, <<"atom">>}, {<<"x-string">>, <<"string">>},
                  {<<"x-binary">>, <<"binary">>}, {<<"x-deep">>, <<"deep">>},
                  {<<"x-number">>, <<"42">>}, {<<"x-upper">>, <<"Upper">>},
                  {<<"x-twice">>, <<"1">>}, {<<"x-twice">>, <<"2">>},
                  {<<"x-latin">>, <<"caf", 233>>}, {<<"x-empty">>, <<>>}],
                 [Header || {<<"x-", _/binary>>, _} = Header <- lower(Headers)]).

a_host_header_goes_as_given(Config) ->
    custom(Config, [#{own_headers => [{<<"Host">>, <<"other.example:1234">>}]}]),
    send(<<"alice">>, <<"hi">>),
    wait_sent(1),
    [#{headers := Headers}] = received(Config),
    ?assertEqual([<<"other.example:1234">>], [Host || {<<"host">>, Host} <- lower(Headers)]).

a_host_header_that_servers_refuse(Config) ->
    Bad = [[{<<"host">>, Value}] || Value <- [<<>>, <<"a secret">>, <<"secret@other.example">>]],
    Twice = [{<<"host">>, <<"other.example">>}, {"Host", "other.example"}],
    custom_and_good(Config, [#{own_headers => Headers} || Headers <- [Twice | Bad]]),
    send(<<"alice">>, <<"hi">>),
    Line = wait_reason(bad_header, length([Twice | Bad])),
    ?assertMatch({match, _}, re:run(maps:get(text, Line), "header host")),
    ?assertEqual([], [secret || #{msg := Msg} <- host_log:all(), mentions(Msg, "secret")]),
    only_good_arrive(Config).

%% The client adds only what the request needs.
no_accept_header_is_added(Config) ->
    custom(Config, [#{own_headers => []}]),
    send(<<"alice">>, <<"hi">>),
    wait_sent(1),
    [#{headers := Headers}] = received(Config),
    ?assertEqual([<<"content-length">>, <<"host">>],
                 lists:sort([Name || {Name, _} <- lower(Headers)])).

a_callback_module_that_does_not_exist(Config) ->
    {ok, _} = pusher_case:pool(Config, #{}),
    module([#{path => "/n", callback_module => there_is_no_such_module}, #{path => "/n"}]),
    send(<<"alice">>, <<"hi">>),
    Line = wait_reason(callback_undefined, 1),
    ?assertMatch({match, _}, re:run(maps:get(text, Line), "there_is_no_such_module")),
    wait_sent(1).

a_callback_module_that_crashes(Config) ->
    Crashes = [fun() -> error({badmatch, <<"secret">>}) end, fun() -> exit(secret_exit) end,
               fun() -> throw([<<"secret">>]) end, fun() -> erlang:error(undef) end,
               fun() -> binary_to_atom(iolist_to_binary(["secret", 255]), utf8) end],
    custom_and_good(Config, [#{Key => Crash} || Key <- [should, body, own_headers], Crash <- Crashes]),
    send(<<"alice">>, <<"secret">>),
    _ = wait_reason(callback_crashed, 3 * length(Crashes)),
    ?assertEqual([], [Msg || #{msg := Msg} <- host_log:all(), mentions(Msg, "<<\"secret")]),
    only_good_arrive(Config).

%% As in the stock module, only true means yes.
should_make_req_that_is_neither_true_nor_false(Config) ->
    custom_and_good(Config, [#{should => Value} || Value <- [yes, 1, <<"true">>, undefined, {true}, []]]),
    send(<<"alice">>, <<"hi">>),
    only_good_arrive(Config),
    ?assertEqual(#{}, reasons()).

a_bad_handler_does_not_cost_the_others(Config) ->
    {ok, _} = pusher_case:pool(Config, #{}),
    Bad = [#{body => atom}, #{own_headers => atom}, #{should => fun() -> error(crash) end},
           #{callback_module => no_such_module}, #{pool_name => no_such_pool}],
    Entry = #{path => "/n", callback_module => pusher_callback},
    module([maps:merge(Entry, Handler) || Handler <- Bad] ++ [#{path => "/good"}]),
    [send(<<"alice">>, integer_to_binary(N)) || N <- lists:seq(1, 20)],
    wait_sent(20),
    ?assertEqual([{<<"alice">>, integer_to_binary(N)} || N <- lists:seq(1, 20)], messages(Config)),
    All = #{bad_body => 20, bad_headers => 20, callback_crashed => 20, callback_undefined => 20,
            pool_not_started => 20},
    ?assertEqual(All, pusher_case:wait(fun pusher_case:reasons/0, fun(R) -> R =:= All end)).

%% In the pools' names, in the log and in the table for the shell, also beyond Latin-1.
pool_tags_outside_ascii(Config) ->
    Tags = [list_to_atom(Name) || Name <- ["gr\x{f6}\x{df}e", "\x{65e5}\x{672c}", "plain"]],
    [{ok, _} = pusher_case:pool(Tag, Config, #{}) || Tag <- tl(Tags)],
    module([#{pool_name => Tag, path => "/n"} || Tag <- Tags]),
    Owner = whereis(http_pusher_pools),
    send(<<"alice">>, <<"hi">>),
    wait_sent(2),
    %% For a pool that does not run, the log has the reason.
    ?assertMatch(#{pool_name := <<"größe"/utf8>>}, wait_reason(pool_not_started, 1)),
    {ok, _} = pusher_case:pool(hd(Tags), Config, #{}),
    send(<<"alice">>, <<"hi">>),
    wait_sent(5),
    ?assertEqual(Owner, whereis(http_pusher_pools)),
    Names = [Name || #{name := Name} <- http_pusher_nif:pools()],
    [?assert(lists:member(unicode:characters_to_binary(["global/", atom_to_list(Tag)]), Names))
     || Tag <- Tags].

%% The name that the host would give to its pool is too long for a process. It is logged once, however often
%% it is tried, and its notifications are rejected because there is no such pool.
a_handler_that_cannot_be_registered_costs_itself(Config) ->
    {ok, _} = pusher_case:pool(Config, #{}),
    TooLong = list_to_atom(lists:duplicate(250, $x)),
    module([#{pool_name => TooLong, path => "/bad"}, #{path => "/good"}]),
    Owner = whereis(http_pusher_pools),
    send(<<"alice">>, <<"hi">>),
    wait_sent(1),
    _ = wait_reason(pool_not_started, 1),
    %% It has been tried again since.
    [begin
         whereis(http_pusher_pools) ! look_at_all,
         ok = http_pusher_pools:await_look(30000)
     end || _ <- [1, 2, 3]],
    ?assertMatch([#{level := error, host_type := <<"localhost">>, pool_name := TooLong, path := _,
                    reason := _, text := _}],
                 host_log:what(http_pusher_handler_failed)),
    ?assertEqual(Owner, whereis(http_pusher_pools)).

%% The owner before had written their names down, and no process would name them again.
handlers_of_an_owner_that_died_over_one_are_registered(Config) ->
    {ok, _} = pusher_case:pool(Config, #{}),
    module([#{path => "/n"}, #{path => "/m"}]),
    Owner = whereis(http_pusher_pools),
    true = erlang:suspend_process(Owner),
    [http_pusher_routes:delete(Key) || {Key, _, _} <- http_pusher_routes:all()],
    exit(Owner, kill),
    erlang:resume_process(Owner),
    _ = pusher_case:wait(fun() -> length([Row || Row = {_, _, [_ | _]} <- http_pusher_routes:all()]) end,
                         fun(Count) -> Count =:= 2 end),
    send(<<"alice">>, <<"hi">>),
    wait_sent(2).

a_message_that_is_not_utf8(Config) ->
    module(Config, #{}),
    Bytes = list_to_binary(lists:seq(0, 255)),
    send(<<"alice">>, Bytes),
    wait_sent(1),
    ?assertEqual([{<<"alice">>, Bytes}], messages(Config)).

an_empty_sender(Config) ->
    module(Config, #{}),
    host_session:send(<<"localhost">>, <<"bob@localhost">>, <<"from the server">>),
    wait_sent(1),
    [Record] = received(Config),
    ?assertEqual([{<<"author">>, <<>>}, {<<"server">>, <<"localhost">>}, {<<"receiver">>, <<"bob">>},
                  {<<"message">>, <<"from the server">>}], form(Record)).

%% Everything that the host accepts as prepared: emoji, right-to-left text, and code points that no Unicode
%% table of ours knows.
names_outside_ascii_go_unchanged(Config) ->
    module(Config, #{}),
    Names = [<<"zażółć"/utf8>>, <<"😀"/utf8>>, <<"שלום"/utf8>>, <<"👩‍👩‍👧"/utf8>>,
             <<"ﷺ"/utf8>>, <<16#1FAE8/utf8>>, <<"a+b&c=d%e*f~g"/utf8>>],
    Domains = [<<"localhost">>, <<"münchen.example"/utf8>>, <<"💌.example"/utf8>>],
    [host_session:send({Name, <<"localhost">>, <<"phone">>}, {Name, Domain, <<>>}, <<Name/binary, Domain/binary>>)
     || Name <- Names, Domain <- Domains],
    wait_sent(length(Names) * length(Domains)),
    Expected = [[{<<"author">>, Name}, {<<"server">>, <<"localhost">>}, {<<"receiver">>, Name},
                 {<<"message">>, <<Name/binary, Domain/binary>>}] || Name <- Names, Domain <- Domains],
    ?assertEqual(lists:sort(Expected), lists:sort([form(Record) || Record <- received(Config)])).

%% One notification each, after which the pool is healthy.
endpoints_that_do_wrong(Config) ->
    module(Config, #{}),
    [wrong(Config, Plan, Reason)
     || {Plan, Reason} <- [{"fault=close-before-head", connection_closed},
                           {"fault=garbage", invalid_response},
                           {"fault=accept-close", connection_closed},
                           {"fault=close-in-status", connection_closed},
                           {"fault=endless-head", invalid_response}]],
    test_endpoint:listener(endpoint(Config), false),
    test_endpoint:close_connections(endpoint(Config)),
    host_log:clear(),
    send(<<"alice">>, <<"bad">>),
    _ = wait_reason(econnrefused, 1),
    test_endpoint:listener(endpoint(Config), true),
    healthy(Config).

%% If a time limit has to end a request, the limit is short, and on a slow machine it ends good requests
%% too: the pool is healthy if one of those that follow is sent.
endpoints_that_do_not_end(Config) ->
    module(Config, #{request_timeout => 1000}),
    [wrong(Config, Plan, request_timeout) || Plan <- ["fault=stall-before-head", "fault=stall-in-head"]],
    test_endpoint:plan(endpoint(Config), "fault=endless-body"),
    ok = pusher_case:until_sent(<<"a head was read, so it was sent">>),
    healthy(Config).

wrong(Config, Plan, Reason) ->
    test_endpoint:plan(endpoint(Config), Plan),
    test_endpoint:close_connections(endpoint(Config)),
    host_log:clear(),
    send(<<"alice">>, <<"bad">>),
    #{reason := Got} = hd(element(2, host_log:wait(event_pusher_http_req_failed, 1, 120000))),
    ?assertEqual({Plan, Reason}, {Plan, Got}),
    healthy(Config).

healthy(Config) ->
    test_endpoint:reset_plans(endpoint(Config)),
    test_endpoint:release(endpoint(Config)),
    ok = pusher_case:until_sent(<<"good">>).

%% Handlers of the test's callback module.
custom(Config, Handlers) ->
    {ok, _} = pusher_case:pool(Config, #{}),
    Entry = #{path => "/bad", callback_module => pusher_callback},
    module([maps:merge(Entry, Handler) || Handler <- Handlers]).

%% Followed by a valid one.
custom_and_good(Config, Handlers) ->
    custom(Config, Handlers ++ [#{path => "/good"}]).

only_good_arrive(Config) ->
    wait_sent(1),
    ok = pusher_case:settle(),
    ?assertMatch([#{path := <<"/good">>}], received(Config)).

mentions(Report, Text) ->
    string:find(io_lib:format("~0tp", [Report]), Text) =/= nomatch.

lower(Headers) ->
    [{string:lowercase(Name), Value} || {Name, Value} <- Headers].

form(#{body := Body}) ->
    test_endpoint:form(Body).
