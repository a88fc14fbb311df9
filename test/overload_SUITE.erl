%% A million notifications for an endpoint that has stalled: every push returns, memory stays within the
%% bounds, the log is short and no scheduler is held up.
%%
%% The endpoint answers nothing until the test tells it to, so a push that returns has not waited for it,
%% and no verdict depends on how fast the machine is. The times that are printed decide nothing.
-module(overload_SUITE).


-import(pusher_case, [module/2, endpoint/1, wait/2]).

-define(HOST, <<"localhost">>).
-define(PUSHES, 1000000).
-define(SESSIONS, 50).
%% Senders of one session, so many that no lane reaches its own bound.
-define(SENDERS, 100).
-define(PENDING, 100000).
-define(PENDING_BYTES, (64 bsl 20)).
-define(REQUEST_TIMEOUT, 2000).
%% How often each scheduler switches to another process meanwhile, at least: if a push held it until the
%% endpoint answers, it would not switch at all.
-define(TURNS, 10).
%% Milliseconds in one go, for what is printed.
-define(LONG_SCHEDULE, 20).

-define(MINUTES, 10).
-include("support/pusher_case.hrl").

%% This does not depend on what differs between generations.
all() ->
    [{group, v6_5}].

groups() ->
    [{v6_5, [], [a_million_against_a_stalled_endpoint]}].

init_per_testcase(_Case, Config) ->
    pusher_case:start(Config, #{endpoint => #{record => false}}).

end_per_testcase(_Case, Config) ->
    pusher_case:finish(Config).

a_million_against_a_stalled_endpoint(Config) ->
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    %% Longer than this test: what is accepted stays.
    module(Config, #{workers => 50, request_timeout => ?REQUEST_TIMEOUT, call_timeout => 600000}),
    ok = http_pusher_pools:await_look(120000),
    pusher_case:send(<<"alice">>, <<"hi">>),
    Events = [[event(Session, N) || N <- lists:seq(1, ?SENDERS)] || Session <- lists:seq(1, ?SESSIONS)],
    Before = outside_kb(),
    Watch = watch(),
    Begin = erlang:monotonic_time(millisecond),
    Sessions = [spawn_monitor(fun() -> push(Mine, ?PUSHES div ?SESSIONS) end) || Mine <- Events],
    [receive {'DOWN', Ref, process, Pid, Reason} -> ?assertEqual(normal, Reason) end
     || {Pid, Ref} <- Sessions],
    Took = erlang:monotonic_time(millisecond) - Begin,
    #{late := Late, turns := Turns, long := Long} = stop_watch(Watch),
    ?assertWith(lists:min(Turns) >= ?TURNS, Turns),

    %% On a slow machine some have failed while the others were pushed, on a fast one none has.
    _ = pusher_case:wait_reason(request_timeout, 1),
    Numbers = #{accepted := Accepted, rejected := Rejected, failed := Failed, pending := Pending} =
        pusher_case:numbers_now(Config),
    ?assertMatch(#{pushed := ?PUSHES + 1}, Numbers),
    ?assertEqual(?PUSHES + 1, Accepted + Rejected),
    %% Notifications that failed with request_timeout have made room.
    ?assert(Accepted >= ?PENDING),
    ?assertWith(Accepted =< ?PENDING + Failed + 1000, Numbers),
    ?assertWith(Pending =< ?PENDING, Numbers),
    Bytes = lists:sum([B || #{pending_bytes := B} <- http_pusher_nif:pools()]),
    ?assert(Bytes =< ?PENDING_BYTES),
    %% Every rejection is in a line of the log sooner or later, and none has another reason.
    Reasons = wait(fun pusher_case:reasons/0, fun(R) -> maps:get(queue_full, R, 0) >= Rejected end),
    ?assertMatch(#{queue_full := Rejected}, Reasons),
    ?assertEqual([queue_full, request_timeout], lists:sort(maps:keys(Reasons))),
    Grown = outside_kb() - Before,
    ?assertWith(Grown * 1024 =< ?PENDING_BYTES, Grown),
    %% One line for each reason in each second that has passed.
    Lines = length(host_log:what(event_pusher_http_req_failed)),
    Seconds = (erlang:monotonic_time(millisecond) - Begin) div 1000,
    ?assertWith(Lines =< 2 * (Seconds + 2), {Lines, Seconds}),

    %% The endpoint comes back, but not for the requests that it has stalled, which have to end first.
    Back = erlang:monotonic_time(millisecond),
    #{sent := Sent} = pusher_case:numbers(),
    test_endpoint:reset_plans(endpoint(Config)),
    wait(fun pusher_case:numbers/0, fun(#{sent := Now}) -> Now > Sent end),
    Resumed = erlang:monotonic_time(millisecond) - Back,
    ct:pal("~b pushes by ~b sessions in ~b ms: ~b accepted, ~b rejected, ~b failed; ~b kB more memory; "
           "~b log lines; a process waited ~b ms at most to be scheduled; ~b times one ran for ~b ms "
           "or more, ~b ms at most; delivery went on after ~b ms",
           [?PUSHES, ?SESSIONS, Took, Accepted, Rejected, Failed, Grown, Lines, Late, length(Long),
            ?LONG_SCHEDULE, lists:max([0 | Long]), Resumed]).

%% As the host's hook does it.
event(Session, N) ->
    User = iolist_to_binary(io_lib:format("user~b-~b@localhost/phone", [Session, N])),
    {From, To} = {host_session:jid(User), host_session:jid(<<"bob@localhost">>)},
    Packet = host_session:element(<<"a message">>, [{<<"type">>, <<"chat">>}]),
    {host_session:acc(From, To, Packet), {chat_event, chat, in, From, To, Packet}}.

push(Mine, Count) ->
    push(Mine, Mine, Count).

push(_Mine, _Rest, 0) ->
    ok;
push(Mine, [], Count) ->
    push(Mine, Mine, Count);
push(Mine, [{Acc, Event} | Rest], Count) ->
    {ok, _} = mod_event_pusher_http:push_event(#{acc => Acc}, #{event => Event},
                                               #{host_type => ?HOST}),
    push(Mine, Rest, Count - 1).

%% Resident memory without what the VM's own allocators have from the system: they keep room for sessions
%% that have ended, and more of it the longer the sessions took.
outside_kb() ->
    [erlang:garbage_collect(Pid) || Pid <- processes()],
    Carriers = [element(2, Size) || Allocator <- erlang:system_info(alloc_util_allocators),
                                    {instance, _, Kinds} <- erlang:system_info({allocator_sizes, Allocator}),
                                    {_Kind, Sizes} <- Kinds, Size <- Sizes, element(1, Size) =:= carriers_size],
    os_figures:resident_kb() - lists:sum(Carriers) div 1024.

%%% How often and how late each scheduler turns to a process, and who had one for long

watch() ->
    Monitor = spawn_link(fun() -> long([]) end),
    _ = erlang:system_monitor(Monitor, [{long_schedule, ?LONG_SCHEDULE}]),
    Tickers = [spawn_opt(fun() -> tick(0, 0) end, [link, {scheduler, Scheduler}])
               || Scheduler <- lists:seq(1, erlang:system_info(schedulers_online))],
    {Monitor, Tickers}.

stop_watch({Monitor, Tickers}) ->
    _ = erlang:system_monitor(undefined),
    {Turns, Late} = lists:unzip([ask(Ticker) || Ticker <- Tickers]),
    #{turns => Turns, late => lists:max(Late), long => ask(Monitor)}.

ask(Pid) ->
    Pid ! {stop, self()},
    receive {Pid, Answer} -> Answer end.

%% What a sleep of a millisecond takes beyond that is waiting.
tick(Turns, Latest) ->
    Begin = erlang:monotonic_time(millisecond),
    receive
        {stop, From} -> From ! {self(), {Turns, Latest}}
    after 1 ->
            tick(Turns + 1, max(Latest, erlang:monotonic_time(millisecond) - Begin - 1))
    end.

%% Milliseconds of each process that ran for long; ports are not the library's.
long(Times) ->
    receive
        {monitor, Who, long_schedule, Info} when is_pid(Who) ->
            long([proplists:get_value(timeout, Info) | Times]);
        {monitor, _Port, long_schedule, _Info} ->
            long(Times);
        {stop, From} ->
            From ! {self(), Times}
    end.
