%% Stands for ejabberd_sup at 6.8.0 (src/ejabberd_sup.erl), with the children that matter here.
-module(ejabberd_sup).
-behaviour(supervisor).

-export([start_link/0, create_ets_table/2]).
-export([init/1]).

start_link() ->
    supervisor:start_link({local, ?MODULE}, ?MODULE, noargs).

%% The table outlives the process that asks for it: its heir is this supervisor, if it runs.
create_ets_table(Name, Opts) ->
    case ets:info(Name, name) of
        Name -> ok;
        undefined -> ets:new(Name, with_heir(whereis(?MODULE), Opts)), ok
    end.

init(noargs) ->
    {ok, {#{strategy => one_for_one, intensity => 10, period => 1},
          [#{id => gen_hook, start => {gen_hook, start_link, []}},
           #{id => mongoose_instrument, start => {mongoose_instrument, start_link, []}},
           #{id => mongoose_wpool_sup, start => {mongoose_wpool_sup, start_link, []},
             type => supervisor, shutdown => infinity}]}}.

with_heir(Pid, Opts) when is_pid(Pid), Pid =/= self() ->
    case lists:keymember(heir, 1, Opts) of
        true -> Opts;
        false -> [{heir, Pid, testing} | Opts]
    end;
with_heir(_Pid, Opts) ->
    Opts.
