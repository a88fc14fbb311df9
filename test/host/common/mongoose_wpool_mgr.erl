%% Stands for mongoose_wpool_mgr (src/wpool/mongoose_wpool_mgr.erl, 5.0.0 and 6.8.0; they differ in
%% the time a call may take): registered mongoose_wpool_http_mgr, its state readable by
%% sys:get_state/1 as {state, http, Pools, Monitors}. A pool that dies is started again after 2 s
%% with the options it had, and again 2 s later as long as that fails; meanwhile its rows in the
%% tables mongoose_wpool and mongoose_wpool_http stay. Pools are started inside the manager's own
%% call, so a call to it can take long.
-module(mongoose_wpool_mgr).
-behaviour(gen_server).

-export([start_link/1, name/1, start/5, stop/3]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2]).

-include_lib("kernel/include/logger.hrl").
-include("host.hrl").

-if(?GENERATION =:= v5_0).
-define(CALL_TIMEOUT, 5000).
-else.
-define(CALL_TIMEOUT, 30000).
-endif.
-define(RESTART_AFTER, 2000).

-record(state, {type, pools, monitors}).

start_link(Type) ->
    gen_server:start_link({local, name(Type)}, ?MODULE, [Type], []).

name(Type) ->
    list_to_atom("mongoose_wpool_" ++ atom_to_list(Type) ++ "_mgr").

start(Type, HostType, Tag, PoolOpts, ConnOpts) ->
    ok = ensure_started(Type),
    gen_server:call(name(Type), {start_pool, HostType, Tag, PoolOpts, ConnOpts}, ?CALL_TIMEOUT).

stop(Type, HostType, Tag) ->
    gen_server:call(name(Type), {stop_pool, HostType, Tag}, ?CALL_TIMEOUT).

init([Type]) ->
    {ok, #state{type = Type, pools = #{}, monitors = #{}}}.

handle_call({start_pool, HostType, Tag, PoolOpts, ConnOpts}, _From, #state{type = Type} = State) ->
    ?LOG_INFO(#{what => pool_starting, pool_type => Type, tag => Tag, server => HostType,
                pool_opts => PoolOpts}),
    Key = {Type, HostType, Tag},
    Pool = #{wpool_opts => PoolOpts, conn_opts => ConnOpts},
    case start_pool(Key, Pool) of
        {_, Pid} = Ok when is_pid(Pid) ->
            {reply, Ok, watch(Key, Pool, Pid, State)};
        Other ->
            ?LOG_ERROR(#{what => pool_start_failed, pool_type => Type, server => HostType,
                         reason => Other}),
            {reply, Other, State}
    end;
handle_call({stop_pool, HostType, Tag}, _From, #state{type = Type, pools = Pools} = State) ->
    Key = {Type, HostType, Tag},
    case maps:take(Key, Pools) of
        error -> {reply, {error, unknown_pool}, State};
        {Pool, Rest} -> stop_pool(Key, Pool, State#state{pools = Rest})
    end.

handle_cast(_Message, State) ->
    {noreply, State}.

handle_info({'DOWN', Ref, process, _Pid, Reason}, #state{monitors = Monitors} = State) ->
    case maps:take(Ref, Monitors) of
        error ->
            {noreply, State};
        {Key, Rest} ->
            ?LOG_ERROR(#{what => pool_restart, pool_key => Key, reason => Reason}),
            {noreply, schedule_restart(Key, State#state{monitors = Rest})}
    end;
handle_info({restart, Key}, #state{pools = Pools} = State) ->
    case Pools of
        #{Key := Pool} -> {noreply, restart(Key, Pool, State)};
        #{} -> {noreply, State}
    end.

ensure_started(Type) ->
    case whereis(name(Type)) of
        undefined ->
            Spec = mongoose_wpool_sup:child_spec(Type),
            case supervisor:start_child(mongoose_wpool_sup, Spec) of
                {ok, _} -> ok;
                {error, {already_started, _}} -> ok;
                Other -> Other
            end;
        _Pid ->
            ok
    end.

start_pool({Type, HostType, Tag}, #{wpool_opts := PoolOpts, conn_opts := ConnOpts}) ->
    mongoose_wpool:call_start_callback(Type, [HostType, Tag, PoolOpts, ConnOpts]).

watch(Key, Pool, Pid, #state{pools = Pools, monitors = Monitors} = State) ->
    Ref = erlang:monitor(process, Pid),
    State#state{pools = Pools#{Key => Pool#{monitor => Ref}}, monitors = Monitors#{Ref => Key}}.

restart(Key, Pool, State) ->
    case start_pool(Key, Pool) of
        {_, Pid} when is_pid(Pid) ->
            watch(Key, Pool, Pid, State);
        Other ->
            ?LOG_WARNING(#{what => pool_restart_failed, pool_key => Key, reason => Other}),
            schedule_restart(Key, State)
    end.

schedule_restart(Key, #state{pools = Pools} = State) ->
    case Pools of
        #{Key := Pool} ->
            {ok, _} = timer:send_after(?RESTART_AFTER, {restart, Key}),
            State#state{pools = Pools#{Key := Pool#{monitor => undefined}}};
        #{} ->
            State
    end.

stop_pool(_Key, #{monitor := undefined}, State) ->
    {reply, ok, State};
stop_pool({Type, HostType, Tag} = Key, #{monitor := Ref}, #state{monitors = Monitors} = State) ->
    erlang:demonitor(Ref),
    Pool = mongoose_wpool:make_pool_name(Type, HostType, Tag),
    Result = supervisor:terminate_child(mongoose_wpool_type_sup:name(Type), Pool),
    case Result of
        ok -> ok;
        Other -> ?LOG_WARNING(#{what => pool_stop_failed, pool_key => Key, reason => Other})
    end,
    {reply, Result, State#state{monitors = maps:remove(Ref, Monitors)}}.
