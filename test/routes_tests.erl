%% What sessions find in the table of the routes.
-module(routes_tests).

-include_lib("eunit/include/eunit.hrl").

-define(KEY, {global, http_pool}).

%% The table goes away between a session's look-up and its word to the owner of the pools.
an_application_that_ends_meanwhile_test() ->
    undefined = ets:info(http_pusher_routes, name),
    Pool = spawn_link(fun() -> receive stop -> ok end end),
    true = register(?MODULE, Pool),
    ?assertEqual({ok, 7}, http_pusher_routes:choose([{?KEY, ?MODULE, undefined, undefined, 7}])),
    Pool ! stop.
