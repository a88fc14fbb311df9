%% The lines that operators read: names and levels, no secrets, and one line a second in a storm.
-module(log_SUITE).


-import(pusher_case, [module/1, module/2, pool/2, endpoint/1, send/2, wait_sent/1, wait_reason/2, wait/2]).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all().

groups() ->
    pusher_case:groups(
      [a_sent_notification_at_info,
       no_line_for_a_sent_notification_above_info,
       a_failed_notification_at_warning,
       a_rejected_notification_at_warning,
       nothing_secret_in_any_line,
       a_storm_is_a_line_a_second,
       a_storm_of_several_reporters_is_a_line_a_second,
       reasons_and_pools_have_lines_of_their_own,
       log_level_none_means_no_lines_for_notifications,
       a_module_start_says_what_runs]).

init_per_testcase(log_level_none_means_no_lines_for_notifications, Config) ->
    pusher_case:start(Config, #{log => debug, env => [{log_level, none}]});
init_per_testcase(no_line_for_a_sent_notification_above_info, Config) ->
    pusher_case:start(Config, #{log => notice});
init_per_testcase(a_storm_of_several_reporters_is_a_line_a_second, Config) ->
    pusher_case:start(Config, #{log => debug, env => [{reporters, 4}]});
init_per_testcase(_Case, Config) ->
    pusher_case:start(Config, #{log => debug}).

end_per_testcase(_Case, Config) ->
    pusher_case:finish(Config).

a_sent_notification_at_info(Config) ->
    module(Config, #{}),
    test_endpoint:plan(endpoint(Config), "status=503"),
    send(<<"alice">>, <<"hi">>),
    {ok, [Line]} = host_log:wait(event_pusher_http_req, 1, 120000),
    ?assertMatch(#{level := info, sender := <<"alice">>, receiver := <<"bob">>,
                   server := <<"localhost">>, direction := in, response_code := 503,
                   pool_name := <<"http_pool">>, path := _, response_time := Time}
                 when is_integer(Time), Line).

no_line_for_a_sent_notification_above_info(Config) ->
    module(Config, #{}),
    send(<<"alice">>, <<"hi">>),
    wait_sent(1),
    ok = pusher_case:settle(),
    ?assertEqual([], host_log:what(event_pusher_http_req)).

%% Reason and text say what was tried and what went wrong.
a_failed_notification_at_warning(Config) ->
    {ok, _} = pool(Config, #{path_prefix => "/webservice"}),
    module([#{path => "/notifications"}]),
    test_endpoint:plan(endpoint(Config), "fault=close-before-head"),
    send(<<"alice">>, <<"hi">>),
    Line = #{text := Text} = wait_reason(connection_closed, 1),
    ?assertMatch(#{level := warning, sender := <<"alice">>, receiver := <<"bob">>,
                   server := <<"localhost">>, direction := in, pool_name := <<"http_pool">>,
                   host_type := <<"localhost">>, attempts := 3, count := 1}, Line),
    Url = test_endpoint:url(endpoint(Config), "/webservice/notifications"),
    ?assertNotEqual(nomatch, string:find(Text, Url)).

a_rejected_notification_at_warning(_Config) ->
    module([#{path => "/n"}]),
    send(<<"alice">>, <<"hi">>),
    ?assertMatch(#{level := warning, sender := <<"alice">>, pool_name := <<"http_pool">>,
                   host_type := <<"localhost">>, attempts := 0, count := 1, text := _},
                 wait_reason(pool_not_started, 1)).

%% No line of ours has a body, a header value or an accumulator, however a notification ends.
nothing_secret_in_any_line(Config) ->
    {ok, _} = pool(Config, #{}),
    Secret = <<"5ecret">>,
    Entry = #{path => "/n", callback_module => pusher_callback,
              own_headers => [{<<"authorization">>, Secret}], body => Secret},
    Crash = fun() -> error({bad, Secret, [Secret]}) end,
    module([Entry, Entry#{own_headers => [{<<"authorization">>, <<Secret/binary, "\r\n">>}]},
            Entry#{own_headers => [{<<"authorization">>, [Secret | secret]}]},
            Entry#{own_headers => {Secret, Secret}}, Entry#{body => {Secret}}, Entry#{body => Crash},
            Entry#{should => Crash}, Entry#{pool_name => no_such_pool}]),
    send(<<"alice">>, Secret),
    wait_sent(1),
    test_endpoint:plan(endpoint(Config), "fault=close-before-head body=5ecret"),
    send(<<"alice">>, Secret),
    _ = wait_reason(connection_closed, 1),
    [_ = wait_reason(Reason, Count)
     || {Reason, Count} <- [{bad_header, 2}, {bad_headers, 4}, {bad_body, 2}, {callback_crashed, 4},
                            {pool_not_started, 2}]],
    Ours = [Entry1 || #{msg := #{what := What}} = Entry1 <- host_log:all(), is_ours(What)],
    ?assert(length(Ours) >= 7),
    [?assertEqual(nomatch, string:find(io_lib:format("~0tp", [Line]), Secret)) || Line <- Ours].

%% Each line includes those before it: the counts add up.
a_storm_is_a_line_a_second(Config) ->
    module(Config, #{workers => 20}),
    test_endpoint:listener(endpoint(Config), false),
    {Micros, _} = timer:tc(fun() ->
        [send(<<"user", (integer_to_binary(N rem 20))/binary>>, <<"hi">>) || N <- lists:seq(1, 3000)],
        _ = wait_reason(econnrefused, 3000)
    end),
    a_line_a_second(3000, Micros).

%% The first reporter rests, so that the others count most of it, and goes on while they do.
a_storm_of_several_reporters_is_a_line_a_second(Config) ->
    module(Config, #{workers => 20}),
    test_endpoint:listener(endpoint(Config), false),
    First = whereis(http_pusher_reporter),
    {Micros, _} = timer:tc(fun() ->
        true = erlang:suspend_process(First),
        [send(<<"user", (integer_to_binary(N rem 20))/binary>>, <<"hi">>) || N <- lists:seq(1, 3000)],
        {ok, _} = host_metrics:wait(<<"localhost">>, fun(#{failed := Failed}) -> Failed > 1000 end, 120000),
        true = erlang:resume_process(First),
        _ = wait_reason(econnrefused, 3000)
    end),
    a_line_a_second(3000, Micros).

a_line_a_second(Failed, Micros) ->
    ?assertEqual(#{econnrefused => Failed}, pusher_case:reasons()),
    Lines = length(host_log:what(event_pusher_http_req_failed)),
    ?assertWith(Lines =< Micros div 1000000 + 2, {Lines, Micros}).

reasons_and_pools_have_lines_of_their_own(Config) ->
    {ok, _} = pool(Config, #{}),
    {ok, _} = pusher_case:pool(other_pool, Config, #{host => "http://127.0.0.1:1"}),
    module([#{path => "/a"}, #{path => "/b", pool_name => other_pool},
            #{path => "/c", pool_name => no_such_pool}]),
    test_endpoint:plan(endpoint(Config), "fault=garbage"),
    [send(<<"alice">>, <<"hi">>) || _ <- lists:seq(1, 30)],
    Expected = #{invalid_response => 30, econnrefused => 30, pool_not_started => 30},
    ?assertEqual(Expected, wait(fun pusher_case:reasons/0, fun(R) -> R =:= Expected end)),
    ?assertEqual([{<<"http_pool">>, invalid_response}, {<<"no_such_pool">>, pool_not_started},
                  {<<"other_pool">>, econnrefused}],
                 lists:usort([{Pool, Reason} || #{pool_name := Pool, reason := Reason}
                                                    <- host_log:what(event_pusher_http_req_failed)])).

log_level_none_means_no_lines_for_notifications(Config) ->
    module(Config, #{}),
    send(<<"alice">>, <<"hi">>),
    wait_sent(1),
    test_endpoint:plan(endpoint(Config), "fault=garbage"),
    send(<<"alice">>, <<"hi">>),
    {ok, _} = host_metrics:wait(<<"localhost">>, fun(#{failed := F}) -> F =:= 1 end, 120000),
    ok = pusher_case:settle(),
    ?assertEqual([], host_log:what(event_pusher_http_req)),
    ?assertEqual([], host_log:what(event_pusher_http_req_failed)).

a_module_start_says_what_runs(Config) ->
    module(Config, #{workers => 3}),
    {ok, [Started]} = host_log:wait(http_pusher_started, 1, 120000),
    Generation = proplists:get_value(generation, Config),
    ?assertMatch(#{level := notice, host_type := <<"localhost">>, generation := Generation,
                   pools := [http_pool], handlers := 1, version := _, mongooseim := _}, Started),
    {ok, [Opened]} = host_log:wait(http_pusher_pool_opened, 1, 120000),
    ?assertMatch(#{level := notice, workers := 3, host := _, request_timeout := _}, Opened).

is_ours(What) ->
    Name = atom_to_list(What),
    lists:prefix("event_pusher_http", Name) orelse lists:prefix("http_pusher", Name).
