%% A scheduler is never held for a millisecond: each function of the library that runs on one is called at
%% the bounds of what is kept: a hundred thousand lanes, the longest texts and headers, the largest number
%% of rows.
%%
%% CPU time of the scheduler's thread is measured, so that a busy machine does not count. A call can still
%% be charged with what the machine does meanwhile, so each case has up to forty rounds: what a function does
%% itself is in all of them.
-module(schedulers_SUITE).

-compile([export_all, nowarn_export_all]).
-include_lib("stdlib/include/assert.hrl").

-import(pusher_case, [endpoint/1, send/2, settle/0]).

-define(NIF, http_pusher_nif).
-define(HOST, <<"localhost">>).
-define(ROUNDS, 40).
-define(MILLISECOND, 1000000).

%% Far beyond what a case takes: every wait in it has a bound of its own.
suite() ->
    [{timetrap, {minutes, 5}}].

all() ->
    [every_function_is_measured,
     a_hundred_thousand_lanes,
     one_lane,
     after_a_hundred_thousand_were_freed,
     open_pools,
     the_longest_texts,
     the_longest_headers,
     the_longest_events,
     the_most_rejections].

init_per_testcase(_Case, Config) ->
    Env = [{max_lane_percent, 100}],
    Config1 = pusher_case:start([{generation, v6_5} | Config], #{env => Env}),
    pusher_case:module(Config1, #{}),
    Config1.

end_per_testcase(_Case, Config) ->
    ok = ?NIF:measure_calls(false),
    pusher_case:finish(Config, uncounted).

%% A function on a dirty scheduler may take longer; a new function has to be in one list or the other.
every_function_is_measured(_Config) ->
    Dirty = [start_engine, stop_engine, hand_over, pools, metrics, push_form_dirty,
             push_custom_dirty, push_event_dirty],
    Measuring = [measure_calls, measured_calls],
    ok = ?NIF:measure_calls(true),
    {ok, Pool} = ?NIF:create_pool(<<"measured">>),
    Handler = handler(),
    Options = #{host => <<"http://127.0.0.1:1">>, path_prefix => <<"/">>, request_timeout => 1,
                call_timeout => 1, workers => 1, strategy => <<"best_worker">>},
    _ = [apply(?NIF, Function, Args)
         || {Function, Args} <-
                [{engine_runs, []}, {ping, []}, {open_host_type, [?HOST]},
                 {close_host_type, [<<"nobody">>]}, {abort_host_type, [<<"nobody">>]},
                 {host_type_info, [?HOST]}, {host_types, []}, {configure_pool, [Pool, Options]},
                 {open_pool, [Pool]}, {opening, [Pool]}, {handler_info, [Handler]},
                 {open_spool, [<<"measured">>, false]}, {spools, []},
                 {describe_url, [<<"/">>, <<"a">>]},
                 {push_form, [Pool, Handler, in, names(1), <<"hi">>]},
                 {push_custom, [Pool, Handler, in, names(1), [], <<"hi">>]},
                 {push_event, [Pool, Handler, in, names(1), facts([]), <<"<message/>">>]},
                 {drain_pool, [Pool]}, {resume_pool, [Pool]}, {close_pool, [Pool, 0]},
                 {reject, [Handler, queue_full, <<"alice">>, <<"text">>, <<>>]},
                 %% The reporter calls these and others.
                 {unacknowledged, []}]],
    ok = settle(),
    ok = ?NIF:attach(0),
    Exported = [Name || {Name, _} <- ?NIF:module_info(exports),
                        Name =/= module_info, not lists:member(Name, Dirty ++ Measuring)],
    %% A call is there when it has ended.
    Measured = fun() -> [binary_to_atom(Name, utf8) || {Name, Calls, _} <- ?NIF:measured_calls(), Calls > 0] end,
    ?assertEqual(lists:usort(Exported),
                 lists:sort(pusher_case:wait(Measured, fun(Now) -> Exported -- Now =:= [] end))).

%% They are accepted, wait, fail together and are counted.
a_hundred_thousand_lanes(_Config) ->
    bounded(fun() -> fill(100000, fun(N) -> {names(N), <<"hi">>} end) end).

one_lane(_Config) ->
    bounded(fun() -> fill(100000, fun(_) -> {names(1), <<"hi">>} end) end).

%% What is freed together is joined by the C library in some later call.
after_a_hundred_thousand_were_freed(_Config) ->
    Short = fun(N) -> {names(N), <<"hi">>} end,
    Long = binary:copy(<<"x">>, 2000),
    bounded(fun() ->
                    fill(100000, Short),
                    fill(100, fun(N) -> {names(N), Long} end),
                    fill(100000, Short)
            end).

%% Workers that wait for their answers, and the same numbers behind them.
open_pools(Config) ->
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    Url = list_to_binary(test_endpoint:url(endpoint(Config))),
    Long = binary:copy(<<"x">>, 65535),
    bounded(fun() ->
                    [begin
                         Pool = open_pool(Url),
                         fill(Pool, Count, Fun),
                         ok = ?NIF:drain_pool(Pool),
                         {ok, true} = ?NIF:resume_pool(Pool),
                         ok = ?NIF:close_pool(Pool, 0)
                     end
                     || {Count, Fun} <- [{99000, fun(N) -> {names(N), <<"hi">>} end},
                                         {99000, fun(_) -> {names(1), <<"hi">>} end},
                                         {900, fun(N) -> {names(N), Long} end}]]
            end,
            [<<"push_form">>, <<"take_outcomes">>, <<"drain_pool">>, <<"resume_pool">>, <<"close_pool">>]).

%% As many as fit into a pool's bytes, on either side of the length from which they are handed over on a
%% dirty scheduler.
the_longest_texts(_Config) ->
    Short = binary:copy(<<"x">>, 65535),
    Long = binary:copy(<<"x">>, 4 * 1024 * 1024),
    bounded(fun() ->
                    fill(950, fun(N) -> {names(N), Short} end),
                    fill(15, fun(N) -> {names(N), Long} end)
            end).

%% http_pusher_push decides which function takes them.
the_longest_headers(Config) ->
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    Headers = fun(Count, Length) ->
                      [{iolist_to_binary(io_lib:format("x-~b", [N])), binary:copy(<<"v">>, Length)}
                       || N <- lists:seq(1, Count)]
              end,
    Handlers = [#{path => "/n", callback_module => pusher_callback, own_headers => Headers(Count, Length),
                  body => binary:copy(<<"x">>, Body)}
                || {Count, Length, Body} <- [{99, 65536, 0}, {99, 655, 0}, {99, 300, 30000},
                                             {1, 65500, 0}, {5000, 1, 0}, {100, 8, 65000}]],
    _ = host_ctl:stop_module(?HOST),
    pusher_case:module(Handlers),
    ok = http_pusher_pools:await_look(30000),
    bounded(fun() ->
                    [send(iolist_to_binary(io_lib:format("user~b", [N])), <<"hi">>)
                     || N <- lists:seq(1, 8)],
                    ok = ?NIF:abort_host_type(?HOST)
            end,
            [<<"push_custom">>, <<"take_outcomes">>]).

%% Stanzas and facts of 64 KiB together, and metadata of many keys, as a session hands them over; a handler
%% for each of many plans.
the_longest_events(_Config) ->
    Facts = fun(Count, Length) ->
                    facts([{iolist_to_binary(io_lib:format("metadata.k~b", [N])), binary:copy(<<"v">>, Length)}
                           || N <- lists:seq(1, Count)])
            end,
    Handler = ?NIF:handler(?HOST, <<"http_pool">>, <<"/json">>, #{format => json}),
    Events = [{Facts(0, 0), binary:copy(<<"x">>, 65535)}, {Facts(100, 600), <<>>},
              {Facts(1, 65500), <<>>}, {Facts(100, 300), binary:copy(<<"x">>, 30000)}],
    bounded(fun() ->
                    [http_pusher_nif:handler(?HOST, <<"http_pool">>, integer_to_binary(N),
                                             #{format => json, include => [stanza]})
                     || N <- lists:seq(1, 400)],
                    {ok, Pool} = ?NIF:create_pool(<<"full">>),
                    [ok = ?NIF:push_event(Pool, Handler, in, names(N), Of, Stanza)
                     || N <- lists:seq(1, 200), {Of, Stanza} <- Events],
                    ok = ?NIF:close_pool(Pool, 0)
            end,
            [<<"push_event">>, <<"handler">>, <<"take_outcomes">>]).

%% Rows by handler and reason, and many sessions that wait for one of them.
the_most_rejections(_Config) ->
    Handlers = [?NIF:handler(?HOST, <<"http_pool">>, iolist_to_binary(["/", integer_to_binary(N)]), #{})
                || N <- lists:seq(1, 400)],
    Text = binary:copy(<<"text">>, 100),
    %% Of no session: what is sent to it is dropped.
    Waiter = term_to_binary(make_ref()),
    bounded(fun() ->
                    [ok = ?NIF:reject(Handler, Reason, <<"alice">>, Text, <<>>)
                     || Handler <- Handlers, Reason <- [callback_crashed, bad_body, bad_header]],
                    [ok = ?NIF:reject(hd(Handlers), bad_body, <<"alice">>, Text, Waiter)
                     || _ <- lists:seq(1, 20000)]
            end,
            [<<"reject">>, <<"rejections">>, <<"rejections_counted">>]).

%% Notifications in a pool that waits for its settings, until they fail with it.
fill(Count, Fun) ->
    {ok, Pool} = ?NIF:create_pool(<<"full">>),
    fill(Pool, Count, Fun),
    ok = ?NIF:close_pool(Pool, 0),
    settle().

fill(Pool, Count, Fun) ->
    Handler = handler(),
    lists:foreach(fun(N) ->
                          {Names, Text} = Fun(N),
                          ok = push(Pool, Handler, Names, Text)
                  end, lists:seq(1, Count)).

%% A pool that has been opened, for an endpoint that gives no answer.
open_pool(Url) ->
    {ok, Pool} = ?NIF:create_pool(<<"open">>),
    ok = ?NIF:configure_pool(Pool, #{host => Url, path_prefix => <<"/">>, request_timeout => 60000,
                                     call_timeout => 60000, workers => 50, strategy => <<"best_worker">>}),
    _ = ?NIF:open_pool(Pool),
    {ok, _} = pusher_case:wait(fun() -> ?NIF:opening(Pool) end, fun(Now) -> Now =/= opening end),
    Pool.

push(Pool, Handler, Names, Text) when byte_size(Text) < 65536 ->
    ?NIF:push_form(Pool, Handler, in, Names, Text);
push(Pool, Handler, Names, Text) ->
    ?NIF:push_form_dirty(Pool, Handler, in, Names, Text).

handler() ->
    ?NIF:handler(?HOST, <<"http_pool">>, <<"/notifications">>, #{}).

names(N) ->
    {iolist_to_binary(io_lib:format("user~b", [N])), <<"localhost">>, <<"bob">>, <<"localhost">>}.

bounded(Round) ->
    bounded(Round, [<<"push_form">>, <<"take_outcomes">>]).

%% No function has a call of a millisecond in each of its rounds; those named are among the functions. On a
%% machine that is shared, half of the rounds can have such a call, so there are more rounds if it takes more.
bounded(Round, Expected) ->
    Rounds = rounds(Round, [], ?ROUNDS),
    Best = best(Rounds),
    ct:pal("longest calls, in nanoseconds of CPU time: ~tp~nin each round: ~tp", [Best, Rounds]),
    ?assertEqual([], Expected -- maps:keys(Best)),
    ?assertEqual([], too_long(Best)).

rounds(_Round, Rounds, 0) ->
    Rounds;
rounds(Round, Before, Left) ->
    ok = ?NIF:measure_calls(true),
    Round(),
    ok = settle(),
    Longest = maps:from_list([{Name, Longest} || {Name, Calls, Longest} <- ?NIF:measured_calls(), Calls > 0]),
    Rounds = [Longest | Before],
    case too_long(best(Rounds)) of
        [] -> Rounds;
        _ -> rounds(Round, Rounds, Left - 1)
    end.

best([First | Rest]) ->
    lists:foldl(fun(Longest, Least) ->
                        maps:merge_with(fun(_, A, B) -> min(A, B) end, Longest, Least)
                end, First, Rest).

too_long(Longest) ->
    [Call || {_, Time} = Call <- maps:to_list(Longest), Time >= ?MILLISECOND].

facts(Others) ->
    {<<"msg">>, <<"chat">>, 1, <<>>, <<>>, <<>>, Others}.
