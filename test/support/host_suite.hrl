%% The head of the suites about the stand-in hosts themselves. Included before the suite's first function.
-compile([export_all, nowarn_export_all]).
-include_lib("stdlib/include/assert.hrl").

-define(HOST, <<"localhost">>).

suite() ->
    [{timetrap, {seconds, 60}}].

init_per_group(Generation, Config) ->
    [{generation, Generation} | Config].

end_per_group(_Generation, _Config) ->
    ok.

end_per_testcase(_Case, _Config) ->
    host_ctl:stop().

generation(Config) ->
    proplists:get_value(generation, Config).

%% 6.9 differs from 6.8 in its events alone.
layout(Config) ->
    host_ctl:layout(generation(Config)).
