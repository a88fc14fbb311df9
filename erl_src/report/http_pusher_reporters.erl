%% @doc The supervisor of the reporters: as many as the setting `reporters' says.
%%
%% The first one is started first and stopped last, because it takes whatever there is.
-module(http_pusher_reporters).
-behaviour(supervisor).

-export([start_link/1, init/1]).

%% As the supervisor above: giving up would cost the counts from then on.
-define(INTENSITY, 100).
-define(PERIOD,    10).
%% How long a reporter may go on counting when it is told to end.
-define(SHUTDOWN, 5000).


-spec start_link(http_pusher_settings:settings()) -> {ok, pid()} | {error, term()}.
start_link(Settings) ->
    supervisor:start_link({local, ?MODULE}, ?MODULE, Settings).


-spec init(http_pusher_settings:settings()) ->
          {ok, {supervisor:sup_flags(), [supervisor:child_spec()]}}.
init(Settings = #{reporters := Reporters}) ->
    %% They count what they have taken before they end.
    http_pusher_predecessors:await(http_pusher_reporter:registered(), ?SHUTDOWN),
    {ok, {#{strategy => one_for_one, intensity => ?INTENSITY, period => ?PERIOD},
          [ #{
              id => {http_pusher_reporter, Number},
              start => {http_pusher_reporter, start_link, [Number, Settings]},
              shutdown => ?SHUTDOWN
             }
            || Number <- lists:seq(0, Reporters - 1) ]}}.
