%% @doc Configuration files in a real MongooseIM node, and restarts of the application and of the node, which read them.
-module(http_pusher_configuration_SUITE).

-import(distributed_helper, [mim/0, rpc/4]).
-import(http_pusher_endpoint_helper, [endpoint/0, forget/0, wait_for_requests/1, wait_until/3]).
-import(http_pusher_module_helper, [start_pool/2]).
-import(http_pusher_node_helper, [counts/0, generation/0]).
-import(http_pusher_user_helper, [chat/3, chat_is_notified_first/1, story/2]).

-include("http_pusher_suite.hrl").

all() ->
    [{group, configuration}, {group, restarts}].

groups() ->
    [{configuration, [], [handlers_in_the_file, one_table_in_the_file, wait_in_the_file, unknown_key_in_the_file,
                          empty_pool_name_in_the_file, missing_callback_module_in_the_file,
                          lacking_callback_module_in_the_file]},
     {restarts, [], [application_of_the_host_restarted, node_restarted]}].

%%%===================================================================
%%% What the file says
%%%===================================================================

handlers_in_the_file(Config) ->
    from_file(Config, array, ["/first", "/second"]).

%% 5.0 documents both forms; later releases have the array alone.
one_table_in_the_file(Config) ->
    case generation() of
        v5_0 -> from_file(Config, table, ["/only"]);
        _ -> from_file(Config, array, ["/only"])
    end.

wait_in_the_file(Config) ->
    Options = http_pusher_file_helper:parse_config(
                [http_pusher_file_helper:pool_toml(http_pool, endpoint()),
                 http_pusher_file_helper:handlers_toml(array, ["/waited_for"]), "  wait = 5000\n"]),
    start_pool(http_pool, #{}),
    http_pusher_module_helper:start_module(mim(), mod_event_pusher, Options),
    chat_is_notified_first(Config).

unknown_key_in_the_file(_Config) ->
    refused("pth = \"/a\"\n", <<"pth">>).

empty_pool_name_in_the_file(_Config) ->
    refused("pool_name = \"\"\n", <<"pool_name">>).

missing_callback_module_in_the_file(_Config) ->
    refused("callback_module = \"there_is_no_such_module\"\n", <<"callback_module">>).

lacking_callback_module_in_the_file(_Config) ->
    refused("callback_module = \"lists\"\n", <<"callback_module">>).

%%%===================================================================
%%% Restarts
%%%===================================================================

application_of_the_host_restarted(Config) ->
    [survives_restart(Config, fun http_pusher_node_helper:restart_host/0) || _ <- [first, second]].

%% The VM starts again in its process: the library is loaded a second time into it. 5.0 does not come back from
%% `init:restart/0', with the stock module either; there it is another process.
node_restarted(Config) ->
    survives_restart(Config, fun() ->
        Before = rpc(mim(), erlang, whereis, [http_pusher_sup]),
        ?assert(is_pid(Before)),
        case generation() of
            v5_0 ->
                Start = http_pusher_node_helper:kill_node(),
                Start();
            _ ->
                ok = rpc(mim(), init, restart, []),
                wait_until(fun() -> is_down_or_new(Before) end, down, 60000),
                http_pusher_node_helper:wait_until_up()
        end
    end).

%%%===================================================================
%%% Helpers
%%%===================================================================

%% The node's parser reads the file, and the module runs with what it found.
from_file(Config, Form, Paths) ->
    Options = http_pusher_file_helper:parse_config(
                [http_pusher_file_helper:pool_toml(http_pool, endpoint()),
                 http_pusher_file_helper:handlers_toml(Form, Paths)]),
    start_pool(http_pool, #{path_prefix => "/webservice"}),
    http_pusher_module_helper:start_module(mim(), mod_event_pusher, Options),
    story(Config, fun(Alice, Bob) ->
        chat(Alice, Bob, <<"as the file says">>),
        Requests = wait_for_requests(length(Paths)),
        ?assertEqual(lists:sort([list_to_binary("/webservice" ++ Path) || Path <- Paths]),
                     lists:sort([Path || #{path := Path} <- Requests]))
    end).

%% The host's usual error, which names the place in the file.
refused(Line, Key) ->
    try http_pusher_file_helper:parse_config([http_pusher_file_helper:handlers_toml(array, ["/a"]), "  ", Line]) of
        Options -> ct:fail({taken, Options})
    catch
        error:{badrpc, {'EXIT', {{config_error, _, Errors}, _}}} ->
            ct:log("~p", [Errors]),
            Text = iolist_to_binary(io_lib:format("~0p", [Errors])),
            [?assertMatch({_, _}, binary:match(Text, Part))
             || Part <- [<<"toml_path">>, <<"mod_event_pusher">>, Key]]
    end.

%% Pools and modules come from the node's own file while the node starts.
survives_restart(Config, Restart) ->
    Added = [http_pusher_file_helper:pool_toml(http_pool, endpoint()),
             http_pusher_file_helper:handlers_toml(array, ["/restarted"])],
    http_pusher_file_helper:with_configuration(Added, fun() ->
        Restart(),
        forget(),
        story(Config, fun(Alice, Bob) ->
            chat(Alice, Bob, <<"after the restart">>),
            ?assertMatch([#{path := <<"/webservice/restarted">>}], wait_for_requests(1))
        end),
        wait_until(fun() -> maps:get(sent, counts()) >= 1 end, sent, 5000)
    end),
    http_pusher_node_helper:inject(http_pusher_callbacks).

is_down_or_new(Before) ->
    try rpc(mim(), erlang, whereis, [http_pusher_sup]) =/= Before
    catch error:{badrpc, _} -> true
    end.
