%% Stands for gen_mod_deps at 5.0.0 (src/gen_mod_deps.erl): modules start after what they depend on;
%% replacing modules stops those that are gone (in the order of their names), starts new ones and
%% reloads those whose options changed. Results of starts and stops are dropped, crashes are not.
%% All dependencies count as hard here.
-module(gen_mod_deps).

-export([start_modules/2, replace_modules/3, add_deps/2]).

start_modules(HostType, Modules) ->
    replace_modules(HostType, [], Modules).

replace_modules(HostType, Old0, New0) ->
    Old = maps:from_list(add_deps(HostType, Old0)),
    New = add_deps(HostType, New0),
    Gone = maps:keys(maps:without([Module || {Module, _} <- New], Old)),
    [gen_mod:stop_module(HostType, Module) || Module <- Gone],
    lists:foreach(
      fun({Module, Opts}) ->
              case Old of
                  #{Module := Opts} -> ok;
                  #{Module := _} -> gen_mod:reload_module(HostType, Module, Opts);
                  #{} -> gen_mod:start_module(HostType, Module, Opts)
              end
      end, New).

add_deps(HostType, Modules) ->
    host_modules:sorted(HostType, lists:foldl(fun({Module, Opts}, All) -> add(HostType, Module, Opts, All) end,
                               [], Modules)).

add(HostType, Module, Opts, All) ->
    case lists:keymember(Module, 1, All) of
        true ->
            All;
        false ->
            Deps = [dep(Dep) || Dep <- gen_mod:get_deps(HostType, Module, Opts)],
            lists:foldl(fun({M, O}, In) -> add(HostType, M, O, In) end, [{Module, Opts} | All], Deps)
    end.

dep({Module, Opts, _Hardness}) -> {Module, Opts};
dep({Module, _Hardness}) -> {Module, []}.
