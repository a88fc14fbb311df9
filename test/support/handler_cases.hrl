%% The head of the suites of handlers with rules (handler_cases). Included after the suite's own -import, and before its
%% first function.
-include("pusher_case.hrl").

-define(HOST, <<"localhost">>).
-define(ALICE, <<"alice@localhost/phone">>).
-define(BOB, <<"bob@localhost/pc">>).
%% A MUC light room, as alice writes into it.
-define(ROOM, <<"tea@light.localhost">>).
-define(FROM_ROOM, <<"tea@light.localhost/alice@localhost">>).

all() ->
    pusher_case:all([v5_0, v6_5, v6_9]).

init_per_testcase(_Case, Config) ->
    handler_cases:start(Config).

end_per_testcase(_Case, Config) ->
    handler_cases:finish(Config).
