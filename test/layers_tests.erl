%% The layers of erl_src: a module calls modules of its own folder and of those below it, and no two modules
%% call each other, not even through others. And the map of the repository: CONTRIBUTING.md has every crate and
%% folder, and the files and modules that it and docs/internals.md name are there.
-module(layers_tests).

-include_lib("eunit/include/eunit.hrl").

%% From top to bottom, as in docs/internals.md.
-define(LAYERS, ["session", "app", "report", "pools", "host", "nif", "base"]).

every_folder_is_a_layer_test() ->
    ?assertEqual(lists:sort(?LAYERS), lists:usort(maps:values(folders()))).

calls_go_down_test() ->
    Folders = folders(),
    Level = maps:from_list(lists:zip(?LAYERS, lists:seq(1, length(?LAYERS)))),
    Of = fun(Module) -> maps:get(maps:get(Module, Folders), Level) end,
    ?assertEqual([], [Call || Call = {From, To} <- calls(Folders), Of(From) > Of(To)]).

no_circles_test() ->
    Graph = digraph:new(),
    Folders = folders(),
    [digraph:add_vertex(Graph, Module) || Module <- maps:keys(Folders)],
    [digraph:add_edge(Graph, From, To) || {From, To} <- calls(Folders)],
    Circles = digraph_utils:cyclic_strong_components(Graph),
    digraph:delete(Graph),
    ?assertEqual([], Circles).

%% The calls that these tests read are found.
calls_are_found_test() ->
    Calls = calls(folders()),
    [?assert(lists:member(Call, Calls))
     || Call <- [{mod_event_pusher_http, http_pusher_push}, {http_pusher_starter, http_pusher_pools},
                 {http_pusher_host_config, http_pusher_host}]].

every_crate_and_folder_is_on_the_map_test() ->
    Map = names("CONTRIBUTING.md"),
    ?assertEqual([], [Folder || Folder <- filelib:wildcard("native/*") ++ filelib:wildcard("erl_src/*"),
                                filelib:is_dir(Folder), not lists:member(Folder, Map)]).

what_documents_name_is_there_test() ->
    Named = [{Document, Name} || Document <- ["CONTRIBUTING.md", "docs/internals.md"],
                                 Name <- names(Document)],
    ?assert(lists:member({"CONTRIBUTING.md", "pool/in_flight.rs"}, Named)),
    ?assert(lists:member({"CONTRIBUTING.md", "http_pusher_push"}, Named)),
    ?assertEqual([], [Name || Name <- Named, not is_there(Name)]).

%% What stands between backquotes: files, folders, modules and functions, and much else.
names(Document) ->
    {ok, Text} = file:read_file(Document),
    {match, Names} = re:run(Text, "`([^`]+)`", [global, {capture, all_but_first, list}]),
    lists:usort(lists:append(Names)).

%% A file may be named by the end of its path.
is_there({Document, Name}) ->
    case {filename:extension(Name), Name} of
        {".rs", _} -> filelib:wildcard("native/*/src/**/" ++ Name) =/= [] orelse filelib:is_regular(Name);
        {_, "native/" ++ _} -> filelib:is_file(Name);
        {_, "erl_src/" ++ _} -> filelib:is_file(Name);
        {_, "http_pusher_" ++ _} when Document =:= "CONTRIBUTING.md" ->
            [Module | _] = string:split(Name, ":"),
            filelib:wildcard("erl_src/*/" ++ Module ++ ".erl") =/= [];
        _ -> true
    end.

folders() ->
    maps:from_list([{list_to_atom(filename:basename(File, ".erl")),
                     filename:basename(filename:dirname(File))}
                    || File <- filelib:wildcard("erl_src/*/*.erl")]).

calls(Folders) ->
    [{From, To} || From <- maps:keys(Folders), To <- lists:usort(called(forms(From), [])),
                   To =/= From, is_map_key(To, Folders)].

forms(Module) ->
    {ok, {_, [{abstract_code, {_, Forms}}]}} = beam_lib:chunks(beam(Module), [abstract_code]),
    [Form || Form = {function, _, _, _, _} <- Forms].

called({remote, _, {atom, _, Module}, _}, Called) -> [Module | Called];
called({'fun', _, {function, {atom, _, Module}, _, _}}, Called) -> [Module | Called];
called(Form, Called) when is_tuple(Form) -> called(tuple_to_list(Form), Called);
called([Form | Forms], Called) -> called(Forms, called(Form, Called));
called(_Leaf, Called) -> Called.

%% Where it is, even if what is loaded counts its lines (cover).
beam(Module) ->
    code:where_is_file(atom_to_list(Module) ++ ".beam").
