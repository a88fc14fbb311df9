%% The owner of the pools, message by message: a session's request for a check is never lost, and drives no loop of
%% looks that crash.
-module(pools_tests).

-include_lib("eunit/include/eunit.hrl").

-import(http_pusher_pools, [handle_info/2]).

-define(KEY, {global, http_pool}).

%% A look is under way when a session asks for a check, and finds nothing: another look follows.
a_word_during_a_look_test_() ->
    {setup, fun start/0, fun stop/1,
     [fun() ->
              State = state(),
              {noreply, Told} = handle_info({look, ?KEY}, State),
              ?assertEqual(maps:get(jobs, State), maps:get(jobs, Told)),
              {noreply, Later} = handle_info(ended(State, not_started), Told),
              ?assertMatch([{look, ?KEY}], maps:values(maps:get(jobs, Later))),
              ?assertNotEqual(maps:get(jobs, State), maps:get(jobs, Later))
      end,
      %% If no session asks, the next look is the periodic one.
      fun() ->
              State = state(),
              {noreply, Later} = handle_info(ended(State, not_started), State),
              ?assertEqual([], maps:values(maps:get(jobs, Later)))
      end,
      %% A session was killed between asking and sending its message: the next check of all pools finds that
      %% it has asked.
      fun() ->
              State = state(),
              ok = http_pusher_routes:ask_to_look(?KEY),
              {noreply, Looked} = handle_info(look_again, State#{eager := infinity}),
              ?assertMatch(#{pools := #{?KEY := #{job := {again, _}}}}, Looked),
              ?assertEqual(false, http_pusher_routes:asked(?KEY))
      end,
      %% The pool was forgotten and is wanted again: what came of the job before says nothing about it.
      fun() ->
              State = #{pools := #{?KEY := Row}} = state(),
              Again = Row#{job := {running, make_ref()}},
              {noreply, Later} = handle_info(ended(State, not_started), State#{pools := #{?KEY => Again}}),
              ?assertMatch(#{pools := #{?KEY := Again}}, Later),
              ?assertEqual([], maps:values(maps:get(jobs, Later)))
      end]}.

%% However often sessions ask, each look that crashes makes the pause before the next one twice as long.
looks_that_crash_become_rare_test_() ->
    {setup, fun start/0, fun stop/1,
     {timeout, 60,
      fun() ->
              host_log:start(error),
              try
                  Begin = erlang:monotonic_time(millisecond),
                  State = lists:foldl(fun(_, S) -> asked(crashed(S, badmatch)) end, state(), lists:seq(1, 3)),
                  %% 50, 100 and 200 ms: a slow machine only makes it more.
                  ?assert(erlang:monotonic_time(millisecond) - Begin >= 350),
                  ?assertMatch([#{level := error, job := look}], host_log:what(http_pusher_pool_failed)),
                  %% Another reason is news, and so is the first one after that.
                  Other = crashed(asked(crashed(State, function_clause)), function_clause),
                  ?assertMatch([_, _], host_log:what(http_pusher_pool_failed)),
                  Last = crashed(asked(Other), badmatch),
                  ?assertMatch([_, _, _], host_log:what(http_pusher_pool_failed)),
                  %% The host has started the pool again: it is looked at at once.
                  stop_pool(),
                  start_pool(),
                  {noreply, Looked} = handle_info({look, ?KEY}, Last),
                  ?assertMatch([{look, ?KEY}], maps:values(maps:get(jobs, Looked)))
              after
                  host_log:stop()
              end
      end}}.

%% A look has crashed. Sessions have asked for another one meanwhile.
crashed(State, Reason) ->
    [Ref] = maps:keys(maps:get(jobs, State)),
    {noreply, Told} = handle_info({look, ?KEY}, State),
    Crash = http_pusher_redacted:run(fun() -> error(Reason) end),
    {noreply, Later} = handle_info({'DOWN', Ref, process, self(), Crash}, Told),
    Later.

%% Sessions ask for a look until there is one.
asked(State) ->
    case handle_info({look, ?KEY}, State) of
        {noreply, #{jobs := Jobs} = Later} when map_size(Jobs) =:= 0 ->
            timer:sleep(5),
            asked(Later);
        {noreply, Later} ->
            Later
    end.

%% The host has a process that the owner does not know.
start() ->
    http_pusher_routes:new(),
    start_pool().

stop(_) ->
    stop_pool(),
    ets:delete(http_pusher_routes).

start_pool() ->
    true = register(http_pusher_pool_key:process_name(?KEY), spawn(fun() -> receive stop -> ok end end)).

stop_pool() ->
    Name = http_pusher_pool_key:process_name(?KEY),
    Name ! stop,
    true = unregister(Name).

state() ->
    Ref = make_ref(),
    Row = (http_pusher_pool_rows:new(1))#{job := {running, Ref}},
    #{settings => http_pusher_settings:defaults(), pools => #{?KEY => Row},
      jobs => #{Ref => {look, ?KEY}}, eager => undefined, unrouted => [],
      stop_budget => http_pusher_stop_budget:new(0)}.

ended(#{jobs := Jobs}, Result) ->
    [Ref] = maps:keys(Jobs),
    {'DOWN', Ref, process, self(), http_pusher_redacted:run(fun() -> Result end)}.
