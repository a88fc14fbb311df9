%% Stands for gen_mod_deps at 6.8.0 (src/gen_mod_deps.erl): modules start after what they depend on.
%% All dependencies count as hard here, and one that is configured keeps its configured options.
-module(gen_mod_deps).

-export([resolve_deps/2, sort_deps/2]).

resolve_deps(HostType, Modules) ->
    maps:from_list(all(HostType, Modules)).

sort_deps(HostType, Modules) ->
    host_modules:sorted(HostType, all(HostType, Modules)).

all(HostType, Modules) ->
    lists:foldl(fun({Module, Opts}, All) -> add(HostType, Module, Opts, All) end,
                [], lists:sort(maps:to_list(Modules))).

add(HostType, Module, Opts, All) ->
    case lists:keymember(Module, 1, All) of
        true ->
            All;
        false ->
            lists:foldl(fun({M, O, _Hardness}, In) -> add(HostType, M, O, In) end,
                        [{Module, Opts} | All], gen_mod:get_deps(HostType, Module, Opts))
    end.
