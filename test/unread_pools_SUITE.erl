%% The host's pools that run, but whose settings cannot be read: the log says so once, and what came for them is
%% sent when they can be read after all.
-module(unread_pools_SUITE).

-import(pusher_case, [module/1, pool/2, send/2, messages/1, wait_sent/1]).

-define(MANAGER, mongoose_wpool_http_mgr).

%% Each look at such a pool has a hundred steps, and a busy machine makes each of them slow.
-define(LONG, 300000).
-define(MINUTES, 10).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all().

groups() ->
    Both = [a_pool_without_its_row_is_named_once,
            a_pool_that_its_manager_does_not_know_is_named_once,
            a_crash_is_named_once_whatever_sessions_ask],
    [{v5_0, [], Both}, {v6_5, [], [a_manager_that_does_not_answer_is_named | Both]}].

init_per_testcase(_Case, Config) ->
    pusher_case:start(Config, #{}).

end_per_testcase(_Case, Config) ->
    pusher_case:finish(Config).

a_pool_without_its_row_is_named_once(Config) ->
    {ok, _} = pool(Config, #{}),
    [Row] = ets:take(mongoose_wpool, {http, global, http_pool}),
    module([#{path => "/n"}]),
    send(<<"alice">>, <<"1">>),
    named_once("mongoose_wpool"),
    true = ets:insert(mongoose_wpool, Row),
    send(<<"alice">>, <<"2">>),
    sent_in_order(Config).

%% Its state has another shape, as that of a release that is not known.
a_pool_that_its_manager_does_not_know_is_named_once(Config) ->
    {ok, _} = pool(Config, #{}),
    reshape(fun({state, http, Pools, Monitors}) -> {state, http, Pools, Monitors, more} end),
    module([#{path => "/n"}]),
    send(<<"alice">>, <<"1">>),
    named_once("mongoose_wpool_http_mgr"),
    reshape(fun({state, http, Pools, Monitors, more}) -> {state, http, Pools, Monitors} end),
    send(<<"alice">>, <<"2">>),
    sent_in_order(Config).

%% Each message that comes for the pool asks for another look.
a_crash_is_named_once_whatever_sessions_ask(Config) ->
    replaced_code:crash(http_pusher_host_pool, {found, 3}, []),
    try
        {ok, _} = pool(Config, #{}),
        module([#{path => "/n"}]),
        send(<<"alice">>, <<"1">>),
        {ok, _} = host_log:wait(http_pusher_pool_failed, 1, 120000),
        [begin
             ok = http_pusher_routes:ask_to_look({global, http_pool}),
             ok = http_pusher_pools:await_look(120000)
         end || _ <- lists:seq(1, 300)],
        ?assertMatch([#{level := error, job := look, pool := <<"global/http_pool">>}],
                     host_log:what(http_pusher_pool_failed))
    after
        replaced_code:restore(http_pusher_host_pool)
    end,
    send(<<"alice">>, <<"2">>),
    sent_in_order(Config).

%% It is asked for half a minute by each look.
a_manager_that_does_not_answer_is_named(Config) ->
    {ok, _} = pool(Config, #{}),
    Manager = whereis(?MANAGER),
    true = erlang:suspend_process(Manager),
    module([#{path => "/n"}]),
    send(<<"alice">>, <<"1">>),
    {ok, _} = host_log:wait(http_pusher_pool_warning, 1, ?LONG),
    true = erlang:resume_process(Manager),
    send(<<"alice">>, <<"2">>),
    sent_in_order(Config).

%%% Helpers

%% Several looks later there is still one line.
named_once(Missing) ->
    {ok, _} = host_log:wait(http_pusher_pool_warning, 1, ?LONG),
    [begin
         whereis(http_pusher_pools) ! look_at_all,
         _ = sys:get_state(http_pusher_pools, ?LONG),
         ok = http_pusher_pools:await_look(?LONG)
     end || _ <- [1, 2, 3]],
    [#{level := warning, pool := <<"global/http_pool">>, text := Text}] = host_log:what(http_pusher_pool_warning),
    ?assertMatch({match, _}, re:run(Text, ["nothing is known of it in ", Missing, "\\."])),
    ?assertEqual([], host_log:what(http_pusher_pool_failed)).

reshape(Fun) ->
    _ = sys:replace_state(?MANAGER, Fun, 30000),
    ok.

sent_in_order(Config) ->
    wait_sent(2),
    ?assertEqual([{<<"alice">>, <<"1">>}, {<<"alice">>, <<"2">>}], messages(Config)),
    ?assertMatch([_], host_log:what(http_pusher_pool_opened)).
