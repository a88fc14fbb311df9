%% Batches, from the host's configuration to the endpoint and the metrics. No verdict depends on how fast the
%% machine is: what waits for company does so for a minute.
-module(batch_SUITE).

-import(pusher_case, [module/1, bulk/2, received/1, wait_sent/1]).

-define(HOST, <<"localhost">>).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all().

groups() ->
    pusher_case:groups(
      [events_share_requests,
       a_stop_of_the_module_waits_for_no_company,
       with_the_other_options]).

init_per_testcase(_Case, Config) ->
    %% More than any machine takes for what a stop has to send.
    Started = pusher_case:start(Config, #{env => [{drain_timeout, 55000}]}),
    {ok, _} = pusher_case:pool(Started, #{workers => 4}),
    Started.

end_per_testcase(_Case, Config) ->
    pusher_case:finish(Config, uncounted).

%% Full batches go at once, and none that is not full: 500 events are five requests. Each event is counted.
events_share_requests(Config) ->
    module([#{path => "/n", format => json, batch => #{max_events => 100, linger => 60000}}]),
    [bulk(user(N), 50) || N <- lists:seq(1, 10)],
    wait_sent(500),
    ?assertMatch(#{failed := 0}, host_metrics:read(?HOST)),
    Requests = [events(Body) || #{body := Body} <- received(Config)],
    ?assertEqual([100, 100, 100, 100, 100], [length(Events) || Events <- Requests]),
    in_order(Requests, 10, 50).

%% What waits for company goes when the module is stopped, long before it would.
a_stop_of_the_module_waits_for_no_company(Config) ->
    module([#{path => "/n", format => json, batch => #{linger => 60000}}]),
    #{sent := Before, failed := Failed} = pusher_case:numbers(),
    [bulk(user(N), 5) || N <- lists:seq(1, 4)],
    ?assertEqual([], received(Config)),
    host_ctl:stop_module(?HOST),
    #{sent := Sent, failed := Failed} = pusher_case:numbers(),
    ?assertEqual(20, Sent - Before),
    Requests = [events(Body) || #{body := Body} <- received(Config)],
    ?assertEqual(20, lists:sum([length(Events) || Events <- Requests])),
    in_order(Requests, 4, 5).

%% Templates, retry and a limit, each event once.
with_the_other_options(Config) ->
    Batch = #{max_events => 20, linger => 50},
    module([#{path => "/retry", format => json, batch => Batch, success => [<<"2xx">>], retry => #{initial => 20, max => 200}},
            #{path => "/events", format => cloudevents, batch => Batch, rate => #{per_second => 1000}}]),
    [bulk(user(N), 20) || N <- lists:seq(1, 5)],
    wait_sent(200),
    [in_order([events(Body) || #{path := At, body := Body} <- received(Config), At =:= Path], 5, 20)
     || Path <- [<<"/retry">>, <<"/events">>]].

%%% What they share

user(N) ->
    <<"user", (integer_to_binary(N))/binary>>.

%% Sender and text of each event of a request.
events(Body) ->
    Event = "\"from\":\\{\"jid\":\"[^\"]*\",\"user\":\"([^\"]*)\"[^{}]*\\}.*?\"body\":\"([0-9]+)\"",
    {match, Events} = re:run(Body, Event, [global, dotall, {capture, all_but_first, binary}]),
    [{User, binary_to_integer(Text)} || [User, Text] <- Events].

in_order(Requests, Users, Count) ->
    Events = lists:append(Requests),
    ?assertEqual(Users * Count, length(Events)),
    [?assertEqual(lists:seq(1, Count), [Text || {User, Text} <- Events, User =:= user(N)])
     || N <- lists:seq(1, Users)].
