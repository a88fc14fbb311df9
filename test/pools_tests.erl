%% The owner of the pools, message by message: a session's request for a check is never lost.
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

%% The host has a process that the owner does not know.
start() ->
    http_pusher_routes:new(),
    Process = spawn(fun() -> receive stop -> ok end end),
    true = register(http_pusher_pool_key:process_name(?KEY), Process),
    Process.

stop(Process) ->
    Process ! stop,
    ets:delete(http_pusher_routes).

state() ->
    Ref = make_ref(),
    Row = (http_pusher_pool_rows:new(1))#{job := {running, Ref}},
    #{settings => http_pusher_settings:defaults(), pools => #{?KEY => Row},
      jobs => #{Ref => {look, ?KEY}}, eager => undefined, unrouted => [],
      stop_budget => http_pusher_stop_budget:new(0)}.

ended(#{jobs := Jobs}, Result) ->
    [Ref] = maps:keys(Jobs),
    {'DOWN', Ref, process, self(), http_pusher_redacted:run(fun() -> Result end)}.
