%% @doc Configuration files in a real MongooseIM node; restarts of the application and of the node, which read them; and
%% this module's processes, killed.
-module(http_pusher_configuration_SUITE).

-import(distributed_helper, [mim/0, rpc/4]).
-import(http_pusher_endpoint_helper, [endpoint/0, forget/0, form/1, wait_for_requests/1, wait_until/3]).
-import(http_pusher_module_helper, [set_handlers/1, start_pool/2]).
-import(http_pusher_node_helper, [counts/0, generation/0, host_type/0, slow/1, wait_for_more/2]).
-import(http_pusher_user_helper, [chat/3, chat_is_notified_first/1, story/2]).

-include("http_pusher_suite.hrl").

all() ->
    [{group, configuration}, {group, restarts}].

groups() ->
    [{configuration, [], [handlers_in_the_file, one_table_in_the_file, wait_in_the_file, unknown_key_in_the_file,
                          empty_pool_name_in_the_file, missing_callback_module_in_the_file,
                          lacking_callback_module_in_the_file]},
     {restarts, [], [application_of_the_host_restarted, node_restarted, application_killed_with_its_starter]}].

%%% What the file says

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

%%% Restarts

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

%% No process of ours is left then that would start another: the next message does, and is not notified itself.
application_killed_with_its_starter(Config) ->
    start_pool(http_pool, #{}),
    set_handlers([#{}]),
    Before = counts(),
    story(Config, fun(Alice, Bob) ->
        chat(Alice, Bob, <<"before">>),
        wait_for_more(Before, #{sent => 1}),
        Both = [rpc(mim(), erlang, whereis, [Name]) || Name <- [http_pusher_sup, http_pusher_starter]],
        [exit(Process, kill) || Process <- Both],
        wait_until(fun is_all_gone/0, all_gone, 10000),
        chat(Alice, Bob, <<"nothing runs">>),
        wait_until(fun runs_for_the_module/0, runs_for_the_module, 30000),
        chat(Alice, Bob, <<"after">>),
        Messages = [maps:get(<<"message">>, form(Request)) || Request <- wait_for_requests(2)],
        ?assertEqual([<<"before">>, <<"after">>], Messages)
    end),
    wait_for_more(Before, #{sent => 2, failed => 1}).

%%% Helpers

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

is_all_gone() ->
    Running = rpc(mim(), application, which_applications, []),
    not lists:keymember(mongoose_http_pusher, 1, Running)
        andalso rpc(mim(), erlang, whereis, [http_pusher_starter]) =:= undefined.

%% The starter answers after it has begun: then its handlers have been added too.
runs_for_the_module() ->
    is_pid(rpc(mim(), erlang, whereis, [http_pusher_starter]))
        andalso is_map(rpc(slow(mim()), sys, get_state, [http_pusher_starter]))
        andalso is_map_key(host_type(), rpc(mim(), http_pusher_pools, host_types, [])).
