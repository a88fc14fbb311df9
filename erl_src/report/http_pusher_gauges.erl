%% @doc Keeps the metrics registered in the host's exometer and Prometheus while the application runs.
%%
%% Pools come and go, and either library may be started later than this application, or again, so this
%% process registers what is missing every few seconds. It is a process of its own because exometer answers
%% from one process, and no other process should wait for that. A failure of either library is logged once
%% and affects nothing else.
-module(http_pusher_gauges).
-behaviour(gen_server).

-export([start_link/1]).
-export([init/1, handle_continue/2, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-type state() :: #{failing := [module()]}.

-define(BETWEEN_LOOKS, 2000).
-define(BACK_ENDS,     [http_pusher_exometer, http_pusher_prometheus]).


-spec start_link(http_pusher_settings:settings()) -> {ok, pid()} | {error, term()}.
start_link(_Settings) ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).


-spec init([]) -> {ok, state(), {continue, look}}.
init([]) ->
    process_flag(trap_exit, true),
    {ok, #{failing => []}, {continue, look}}.


-spec handle_continue(look, state()) -> {noreply, state()}.
handle_continue(look, State) ->
    {noreply, look(State)}.


-spec handle_call(term(), gen_server:from(), state()) -> {reply, {error, unknown_call}, state()}.
handle_call(_Request, _From, State) ->
    {reply, {error, unknown_call}, State}.


-spec handle_cast(term(), state()) -> {noreply, state()}.
handle_cast(_Request, State) ->
    {noreply, State}.


-spec handle_info(term(), state()) -> {noreply, state()}.
handle_info(look, State) ->
    {noreply, look(State)};
handle_info(_Info, State) ->
    {noreply, State}.


-spec terminate(term(), state()) -> ok.
terminate(_Reason, _State) ->
    lists:foreach(fun(BackEnd) -> attempt(fun BackEnd:remove/0) end, ?BACK_ENDS).


look(State = #{failing := Failing}) ->
    Results = [ {BackEnd, attempt(fun BackEnd:sync/0)} || BackEnd <- ?BACK_ENDS ],
    _ = erlang:send_after(?BETWEEN_LOOKS, self(), look),
    [ http_pusher_log:gauges_failed(BackEnd, Problem)
      || {BackEnd, {error, Problem}} <- Results, not lists:member(BackEnd, Failing) ],
    State#{failing := [ BackEnd || {BackEnd, {error, _}} <- Results ]}.


attempt(Fun) ->
    try
        Fun()
    catch
        Class:Reason -> {error, {Class, Reason}}
    end.
