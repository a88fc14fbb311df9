%% Stands for mongoose_wpool_type_sup (src/wpool/mongoose_wpool_type_sup.erl, 5.0.0 and 6.8.0):
%% registered mongoose_wpool_http_sup; its first child is the manager, the pools are added as
%% temporary children (mongoose_wpool:start_sup_pool/3).
-module(mongoose_wpool_type_sup).
-behaviour(supervisor).

-export([start_link/1, name/1]).
-export([init/1]).

start_link(Type) ->
    supervisor:start_link({local, name(Type)}, ?MODULE, [Type]).

name(Type) ->
    list_to_atom("mongoose_wpool_" ++ atom_to_list(Type) ++ "_sup").

init([Type]) ->
    Manager = #{id => mongoose_wpool_mgr:name(Type),
                start => {mongoose_wpool_mgr, start_link, [Type]},
                restart => transient,
                shutdown => brutal_kill,
                type => worker,
                modules => [?MODULE]},
    {ok, {#{strategy => one_for_one, intensity => 100, period => 5}, [Manager]}}.
