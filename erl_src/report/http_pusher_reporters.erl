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
    await_predecessors(),
    {ok, {#{strategy => one_for_one, intensity => ?INTENSITY, period => ?PERIOD},
          [ #{
              id => {http_pusher_reporter, Number},
              start => {http_pusher_reporter, start_link, [Number, Settings]},
              shutdown => ?SHUTDOWN
             }
            || Number <- lists:seq(0, Reporters - 1) ]}}.


%% If the supervisor before this one was killed, its reporters count what they have taken before they end. Until then
%% their successors cannot have their names: this one would fail again and again, and the whole tree would give up.
await_predecessors() ->
    Monitors = [ {erlang:monitor(process, Name), Name} || Name <- http_pusher_reporter:registered() ],
    Deadline = now_ms() + ?SHUTDOWN,
    lists:foreach(fun(Monitor) -> await(Monitor, Deadline) end, Monitors).


await({Ref, Name}, Deadline) ->
    receive
        {'DOWN', Ref, process, _, _} -> ok
    after
        max(0, Deadline - now_ms()) ->
            _ = [ exit(Pid, kill) || Pid <- [whereis(Name)], is_pid(Pid) ],
            receive {'DOWN', Ref, process, _, _} -> ok end
    end.


now_ms() ->
    erlang:monotonic_time(millisecond).
