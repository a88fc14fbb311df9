%% @doc Two nodes in a cluster, users on both: each message is notified once, by its sender's node.
%%
%% Needs the second node of the host's own big tests (mim2) with the package installed in it too.
-module(http_pusher_cluster_SUITE).

-compile([export_all, nowarn_export_all]).

-include_lib("eunit/include/eunit.hrl").

-import(distributed_helper, [mim/0, mim2/0, require_rpc_nodes/1, rpc/4]).
-import(http_pusher_helper, [counts/1, form/1, forget/0, requests/0, set_handlers/2, start_pool/3,
                             stop_pool/2, wait_for_requests/2, wait_until/3]).

suite() ->
    require_rpc_nodes([mim, mim2]) ++ escalus:suite().

all() ->
    [each_message_is_notified_once].

init_per_suite(Config) ->
    http_pusher_helper:start_endpoint(),
    http_pusher_helper:lift_shapers(),
    escalus:init_per_suite(distributed_helper:add_node_to_cluster(mim2(), Config)).

end_per_suite(Config) ->
    escalus_fresh:clean(),
    distributed_helper:remove_node_from_cluster(mim2(), Config),
    http_pusher_helper:stop_endpoint(),
    escalus:end_per_suite(Config).

init_per_testcase(CaseName, Config) ->
    forget(),
    lists:foreach(fun(Node) ->
                          start_pool(Node, http_pool, #{}),
                          set_handlers(Node, [#{}])
                  end, [mim(), mim2()]),
    escalus:init_per_testcase(CaseName, Config).

end_per_testcase(CaseName, Config) ->
    lists:foreach(fun(Node) ->
                          http_pusher_helper:stop_pusher(Node),
                          stop_pool(Node, http_pool)
                  end, [mim(), mim2()]),
    escalus:end_per_testcase(CaseName, Config).

%% clusterguy is the user of the host's test.config who connects to mim2.
each_message_is_notified_once(Config) ->
    Count = 50,
    Before = [counts(Node) || Node <- [mim(), mim2()]],
    escalus:fresh_story(Config, [{alice, 1}, {clusterguy, 1}], fun(Alice, Guy) ->
        [begin
             chat(Alice, Guy, <<"from the first node ", (integer_to_binary(N))/binary>>),
             chat(Guy, Alice, <<"from the second node ", (integer_to_binary(N))/binary>>)
         end || N <- lists:seq(1, Count)],
        wait_for_requests(2 * Count, 20000),
        timer:sleep(1000),
        Texts = [maps:get(<<"message">>, form(Request)) || Request <- requests()],
        ?assertEqual(2 * Count, length(Texts)),
        ?assertEqual(2 * Count, length(lists:usort(Texts)))
    end),
    %% Each node has notified what its own users sent.
    wait_until(fun() -> [maps:get(sent, counts(Node)) - maps:get(sent, Old)
                         || {Node, Old} <- lists:zip([mim(), mim2()], Before)] =:= [Count, Count] end,
               sent_by_both, 5000).

chat(From, To, Text) ->
    escalus:send(From, escalus_stanza:chat_to(To, Text)),
    escalus:assert(is_chat_message, [Text], escalus:wait_for_stanza(To)).
