%% The setting and the option `wait': a session goes on when its notification is in the metrics, or when it
%% has waited long enough, and then receives nothing later. The reporter that answers it: wait_reporter_SUITE.
-module(wait_SUITE).

-import(pusher_case, [module/1, module/2, pool/3, endpoint/1, send/2]).

-define(HOST, <<"localhost">>).
-define(REPORTER, http_pusher_reporter).
%% Longer than any case takes.
-define(LONG, 60000).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all([v5_0, v6_5, v6_9]).

groups() ->
    pusher_case:groups(
      [the_metric_is_there_when_the_session_goes_on,
       a_failure_is_in_the_metrics_too,
       a_rejection_is_in_the_metrics_too,
       a_session_goes_on_after_the_time,
       a_late_answer_goes_nowhere,
       zero_waits_for_nothing,
       the_handlers_own_option_goes_before_the_setting,
       all_handlers_are_waited_for_together,
       a_killed_session_leaves_nothing_behind,
       an_engine_that_ends_answers,
       without_the_application_nothing_is_waited_for,
       other_sessions_go_on],
      [v5_0, v6_5])
        ++ pusher_case:groups([the_metric_is_there_when_the_session_goes_on,
                               a_handler_that_crashes_leaves_no_answer_behind], [v6_9]).

init_per_testcase(Case, Config) ->
    Default = case Case of
                  zero_waits_for_nothing -> [];
                  other_sessions_go_on -> [];
                  _ -> [{wait, ?LONG}]
              end,
    pusher_case:start(Config, #{env => Default}).

%% In these the engine ends before the metrics have all of them.
end_per_testcase(Case, Config) ->
    Uncounted = [an_engine_that_ends_answers, without_the_application_nothing_is_waited_for],
    case lists:member(Case, Uncounted) of
        true -> pusher_case:finish(Config, uncounted);
        false -> pusher_case:finish(Config)
    end.

%% As after each call of the stock module.
the_metric_is_there_when_the_session_goes_on(Config) ->
    module(Config, #{}),
    test_endpoint:plan(endpoint(Config), "status=200 delay=0-20 seed=5"),
    [begin
         send(<<"alice">>, integer_to_binary(N)),
         ?assertMatch({N, #{sent := N}}, {N, host_metrics:read(?HOST)})
     end || N <- lists:seq(1, 50)],
    ?assertEqual([], flush()).

a_failure_is_in_the_metrics_too(Config) ->
    module(Config, #{}),
    test_endpoint:plan(endpoint(Config), "fault=close-before-head"),
    [begin
         send(<<"alice">>, <<"hi">>),
         ?assertMatch({N, #{failed := N, sent := 0}}, {N, host_metrics:read(?HOST)})
     end || N <- lists:seq(1, 5)],
    ?assertEqual([], flush()).

%% Rejected by the engine, before the engine, and by the callback module.
a_rejection_is_in_the_metrics_too(Config) ->
    {ok, _} = pool(http_pool, Config, #{}),
    module([#{path => "/n", callback_module => pusher_callback, body => not_iodata},
            #{path => "/n", callback_module => pusher_callback, own_headers => [{"a b", "c"}]},
            #{path => "/n", callback_module => pusher_callback, should => fun() -> error(crash) end},
            #{path => "/n", pool_name => no_such_pool}]),
    [begin
         send(<<"alice">>, <<"hi">>),
         ?assertMatch({N, #{failed := Failed}} when Failed =:= 4 * N, {N, host_metrics:read(?HOST)})
     end || N <- lists:seq(1, 5)],
    ?assertEqual([], flush()).

a_session_goes_on_after_the_time(Config) ->
    {ok, _} = pool(http_pool, Config, #{}),
    module([#{path => "/n", wait => 300}]),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    {Micros, _} = timer:tc(fun() -> send(<<"alice">>, <<"hi">>) end),
    ?assert(Micros >= 300000),
    ?assert(Micros < ?LONG * 1000),
    ?assertMatch(#{pending := 1}, numbers(Config)).

a_late_answer_goes_nowhere(Config) ->
    {ok, _} = pool(http_pool, Config, #{workers => 1}),
    module([#{path => "/n", wait => 1}]),
    test_endpoint:plan(endpoint(Config), "status=200 delay=0-3 seed=11"),
    [send(<<"alice">>, integer_to_binary(N)) || N <- lists:seq(1, 200)],
    pusher_case:wait_sent(200),
    ok = pusher_case:settle(),
    ?assertEqual([], flush()).

zero_waits_for_nothing(Config) ->
    {ok, _} = pool(http_pool, Config, #{}),
    module([#{path => "/n"}, #{path => "/m", wait => 0}]),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    1 = erlang:trace_pattern({erlang, alias, 1}, true, [call_count]),
    [send(<<"alice">>, <<"hi">>) || _ <- lists:seq(1, 10)],
    ?assertEqual({call_count, 0}, erlang:trace_info({erlang, alias, 1}, call_count)),
    1 = erlang:trace_pattern({erlang, alias, 1}, false, [call_count]),
    ?assertMatch(#{pending := 20}, numbers(Config)).

%% The node's setting is a minute here.
the_handlers_own_option_goes_before_the_setting(Config) ->
    {ok, _} = pool(http_pool, Config, #{}),
    module([#{path => "/n", wait => 0}]),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    send(<<"alice">>, <<"hi">>),
    ?assertMatch(#{pending := 1}, numbers(Config)).

%% One after the other these would take longer than the longest of them.
all_handlers_are_waited_for_together(Config) ->
    {ok, _} = pool(http_pool, Config, #{}),
    module([#{path => Path, wait => Wait}
            || {Path, Wait} <- [{"/1", 600}, {"/2", 1}, {"/3", 600}, {"/4", 0}, {"/5", 600}]]),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    Self = self(),
    Session = spawn_link(fun() ->
        1 = erlang:trace(self(), true, [call, {tracer, Self}]),
        1 = erlang:trace_pattern({http_pusher_wait, for_all, 1}, true, []),
        {Micros, _} = timer:tc(fun() -> send(<<"alice">>, <<"hi">>) end),
        Self ! {took, self(), Micros}
    end),
    Micros = receive {took, Session, Took} -> Took after ?LONG -> error(timeout) end,
    ?assert(Micros >= 600000),
    Delivered = erlang:trace_delivered(all),
    receive {trace_delivered, all, Delivered} -> ok end,
    %% All were handed over before the first was waited for.
    [First | _] = [Waits || {trace, _, call, {_, for_all, [Waits]}} <- flush()],
    ?assertEqual(4, length(First)),
    ?assertMatch(#{pending := 5}, numbers(Config)).

%% With a handler that no configuration makes: no session waits, and none receives a message.
a_handler_that_crashes_leaves_no_answer_behind(Config) ->
    module(Config, #{}),
    Compiled = {http_pusher_compiled, ?HOST},
    Sort = {msg, chat, in},
    #{all := All = #{Sort := [Handler]}} = Before = persistent_term:get(Compiled),
    persistent_term:put(Compiled, Before#{all := All#{Sort := [Handler, no_handler]}}),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    send(<<"alice">>, <<"hi">>),
    ?assertMatch([_], host_log:what(hook_failed)),
    persistent_term:put(Compiled, Before),
    test_endpoint:reset_plans(endpoint(Config)),
    test_endpoint:release(endpoint(Config)),
    pusher_case:wait_sent(1),
    ok = pusher_case:settle(),
    ?assertEqual([], flush()).

a_killed_session_leaves_nothing_behind(Config) ->
    module(Config, #{}),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    {Terms, Tables} = terms_and_tables(),
    Sessions = [spawn(fun() -> send(<<"alice">>, <<"hi">>) end) || _ <- lists:seq(1, 20)],
    _ = pusher_case:wait_numbers(Config, fun(#{pending := Pending}) -> Pending =:= 20 end),
    [exit(Session, kill) || Session <- Sessions],
    test_endpoint:reset_plans(endpoint(Config)),
    test_endpoint:release(endpoint(Config)),
    pusher_case:wait_sent(20),
    ok = pusher_case:settle(),
    ?assertEqual([], http_pusher_nif:rejections()),
    %% The VM's own processes have tables too, and make one now and then, but not one for each session.
    {TermsNow, TablesNow} = terms_and_tables(),
    ?assert(TermsNow < Terms + length(Sessions)),
    ?assert(TablesNow < Tables + length(Sessions)),
    _ = pusher_case:wait(fun pool/0, fun(#{pending_bytes := Bytes}) -> Bytes =:= 0 end),
    %% A word of the engine may just have come.
    _ = pusher_case:wait(fun() -> process_info(whereis(?REPORTER), message_queue_len) end,
                         fun(Length) -> Length =:= {message_queue_len, 0} end).

terms_and_tables() ->
    {maps:get(count, persistent_term:info()), length(ets:all())}.

an_engine_that_ends_answers(Config) ->
    module(Config, #{}),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    Session = host_session:start(fun() -> send(<<"alice">>, <<"hi">>) end),
    _ = pusher_case:wait_numbers(Config, fun(#{pending := Pending}) -> Pending =:= 1 end),
    ok = supervisor:terminate_child(http_pusher_sup, http_pusher_engine),
    host_session:ended(Session),
    ?assertMatch(#{failed := 1}, host_metrics:read(?HOST)).

without_the_application_nothing_is_waited_for(Config) ->
    module(Config, #{}),
    ok = application:stop(mongoose_http_pusher),
    host_session:ended(host_session:start(fun() -> send(<<"alice">>, <<"hi">>), [] = flush() end)).

%% Only the sessions that asked for it wait.
other_sessions_go_on(Config) ->
    {ok, _} = pool(slow_pool, Config, #{}),
    {ok, _} = pool(http_pool, Config, #{}),
    module([#{path => "/slow", pool_name => slow_pool, callback_module => pusher_callback, wait => ?LONG,
              should => fun() -> get(waits) =:= true end},
            #{path => "/fast"}]),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head", #{path => "/slow"}),
    Waiting = [host_session:start(fun() -> put(waits, true), send(<<"alice">>, <<"hi">>) end)
               || _ <- lists:seq(1, 10)],
    [send(<<"bob">>, <<"hi">>) || _ <- lists:seq(1, 100)],
    pusher_case:wait_sent(110),
    ?assertEqual(10, length([Pid || {Pid, _} <- Waiting, is_process_alive(Pid)])),
    test_endpoint:reset_plans(endpoint(Config)),
    test_endpoint:release(endpoint(Config)),
    [host_session:ended(Session) || Session <- Waiting].

%%% Helpers

numbers(Config) ->
    pusher_case:numbers_now(Config).

pool() ->
    [Pool] = [Pool || #{accepted := Accepted} = Pool <- http_pusher_nif:pools(),
                      Accepted > 0],
    Pool.

flush() ->
    receive Message -> [Message | flush()] after 0 -> [] end.
