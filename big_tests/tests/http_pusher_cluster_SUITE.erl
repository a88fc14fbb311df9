%% @doc Two nodes in a cluster, users on both: each message is notified once, by its sender's node, also if that node
%% leaves the cluster before and joins it again.
%%
%% Needs the second node of the host's own big tests (mim2) with the package installed in it too.
-module(http_pusher_cluster_SUITE).

-compile([export_all, nowarn_export_all]).

-include_lib("eunit/include/eunit.hrl").

-import(distributed_helper, [mim/0, mim2/0, require_rpc_nodes/1, rpc/4]).
-import(http_pusher_endpoint_helper, [answer/2, form/1, forget/0, requests/0, wait_for_requests/2, wait_until/3]).
-import(http_pusher_module_helper, [set_handlers/2, start_pool/3, stop_pool/2]).
-import(http_pusher_node_helper, [counts/1]).
-import(http_pusher_user_helper, [chat/3, log_in/2, user/1]).

suite() ->
    require_rpc_nodes([mim, mim2]) ++ escalus:suite().

all() ->
    [each_message_is_notified_once, what_is_on_disk_outlives_leaving_and_joining].

init_per_suite(Config) ->
    http_pusher_endpoint_helper:start_endpoint(),
    http_pusher_node_helper:lift_shapers(),
    join(mim2()),
    escalus:init_per_suite(Config).

end_per_suite(Config) ->
    escalus_fresh:clean(),
    leave(mim2()),
    http_pusher_endpoint_helper:stop_endpoint(),
    escalus:end_per_suite(Config).

init_per_testcase(CaseName, Config) ->
    forget(),
    lists:foreach(fun(Node) -> notifies(Node, #{}) end, [mim(), mim2()]),
    escalus:init_per_testcase(CaseName, Config).

end_per_testcase(CaseName, Config) ->
    lists:foreach(fun(Node) ->
                          http_pusher_module_helper:stop_pusher(Node),
                          stop_pool(Node, http_pool)
                  end, [mim(), mim2()]),
    escalus:end_per_testcase(CaseName, Config).

join(Node) ->
    change_cluster(Node, join, [maps:get(node, mim())], 2).

leave(Node) ->
    change_cluster(Node, leave, [], 1).

%% As the host's helper does it, but without its limit of 30 s: the node starts again, and writes a database to a disk
%% that may be busy.
change_cluster(Node, Do, Arguments, Members) ->
    ok = rpc(Node#{timeout => 300000}, mongoose_cluster, Do, Arguments),
    wait_until(fun() -> lists:all(fun(N) -> is_one_of(Members, N) end, [mim(), Node]) end, {Do, Members}, 60000).

is_one_of(Members, Node) ->
    length(rpc(Node, mnesia, system_info, [running_db_nodes])) =:= Members
        andalso lists:keymember(mongooseim, 1, rpc(Node, application, which_applications, [])).

notifies(Node, Handler) ->
    start_pool(Node, http_pool, #{}),
    set_handlers(Node, [Handler]).

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

%% A node that leaves or joins deletes its database, with all that is in the directory.
what_is_on_disk_outlives_leaving_and_joining(Config0) ->
    Certain = #{path => <<"/certain">>, delivery => at_least_once},
    set_handlers(mim2(), [Certain]),
    answer(<<"/certain">>, #{status => 503}),
    Texts = [integer_to_binary(N) || N <- lists:seq(1, 10)],
    Config = escalus_fresh:create_users(Config0, [{alice, 1}, {clusterguy, 1}]),
    [Alice, Guy] = [log_in(Config, User) || User <- [alice, clusterguy]],
    [chat(Guy, Alice, Text) || Text <- Texts],
    wait_until(fun() -> requests() =/= [] end, attempts, 20000),
    [escalus_client:stop(Config, Client) || Client <- [Alice, Guy]],
    leave(mim2()),
    join(mim2()),
    %% An engine that goes on may have kept files open that are deleted.
    [ok = rpc(http_pusher_node_helper:slow(mim2()), application, Do, [mongoose_http_pusher]) || Do <- [stop, start]],
    answer(<<"/certain">>, #{}),
    notifies(mim2(), Certain),
    %% What a run before has left on disk arrives too.
    Author = user(Guy),
    Taken = fun() -> [Text || #{<<"author">> := From, <<"message">> := Text}
                                  <- [form(Request) || Request = #{status := 200} <- requests()], From =:= Author] end,
    wait_until(fun() -> length(Taken()) >= length(Texts) end, delivered, 60000),
    timer:sleep(500),
    ?assertEqual(Texts, Taken()).
