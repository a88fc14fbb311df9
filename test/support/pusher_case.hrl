%% The head of the suites that run in stand-in hosts, one group for each generation (pusher_case). Included
%% after the suite's own -import, and before its first function.
-compile([export_all, nowarn_export_all]).
-include_lib("stdlib/include/assert.hrl").

%% Fails with the values that the condition depends on.
-define(assertWith(Condition, Values), ?assertMatch({true, _}, {Condition, Values})).

%% Far beyond what a case takes: every wait in it has a bound of its own.
-ifndef(MINUTES).
-define(MINUTES, 2).
-endif.

suite() ->
    [{timetrap, {minutes, ?MINUTES}}].

init_per_group(Generation, Config) ->
    pusher_case:group(Generation, Config).

end_per_group(_Generation, _Config) ->
    ok.
