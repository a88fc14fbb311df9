%% @doc EUnit's tests with a limit that no machine is too slow for. EUnit gives a test five seconds, and scales
%% its limits only from OTP 26 on.
-module(eunit_patience).

-export([tests/1]).

-define(SECONDS, 1200).

%% @doc What these modules test.
-spec tests([module()]) -> [term()].
tests(Modules) ->
    [{atom_to_list(Module), [patient(Test) || Test <- of_module(Module)]} || Module <- Modules].

of_module(Module) ->
    lists:append([of_function(Module, Function) || {Function, 0} <- lists:sort(Module:module_info(exports))]).

of_function(Module, Function) ->
    Name = atom_to_list(Function),
    case {lists:suffix("_test", Name), lists:suffix("_test_", Name)} of
        {true, false} -> [{Name, fun Module:Function/0}];
        {false, true} -> [{Name, Module:Function()}];
        {false, false} -> []
    end.

patient(Tests) when is_list(Tests) ->
    [patient(Test) || Test <- Tests];
patient(Test) when is_function(Test, 0) ->
    {timeout, ?SECONDS, Test};
patient(Tests) when is_function(Tests, 1) ->
    fun(Setup) -> patient(Tests(Setup)) end;
patient({timeout, _Seconds, Tests}) ->
    {timeout, ?SECONDS, patient(Tests)};
patient({setup, Setup, Cleanup, Tests}) ->
    {setup, Setup, Cleanup, patient(Tests)};
patient({Name, Test}) when is_list(Name); is_binary(Name) ->
    {Name, patient(Test)};
patient({Line, Test}) when is_integer(Line) ->
    {timeout, ?SECONDS, {Line, Test}}.
