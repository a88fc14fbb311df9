%% Killing the application's processes, and what that may cost.
-module(pusher_kills).

-export([kill/1, at_most_twice/2]).

-include_lib("stdlib/include/assert.hrl").

%% @doc Kills a registered process, and says how many that were: one, or none if its successor is not there yet.
-spec kill(atom()) -> 0 | 1.
kill(Name) ->
    case whereis(Name) of
        undefined ->
            0;
        Pid ->
            Ref = erlang:monitor(process, Pid),
            exit(Pid, kill),
            receive {'DOWN', Ref, _, _, _} -> 1 end
    end.

%% @doc Each kill may count one outcome a second time, and no outcome is lost.
-spec at_most_twice(pusher_case:numbers(), non_neg_integer()) -> ok.
at_most_twice(#{sent := Sent, failed := Failed}, Kills) ->
    #{sent := SentMetric, failed := FailedMetric} = Metrics = host_metrics:read(pusher_case:host()),
    ?assertMatch({true, _},
                 {SentMetric >= Sent andalso FailedMetric >= Failed
                  andalso SentMetric + FailedMetric - Sent - Failed =< Kills,
                  {Metrics#{response_times := []}, {Sent, Failed}, Kills}}).
