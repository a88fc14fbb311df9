%% The head of the suites with one node. Included after the suite's own -import, and before its first function.
%% A suite that prepares its groups itself defines OWN_GROUPS before, and has those functions.
-compile([export_all, nowarn_export_all]).
-include_lib("eunit/include/eunit.hrl").

%% The pools with which each case begins.
-ifndef(POOLS).
-define(POOLS, []).
-endif.

suite() ->
    distributed_helper:require_rpc_nodes([mim]) ++ escalus:suite().

init_per_suite(Config) ->
    http_pusher_suite_helper:init_suite(Config).

end_per_suite(Config) ->
    http_pusher_suite_helper:end_suite(Config).

-ifndef(OWN_GROUPS).
init_per_group(_Group, Config) ->
    Config.

end_per_group(_Group, Config) ->
    Config.
-endif.

init_per_testcase(CaseName, Config) ->
    http_pusher_suite_helper:init_case(CaseName, ?POOLS, Config).

end_per_testcase(CaseName, Config) ->
    http_pusher_suite_helper:end_case(CaseName, Config).
