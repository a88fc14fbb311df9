%% Stands for ejabberd_sup at 5.0.0 (src/ejabberd_sup.erl), with the children that matter here.
-module(ejabberd_sup).
-behaviour(supervisor).

-export([start_link/0]).
-export([init/1]).

start_link() ->
    supervisor:start_link({local, ?MODULE}, ?MODULE, []).

init([]) ->
    {ok, {#{strategy => one_for_one, intensity => 10, period => 1},
          [#{id => gen_hook, start => {gen_hook, start_link, []}},
           #{id => mongoose_wpool_sup, start => {mongoose_wpool_sup, start_link, []},
             type => supervisor, shutdown => infinity}]}}.
