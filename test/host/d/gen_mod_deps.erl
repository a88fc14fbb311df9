%% Stands for gen_mod_deps at 6.8.0 (src/gen_mod_deps.erl): modules start after what they depend on.
%% All dependencies count as hard here, and one that is configured keeps its configured options.
-module(gen_mod_deps).

-export([resolve_deps/2, sort_deps/2]).

resolve_deps(HostType, Modules) ->
    maps:from_list(sort_deps(HostType, Modules)).

sort_deps(HostType, Modules) ->
    lists:foldl(fun({Module, Opts}, Sorted) -> add(HostType, Module, Opts, Sorted) end,
                [], lists:sort(maps:to_list(Modules))).

add(HostType, Module, Opts, Sorted) ->
    case lists:keymember(Module, 1, Sorted) of
        true ->
            Sorted;
        false ->
            WithDeps = lists:foldl(fun({M, O, _Hardness}, In) -> add(HostType, M, O, In) end,
                                   Sorted, gen_mod:get_deps(HostType, Module, Opts)),
            WithDeps ++ [{Module, Opts}]
    end.
