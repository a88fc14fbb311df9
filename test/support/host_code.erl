%% Compiles the stand-in host of one generation and puts it on the code path as in a release: beams in a
%% directory, loaded when first called. rebar3 cannot do this, because the generations have modules of the
%% same names.
-module(host_code).

-export([load/1, unload/1, test_dir/0]).

-type generation() :: v5_0 | v6_5 | v6_9.

%% OTP 28 and later warn about an expression that is still correct.
-define(OPTIONS, [debug_info, warnings_as_errors, report_errors, report_warnings,
                  nowarn_deprecated_catch]).

%% @doc Compiles what is not compiled yet and adds the directory to the code path.
-spec load(generation()) -> ok.
load(Generation) ->
    Dir = beam_dir(Generation),
    ok = filelib:ensure_dir(filename:join(Dir, "x")),
    Includes = [filename:join([test_dir(), "host", Part]) || Part <- parts(Generation)],
    [ensure_compiled(Source, Includes, Dir) || Source <- sources(Generation)],
    true = code:add_patha(Dir),
    ok.

%% @doc Takes the generation's modules and directory out of the node again.
-spec unload(generation()) -> ok.
unload(Generation) ->
    code:del_path(beam_dir(Generation)),
    lists:foreach(
      fun(Source) ->
              Module = list_to_atom(filename:basename(Source, ".erl")),
              code:purge(Module),
              code:delete(Module),
              code:purge(Module)
      end, sources(Generation)).

%% @doc The directory of host/, support/ and data/.
-spec test_dir() -> file:filename_all().
test_dir() ->
    Source = proplists:get_value(source, ?MODULE:module_info(compile), ""),
    {ok, Cwd} = file:get_cwd(),
    Candidates = [filename:dirname(filename:dirname(Source)) | above(Cwd)],
    case [Dir || Dir <- Candidates, filelib:is_dir(filename:join([Dir, "host", "common"]))] of
        [Found | _] -> Found;
        [] -> error({no_stand_in_host_below, Candidates})
    end.

above(Dir) ->
    Here = filename:join(Dir, "test"),
    case filename:dirname(Dir) of
        Dir -> [Here];
        Parent -> [Here | above(Parent)]
    end.

%% Of files with the same name in several parts, the generation has the first one.
sources(Generation) ->
    Files = [{filename:basename(File), File}
             || Part <- parts(Generation),
                File <- filelib:wildcard(filename:join([test_dir(), "host", Part, "*.erl"]))],
    [File || {_, File} <- lists:ukeysort(1, Files)].

parts(v5_0) -> ["v5_0", "common"];
parts(v6_5) -> ["v6_5", "common"];
parts(v6_9) -> ["v6_9" | parts(v6_5)].

%% Not beside the tests' own beams, because eunit would take them for tests.
beam_dir(Generation) ->
    filename:join([build_dir(filename:split(filename:dirname(code:which(?MODULE))), []),
                   "stand-in", atom_to_list(Generation)]).

build_dir(["_build" | _], Before) -> filename:join(lists:reverse(["_build" | Before]));
build_dir([Part | Rest], Before) -> build_dir(Rest, [Part | Before]);
build_dir([], Parts) -> filename:join(lists:reverse(Parts)).

ensure_compiled(Source, Includes, Dir) ->
    Beam = filename:join(Dir, filename:basename(Source, ".erl") ++ ".beam"),
    Newest = lists:max([filelib:last_modified(File)
                        || File <- [Source | headers(Includes)]]),
    case filelib:last_modified(Beam) of
        Compiled when Compiled =/= 0, Compiled > Newest -> ok;
        _ -> compile(Source, Includes, Beam)
    end.

headers(Includes) ->
    lists:append([filelib:wildcard(filename:join(Dir, "*.hrl")) || Dir <- Includes]).

%% Several nodes may do this at the same time, so the beam appears in one step.
compile(Source, Includes, Beam) ->
    {ok, _Module, Code} = compile:file(Source, [binary | [{i, Dir} || Dir <- Includes]] ++ ?OPTIONS),
    Temporary = Beam ++ "." ++ os:getpid(),
    ok = file:write_file(Temporary, Code),
    ok = file:rename(Temporary, Beam).
