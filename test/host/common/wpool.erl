%% Stands for worker_pool (4.0.3 in MongooseIM 5.0.0, 6.5.3 in 6.8.0) as far as it can be
%% watched: a pool is a supervisor registered under the pool's name. It has no workers here: nothing of
%% the product calls one, and a call that did would crash for want of wpool:call/4.
-module(wpool).
-behaviour(supervisor).

-export([start/0, start_pool/2]).
-export([init/1]).

start() ->
    ok.

start_pool(Name, Options) ->
    supervisor:start_link({local, Name}, ?MODULE, Options).

init(Options) ->
    {worker, {_Module, _Args}} = lists:keyfind(worker, 1, Options),
    {ok, {#{strategy => one_for_all, intensity => 5, period => 60}, []}}.
