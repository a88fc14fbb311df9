%% Stands for ejabberd_hooks at 5.0.0 (src/ejabberd_hooks.erl): a handler is {Hook, HostType, Module,
%% Function, Priority}; Module:Function gets the accumulator and the hook's arguments one by one and
%% returns the new accumulator.
-module(ejabberd_hooks).

-export([add/1, delete/1, add_args/2]).
-export([gen_hook_fn_wrapper/3]).

add(Hooks) ->
    [gen_hook:add_handler(Hook, HostType, fun ?MODULE:gen_hook_fn_wrapper/3,
                          #{module => Module, function => Function}, Priority)
     || {Hook, HostType, Module, Function, Priority} <- Hooks],
    ok.

delete(Hooks) ->
    [gen_hook:delete_handler(Hook, HostType, fun ?MODULE:gen_hook_fn_wrapper/3,
                             #{module => Module, function => Function}, Priority)
     || {Hook, HostType, Module, Function, Priority} <- Hooks],
    ok.

add_args(Params, Args) ->
    Params#{args => Args}.

gen_hook_fn_wrapper(Acc, #{args := Args}, #{module := Module, function := Function}) ->
    case apply(Module, Function, [Acc | Args]) of
        stop -> {stop, stopped};
        {stop, NewAcc} -> {stop, NewAcc};
        NewAcc -> {ok, NewAcc}
    end.
