%% @doc What keeps the owner of the pools from reading one of the host's pools: says it once, and makes looks
%% that crash rarer.
%%
%% A value in the pool's row. It belongs to one process of the host: when the host starts another one, the settings
%% may have been corrected, so the owner reads them at once, and logs the problem again if it is still there.
-module(http_pusher_pool_trouble).

-export([noted/3, is_held_back/2]).

-export_type([trouble/0, problem/0]).

-type problem() :: {crashed, http_pusher_pool_job:kind(), Crash :: term()} |
                   {unreadable, Missing :: [atom()]}.
%% Times are milliseconds of monotonic time.
-type trouble() :: none |
                   #{
                     process := pid() | undefined,
                     since := integer(),
                     %% What is in the log.
                     said := none | problem(),
                     %% No look before this time, and the pause after the next crash.
                     until := integer(),
                     pause := pos_integer()
                    }.

-define(FIRST_PAUSE,   50).
-define(LONGEST_PAUSE, 30000).
%% The host may still be starting the pool, so a pool is named only when this has taken as long as new pools are
%% looked at more often.
-define(STARTING, 10000).


%% @doc The pool could not be read, or not be opened. Logs it if the log does not have it yet.
-spec noted(http_pusher_pool_key:pool_key(), problem(), trouble()) -> trouble().
noted(Key, Problem, Before) ->
    Now = erlang:monotonic_time(millisecond),
    Trouble = case {whereis(http_pusher_pool_key:process_name(Key)), Before} of
                  {Process, #{process := Process}} when is_pid(Process) -> Before;
                  {Process, _} -> #{process => Process, since => Now, said => none, until => Now, pause => ?FIRST_PAUSE}
              end,
    said(Key, Problem, Now, paused(Problem, Now, Trouble)).


%% A look that finds less than it needs takes a second by itself, and so soon after the start of a pool it is
%% what is expected.
paused({crashed, _, _}, Now, Trouble = #{pause := Pause}) ->
    Trouble#{until := Now + Pause, pause := min(2 * Pause, ?LONGEST_PAUSE)};
paused({unreadable, _}, _Now, Trouble) ->
    Trouble.


said(_Key, Problem, _Now, Trouble = #{said := Problem}) ->
    Trouble;
said(_Key, {unreadable, _}, Now, Trouble = #{since := Since}) when Now - Since < ?STARTING ->
    Trouble;
said(Key, Problem, _Now, Trouble) ->
    Name = http_pusher_pool_key:name(Key),
    case Problem of
        {crashed, Kind, Crash} -> http_pusher_log:helper_crashed(Name, Kind, Crash);
        {unreadable, Missing} -> http_pusher_log:notices([{Name, warning, unreadable(Missing)}])
    end,
    Trouble#{said := Problem}.


unreadable(Missing) ->
    http_pusher_utf8:format("the host runs this pool, but its settings cannot be read: nothing is known of it in ~ts. "
                            "That is tried again; its notifications wait meanwhile, and are rejected with "
                            "queue_full when too many do",
                            [lists:join(", ", [ atom_to_list(Name) || Name <- Missing ])]).


%% @doc Whether the next look at this process of the host has to wait, even if a session asks for it: each
%% notification that comes for the pool does.
-spec is_held_back(pid(), trouble()) -> boolean().
is_held_back(Process, #{process := Process, until := Until}) ->
    erlang:monotonic_time(millisecond) < Until;
is_held_back(_Process, _Trouble) ->
    false.
