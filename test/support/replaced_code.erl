%% Replaces a function of a loaded module by one that crashes, and back.
-module(replaced_code).

-export([crash/3, restore/1]).

%% @doc Loads the module with this function crashing, with the reason `asked_for': in its only clause, or with that
%% clause's guard.
-spec crash(module(), {atom(), arity()}, [[term()]]) -> ok.
crash(Module, {Name, Arity}, Guard) ->
    {ok, {_, [{abstract_code, {_, Forms}}]}} = beam_lib:chunks(beam(Module), [abstract_code]),
    Crash = {call, 1, {atom, 1, error}, [{atom, 1, asked_for}]},
    Clause = {clause, 1, [{var, 1, '_'} || _ <- lists:seq(1, Arity)], Guard, [Crash]},
    Changed = [case Form of
                   {function, _, Name, Arity, _} -> {function, 1, Name, Arity, [Clause]};
                   _ -> Form
               end || Form <- Forms],
    {ok, Module, Code} = compile:forms(Changed),
    _ = code:purge(Module),
    {module, Module} = code:load_binary(Module, beam(Module), Code),
    ok.

-spec restore(module()) -> ok.
restore(Module) ->
    _ = code:purge(Module),
    {module, _} = code:load_file(Module),
    ok.

%% Where it is, even if what is loaded counts its lines (cover).
beam(Module) ->
    code:where_is_file(atom_to_list(Module) ++ ".beam").
