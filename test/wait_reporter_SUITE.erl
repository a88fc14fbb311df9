%% Sessions that wait for their outcome (wait_SUITE), and the reporter that answers them: in which order it counts, tells
%% and forgets, and when it is killed.
-module(wait_reporter_SUITE).

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
      [a_killed_reporter_has_a_successor_that_answers,
       the_row_of_a_rejection_is_counted_first,
       a_session_is_told_before_the_engine_forgets,
       a_crowd_that_waits_for_rejections_is_answered],
      [v5_0, v6_5])
        ++ pusher_case:groups([a_reporter_killed_while_it_counts_a_rejection,
                               a_reporter_killed_while_it_counts_an_outcome], [v6_9]).

init_per_testcase(_Case, Config) ->
    pusher_case:start(Config, #{env => [{wait, ?LONG}]}).

%% In these the metrics count one notification twice.
end_per_testcase(Case, Config) ->
    Twice = [a_reporter_killed_while_it_counts_a_rejection, a_reporter_killed_while_it_counts_an_outcome],
    case lists:member(Case, Twice) of
        true -> pusher_case:finish(Config, uncounted);
        false -> pusher_case:finish(Config)
    end.

a_killed_reporter_has_a_successor_that_answers(Config) ->
    module(Config, #{}),
    send(<<"alice">>, <<"before">>),
    Reporter = whereis(?REPORTER),
    ok = sys:suspend(?REPORTER, 60000),
    Session = host_session:start(fun() -> send(<<"alice">>, <<"hi">>) end),
    ok = test_endpoint:wait_for_count(endpoint(Config), 2, ?LONG),
    exit(Reporter, kill),
    host_session:ended(Session),
    ?assertMatch(#{sent := 2}, host_metrics:read(?HOST)).

%% Far more rows than the reporter takes at once, and the session's own is the last.
the_row_of_a_rejection_is_counted_first(_Config) ->
    pusher_case:module([#{path => "/n"}]),
    ok = sys:suspend(?REPORTER, 60000),
    #{rejected := Before} = pusher_case:numbers(),
    [reject(iolist_to_binary(["/", integer_to_binary(N)]), <<>>) || N <- lists:seq(1, 600)],
    Self = self(),
    {_, Session} = host_session:start(fun() ->
        send(<<"alice">>, <<"there is no pool">>),
        Self ! {failed, maps:get(failed, host_metrics:read(?HOST))}
    end),
    _ = pusher_case:wait(fun() -> maps:get(rejected, pusher_case:numbers()) end,
                         fun(Rejected) -> Rejected =:= Before + 601 end),
    ok = sys:resume(?REPORTER, 60000),
    receive {'DOWN', Session, process, _, Reason} -> ?assertEqual(normal, Reason) end,
    receive {failed, Failed} -> ?assertEqual(601, Failed) end.

%% More than the reporter takes at once, of several rows.
a_crowd_that_waits_for_rejections_is_answered(_Config) ->
    pusher_case:module([#{path => "/n"}]),
    ok = sys:suspend(?REPORTER, 60000),
    Self = self(),
    {_, Crowd} = Session = host_session:start(fun() ->
        Waiting = [begin
                       Waits = http_pusher_wait:begin_for(10 * ?LONG),
                       Path = iolist_to_binary(["/", integer_to_binary(N rem 7)]),
                       reject(Path, http_pusher_wait:waiter(Waits)),
                       Waits
                   end || N <- lists:seq(1, 10000)],
        Self ! rejected,
        http_pusher_wait:for_all(Waiting)
    end),
    receive rejected -> ok; {'DOWN', Crowd, _, _, Crash} -> error(Crash) end,
    ok = sys:resume(?REPORTER, 60000),
    host_session:ended(Session),
    ?assertMatch(#{failed := 10000}, host_metrics:read(?HOST)).

%% Killed after that, the reporter has told the session or its successor does.
a_session_is_told_before_the_engine_forgets(Config) ->
    {ok, _} = pool(http_pool, Config, #{}),
    module([#{path => "/n"}, #{path => "/n", pool_name => no_such_pool}]),
    Functions = [{http_pusher_nif, outcome_counted, 1}, {http_pusher_nif, rejections_counted, 3},
                 {http_pusher_wait, counted, 1}],
    [1 = erlang:trace_pattern(Function, true, [local]) || Function <- Functions],
    1 = erlang:trace(whereis(?REPORTER), true, [call]),
    send(<<"alice">>, <<"hi">>),
    %% What the reporter did after it had told the session may not be here yet.
    Calls = [Function || {Function, _} <- traced(4)],
    1 = erlang:trace(whereis(?REPORTER), false, [call]),
    [1 = erlang:trace_pattern(Function, false, [local]) || Function <- Functions],
    ?assert(lists:member(Calls, [[counted, outcome_counted, counted, rejections_counted],
                                 [counted, rejections_counted, counted, outcome_counted]])).

traced(0) ->
    [];
traced(Count) ->
    receive {trace, _, call, {_, Function, Args}} -> [{Function, Args} | traced(Count - 1)]
    after ?LONG -> error({only, flush()})
    end.

%% At the worst moment: the metric is updated, and the session has not been told.
a_reporter_killed_while_it_counts_a_rejection(_Config) ->
    pusher_case:module([#{path => "/n"}]),
    killed_while_it_counts(fun() -> send(<<"alice">>, <<"there is no pool">>) end).

a_reporter_killed_while_it_counts_an_outcome(Config) ->
    module(Config, #{}),
    killed_while_it_counts(fun() -> send(<<"alice">>, <<"hi">>) end).

killed_while_it_counts(Send) ->
    Reporter = whereis(?REPORTER),
    ok = host_metrics:hold_next_event(self()),
    Session = host_session:start(Send),
    receive {held, Reporter} -> exit(Reporter, kill) after ?LONG -> error(nothing_counted) end,
    host_session:ended(Session).

%%% Helpers

%% Rejects a notification for a handler with this path.
reject(Path, Waiter) ->
    Handler = http_pusher_nif:handler(?HOST, <<"http_pool">>, Path, #{}),
    ok = http_pusher_nif:reject(Handler, bad_body, <<"alice">>, <<"text">>, Waiter).

flush() ->
    receive Message -> [Message | flush()] after 0 -> [] end.
