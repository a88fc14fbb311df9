%% Stands for mongoose_lib at 6.8.0 (src/mongoose_lib.erl): is_exported/3 loads the module first.
-module(mongoose_lib).

-export([is_exported/3]).

is_exported(Module, Function, Arity) ->
    code:ensure_loaded(Module),
    erlang:function_exported(Module, Function, Arity).
