%% Owns what lives in applications of their own on a real node (exometer_core, prometheus): tables
%% and metric processes outlive the application mongooseim and the process that asked for them.
-module(host_owner).
-behaviour(gen_server).

-export([start/0, stop/0, table/2, process/1, process/2, end_process/1, delete_table/1]).
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

%% With a name.
process(Name, Fun) ->
    gen_server:call(?MODULE, {process, Name, Fun}).

%% As where the application is stopped.
end_process(Name) ->
    gen_server:call(?MODULE, {end_process, Name}).

delete_table(Name) ->
    gen_server:call(?MODULE, {delete_table, Name}).

init([]) ->
    {ok, no_state}.

handle_call({table, Name, Opts}, _From, State) ->
    case ets:info(Name, name) of
        undefined -> ets:new(Name, [named_table, public | Opts]);
        Name -> ok
    end,
    {reply, ok, State};
handle_call({process, Fun}, _From, State) ->
    {reply, spawn_link(Fun), State};
handle_call({process, Name, Fun}, _From, State) ->
    Pid = spawn_link(Fun),
    register(Name, Pid),
    {reply, Pid, State};
handle_call({end_process, Name}, _From, State) ->
    Pid = whereis(Name),
    unlink(Pid),
    Ref = monitor(process, Pid),
    exit(Pid, kill),
    receive {'DOWN', Ref, _, _, _} -> {reply, ok, State} end;
handle_call({delete_table, Name}, _From, State) ->
    ets:delete(Name),
    {reply, ok, State}.

handle_cast(_Message, State) ->
    {noreply, State}.
