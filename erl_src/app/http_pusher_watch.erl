%% @doc Starts the starter again if it has died: the starter restarts the application, and this process,
%% which belongs to the application, the starter.
-module(http_pusher_watch).
-behaviour(gen_server).

-export([start_link/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-define(BETWEEN_CHECKS, 1000).

-type state() :: [].


-spec start_link(http_pusher_settings:settings()) -> {ok, pid()} | {error, term()}.
start_link(_Settings) ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).


-spec init([]) -> {ok, state(), timeout()}.
init([]) ->
    {ok, [], ?BETWEEN_CHECKS}.


-spec handle_call(term(), gen_server:from(), state()) ->
          {reply, {error, unknown_call}, state(), timeout()}.
handle_call(_Request, _From, State) ->
    {reply, {error, unknown_call}, State, ?BETWEEN_CHECKS}.


-spec handle_cast(term(), state()) -> {noreply, state(), timeout()}.
handle_cast(_Request, State) ->
    {noreply, State, ?BETWEEN_CHECKS}.


-spec handle_info(term(), state()) -> {noreply, state(), timeout()}.
handle_info(_Timeout, State) ->
    http_pusher_starter:ensure(),
    {noreply, State, ?BETWEEN_CHECKS}.
