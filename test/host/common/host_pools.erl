%% What the stand-ins of mongoose_wpool share in all generations.
-module(host_pools).

-export([start_supervised/3, name/3, callback/3]).

-include_lib("kernel/include/logger.hrl").

start_supervised(Type, Name, PoolOpts) ->
    supervisor:start_child(mongoose_wpool_type_sup:name(Type),
                           #{id => Name,
                             start => {wpool, start_pool, [Name, PoolOpts]},
                             restart => temporary,
                             type => supervisor,
                             modules => [wpool]}).

name(Type, HostType, Tag) when is_atom(HostType) ->
    name(Type, atom_to_binary(HostType), Tag);
name(Type, HostType, Tag) ->
    binary_to_atom(<<"mongoose_wpool$", (atom_to_binary(Type))/binary, "$", HostType/binary, "$",
                     (atom_to_binary(Tag))/binary>>).

callback(Function, Type, Args) ->
    Module = list_to_atom("mongoose_wpool_" ++ atom_to_list(Type)),
    try
        apply(Module, Function, Args)
    catch
        Class:Reason:Stacktrace ->
            ?LOG_ERROR(#{what => pool_callback_failed, pool_type => Type,
                         callback_function => Function, error => Class, reason => Reason,
                         stacktrace => Stacktrace}),
            {error, {callback_crashed, Function, Class, Reason, Stacktrace}}
    end.
