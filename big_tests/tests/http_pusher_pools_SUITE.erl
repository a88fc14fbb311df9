%% @doc Slow endpoints, order, and pools and modules that come and go, in a real MongooseIM node.
-module(http_pusher_pools_SUITE).

-import(http_pusher_endpoint_helper, [answer/2, form/1, closed_address/0, requests/0, wait_for_requests/1,
                                      wait_for_requests/2, wait_until/3]).
-import(http_pusher_module_helper, [set_handlers/1, start_pool/2, stop_pool/1, stop_pusher/0]).
-import(http_pusher_node_helper, [counts/0, difference/2, wait_for_more/2]).
-import(http_pusher_user_helper, [chat/3, chat_is_notified_first/1, story/2, user/1]).

-include("http_pusher_suite.hrl").

all() ->
    [{group, endpoints}, {group, changes}].

groups() ->
    [{endpoints, [], [slow_endpoint_does_not_slow_chat_down,
                      session_that_waits_for_the_outcome,
                      order_of_500_messages_of_each_sender]},
     {changes, [], [pool_restarted_under_traffic,
                    pool_moved_to_another_host,
                    pools_that_live_for_a_moment,
                    no_pool,
                    module_stopped_with_pending_notifications,
                    module_stopped_with_a_dead_endpoint]}].

%%% Slow endpoints, order

slow_endpoint_does_not_slow_chat_down(Config) ->
    Delay = 2000,
    start_pool(http_pool, #{request_timeout => 10000, workers => 100, call_timeout => 15000}),
    set_handlers([#{}]),
    answer(default, #{delay => Delay}),
    story(Config, fun(Alice, Bob) ->
        Times = [timed_chat(From, To) || _ <- lists:seq(1, 25),
                                         {From, To} <- [{Alice, Bob}, {Bob, Alice}]],
        Sorted = lists:sort(Times),
        Median = lists:nth(25, Sorted),
        ct:pal("delivery of 50 messages while the endpoint takes ~b ms: median ~.1f ms, longest ~.1f ms",
               [Delay, Median / 1000, lists:last(Sorted) / 1000]),
        %% One that had waited for the endpoint would have taken its two seconds.
        ?assert(Median < 100 * 1000),
        ?assert(lists:last(Sorted) < Delay * 1000 div 2),
        %% The chat may be over before the first request is there.
        wait_until(fun() -> requests() =/= [] end, a_request, 10000)
    end).

session_that_waits_for_the_outcome(Config) ->
    start_pool(http_pool, #{}),
    set_handlers([#{wait => 5000}]),
    chat_is_notified_first(Config).

order_of_500_messages_of_each_sender(Config) ->
    Count = 500,
    start_pool(http_pool, #{workers => 20, request_timeout => 5000}),
    set_handlers([#{}]),
    answer(default, #{delay => {random, 5}}),
    Before = counts(),
    story(Config, fun(Alice, Bob) ->
        lists:foreach(fun(N) ->
                              escalus:send(Alice, escalus_stanza:chat_to(Bob, integer_to_binary(N))),
                              escalus:send(Bob, escalus_stanza:chat_to(Alice, integer_to_binary(N)))
                      end, lists:seq(1, Count)),
        wait_for_requests(2 * Count, 120000),
        Forms = [form(Request) || Request <- requests()],
        [?assertEqual(lists:seq(1, Count),
                      [binary_to_integer(Text) || #{<<"author">> := Author, <<"message">> := Text}
                                                      <- Forms, Author =:= user(Sender)])
         || Sender <- [Alice, Bob]]
    end),
    wait_for_more(Before, #{sent => 2 * Count}).

%%% Pools and modules that come and go

pool_restarted_under_traffic(Config) ->
    Count = 300,
    start_pool(http_pool, #{}),
    set_handlers([#{}]),
    answer(default, #{delay => {random, 10}}),
    Before = counts(),
    story(Config, fun(Alice, Bob) ->
        Restarter = spawn_monitor(fun() ->
            [begin
                 timer:sleep(200),
                 stop_pool(http_pool),
                 timer:sleep(20),
                 start_pool(http_pool, #{workers => 5 + N})
             end || N <- lists:seq(1, 5)]
        end),
        lists:foreach(fun(N) ->
                              escalus:send(Alice, escalus_stanza:chat_to(Bob, integer_to_binary(N))),
                              timer:sleep(5)
                      end, lists:seq(1, Count)),
        {Pid, Ref} = Restarter,
        receive {'DOWN', Ref, process, Pid, Reason} -> ?assertEqual(normal, Reason) end
    end),
    %% Each one has one outcome.
    wait_until(fun() -> difference(Before, sent) + difference(Before, failed) >= Count end,
               outcomes, 20000),
    timer:sleep(500),
    Sent = difference(Before, sent),
    Failed = difference(Before, failed),
    ct:pal("~b sent, ~b failed while the pool was away", [Sent, Failed]),
    ?assertEqual(Count, Sent + Failed),
    Texts = [maps:get(<<"message">>, form(Request)) || Request <- requests()],
    ?assertEqual(Sent, length(lists:usort(Texts))),
    ?assert(Sent > Count div 2).

pool_moved_to_another_host(Config) ->
    start_pool(http_pool, #{host => closed_address()}),
    set_handlers([#{}]),
    Before = counts(),
    story(Config, fun(Alice, Bob) ->
        chat(Alice, Bob, <<"to a closed port">>),
        wait_for_more(Before, #{failed => 1}),
        stop_pool(http_pool),
        start_pool(http_pool, #{}),
        chat(Alice, Bob, <<"to the endpoint">>),
        [Request] = wait_for_requests(1),
        ?assertMatch(#{<<"message">> := <<"to the endpoint">>}, form(Request))
    end),
    wait_for_more(Before, #{sent => 1, failed => 1}).

%% What came while a pool lived is delivered, whatever was known of the pool when it ended.
pools_that_live_for_a_moment(Config) ->
    Count = 50,
    set_handlers([#{}]),
    Before = counts(),
    story(Config, fun(Alice, Bob) ->
        Texts = [begin
                     start_pool(http_pool, #{}),
                     Text = integer_to_binary(N),
                     chat(Alice, Bob, Text),
                     stop_pool(http_pool),
                     Text
                 end || N <- lists:seq(1, Count)],
        wait_for_more(Before, #{sent => Count}),
        ?assertEqual(lists:sort(Texts), lists:sort([maps:get(<<"message">>, form(R)) || R <- requests()]))
    end).

no_pool(Config) ->
    set_handlers([#{}]),
    Before = counts(),
    story(Config, fun(Alice, Bob) -> chat(Alice, Bob, <<"Hi!">>) end),
    wait_for_more(Before, #{failed => 1}).

%% What was accepted before the module stops is delivered before it has stopped.
module_stopped_with_pending_notifications(Config) ->
    start_pool(http_pool, #{workers => 5, request_timeout => 5000}),
    set_handlers([#{}]),
    answer(default, #{delay => 200}),
    story(Config, fun(Alice, Bob) ->
        [chat(Alice, Bob, integer_to_binary(N)) || N <- lists:seq(1, 10)],
        ?assert(length(requests()) < 10),
        stop_pusher(),
        ?assertEqual(10, length(requests())),
        chat(Alice, Bob, <<"not notified">>),
        timer:sleep(500),
        ?assertEqual(10, length(requests()))
    end).

module_stopped_with_a_dead_endpoint(Config) ->
    start_pool(http_pool, #{workers => 5, request_timeout => 60000, call_timeout => 120000}),
    set_handlers([#{}]),
    answer(default, #{delay => 100000}),
    story(Config, fun(Alice, Bob) ->
        [chat(Alice, Bob, integer_to_binary(N)) || N <- lists:seq(1, 10)],
        wait_for_requests(1),
        {Micros, ok} = timer:tc(fun() -> stop_pusher() end),
        ct:pal("the module stopped in ~b ms", [Micros div 1000]),
        ?assert(Micros < 15 * 1000 * 1000),
        chat(Alice, Bob, <<"chat goes on">>)
    end).

%%% Helpers

timed_chat(From, To) ->
    Text = integer_to_binary(erlang:unique_integer([positive])),
    {Micros, ok} = timer:tc(fun() -> chat(From, To, Text) end),
    Micros.
