%% Owns what lives in applications of their own on a real node (exometer_core, prometheus): tables
%% and metric processes outlive the application mongooseim and the process that asked for them.
-module(host_owner).
-behaviour(gen_server).

-export([start/0, stop/0, table/2, process/1]).
-export([init/1, handle_call/3, handle_cast/2]).

start() ->
    {ok, _} = gen_server:start({local, ?MODULE}, ?MODULE, [], []),
    ok.

%% Its tables and processes go with it.
stop() ->
    gen_server:stop(?MODULE).

%% Makes the table unless it is there.
table(Name, Opts) ->
    gen_server:call(?MODULE, {table, Name, Opts}).

process(Fun) ->
    gen_server:call(?MODULE, {process, Fun}).

init([]) ->
    {ok, no_state}.

handle_call({table, Name, Opts}, _From, State) ->
    case ets:info(Name, name) of
        undefined -> ets:new(Name, [named_table, public | Opts]);
        Name -> ok
    end,
    {reply, ok, State};
handle_call({process, Fun}, _From, State) ->
    {reply, spawn_link(Fun), State}.

handle_cast(_Message, State) ->
    {noreply, State}.
