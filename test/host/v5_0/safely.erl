%% Stands for safely at 5.0.0 (src/safely.erl): any exception becomes {'EXIT', _}.
-module(safely).

-export([apply/2, apply/3]).

apply(Function, Args) ->
    try erlang:apply(Function, Args)
    catch
        error:Reason:Stacktrace -> {'EXIT', {Reason, Stacktrace}};
        _:Reason -> {'EXIT', Reason}
    end.

apply(Module, Function, Args) ->
    ?MODULE:apply(erlang:make_fun(Module, Function, length(Args)), Args).
