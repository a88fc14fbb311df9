%% Pools that live for a moment: what came while they lived is delivered, although the host had not finished
%% starting them when their options were read, and has stopped them since.
%%
%% The manager starts a pool's process and answers; the process that asked for the pool then writes its row,
%% which the host's sessions need. Here that process is held in between.
-module(brief_pools_SUITE).

-import(pusher_case, [module/1, send/2, wait/2, wait_sent/1]).

-define(HOST, <<"localhost">>).
-define(MANAGER, mongoose_wpool_http_mgr).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all().

groups() ->
    pusher_case:groups([a_pool_whose_row_comes_late_and_is_stopped_at_once,
                        a_pool_that_is_stopped_before_its_row_is_written,
                        a_pool_that_crashes_before_its_row_is_written]).

%% What the pools have accepted is sent in the drain time, however busy the machine is.
init_per_testcase(_Case, Config) ->
    pusher_case:start(Config, #{env => [{drain_timeout, 60000}]}).

end_per_testcase(_Case, Config) ->
    pusher_case:finish(Config).

a_pool_whose_row_comes_late_and_is_stopped_at_once(Config) ->
    Starting = half_started(Config),
    Reader = pushed(),
    go_on(Starting),
    true = erlang:resume_process(Reader),
    timer:sleep(20),
    _ = host_ctl:stop_pool(global, brief),
    wait_sent(3),
    in_order(Config).

a_pool_that_is_stopped_before_its_row_is_written(Config) ->
    Starting = half_started(Config),
    Reader = pushed(),
    _ = host_ctl:stop_pool(global, brief),
    true = erlang:resume_process(Reader),
    wait_sent(3),
    in_order(Config),
    exit(Starting, kill),
    erlang:resume_process(Starting).

%% The pool comes back, and is the same pool.
a_pool_that_crashes_before_its_row_is_written(Config) ->
    Starting = half_started(Config),
    Reader = pushed(),
    ok = host_ctl:crash_pool(global, brief),
    true = erlang:resume_process(Reader),
    wait_sent(3),
    go_on(Starting),
    _ = wait(fun() -> host_ctl:pool_pid(global, brief) end, fun is_pid/1),
    send(<<"alice">>, <<"4">>),
    wait_sent(4),
    in_order(Config).

%%% Helpers

%% The pool's process exists and the manager knows it, but its row has not been written.
half_started(Config) ->
    %% The manager starts with the first pool.
    {ok, _} = pusher_case:pool(other, Config, #{}),
    module([#{path => "/n", pool_name => brief}]),
    ok = http_pusher_pools:await_look(30000),
    %% It looks at the new pool when the notifications are there.
    true = erlang:suspend_process(whereis(http_pusher_pools)),
    ok = sys:suspend(?MANAGER, 60000),
    Starting = spawn(fun() -> {ok, _} = pusher_case:pool(brief, Config, #{workers => 1}) end),
    _ = wait(fun() -> process_info(whereis(?MANAGER), message_queue_len) end,
             fun({message_queue_len, Length}) -> Length > 0 end),
    true = erlang:suspend_process(Starting),
    ok = sys:resume(?MANAGER, 60000),
    _ = wait(fun() -> maps:is_key({http, global, brief}, element(3, sys:get_state(?MANAGER, 30000))) end,
             fun(Known) -> Known end),
    ?assertEqual([], ets:lookup(mongoose_wpool, {http, global, brief})),
    Starting.

go_on(Starting) ->
    true = erlang:resume_process(Starting),
    _ = wait(fun() -> ets:lookup(mongoose_wpool, {http, global, brief}) end, fun(Rows) -> Rows =/= [] end).

%% Three notifications. Returns the process that has asked the manager for the pool's options since.
pushed() ->
    [send(<<"alice">>, integer_to_binary(N)) || N <- [1, 2, 3]],
    Owner = whereis(http_pusher_pools),
    true = erlang:resume_process(Owner),
    pool_reader:hold(Owner).

in_order(Config) ->
    Texts = [binary_to_integer(Text) || {_, Text} <- pusher_case:messages(Config)],
    ?assertEqual(lists:seq(1, length(Texts)), Texts).
