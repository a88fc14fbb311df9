#!/usr/bin/env escript
%% erlang-coverage.escript FLOOR RUN: how many lines of each folder of erl_src the suites and EUnit ran, whose counts
%% are in RUN/logs. Fails if it is less than FLOOR percent of all. For scripts/coverage.
-mode(compile).

-spec main([string()]) -> ok.
main([Floor, Run]) ->
    {ok, _} = cover:start(),
    Files = filelib:wildcard(filename:join([Run, "logs", "*", "*.coverdata"])),
    Files =/= [] orelse fail("no counts below ~ts/logs: were the tests run with COVER=yes?", [Run]),
    [ok = cover:import(File) || File <- Files],
    {result, Counted, []} = cover:analyse(coverage, module),
    Lines = lists:foldl(fun count/2, #{}, Counted),
    {Covered, All} = maps:fold(fun(_, {C, A}, {Cs, As}) -> {Cs + C, As + A} end, {0, 0}, Lines),
    [print(Folder, maps:get(Folder, Lines)) || Folder <- lists:sort(maps:keys(Lines))],
    print("all", {Covered, All}),
    100 * Covered / All >= list_to_integer(Floor) orelse
        fail("below the floor of ~s %: add tests for what is new", [Floor]),
    ok.

count({Module, {Covered, Missed}}, Counts) ->
    [Source] = filelib:wildcard("erl_src/*/" ++ atom_to_list(Module) ++ ".erl"),
    Folder = filename:basename(filename:dirname(Source)),
    {C, A} = maps:get(Folder, Counts, {0, 0}),
    Counts#{Folder => {C + Covered, A + Covered + Missed}}.

print(Name, {Covered, All}) ->
    io:format("~-14s ~6w of ~6w lines, ~5.1f %~n", [Name, Covered, All, 100 * Covered / All]).

-spec fail(io:format(), [term()]) -> no_return().
fail(Format, Arguments) ->
    io:format(standard_error, "coverage: " ++ Format ++ "~n", Arguments),
    halt(1).
