%% @doc The supervision tree: the engine, and after it the processes that work with it.
%%
%% If the engine dies, so do the others, because pools live in its threads. Each of the others dies alone.
%% The tables are created here, so that they outlive the processes that write them.
-module(http_pusher_sup).
-behaviour(supervisor).

-export([start_link/0, start_clients/1, init/1]).

%% Many crashes in a row are tolerated: giving up would cost every notification from then on.
-define(INTENSITY, 100).
-define(PERIOD,    10).
%% How long a process may take to end.
-define(SHUTDOWN, 5000).


-spec start_link() -> {ok, pid()} | {error, term()}.
start_link() ->
    supervisor:start_link({local, ?MODULE}, ?MODULE, top).


-spec start_clients(http_pusher_settings:settings()) -> {ok, pid()} | {error, term()}.
start_clients(Settings) ->
    supervisor:start_link(?MODULE, {clients, Settings}).


-spec init(top | {clients, http_pusher_settings:settings()}) ->
          {ok, {supervisor:sup_flags(), [supervisor:child_spec()]}}.
init(top) ->
    http_pusher_routes:new(),
    http_pusher_metrics:new(),
    http_pusher_storm:new(),
    Settings = http_pusher_settings:read(),
    http_pusher_wait:set_default(maps:get(wait, Settings)),
    Clients = #{id => clients, start => {?MODULE, start_clients, [Settings]}, type => supervisor},
    {ok, {flags(rest_for_one), [worker(http_pusher_engine, Settings), Clients]}};
init({clients, Settings}) ->
    Names = [http_pusher_reporters, http_pusher_pools, http_pusher_gauges, http_pusher_watch],
    http_pusher_predecessors:await(Names ++ http_pusher_reporter:registered(), ?SHUTDOWN),
    Reporters = #{
                  id => http_pusher_reporters,
                  start => {http_pusher_reporters, start_link, [Settings]},
                  type => supervisor
                 },
    {ok, {flags(one_for_one),
          [Reporters,
           worker(http_pusher_pools, Settings),
           worker(http_pusher_gauges, Settings),
           worker(http_pusher_watch, Settings)]}}.


flags(Strategy) ->
    #{strategy => Strategy, intensity => ?INTENSITY, period => ?PERIOD}.


worker(Module, Settings) ->
    #{id => Module, start => {Module, start_link, [Settings]}, shutdown => ?SHUTDOWN}.
