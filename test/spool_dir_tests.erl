%% The default of spool_dir: beside the directory of the database, which a change of the cluster empties.
-module(spool_dir_tests).

-include_lib("eunit/include/eunit.hrl").

-export([log/2]).

-import(http_pusher_spool_dir, [default/0, settle/0]).

all_test_() ->
    [{atom_to_list(Name), {setup, fun setup/0, fun cleanup/1, fun(Parent) -> ?_test(Case(Parent)) end}}
     || {Name, Case} <- [{no_database_dir, fun no_database_dir/1},
                         {beside, fun beside/1},
                         {a_volume_of_its_own, fun a_volume_of_its_own/1},
                         {a_parent_that_is_not_there, fun a_parent_that_is_not_there/1},
                         {what_is_below_is_moved, fun what_is_below_is_moved/1},
                         {what_cannot_be_moved_stays_in_use, fun what_cannot_be_moved_stays_in_use/1},
                         {what_is_set_is_left_alone, fun what_is_set_is_left_alone/1},
                         {a_cluster_change_deletes_nothing, fun a_cluster_change_deletes_nothing/1}]].

setup() ->
    Parent = filename:absname(filename:join("_build", "spool_dir_tests_" ++ integer_to_list(erlang:unique_integer([positive])))),
    ok = filelib:ensure_dir(filename:join([Parent, "Mnesia.a", "x"])),
    Before = application:get_env(mnesia, dir),
    application:unset_env(mongoose_http_pusher, spool_dir),
    application:set_env(mnesia, dir, filename:join(Parent, "Mnesia.a")),
    put(before, Before),
    Parent.

cleanup(Parent) ->
    application:unset_env(mongoose_http_pusher, spool_dir),
    case get(before) of
        {ok, Dir} -> application:set_env(mnesia, dir, Dir);
        _ -> application:unset_env(mnesia, dir)
    end,
    _ = file:change_mode(Parent, 8#755),
    ok = file:del_dir_r(Parent).

no_database_dir(_Parent) ->
    application:unset_env(mnesia, dir),
    ?assertEqual("./http_pusher_spool", default()),
    ?assertEqual(ok, settle()).

%% Nodes of one parent directory have directories of their own; a slash at the end is none of the name.
beside(Parent) ->
    ?assertEqual(filename:join(Parent, "Mnesia.a.http_pusher_spool"), default()),
    application:set_env(mnesia, dir, filename:join(Parent, "Mnesia.b") ++ "/"),
    ?assertEqual(filename:join(Parent, "Mnesia.b.http_pusher_spool"), default()).

%% A container's volume is the database's directory alone: what is beside it is gone with the container.
a_volume_of_its_own(_Parent) ->
    application:set_env(mnesia, dir, "/proc"),
    ?assertEqual("/proc/http_pusher_spool", default()),
    application:set_env(mnesia, dir, "/proc/"),
    ?assertEqual("/proc/http_pusher_spool", default()).

%% It cannot be made beside: then below, where the database's directory is made anyway.
a_parent_that_is_not_there(Parent) ->
    application:set_env(mnesia, dir, filename:join([Parent, "none", "Mnesia.a"])),
    ?assertEqual(filename:join([Parent, "none", "Mnesia.a", "http_pusher_spool"]), default()).

what_is_below_is_moved(Parent) ->
    Below = fill(filename:join([Parent, "Mnesia.a", "http_pusher_spool"])),
    ?assertEqual(Below, default()),
    ?assertMatch([<<_/binary>>], said(http_pusher_spool_moved)),
    Beside = filename:join(Parent, "Mnesia.a.http_pusher_spool"),
    ?assertEqual(Beside, default()),
    ?assertEqual({ok, <<"rows">>}, file:read_file(filename:join(Beside, "global%2Fhttp_pool.sqlite3"))),
    ?assertNot(filelib:is_dir(Below)),
    %% The next start changes nothing.
    ?assertEqual([], said(http_pusher_spool_moved)),
    ?assertEqual(Beside, default()).

%% Here because a file has the name; usually because the user may not write there.
what_cannot_be_moved_stays_in_use(Parent) ->
    Below = fill(filename:join([Parent, "Mnesia.a", "http_pusher_spool"])),
    ok = file:write_file(filename:join(Parent, "Mnesia.a.http_pusher_spool"), <<>>),
    ?assertMatch([<<_/binary>>], said(http_pusher_spool_dir)),
    ?assertEqual(Below, default()),
    ?assert(filelib:is_regular(filename:join(Below, "global%2Fhttp_pool.sqlite3"))).

what_is_set_is_left_alone(Parent) ->
    Below = fill(filename:join([Parent, "Mnesia.a", "http_pusher_spool"])),
    application:set_env(mongoose_http_pusher, spool_dir, filename:join(Parent, "other")),
    [Left] = said(http_pusher_spool_dir),
    ?assertNotEqual(nomatch, string:find(Left, "is not spool_dir")),
    application:set_env(mongoose_http_pusher, spool_dir, unicode:characters_to_binary(Below)),
    [InDanger] = said(http_pusher_spool_dir),
    ?assertNotEqual(nomatch, string:find(InDanger, "below the directory of the database")),
    ?assert(filelib:is_dir(Below)),
    [begin
         application:set_env(mongoose_http_pusher, spool_dir, Invalid),
         ?assertEqual([], said(http_pusher_spool_dir))
     end || Invalid <- ["", spool, [spool], 7]].

%% As `mongoose_cluster' does it: every file below the directory of the database is deleted.
a_cluster_change_deletes_nothing(Parent) ->
    _ = fill(filename:join([Parent, "Mnesia.a", "http_pusher_spool"])),
    settle(),
    _ = file:del_dir_r(filename:join(Parent, "Mnesia.a")),
    ?assert(filelib:is_regular(filename:join(default(), "global%2Fhttp_pool.sqlite3"))).

%% The texts of the lines with this `what' that settling logs.
said(What) ->
    Self = self(),
    ok = logger:add_handler(?MODULE, ?MODULE, #{config => Self, level => notice}),
    #{level := Before} = logger:get_primary_config(),
    ok = logger:set_primary_config(level, notice),
    settle(),
    ok = logger:set_primary_config(level, Before),
    ok = logger:remove_handler(?MODULE),
    texts(What).

texts(What) ->
    receive
        {said, #{what := What, text := Text}} -> [iolist_to_binary(Text) | texts(What)];
        {said, _} -> texts(What)
    after 0 -> []
    end.

log(#{msg := {report, Report}}, #{config := Pid}) ->
    Pid ! {said, Report};
log(_Event, _Config) ->
    ok.

fill(Dir) ->
    File = filename:join(Dir, "global%2Fhttp_pool.sqlite3"),
    ok = filelib:ensure_dir(File),
    ok = file:write_file(File, <<"rows">>),
    Dir.
