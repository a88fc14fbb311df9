%% @doc What every suite with one node does before and after itself and its cases; http_pusher_suite.hrl calls it.
-module(http_pusher_suite_helper).

-export([init_suite/1, end_suite/1, init_case/3, end_case/2]).

-spec init_suite(escalus:config()) -> escalus:config().
init_suite(Config0) ->
    http_pusher_endpoint_helper:start_endpoint(),
    http_pusher_node_helper:lift_shapers(),
    http_pusher_node_helper:inject(http_pusher_callbacks),
    Config = dynamic_modules:save_modules(http_pusher_node_helper:host_type(), Config0),
    escalus:init_per_suite(Config).

-spec end_suite(escalus:config()) -> escalus:config().
end_suite(Config) ->
    escalus_fresh:clean(),
    http_pusher_module_helper:stop_pusher(),
    dynamic_modules:restore_modules(Config),
    http_pusher_endpoint_helper:stop_endpoint(),
    escalus:end_per_suite(Config).

%% @doc A case begins with these pools.
-spec init_case(atom(), [atom()], escalus:config()) -> escalus:config().
init_case(CaseName, Pools, Config) ->
    http_pusher_endpoint_helper:forget(),
    [http_pusher_module_helper:start_pool(Tag, #{}) || Tag <- Pools],
    escalus:init_per_testcase(CaseName, Config).

%% @doc Whatever a case is about, its payloads are as the schemas say.
-spec end_case(atom(), escalus:config()) -> escalus:config() | {fail, {invalid_payloads, string()}}.
end_case(CaseName, Config) ->
    Valid = http_pusher_endpoint_helper:check_payloads(),
    _ = [http_pusher_module_helper:stop_pool(Tag) || Tag <- [http_pool, other_pool]],
    http_pusher_module_helper:stop_pusher(),
    Config1 = escalus:end_per_testcase(CaseName, Config),
    case Valid of
        ok -> Config1;
        {invalid_payloads, Text} -> {fail, {invalid_payloads, Text}}
    end.
