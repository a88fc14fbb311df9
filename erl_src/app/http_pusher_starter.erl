%% @doc Starts the application for the module, and again after it has ended.
%%
%% It is linked to no other process: the host must not notice if the library is missing or the application
%% gives up. While the application is down, it also adds the notifications that sessions have rejected with
%% `engine_down' to the metrics (http_pusher_downtime), because no other process of ours is left.
-module(http_pusher_starter).
-behaviour(gen_server).

-export([ensure/0, application_started/0, application_stops/0, add/2, remove/1]).
-export([init/1, handle_continue/2, handle_call/3, handle_cast/2, handle_info/2]).

-type state() :: #{
                   tries := non_neg_integer(),
                   retry := reference() | undefined,
                   watch := reference() | undefined,
                   %% An operator, or the node, stops the application. Not there if it was started with an earlier beam.
                   is_stopped => boolean(),
                   host_types := #{binary() => [http_pusher_host:handler()]}
                  }.

-define(APP, mongoose_http_pusher).
-define(KEPT(HostType), {?MODULE, HostType}).
%% The longest time that this delays the host's start.
-define(START_AT_MOST, 10000).
-define(STOP_AT_MOST,  1000).
%% How many starters one request is made to.
-define(CALLS,         3).
-define(RETRY,         2000).
-define(RETRY_AT_MOST, 60000).
%% How soon a callback module that was missing is found, and rejections of sessions are counted.
-define(BETWEEN_TICKS, 2000).


%% @doc Starts this process if it does not run. It begins its work after this has returned: if the host is
%% stopped while it starts, the application controller, which this process calls, may be waiting for the
%% module to start. A session that meets no application calls this too, and costs one look-up if it runs.
-spec ensure() -> ok.
ensure() ->
    case whereis(?MODULE) of
        undefined -> start();
        _ -> ok
    end.


%% Another process may be the first, and the new one may be killed at once.
start() ->
    _ = gen_server:start({local, ?MODULE}, ?MODULE, [], []),
    ok.


%% @doc The application has been started: by this process, or by hand after it was stopped.
-spec application_started() -> ok.
application_started() ->
    gen_server:cast(?MODULE, application_started).


%% @doc The application is told to stop. If it gives up, its supervisor ends with the same reason.
-spec application_stops() -> ok.
application_stops() ->
    gen_server:cast(?MODULE, application_stops).


%% @doc A host type's handlers: known to the application when this returns, if it can be started.
-spec add(binary(), [http_pusher_host:handler()]) -> ok.
add(HostType, Handlers) ->
    http_pusher_downtime:new(HostType),
    persistent_term:put(?KEPT(HostType), Handlers),
    case call({add, HostType, Handlers}, ?START_AT_MOST) of
        ok -> ok;
        timeout -> http_pusher_log:not_started(start_takes_long);
        {ended, Reason} -> http_pusher_log:not_started({starter_ended, Reason})
    end.


-spec remove(binary()) -> ok.
remove(HostType) ->
    _ = persistent_term:erase(?KEPT(HostType)),
    case whereis(http_pusher_sup) of
        undefined ->
            %% The starter may be waiting for the application controller, which waits for the host to stop.
            ensure(),
            gen_server:cast(?MODULE, {remove, HostType});
        _ ->
            _ = call({remove, HostType}, ?STOP_AT_MOST),
            ok
    end.


%% If it is killed meanwhile, its successor is called. The host's modules start and stop whatever happens here.
call(Request, Timeout) ->
    call(Request, Timeout, ?CALLS).


call(Request, Timeout, Left) ->
    ensure(),
    try
        gen_server:call(?MODULE, Request, Timeout)
    catch
        exit:{timeout, _} -> timeout;
        exit:_ when Left > 1 -> call(Request, Timeout, Left - 1);
        exit:{Reason, _} -> {ended, Reason}
    end.


-spec init([]) -> {ok, state(), {continue, start}}.
init([]) ->
    %% When an application stops, the processes of its group are killed. A restarted starter would belong to
    %% the application that it must restart, so it moves to the group of `init'.
    true = erlang:group_leader(whereis(init), self()),
    {ok, #{tries => 0, retry => undefined, watch => undefined, is_stopped => false, host_types => #{}},
         {continue, start}}.


-spec handle_continue(start, state()) -> {noreply, state()}.
handle_continue(start, State) ->
    load_own_modules(),
    {ok, _} = timer:send_interval(?BETWEEN_TICKS, tick),
    {noreply, try_start(State#{host_types := kept()})}.


-spec handle_call(term(), gen_server:from(), state()) -> {reply, ok, state()}.
handle_call({add, HostType, Handlers}, _From, State = #{host_types := HostTypes}) ->
    load_callback_modules(Handlers),
    State1 = try_start(State#{host_types := HostTypes#{HostType => Handlers}}),
    announce(State1, HostType),
    {reply, ok, State1};
handle_call({remove, HostType}, _From, State) ->
    {reply, ok, removed(HostType, State)}.


%% Started by hand, before the next attempt: the application does not know the host types yet. Not after a
%% failed attempt, because an application that ends as soon as it has started would be started again without
%% a pause.
-spec handle_cast(term(), state()) -> {noreply, state()}.
handle_cast(application_started, State = #{watch := undefined, tries := 0, host_types := HostTypes})
  when map_size(HostTypes) > 0 ->
    {noreply, try_start(State)};
handle_cast({remove, HostType}, State) ->
    {noreply, removed(HostType, State)};
handle_cast(application_stops, State) ->
    {noreply, State#{is_stopped => true}};
handle_cast(_Request, State) ->
    {noreply, State}.


-spec handle_info(term(), state()) -> {noreply, state()}.
handle_info({'DOWN', Watch, process, _Pid, Reason}, State = #{watch := Watch}) ->
    Tries = case maps:get(is_stopped, State, false) of
                %% The next start of the module or the next attempt brings it back.
                true ->
                    0;
                false ->
                    http_pusher_log:not_started({application_ended, Reason}),
                    1
            end,
    Stopped = State#{watch := undefined, is_stopped => false, tries := Tries},
    {noreply, retry_in(?RETRY, Stopped)};
handle_info(retry, State = #{watch := undefined, host_types := HostTypes}) ->
    case map_size(HostTypes) of
        0 -> {noreply, State};
        _ -> {noreply, try_start(State)}
    end;
handle_info({announce, HostType}, State) ->
    announce(State, HostType),
    {noreply, State};
handle_info(tick, State = #{host_types := HostTypes}) ->
    lists:foreach(fun load_callback_modules/1, maps:values(HostTypes)),
    %% Also while the application runs, because a session may have met a host type that was stopping.
    lists:foreach(fun http_pusher_downtime:report/1, maps:keys(HostTypes)),
    {noreply, State};
handle_info(_Info, State) ->
    {noreply, State}.


%% What a starter knew that was killed: the application, which knows it too, may have died with it.
kept() ->
    maps:from_list([ {HostType, Handlers} || {?KEPT(HostType), Handlers} <- persistent_term:get() ]).


removed(HostType, State = #{host_types := HostTypes}) ->
    http_pusher_downtime:report(HostType),
    not_in_pools(HostType),
    State#{host_types := maps:remove(HostType, HostTypes)}.


%% The owner of the pools has been told before, unless the application has been started since, for all that
%% this process knew.
not_in_pools(HostType) ->
    try is_map_key(HostType, http_pusher_pools:host_types()) andalso http_pusher_pools:remove(HostType) of
        _ -> ok
    catch
        exit:_ -> ok
    end.


%% If the node loads modules when they are first called, a session would make that call.
load_own_modules() ->
    _ = application:load(?APP),
    {ok, Modules} = application:get_key(?APP, modules),
    %% The engine's process loads the library.
    lists:foreach(fun code:ensure_loaded/1, Modules -- [http_pusher_nif]).


load_callback_modules(Handlers) ->
    lists:foreach(fun(#{callback_module := Module}) ->
                          erlang:module_loaded(Module) orelse code:ensure_loaded(Module)
                  end,
                  Handlers).


try_start(State = #{watch := undefined, tries := Tries, host_types := HostTypes}) ->
    case start(HostTypes) of
        {ok, Watch} ->
            http_pusher_log:started(Tries + 1),
            State#{watch := Watch, is_stopped => false, tries := 0};
        {error, Reason} ->
            [ http_pusher_log:not_started(Reason) || Tries =:= 0 ],
            retry_in(min(?RETRY_AT_MOST, ?RETRY bsl min(Tries, 5)), State#{tries := Tries + 1})
    end;
try_start(State) ->
    State.


%% The application controller considers an application to be running although its processes have just died.
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


%% A single timer, even if several host types ask for it.
retry_in(Wait, State = #{retry := Timer}) ->
    _ = is_reference(Timer) andalso erlang:cancel_timer(Timer),
    State#{retry := erlang:send_after(Wait, self(), retry)}.


%% Tells the application of a host type that the module has been started for. If the application does not
%% run, its next start does that.
announce(#{watch := Watch, host_types := HostTypes}, HostType)
  when Watch =/= undefined, is_map_key(HostType, HostTypes) ->
    Handlers = maps:get(HostType, HostTypes),
    try
        ok = http_pusher_pools:add(HostType, Handlers),
        http_pusher_log:module_started(HostType, details(Handlers))
    catch
        exit:Reason ->
            %% The application has just ended, or one owner of the pools after the other has crashed.
            _ = [ http_pusher_log:handlers_failed(HostType, Reason) || whereis(http_pusher_sup) =/= undefined ],
            _ = erlang:send_after(?RETRY, self(), {announce, HostType}),
            ok
    end;
announce(_State, _HostType) ->
    ok.


details(Handlers) ->
    {ok, Version} = application:get_key(?APP, vsn),
    #{tokio_threads := Threads, reporters := Reporters} = http_pusher_settings:current(),
    #{
      version => Version,
      mongooseim => http_pusher_host:version(),
      generation => http_pusher_host:generation(),
      pools => lists:usort([ Pool || #{pool_name := Pool} <- Handlers ]),
      handlers => length(Handlers),
      tokio_threads => Threads,
      reporters => Reporters
     }.
