%% What operators see of the notifications that are on disk: gauges, the table for the shell, log lines.
-module(spool_SUITE).

-import(pusher_case, [endpoint/1, send/2, bulk/2, wait/2, wait_reason/2]).
-import(gauges, [tag/1, pool/2, handlers/2, user/1, await/3, number/2, scrape/1]).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all().

groups() ->
    pusher_case:groups([what_is_on_disk_and_leaves_it,
                        dead_letters_by_reason,
                        a_pool_without_a_spool_shows_none,
                        a_directory_that_another_process_holds,
                        an_engine_that_is_replaced,
                        a_damaged_file,
                        a_file_that_is_updated]).

init_per_testcase(Case, Config) ->
    Directory = directory(Case, Config),
    Holder = case Case of
                 a_directory_that_another_process_holds -> hold(Directory);
                 _ -> none
             end,
    Started = pusher_case:start(gauges:tag(Case, Config), #{handlers => [exometer, prometheus],
                                                            env => [{spool_dir, Directory}]}),
    [{spool_dir, Directory}, {holder, Holder}, {own_endpoints, true} | Started].

end_per_testcase(_Case, Config) ->
    release(Config),
    pusher_case:finish(Config).

%% While the endpoint does not answer, all are on disk; when it does, none is.
what_is_on_disk_and_leaves_it(Config) ->
    {ok, _} = pool(Config, #{workers => 2}),
    handlers(Config, [handler()]),
    opened(Config),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    [bulk(user(N), 3) || N <- lists:seq(1, 4)],
    await(Config, spool_waiting, 12),
    await(Config, spool_failing, 0),
    await(Config, spool_on_disk_alone, 0),
    await(Config, spool_max_bytes, 1073741824),
    ?assert(number(Config, spool_bytes) >= 12 * 10),
    %% It only gets older.
    _ = wait(fun() -> number(Config, spool_oldest) end, fun(Age) -> Age >= 1500 end),
    shows(Config, " on disk 12 with [0-9.]+ (bytes|KiB), 0 of them not in memory, the oldest for [0-9.]+ m?s; "
                  "longest commit [0-9.]+ m?s "),
    test_endpoint:reset_plans(endpoint(Config)),
    test_endpoint:release(endpoint(Config)),
    await(Config, sent, 12),
    [await(Config, What, 0) || What <- [spool_waiting, spool_bytes, spool_oldest, dead_letters, spool_errors]],
    ?assert(number(Config, spool_commits) > 0),
    ?assertEqual(nomatch, string:find(block(Config), "dead letters")).

dead_letters_by_reason(Config) ->
    {ok, _} = pool(Config, #{}),
    handlers(Config, [handler()]),
    opened(Config),
    test_endpoint:plan(endpoint(Config), "status=404"),
    bulk(<<"alice">>, 3),
    _ = wait_reason(bad_status, 3),
    _ = wait(fun() -> number(Config, dead_letters) end, fun(N) -> N =:= 3 end),
    ?assert(number(Config, dead_letter_bytes) > 0),
    shows(Config, " dead letters 3 with [0-9.]+ (bytes|KiB), bad_status 3 "),
    case proplists:get_value(generation, Config) of
        v5_0 -> ok;
        v6_5 ->
            Line = ["http_pusher_dead_letters{pool=\"global/", atom_to_list(tag(Config)),
                    "\",reason=\"bad_status\"} 3\n"],
            ?assertNotEqual(nomatch, string:find(scrape(Config), lists:flatten(Line)))
    end,
    await(Config, spool_waiting, 0).

a_pool_without_a_spool_shows_none(Config) ->
    {ok, _} = pool(Config, #{}),
    handlers(Config, [#{path => "/n"}]),
    send(<<"alice">>, <<"hi">>),
    await(Config, sent, 1),
    ?assertEqual([], [Name || Name = [_, _, Tag, What] <- gauges:our_entries(), Tag =:= tag(Config),
                              lists:prefix("spool", atom_to_list(What))]),
    ?assertEqual(nomatch, string:find(block(Config), "on disk")),
    ?assertEqual({error, enoent}, file:list_dir(proplists:get_value(spool_dir, Config))).

%% Deliveries go on from memory. When the directory is free, the file is opened.
a_directory_that_another_process_holds(Config) ->
    {ok, _} = pool(Config, #{}),
    handlers(Config, [handler()]),
    Pool = pool_name(Config),
    {ok, [Line]} = host_log:wait(http_pusher_spool_failing, 1, 120000),
    ?assertMatch(#{level := critical, pool := Pool, text := _}, Line),
    contains(maps:get(text, Line), "other@localhost"),
    contains(maps:get(text, Line), "in memory alone"),
    send(<<"alice">>, <<"hi">>),
    await(Config, sent, 1),
    await(Config, spool_failing, 1),
    shows(Config, " on disk the file cannot be opened DISK FAILS .*other@localhost"),
    release(Config),
    {ok, [Recovered]} = host_log:wait(http_pusher_spool_recovered, 1, 120000),
    ?assertMatch(#{level := notice, pool := Pool, text := _}, Recovered),
    await(Config, spool_failing, 0),
    send(<<"alice">>, <<"hi">>),
    await(Config, sent, 2),
    _ = wait(fun() -> number(Config, spool_commits) end, fun(Commits) -> Commits > 0 end),
    ?assertMatch([_], host_log:what(http_pusher_spool_failing)).

%% The new engine writes what comes, too.
an_engine_that_is_replaced(Config) ->
    {ok, _} = pool(Config, #{}),
    handlers(Config, [handler()]),
    opened(Config),
    Owner = whereis(http_pusher_pools),
    ok = http_pusher_nif:stop_engine(),
    _ = wait(fun() -> whereis(http_pusher_pools) end, fun(Pid) -> is_pid(Pid) andalso Pid =/= Owner end),
    opened(Config),
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    send(<<"alice">>, <<"hi">>),
    await(Config, spool_waiting, 1),
    test_endpoint:reset_plans(endpoint(Config)),
    test_endpoint:release(endpoint(Config)),
    await(Config, sent, 1),
    await(Config, spool_waiting, 0).

%% It is set aside, and a new one is begun.
a_damaged_file(Config) ->
    {ok, _} = pool(Config, #{}),
    handlers(Config, [handler()]),
    opened(Config),
    File = file(Config),
    restarted_with(Config, lists:duplicate(1000, "no database ")),
    Pool = pool_name(Config),
    {ok, [Line]} = host_log:wait(http_pusher_spool_damaged, 1, 120000),
    ?assertMatch(#{level := critical, pool := Pool, text := _}, Line),
    [Aside] = filelib:wildcard(File ++ ".damaged-*"),
    contains(maps:get(text, Line), Aside),
    contains(maps:get(text, Line), "0 notifications and 0 dead letters were taken over"),
    opened(Config),
    send(<<"alice">>, <<"hi">>),
    await(Config, sent, 1),
    await(Config, spool_failing, 0).

%% A file of an earlier version (made with its tables and one row, see schema.rs of native/spool) is brought to the
%% format of this one, and the log says so before and afterwards.
a_file_that_is_updated(Config) ->
    {ok, _} = pool(Config, #{}),
    handlers(Config, [handler()]),
    opened(Config),
    Packed = filename:join([host_code:test_dir(), "data", "spool_of_version_1.sqlite3.gz"]),
    {ok, Old} = file:read_file(Packed),
    restarted_with(Config, zlib:gunzip(Old)),
    Pool = pool_name(Config),
    {ok, [Begins, Done]} = host_log:wait(http_pusher_spool_update, 2, 120000),
    [?assertMatch(#{level := notice, pool := Pool}, Line) || Line <- [Begins, Done]],
    contains(maps:get(text, Begins), "(1 MiB) is brought to the format of this release"),
    contains(maps:get(text, Done), filename:basename(file(Config)) ++ " has the format of this release"),
    opened(Config),
    send(<<"alice">>, <<"hi">>),
    await(Config, sent, 1),
    %% Its one notification is of a handler that is not configured, and becomes a dead letter half a minute later.
    case proplists:get_value(generation, Config) of
        %% What follows does not differ between the generations, and takes half a minute.
        v5_0 ->
            ok;
        v6_5 ->
            {ok, [GivenUp]} = host_log:wait(http_pusher_spool_given_up, 1, 120000),
            ?assertMatch(#{level := warning, pool := Pool}, GivenUp),
            contains(maps:get(text, GivenUp), "handler_gone: "),
            contains(maps:get(text, GivenUp), "from the disk: 1."),
            await(Config, dead_letters, 1)
    end.

%%% Spools

handler() ->
    #{path => "/n", delivery => at_least_once, retry => #{initial => 20, max => 200}}.

directory(Case, Config) ->
    Generation = atom_to_list(proplists:get_value(generation, Config)),
    filename:join([proplists:get_value(priv_dir, Config), Generation, Case]).

pool_name(Config) ->
    <<"global/", (atom_to_binary(tag(Config)))/binary>>.

opened(Config) ->
    Pool = pool_name(Config),
    _ = wait(fun() -> [open || #{pool := Name, open := true} <- http_pusher_nif:spools(), Name =:= Pool] end,
             fun(Open) -> Open =:= [open] end),
    ok = http_pusher_pools:await_look(120000).

file(Config) ->
    [File] = filelib:wildcard(filename:join(proplists:get_value(spool_dir, Config), "*.sqlite3")),
    File.

%% The application starts again with this as the pool's file.
restarted_with(Config, Bytes) ->
    File = file(Config),
    %% The starter does that, but not before the file is there.
    ok = sys:suspend(http_pusher_starter, 60000),
    ok = application:stop(mongoose_http_pusher),
    ok = file:write_file(File, Bytes),
    ok = sys:resume(http_pusher_starter, 60000).

%% A process of the system that holds the directory's lock as another node does.
hold(Directory) ->
    Lock = filename:join(Directory, "node.lock"),
    ok = filelib:ensure_dir(Lock),
    ok = file:write_file(Lock, "other@localhost"),
    Port = open_port({spawn_executable, os:find_executable("flock")},
                     [{args, [Lock, "sh", "-c", "echo held; read line"]}, {line, 10}]),
    receive {Port, {data, {eol, "held"}}} -> Port after 60000 -> error(flock) end.

release(Config) ->
    case proplists:get_value(holder, Config) of
        Port when is_port(Port) -> try port_close(Port) catch error:badarg -> closed end;
        none -> ok
    end.

contains(Text, Part) ->
    ?assertMatch({_, true}, {Text, string:find(Text, Part) =/= nomatch}).

%%% The table for the shell

shows(Config, Pattern) ->
    Block = wait(fun() -> block(Config) end, fun(B) -> re:run(B, Pattern, [{capture, none}]) =:= match end),
    ?assertMatch({match, _}, re:run(Block, Pattern)).

%% The block of the case's pool as one line, with one space between words.
block(Config) ->
    {Metrics, Rejected} = http_pusher_metrics:read(),
    Text = unicode:characters_to_list(http_pusher_pool_table:pools(http_pusher_nif:pools(), Metrics, Rejected)),
    Name = binary_to_list(pool_name(Config)) ++ ":",
    [Block] = [B || B <- string:split(Text, "\n\n", all),
                    string:prefix(string:trim(B, leading), Name) =/= nomatch],
    lists:flatten(lists:join($\s, string:lexemes(Block, " \n"))) ++ " ".
