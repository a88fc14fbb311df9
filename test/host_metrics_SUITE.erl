%% The metrics of the stand-in hosts behave as those of the real ones do; host_SUITE says how that is known.
-module(host_metrics_SUITE).

-include("support/host_suite.hrl").

all() ->
    [{group, v5_0}, {group, v6_5}, {group, v6_9}].

groups() ->
    [{v5_0, [sequence], [metrics_are_updated]},
     {v6_5, [sequence], [metrics_are_updated, execute_raises_once_torn_down, back_ends_of_metrics]},
     {v6_9, [sequence], [metrics_are_updated]}].

init_per_testcase(Case, Config) ->
    Options = case Case of
                  back_ends_of_metrics -> #{handlers => [exometer], record => false};
                  _ -> #{}
              end,
    ok = host_ctl:start(generation(Config), Options),
    Config.

metrics_are_updated(Config) ->
    case layout(Config) of
        v5_0 ->
            Sent = [mod_event_pusher_http, sent],
            ?assertEqual({error, not_found}, mongoose_metrics:update(?HOST, Sent, 1)),
            ok = mongoose_metrics:ensure_metric(?HOST, Sent, spiral),
            ok = mongoose_metrics:ensure_metric(?HOST, [mod_event_pusher_http, response_time], histogram),
            ?assertEqual({ok, already_present}, mongoose_metrics:ensure_metric(?HOST, Sent, spiral)),
            ?assertError(_, mongoose_metrics:ensure_metric(?HOST, Sent, histogram)),
            ok = mongoose_metrics:update(?HOST, Sent, 1),
            ok = mongoose_metrics:update(?HOST, Sent, 1),
            ok = mongoose_metrics:update(?HOST, [mod_event_pusher_http, response_time], 42),
            ?assertEqual({ok, [{count, 2}, {one, 2}]}, mongoose_metrics:get_metric_value(?HOST, Sent)),
            ok = host_metrics:fail_updates(true),
            ?assertError(badarg, mongoose_metrics:update(?HOST, Sent, 1)),
            ok = host_metrics:fail_updates(false);
        v6_5 ->
            set_up_sent(),
            execute_sent(#{count => 1, response_time => 42, sender => <<"a">>}),
            execute_sent(#{count => 1, sender => <<"a">>}),
            ?assertMatch([{mod_event_pusher_http_sent, _, #{response_time := 42}}, {_, _, _}],
                         host_metrics:events()),
            execute_sent(#{count => not_a_number}),
            ?assertMatch([#{level := error}], host_log:what(event_handler_failed))
    end,
    ?assertMatch({ok, #{sent := 2, failed := 0, response_times := [42]}},
                 host_metrics:wait(?HOST, fun(#{sent := N}) -> N =:= 2 end, 60000)),
    ok = host_metrics:reset(?HOST),
    ?assertMatch({ok, #{sent := 0}},
                 host_metrics:wait(?HOST, fun(#{sent := N}) -> N =:= 0 end, 60000)).

execute_raises_once_torn_down(_Config) ->
    ?assertError(#{what := event_not_registered, event_name := mod_event_pusher_http_sent},
                 execute_sent(#{count => 1})),
    set_up_sent(),
    ?assertError(#{what := event_already_registered}, set_up_sent()),
    ?assertError(#{what := inconsistent_labels},
                 mongoose_instrument:set_up(mod_event_pusher_http_sent, #{}, #{})),
    ok = execute_sent(#{count => 1}),
    ok = mongoose_instrument:tear_down(sent_spec()),
    ok = mongoose_instrument:tear_down(sent_spec()),
    ?assertError(#{what := event_not_registered}, execute_sent(#{count => 1})).

back_ends_of_metrics(_Config) ->
    set_up_sent(),
    ok = execute_sent(#{count => 1, response_time => 7}),
    ?assertEqual({ok, [{count, 1}, {one, 1}]},
                 exometer:get_value([?HOST, mod_event_pusher_http_sent, count])),
    ?assertEqual(#{sent => 1, failed => 0, response_times => []}, host_metrics:read(?HOST)).

%%% Helpers

sent_spec() ->
    [{mod_event_pusher_http_sent, #{host_type => ?HOST},
      #{metrics => #{count => spiral, failure_count => spiral, response_time => histogram}}}].

set_up_sent() ->
    mongoose_instrument:set_up(sent_spec()).

execute_sent(Measurements) ->
    mongoose_instrument:execute(mod_event_pusher_http_sent, #{host_type => ?HOST}, Measurements).
