%% A limit of a handler's requests, from the host's configuration to the endpoint. No verdict depends on how
%% fast the machine is: the limit says how long something takes at least.
-module(rate_SUITE).

-import(pusher_case, [module/1, bulk/2, received/1, wait_sent/1, wait/2]).

-define(HOST, <<"localhost">>).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all().

groups() ->
    pusher_case:groups(
      [a_burst_and_then_the_rate,
       another_handler_does_not_wait,
       a_stop_of_the_module]).

init_per_testcase(a_burst_and_then_the_rate, Config) ->
    start(Config, 5000);
init_per_testcase(_Case, Config) ->
    start(Config, 500).

start(Config, DrainTimeout) ->
    Started = pusher_case:start(Config, #{env => [{drain_timeout, DrainTimeout}]}),
    {ok, _} = pusher_case:pool(Started, #{workers => 20}),
    Started.

end_per_testcase(a_burst_and_then_the_rate, Config) ->
    pusher_case:finish(Config);
end_per_testcase(_Case, Config) ->
    pusher_case:finish(Config, uncounted).

%% 10 at once, 100 at 40 a second: no sooner than in two and a half seconds.
a_burst_and_then_the_rate(Config) ->
    module([#{path => "/n", rate => #{per_second => 40, burst => 10}}]),
    Began = erlang:monotonic_time(millisecond),
    [bulk(user(N), 10) || N <- lists:seq(1, 11)],
    wait_sent(110),
    ?assert(erlang:monotonic_time(millisecond) - Began >= 2500),
    ?assertMatch(#{failed := 0}, host_metrics:read(?HOST)),
    ?assertMatch(#{limited := 0}, wait(fun metrics/0, fun(#{waiting := Waiting}) -> Waiting =:= 0 end)),
    Messages = pusher_case:messages(Config),
    [?assertEqual([integer_to_binary(N) || N <- lists:seq(1, 10)],
                  [Text || {Sender, Text} <- Messages, Sender =:= user(S)]) || S <- lists:seq(1, 11)].

%% The same senders and the same URL, but for the path. Gauge and table say what waits.
another_handler_does_not_wait(Config) ->
    module([#{path => "/slow", rate => #{per_second => 1}}, #{path => "/plain"}]),
    bulk(<<"alice">>, 100),
    #{limited := Limited} = wait(fun metrics/0, fun(#{limited := Now}) -> Now > 0 end),
    ?assert(Limited =< 100),
    ok = shown(),
    Count = fun(Path) -> length([1 || #{path := At} <- received(Config), At =:= Path]) end,
    _ = wait(fun() -> Count(<<"/plain">>) end, fun(Plain) -> Plain =:= 100 end),
    ?assert(Count(<<"/slow">>) < 100),
    host_ctl:stop_module(?HOST).

%% What has not had its turn at the end of the drain time fails with shutdown.
a_stop_of_the_module(Config) ->
    module([#{path => "/n", rate => #{per_second => 1, burst => 3}}]),
    [bulk(user(N), 2) || N <- lists:seq(1, 100)],
    Began = erlang:monotonic_time(millisecond),
    host_ctl:stop_module(?HOST),
    ?assert(erlang:monotonic_time(millisecond) - Began >= 500),
    #{failed := Failed, sent := Sent} =
        pusher_case:wait_numbers(Config, fun(#{pending := Pending}) -> Pending =:= 0 end),
    ?assertEqual(200, Failed + Sent),
    ?assert(Failed > 0),
    ?assertEqual([shutdown], maps:keys(pusher_case:reasons())),
    %% A request that is on its way at the end fails, too.
    ?assertWith(length(received(Config)) >= Sent, {Sent, received(Config)}).

%%% What they share

user(N) ->
    <<"user", (integer_to_binary(N))/binary>>.

metrics() ->
    {Pools, _} = http_pusher_nif:metrics(),
    [Pool] = [Pool || #{name := <<"global/http_pool">>} = Pool <- Pools],
    Pool.

%% The table for the shell, at a moment at which the limit is reached.
shown() ->
    Said = fun() ->
                   Table = http_pusher_pool_table:pools(http_pusher_nif:pools(), [metrics()], []),
                   string:find(unicode:characters_to_list(Table), "are for handlers whose rate is reached")
           end,
    _ = wait(Said, fun(Found) -> Found =/= nomatch end),
    ok.
