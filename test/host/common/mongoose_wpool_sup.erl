%% Stands for mongoose_wpool_sup (src/wpool/mongoose_wpool_sup.erl, 5.0.0 and 6.8.0): the parent of
%% one mongoose_wpool_type_sup per type of pool, which is started when the first pool asks for it.
-module(mongoose_wpool_sup).
-behaviour(supervisor).

-export([start_link/0, child_spec/1]).
-export([init/1]).

start_link() ->
    supervisor:start_link({local, ?MODULE}, ?MODULE, noargs).

child_spec(Type) ->
    #{id => mongoose_wpool_type_sup:name(Type),
      start => {mongoose_wpool_type_sup, start_link, [Type]},
      restart => transient,
      shutdown => brutal_kill,
      type => supervisor,
      modules => [mongoose_wpool_type_sup]}.

init(noargs) ->
    {ok, {#{strategy => one_for_one, intensity => 100, period => 5}, []}}.
