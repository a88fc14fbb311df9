%% What mongoose_http_pusher:pools() prints.
-module(shell_SUITE).


-import(pusher_case, [endpoint/1, send/2, bulk/2, wait/2]).
-import(gauges, [tag/1, pool/2, handlers/2, stalled/2, user/1, await/3, await_rejected/3, scrape/1]).

-define(SECRETS, ["Bearer of-bad-news", "of-bad-news", "body that nobody may read"]).
-define(PASSWORD, "key-to-the-key").

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all().

groups() ->
    pusher_case:groups([shows_a_pool,
                        shows_pools_that_do_not_run,
                        shows_no_secret,
                        says_what_to_do_when_the_application_is_down]).

init_per_testcase(Case, Config) ->
    pusher_case:start(gauges:tag(Case, Config), #{handlers => [exometer, prometheus]}).

end_per_testcase(says_what_to_do_when_the_application_is_down, Config) ->
    pusher_case:finish(Config, uncounted);
end_per_testcase(_Case, Config) ->
    pusher_case:finish(Config).

shows_a_pool(Config) ->
    stalled(Config, #{workers => 2, path_prefix => "/webservice", call_timeout => 60000,
                      request_timeout => 30000}),
    test_endpoint:plan(endpoint(Config), "fault=close-before-head", #{next => 3}),
    send(<<"alice">>, <<"this one fails">>),
    await(Config, failed, 1),
    [bulk(user(N), 2) || N <- lists:seq(1, 2)],
    await(Config, in_flight, 2),
    await(Config, waiting, 2),
    Block = block(Config, shell()),
    Url = test_endpoint:url(endpoint(Config)),
    [?assertEqual({Pattern, match}, {Pattern, re:run(Block, Pattern, [{capture, none}])})
     || Pattern <- [" open ",
                    " endpoint " ++ Url ++ "/webservice ",
                    " settings 2 workers, request_timeout 30 s, call_timeout 1 min 0 s ",
                    " now 2 in flight, 2 waiting, 4 pending with [0-9.]+ (bytes|KiB) - ALL WORKERS ARE BUSY ",
                    " oldest waiting for [0-9.]+ m?s ",
                    " counted 0 sent, 1 failed, 2 retries ",
                    " rejected none ",
                    " queue time mean [0-9.]+ m?s, longest [0-9.]+ m?s, of 3 started ",
                    " last failure [0-9.]+ m?s ago: connection_closed after 3 attempts. POST ",
                    " POST " ++ Url ++ "/webservice/n:"]],
    [?assert(length(Line) =< 80 orelse length(string:lexemes(Line, " ")) =:= 1, Line)
     || Line <- string:split(shell(), "\n", all)].

shows_pools_that_do_not_run(Config) ->
    Tag = tag(Config),
    {ok, _} = pool(Config, #{host => "ftp://127.0.0.1"}),
    handlers(Config, [#{path => "/n"}, #{path => "/m", pool_name => no_such_pool}]),
    {ok, _} = host_log:wait(http_pusher_pool_config, 1, 120000),
    send(<<"alice">>, <<"hi">>),
    await_rejected(Tag, pool_config, 1),
    Text = shell(),
    Block = block(Config, Text),
    ?assertMatch({match, _}, re:run(Block, "BROKEN, its options cannot be used ")),
    ?assertMatch({match, _}, re:run(Block, " why connection.host")),
    ?assertMatch({match, _}, re:run(Block, " rejected pool_config 1 ")),
    ?assertMatch({match, _}, re:run(Text, "before they came to a pool.*\n"
                                          "(  .*\n)*  localhost, no_such_pool: pool_not_started [0-9,]+\n")),
    %% Spare pools, and the look-ups that the host does first, are not shown as pools.
    ?assertEqual(nomatch, string:find(Text, "localhost/" ++ atom_to_list(Tag))),
    ?assertEqual(nomatch, string:find(Text, "global/no_such_pool")),
    ok = host_ctl:stop_pool(global, Tag),
    {ok, _} = pool(Config, #{}),
    send(<<"alice">>, <<"hi">>),
    await(Config, sent, 1),
    ok = host_ctl:stop_pool(global, Tag),
    %% Its time to drain is over; its counters are still shown.
    _ = wait(fun() -> block(Config, shell()) end,
             fun(Now) -> string:find(Now, "not started, the host runs no such pool") =/= nomatch end),
    ?assertMatch({match, _}, re:run(block(Config, shell()), " counted 1 sent")).

shows_no_secret(Config) ->
    Tls = case proplists:get_value(generation, Config) of
              v5_0 -> [{password, ?PASSWORD}, {verify, verify_none}];
              v6_5 -> #{password => ?PASSWORD, verify_mode => none}
          end,
    [Bearer, _, Body] = ?SECRETS,
    {ok, _} = pool(Config, #{host => "https://127.0.0.1:1", tls => Tls}),
    handlers(Config, [#{path => "/n", callback_module => pusher_callback,
                        own_headers => [{<<"authorization">>, list_to_binary(Bearer)}]}]),
    send(<<"alice">>, list_to_binary(Body)),
    await(Config, failed, 1),
    Text = shell(),
    ?assertMatch({match, _}, re:run(block(Config, Text), "ago: econnrefused after 1 attempt")),
    [?assertEqual(nomatch, string:find(All, Secret))
     || Secret <- [?PASSWORD | ?SECRETS],
        All <- [Text, scrape(Config), io_lib:format("~p", [http_pusher_nif:pools()]),
                io_lib:format("~p", [http_pusher_metrics:read()])]].

says_what_to_do_when_the_application_is_down(Config) ->
    {ok, _} = pool(Config, #{}),
    handlers(Config, [#{path => "/n"}]),
    host_ctl:stop_module(<<"localhost">>),
    ok = application:stop(mongoose_http_pusher),
    Text = shell(),
    [?assertNotEqual(nomatch, string:find(Text, Part))
     || Part <- ["does not run", "engine_down", "The library is there: ", "install --check",
                 "application:ensure_all_started(mongoose_http_pusher)"]].

shell() ->
    ok = ct:capture_start(),
    ok = mongoose_http_pusher:pools(),
    ok = ct:capture_stop(),
    lists:flatten(ct:capture_get([])).

%% The block of the case's pool as one line, with one space between words.
block(Config, Text) ->
    Name = "global/" ++ atom_to_list(tag(Config)) ++ ":",
    [Block] = [B || B <- string:split(Text, "\n\n", all), string:prefix(B, Name) =/= nomatch],
    lists:flatten(lists:join($\s, string:lexemes(Block, " \n"))) ++ " ".
