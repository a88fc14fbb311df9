%% Deliveries that are tried again, from the host's configuration to the endpoint: an outage and its end,
%% answers that are final, one notification that always fails, a stop in the middle, the same identity on
%% each attempt.
-module(retry_SUITE).

-import(pusher_case, [module/1, endpoint/1, send/2, bulk/2, messages/1, received/1, wait_sent/1, wait_reason/2,
                      wait/2]).

-define(HOST, <<"localhost">>).
-define(SUCCESS, [<<"2xx">>]).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all().

groups() ->
    pusher_case:groups(
      [an_outage_and_its_end,
       nothing_set_is_as_ever,
       final_answers,
       one_that_always_fails,
       retry_after,
       the_same_identity_on_each_attempt,
       handlers_do_not_hold_each_other,
       a_stop_in_the_middle]).

init_per_testcase(a_stop_in_the_middle, Config) ->
    start(pusher_case:start(Config, #{env => [{drain_timeout, 500}]}));
init_per_testcase(_Case, Config) ->
    start(pusher_case:start(Config, #{log => notice})).

%% More requests than three for each notification are no fault here.
start(Started) ->
    {ok, _} = pusher_case:pool(Started, #{workers => 5}),
    [{own_endpoints, true}, {counted_before, counted()} | Started].

end_per_testcase(a_stop_in_the_middle, Config) ->
    pusher_case:finish(Config, uncounted);
end_per_testcase(_Case, Config) ->
    pusher_case:finish(Config).

%% Nothing fails and nothing is lost; each lane is in order; one line says that the endpoint is down, and one
%% that it is back.
an_outage_and_its_end(Config) ->
    module([handler(#{})]),
    test_endpoint:plan(endpoint(Config), "status=503"),
    [bulk(user(N), 5) || N <- lists:seq(1, 20)],
    {ok, [Down]} = host_log:wait(http_pusher_endpoint_down, 1, 120000),
    Url = list_to_binary(test_endpoint:url(endpoint(Config), "/n")),
    ?assertMatch(#{level := warning, pool := <<"global/http_pool">>, url := Url, since := <<_:4/binary, "-", _/binary>>,
                   waiting := Waiting, reason := _} when Waiting > 0, Down),
    #{reason := Reason} = Down,
    ?assertNotEqual(nomatch, string:find(Reason, "the endpoint answered 503 Service Unavailable")),
    #{endpoints := Endpoints, postponed := Postponed, waiting := Later} =
        wait(fun metrics/0, fun(#{postponed := P}) -> P > 0 end),
    ?assertMatch([{Url, Age, 100}] when is_integer(Age), Endpoints),
    ?assert(Postponed + Later =< 100),
    ?assertMatch(#{sent := 0, failed := 0}, host_metrics:read(?HOST)),
    Table = unicode:characters_to_list(http_pusher_pool_table:pools(http_pusher_nif:pools(), [metrics()], [])),
    ?assertNotEqual(nomatch, string:find(Table, "has been down for")),
    test_endpoint:reset_plans(endpoint(Config)),
    wait_sent(100),
    ?assertMatch(#{failed := 0}, host_metrics:read(?HOST)),
    {ok, [Up]} = host_log:wait(http_pusher_endpoint_up, 1, 120000),
    #{waiting := Waited, down_ms := Ms} = Up,
    ?assertMatch(#{level := notice, url := Url}, Up),
    ?assert(Ms > 0),
    %% The other lanes may go on before this is counted, so that any number may have been sent by then.
    ?assert(Waited =< 100),
    ?assertMatch(#{endpoints := [{Url, undefined, 0}], postponed := 0}, metrics()),
    ?assertMatch(#{outages := 1}, counted(Config)),
    First = first_arrivals(messages(Config)),
    [?assertEqual([integer_to_binary(N) || N <- lists:seq(1, 5)],
                  [Text || {Sender, Text} <- First, Sender =:= user(S)]) || S <- lists:seq(1, 20)].

%% A 503 counts as sent, with one attempt.
nothing_set_is_as_ever(Config) ->
    module([#{path => "/n"}]),
    test_endpoint:plan(endpoint(Config), "status=503"),
    bulk(<<"alice">>, 3),
    wait_sent(3),
    ?assertMatch(#{received := 3}, test_endpoint:stats(endpoint(Config))),
    ?assertMatch(#{retries := 0, outages := 0}, counted(Config)),
    ?assertMatch(#{endpoints := [], postponed := 0}, metrics()).

final_answers(Config) ->
    module([handler(#{})]),
    Statuses = ["301", "404", "410"],
    lists:foreach(fun(Status) ->
                          test_endpoint:plan(endpoint(Config), "status=" ++ Status, #{next => 1}),
                          Count = length(received(Config)),
                          send(<<"alice">>, list_to_binary(Status)),
                          _ = wait(fun() -> length(received(Config)) end, fun(Now) -> Now > Count end)
                  end, Statuses),
    #{failed := 3} = wait(fun() -> host_metrics:read(?HOST) end, fun(#{failed := Failed}) -> Failed =:= 3 end),
    _ = wait_reason(bad_status, 3),
    Texts = [Text || #{reason := bad_status, text := Text} <- host_log:what(event_pusher_http_req_failed)],
    ?assertMatch([_ | _], Texts),
    ?assertNotEqual(nomatch, string:find(iolist_to_binary([Texts, last_failure()]), "wants no more notifications")),
    ?assertMatch(#{received := 3}, test_endpoint:stats(endpoint(Config))).

%% Its lane goes on with the next one, and the endpoint is not down: others are served.
one_that_always_fails(Config) ->
    File = filename:join(proplists:get_value(priv_dir, Config), "body"),
    ok = file:write_file(File, "{{ data.body }}"),
    module([(handler(#{alone => 2}))#{path => "/of/{{ data.from.user }}", format => template, content_type => <<"text/plain">>,
                                      template_file => unicode:characters_to_binary(File)}]),
    test_endpoint:plan(endpoint(Config), "status=500", #{path => "/of/mallory"}),
    send(<<"mallory">>, <<"poison">>),
    _ = wait(fun() ->
                     send(<<"alice">>, <<"fine">>),
                     timer:sleep(20),
                     host_metrics:read(?HOST)
             end, fun(#{failed := Failed}) -> Failed =:= 1 end),
    #{text := Text, sender := <<"mallory">>} = wait_reason(poisoned, 1),
    ?assertNotEqual(nomatch, string:find(Text, "the endpoint answered 500")),
    test_endpoint:reset_plans(endpoint(Config)),
    send(<<"mallory">>, <<"after">>),
    _ = wait(fun() -> [1 || #{body := <<"after">>} <- received(Config)] end, fun(Arrived) -> Arrived =:= [1] end),
    ?assertEqual([], host_log:what(http_pusher_endpoint_down)).

%% Seconds that are longer than max are max.
retry_after(Config) ->
    module([handler(#{max => 300})]),
    test_endpoint:plan(endpoint(Config), "status=429 header=retry-after:100000", #{next => 1}),
    send(<<"alice">>, <<"hi">>),
    wait_sent(1),
    [#{micros := First}, #{micros := Second}] = received(Config),
    ?assert(Second - First >= 300000).

the_same_identity_on_each_attempt(Config) ->
    File = filename:join(proplists:get_value(priv_dir, Config), "secrets"),
    ok = file:write_file(File, ["whsec_", base64:encode(<<"a key of more than 24 bytes">>), $\n]),
    module([(handler(#{}))#{signing => #{secret_file => unicode:characters_to_binary(File)}}]),
    test_endpoint:plan(endpoint(Config), "status=503", #{next => 4}),
    send(<<"alice">>, <<"one">>),
    send(<<"alice">>, <<"two">>),
    wait_sent(2),
    Ids = [Id || #{headers := Headers} <- received(Config), {<<"webhook-id">>, Id} <- Headers],
    [A, A, A, A, A, B] = Ids,
    ?assertNotEqual(A, B),
    Texts = [pusher_case:field(<<"message">>, Request) || Request <- received(Config)],
    ?assertEqual([<<"one">>, <<"one">>, <<"one">>, <<"one">>, <<"one">>, <<"two">>], Texts).

%% The same sender's notifications for another handler are delivered meanwhile.
handlers_do_not_hold_each_other(Config) ->
    module([handler(#{}), (handler(#{}))#{path => "/other"}, #{path => "/plain"}]),
    test_endpoint:plan(endpoint(Config), "status=503", #{path => "/n"}),
    bulk(<<"alice">>, 10),
    wait_sent(20),
    Expected = [{<<"alice">>, integer_to_binary(N)} || N <- lists:seq(1, 10)],
    [?assertEqual(Expected, of_path(Config, Path)) || Path <- [<<"/other">>, <<"/plain">>]],
    ?assertEqual([{<<"alice">>, <<"1">>}],
                 lists:usort(wait(fun() -> of_path(Config, <<"/n">>) end, fun(Received) -> Received =/= [] end))),
    test_endpoint:reset_plans(endpoint(Config)),
    wait_sent(30).

%% What is postponed at the end of the drain time fails with shutdown.
a_stop_in_the_middle(Config) ->
    module([handler(#{})]),
    test_endpoint:plan(endpoint(Config), "status=503"),
    [bulk(user(N), 3) || N <- lists:seq(1, 10)],
    _ = wait(fun metrics/0, fun(#{postponed := Postponed}) -> Postponed > 0 end),
    Began = erlang:monotonic_time(millisecond),
    host_ctl:stop_module(?HOST),
    ?assert(erlang:monotonic_time(millisecond) - Began >= 500),
    #{failed := 30, sent := 0} =
        pusher_case:wait_numbers(Config, fun(#{pending := Pending}) -> Pending =:= 0 end),
    ?assertEqual([shutdown], maps:keys(pusher_case:reasons())),
    _ = wait(fun metrics/0, fun(#{postponed := Postponed, waiting := Waiting}) -> {Postponed, Waiting} =:= {0, 0} end).

%%% What they share

handler(Retry) ->
    #{path => "/n", success => ?SUCCESS, retry => maps:merge(#{initial => 20, max => 200}, Retry)}.

user(N) ->
    <<"user", (integer_to_binary(N))/binary>>.

metrics() ->
    {Pools, _} = http_pusher_nif:metrics(),
    [Pool] = [Pool || #{name := <<"global/http_pool">>} = Pool <- Pools],
    Pool.

%% Since the case began.
counted(Config) ->
    Before = proplists:get_value(counted_before, Config),
    maps:map(fun(Key, Value) -> Value - maps:get(Key, Before) end, counted()).

counted() ->
    {Pools, _} = http_pusher_nif:metrics(),
    case [Pool || #{name := <<"global/http_pool">>} = Pool <- Pools] of
        [Pool] -> maps:with([retries, outages], Pool);
        [] -> #{retries => 0, outages => 0}
    end.

last_failure() ->
    #{last_failure := {_, _, Text, _}} = metrics(),
    Text.

%% Each message once, where it came first.
first_arrivals(Messages) ->
    lists:reverse(lists:foldl(fun(Message, Seen) ->
                                      case lists:member(Message, Seen) of
                                          true -> Seen;
                                          false -> [Message | Seen]
                                      end
                              end, [], Messages)).

of_path(Config, Path) ->
    [{pusher_case:field(<<"author">>, Request), pusher_case:field(<<"message">>, Request)}
     || Request = #{path := At} <- received(Config), At =:= Path].
