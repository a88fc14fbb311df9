%% @doc Starts the application for the module, and again after it has ended.
%%
%% A process of its own, linked to nobody: the host must not notice when the library is missing or the
%% application gives up. While the application is down it also puts the notifications that sessions
%% had rejected with `engine_down' into the metrics, because nobody else is there to do it.
-module(http_pusher_starter).
-behaviour(gen_server).

-export([ensure/0, application_started/0, add/2, remove/1]).
-export([init/1, handle_continue/2, handle_call/3, handle_cast/2, handle_info/2]).

-type state() :: #{
    tries := non_neg_integer(),
    retry := reference() | undefined,
    watch := reference() | undefined,
    host_types := #{binary() => [http_pusher_host:handler()]}
}.

-define(APP, mongoose_http_pusher).
%% The host's start is not held up for longer.
-define(START_AT_MOST, 10000).
-define(STOP_AT_MOST, 1000).
-define(RETRY, 2000).
-define(RETRY_AT_MOST, 60000).
%% How soon a callback module that was not there is found, and what sessions had rejected is counted.
-define(BETWEEN_TICKS, 2000).

%% @doc Starts this process if it does not run. It begins its work after this has returned: what it
%% calls (the application controller) may itself be waiting for the module to start, where the host
%% is stopped while it starts.
-spec ensure() -> ok.
ensure() ->
    case gen_server:start({local, ?MODULE}, ?MODULE, [], []) of
        {ok, _} -> ok;
        {error, {already_started, _}} -> ok
    end.

%% @doc The application has been started: by this process, or by hand after it was stopped.
-spec application_started() -> ok.
application_started() ->
    gen_server:cast(?MODULE, application_started).

%% @doc A host type's handlers: known to the application when this returns, if it can be started.
-spec add(binary(), [http_pusher_host:handler()]) -> ok.
add(HostType, Handlers) ->
    http_pusher_downtime:new(HostType),
    try
        gen_server:call(?MODULE, {add, HostType, Handlers}, ?START_AT_MOST)
    catch
        exit:{timeout, _} -> http_pusher_log:not_started(start_takes_long)
    end.

-spec remove(binary()) -> ok.
remove(HostType) ->
    ensure(),
    try
        gen_server:call(?MODULE, {remove, HostType}, ?STOP_AT_MOST)
    catch
        %% It waits for the application controller, which waits for the host to stop.
        exit:{timeout, _} -> ok
    end.

-spec init([]) -> {ok, state(), {continue, start}}.
init([]) ->
    %% An application that ends takes all processes of its group with it. One starter is of the host's,
    %% one that replaces it would be of the group that it has to start again.
    true = erlang:group_leader(whereis(init), self()),
    {ok, #{tries => 0, retry => undefined, watch => undefined, host_types => #{}},
     {continue, start}}.

-spec handle_continue(start, state()) -> {noreply, state()}.
handle_continue(start, State) ->
    load_own_modules(),
    {ok, _} = timer:send_interval(?BETWEEN_TICKS, tick),
    %% Those of a starter that was killed.
    {noreply, try_start(State#{host_types := http_pusher_pools:host_types()})}.

-spec handle_call(term(), gen_server:from(), state()) -> {reply, ok, state()}.
handle_call({add, HostType, Handlers}, _From, State = #{host_types := HostTypes}) ->
    load_callback_modules(Handlers),
    State1 = try_start(State#{host_types := HostTypes#{HostType => Handlers}}),
    announce(State1, HostType, Handlers),
    {reply, ok, State1};
handle_call({remove, HostType}, _From, State = #{host_types := HostTypes}) ->
    http_pusher_downtime:report(HostType),
    {reply, ok, State#{host_types := maps:remove(HostType, HostTypes)}}.

%% By hand, before the next try: it does not know the host types yet. Only where no try has failed, or an
%% application that ends as soon as it has started would be tried without a pause.
-spec handle_cast(term(), state()) -> {noreply, state()}.
handle_cast(application_started, State = #{watch := undefined, tries := 0, host_types := HostTypes})
  when map_size(HostTypes) > 0 ->
    {noreply, try_start(State)};
handle_cast(_Request, State) ->
    {noreply, State}.

-spec handle_info(term(), state()) -> {noreply, state()}.
handle_info({'DOWN', Watch, process, _Pid, Reason}, State = #{watch := Watch}) ->
    Tries = case Reason of
                %% Somebody stopped it on purpose; the next start of the module or the next try brings
                %% it back.
                shutdown ->
                    0;
                _ ->
                    http_pusher_log:not_started({application_ended, Reason}),
                    1
            end,
    Stopped = State#{watch := undefined, tries := Tries},
    {noreply, retry_in(?RETRY, Stopped)};
handle_info(retry, State = #{watch := undefined, host_types := HostTypes}) ->
    case map_size(HostTypes) of
        0 -> {noreply, State};
        _ -> {noreply, try_start(State)}
    end;
handle_info(tick, State = #{host_types := HostTypes}) ->
    lists:foreach(fun load_callback_modules/1, maps:values(HostTypes)),
    %% Also while the application runs: a session may have met a host type that was just stopping.
    lists:foreach(fun http_pusher_downtime:report/1, maps:keys(HostTypes)),
    {noreply, State};
handle_info(_Info, State) ->
    {noreply, State}.

%% In a node that loads modules when they are first called, that first call would be a session's.
load_own_modules() ->
    _ = application:load(?APP),
    {ok, Modules} = application:get_key(?APP, modules),
    %% The library is the engine's to load.
    lists:foreach(fun code:ensure_loaded/1, Modules -- [http_pusher_nif]).

load_callback_modules(Handlers) ->
    lists:foreach(fun(#{callback_module := Module}) ->
                          erlang:module_loaded(Module) orelse code:ensure_loaded(Module)
                  end, Handlers).

try_start(State = #{watch := undefined, tries := Tries, host_types := HostTypes}) ->
    case start(HostTypes) of
        {ok, Watch} ->
            http_pusher_log:started(Tries + 1),
            State#{watch := Watch, tries := 0};
        {error, Reason} ->
            [http_pusher_log:not_started(Reason) || Tries =:= 0],
            retry_in(min(?RETRY_AT_MOST, ?RETRY bsl min(Tries, 5)), State#{tries := Tries + 1})
    end;
try_start(State) ->
    State.

%% The application controller takes an application whose processes have just died for a running one.
start(HostTypes) ->
    case application:ensure_all_started(?APP, temporary) of
        {ok, _} ->
            Watch = erlang:monitor(process, http_pusher_sup),
            try
                maps:foreach(fun http_pusher_pools:add/2, HostTypes),
                {ok, Watch}
            catch
                exit:Reason ->
                    erlang:demonitor(Watch, [flush]),
                    {error, Reason}
            end;
        {error, Reason} ->
            {error, Reason}
    end.

%% One timer, however many host types ask meanwhile.
retry_in(Wait, State = #{retry := Timer}) ->
    _ = is_reference(Timer) andalso erlang:cancel_timer(Timer),
    State#{retry := erlang:send_after(Wait, self(), retry)}.

announce(#{watch := undefined}, _HostType, _Handlers) ->
    ok;
announce(_State, HostType, Handlers) ->
    try
        ok = http_pusher_nif:open_host_type(HostType),
        ok = http_pusher_pools:add(HostType, Handlers),
        http_pusher_log:module_started(HostType, details(Handlers))
    catch
        %% It has just ended, and is started again with this host type.
        exit:_ -> ok
    end.

details(Handlers) ->
    {ok, Version} = application:get_key(?APP, vsn),
    #{tokio_threads := Threads} = http_pusher_settings:current(),
    #{version => Version, mongooseim => http_pusher_host:version(), generation => http_pusher_host:generation(),
      pools => lists:usort([Pool || #{pool_name := Pool} <- Handlers]), handlers => length(Handlers),
      tokio_threads => Threads}.
