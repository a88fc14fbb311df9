%% @doc Owns the engine's pools: opens, replaces and closes them as the host's pools come and go.
%%
%% No other process reads the host's pool manager, and this one leaves that to jobs (http_pusher_pool_job),
%% because it can take long and one pool must not wait for another. It monitors the host's pool processes,
%% checks all of them every second, and checks at once when a session has met a process that is not known
%% yet.
%%
%% It also writes down what it knows (http_pusher_pool_rows), so that a successor goes on where it died
%% (http_pusher_pool_recovery). http_pusher_pool_checks does the checks and starts the jobs,
%% http_pusher_pool the steps for one pool.
-module(http_pusher_pools).
-behaviour(gen_server).

-export([start_link/1, add/2, remove/1, host_types/0, stopping/1, stopped/1, await_look/1]).
-export([init/1, handle_continue/2, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-type handler() :: http_pusher_host:handler().

-type state() :: http_pusher_pool_checks:state().

-define(BETWEEN_LOOKS,        1000).
-define(BETWEEN_ENGINE_LOOKS, 20).


-spec start_link(http_pusher_settings:settings()) -> {ok, pid()} | {error, term()}.
start_link(Settings) ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, Settings, []).


%% @doc Adds the handlers of a host type; called when the module starts. Their pools are checked from now
%% on, and notifications can be handed over when this returns.
-spec add(binary(), [handler()]) -> ok.
add(HostType, Handlers) ->
    call({add, HostType, Handlers}, infinity).


%% @doc The module has stopped for a host type: closes the pools that no other host type uses.
-spec remove(binary()) -> ok.
remove(HostType) ->
    call({remove, HostType}, infinity).


%% @doc The host types that the module runs for, with their handlers. None while the application is down.
-spec host_types() -> #{binary() => [handler()]}.
host_types() ->
    http_pusher_pool_rows:host_types().


%% @doc The calling process begins to wait for what it has pending. Returns until when it may, in
%% milliseconds of monotonic time; stops that follow one another share their time (http_pusher_stop_budget).
-spec stopping(timeout()) -> {Deadline :: integer(), http_pusher_stop_budget:stop()}.
stopping(Timeout) ->
    call(stopping, Timeout).


%% @doc The process waits no longer. Its death means the same.
-spec stopped(http_pusher_stop_budget:stop()) -> ok.
stopped(Stop) ->
    gen_server:cast(?MODULE, {stopped, Stop}).


%% @doc Returns when every pool has been checked and opened or found missing. For the start and for tests.
-spec await_look(timeout()) -> ok | timeout.
await_look(Timeout) ->
    try gen_server:call(?MODULE, busy, Timeout) of
        false -> ok;
        true when Timeout =< 0 -> timeout;
        true ->
            timer:sleep(5),
            await_look(Timeout - 5)
    catch
        exit:{timeout, _} -> timeout
    end.


%% Each request can be made twice without harm.
call(Request, Timeout) ->
    http_pusher_successors:call(?MODULE, Request, Timeout).


-spec init(http_pusher_settings:settings()) ->
          {ok, http_pusher_settings:settings(), {continue, recover}}.
init(Settings) ->
    process_flag(trap_exit, true),
    %% Notifications may wait for this process while sessions keep the schedulers busy.
    process_flag(priority, high),
    {ok, Settings, {continue, recover}}.


%% Outside of init/1: the supervisor must not wait for an engine that it is to replace.
-spec handle_continue(recover, http_pusher_settings:settings()) -> {noreply, state()}.
handle_continue(recover, Settings = #{drain_timeout := Drain}) ->
    await_engine(),
    Recovered = http_pusher_pool_recovery:recover(Drain),
    Pools = maps:map(fun http_pusher_pool:closing/2, Recovered),
    State = #{
              settings => Settings,
              pools => Pools,
              jobs => #{},
              eager => undefined,
              unrouted => [],
              stop_budget => http_pusher_stop_budget:new(now_ms())
             },
    {ok, _} = timer:send_interval(?BETWEEN_LOOKS, look_at_all),
    %% The owner before may have died while it registered one of them, and no process would name the others
    %% again.
    Missing = http_pusher_handlers:unrouted(),
    {noreply, close_unused(add_handlers(Missing, http_pusher_pool_checks:eager(State)))}.


%% An engine that ends takes this process with it. Until then each owner would die of the first pool that it
%% creates, and so would the application.
await_engine() ->
    case http_pusher_nif:engine_runs() of
        true ->
            ok;
        false ->
            receive
                {'EXIT', _Supervisor, Reason} -> exit(Reason)
            after
                ?BETWEEN_ENGINE_LOOKS ->
                    await_engine()
            end
    end.


-spec handle_call(term(), gen_server:from(), state()) -> {reply, term(), state()}.
handle_call({add, HostType, Handlers}, _From, State = #{stop_budget := Budget}) ->
    http_pusher_pool_rows:put_handlers(HostType, Handlers),
    %% It is closed if the module or the application was stopped before.
    ok = http_pusher_nif:open_host_type(HostType),
    State1 = State#{stop_budget := http_pusher_stop_budget:over(Budget)},
    {reply, ok,
            add_handlers([ {HostType, Handler} || Handler <- Handlers ],
                         http_pusher_pool_checks:eager(only(HostType, Handlers, State1)))};
handle_call({remove, HostType}, _From, State) ->
    http_pusher_pool_rows:delete_handlers(HostType),
    {reply, ok, close_unused(only(HostType, [], State))};
handle_call(stopping, {Pid, _}, State = #{stop_budget := Budget, settings := #{drain_timeout := Drain}}) ->
    Stop = erlang:monitor(process, Pid),
    {Deadline, Budget1} = http_pusher_stop_budget:begins(Budget, Stop, now_ms(), Drain),
    {reply, {Deadline, Stop}, State#{stop_budget := Budget1}};
handle_call(busy, _From, State = #{jobs := Jobs}) ->
    {reply, map_size(Jobs) > 0, State}.


-spec handle_cast(term(), state()) -> {noreply, state()}.
handle_cast({stopped, Stop}, State = #{stop_budget := Budget}) ->
    %% The stop may have begun with the owner before this one, whose monitors died with it.
    _ = [ erlang:demonitor(Stop, [flush]) || http_pusher_stop_budget:waits(Budget, Stop) ],
    {noreply, stop_ended(Stop, State)}.


-spec handle_info(term(), state()) -> {noreply, state()}.
handle_info({look, Key}, State) ->
    _ = http_pusher_routes:asked(Key),
    {noreply, http_pusher_pool_checks:told(Key, State)};
handle_info(look_at_all, State) ->
    {noreply, add_handlers(maps:get(unrouted, State), State)};
handle_info(look_again, State) ->
    {noreply, http_pusher_pool_checks:look_again(State)};
handle_info({close, Key, Until}, State = #{pools := Pools}) ->
    case Pools of
        #{Key := Row} ->
            Closed = http_pusher_pool:close_stopped(Key, Row, Until),
            {noreply, http_pusher_pool_checks:put_row(Key, Closed, State)};
        _ -> {noreply, State}
    end;
handle_info({'DOWN', Ref, process, _Pid, Reason}, State = #{jobs := Jobs}) ->
    case maps:take(Ref, Jobs) of
        {{Kind, Key}, Rest} ->
            Result = http_pusher_pool_job:result(Kind, Reason),
            {noreply, http_pusher_pool_checks:ended(Key, Ref, Result, State#{jobs := Rest})};
        error ->
            Eager = http_pusher_pool_checks:eager(stop_ended(Ref, State)),
            {noreply, http_pusher_pool_checks:all(Eager)}
    end;
handle_info(_Info, State) ->
    {noreply, State}.


-spec terminate(term(), state()) -> ok.
terminate(_Reason, _State) ->
    ok.


%% Changes nothing if it belongs to an owner before this one, or to no stop.
stop_ended(Stop, State = #{stop_budget := Budget}) ->
    State#{stop_budget := http_pusher_stop_budget:ends(Budget, Stop, now_ms())}.


%%% Handlers and the pools they may use


add_handlers(Handlers, State = #{pools := Pools, unrouted := Unrouted}) ->
    {Pools1, Unrouted1} = http_pusher_handlers:register(Handlers, Unrouted, Pools),
    http_pusher_pool_checks:all(State#{pools := Pools1, unrouted := Unrouted1}).


%% From now on the host type has only these handlers.
only(HostType, Handlers, State = #{unrouted := Unrouted}) ->
    State#{
      unrouted := [ One || One = {Its, Handler} <- Unrouted,
                           Its =/= HostType orelse lists:member(Handler, Handlers) ]
     }.


close_unused(State = #{pools := Pools, settings := #{drain_timeout := Drain}}) ->
    Used = http_pusher_pool_rows:used(),
    maps:foreach(fun(Key, Row) -> http_pusher_pool:forget(Key, Row, Drain) end,
                 maps:without(Used, Pools)),
    State#{pools := maps:with(Used, Pools)}.


now_ms() ->
    erlang:monotonic_time(millisecond).
