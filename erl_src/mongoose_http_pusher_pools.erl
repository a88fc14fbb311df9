%% @doc Owns the engine's pools: opens, replaces and closes them as the host's pools come and go.
%%
%% It alone reads the host's pool manager, and in a helper process, because that can take long and one
%% pool must not wait for another. It watches the host's pool processes, looks at all of them every
%% second, and looks at once when a session has met a process that nobody knows yet.
%%
%% What it knows is in a table besides, so that a successor goes on where it died. Not here: which
%% pool a session takes (mongoose_http_pusher_routes) and what a pool's options are
%% (mongoose_http_pusher_host_pool).
-module(mongoose_http_pusher_pools).
-behaviour(gen_server).

-export([start_link/1, add/2, remove/1, host_types/0, stopping/1, stopped/0, await_look/1]).
-export([run/2]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-type pool_key() :: mongoose_http_pusher_routes:pool_key().
-type handler() :: mongoose_http_pusher_host:handler().

-type pool() :: #{
    spare := mongoose_http_pusher_nif:pool_id(),
    pool := mongoose_http_pusher_nif:pool_id() | undefined,
    pid := pid() | undefined,
    %% Of the options it was opened with: they hold passwords, and this is a state that crash reports
    %% print.
    digest := binary() | undefined,
    monitor => reference(),
    %% The host has stopped it; it is closed for good when this timer ends.
    closing => reference(),
    %% A helper is looking at it.
    looking => reference(),
    %% It is the pool of a process that died.
    recovered => true
}.

-type state() :: #{
    settings := mongoose_http_pusher_settings:settings(),
    pools := #{pool_key() => pool()},
    %% Helpers at work: what for.
    helpers := #{reference() => {look | open, pool_key()}},
    %% Until when the looks are closer.
    eager := integer() | undefined,
    burst := {Active :: non_neg_integer(), Deadline :: integer(), LastEnd :: integer()}
}.

-define(TABLE, mongoose_http_pusher_routes).
-define(BETWEEN_LOOKS, 1000).
%% Pools come right after a module has started or another pool has stopped: for a while the looks are
%% closer, so that the first notification to a new pool finds it open.
-define(BETWEEN_EAGER_LOOKS, 50).
-define(EAGER, 10000).
%% Stops that follow one another within this time share one deadline.
-define(BURST_GAP, 1000).

-spec start_link(mongoose_http_pusher_settings:settings()) -> {ok, pid()} | {error, term()}.
start_link(Settings) ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, Settings, []).

%% @doc The handlers of a host type; called when the module starts. Their pools are looked at from now
%% on, and notifications can be handed over when this returns.
-spec add(binary(), [handler()]) -> ok.
add(HostType, Handlers) ->
    gen_server:call(?MODULE, {add, HostType, Handlers}, infinity).

%% @doc The module has stopped for a host type: pools that nobody else uses are closed.
-spec remove(binary()) -> ok.
remove(HostType) ->
    gen_server:call(?MODULE, {remove, HostType}, infinity).

%% @doc The host types that the module runs for, with their handlers. None while the application is down.
-spec host_types() -> #{binary() => [handler()]}.
host_types() ->
    try ets:match_object(?TABLE, {{handlers, '_'}, '_'}) of
        Rows -> maps:from_list([{HostType, Handlers} || {{handlers, HostType}, Handlers} <- Rows])
    catch
        error:badarg -> #{}
    end.

%% @doc A host type begins to stop; when it has to be done, in milliseconds of monotonic time. Stops
%% that follow one another share one deadline, so that a hundred take no longer than one.
-spec stopping(timeout()) -> integer().
stopping(Timeout) ->
    gen_server:call(?MODULE, stopping, Timeout).

-spec stopped() -> ok.
stopped() ->
    gen_server:cast(?MODULE, stopped).

%% @doc Returns when every pool has been looked at and opened or found missing. For start and tests.
-spec await_look(timeout()) -> ok | timeout.
await_look(Timeout) ->
    try gen_server:call(?MODULE, busy, Timeout) of
        false -> ok;
        true when Timeout =< 0 -> timeout;
        true ->
            timer:sleep(5),
            await_look(Timeout - 5)
    catch
        exit:{timeout, _} -> timeout
    end.

-spec init(mongoose_http_pusher_settings:settings()) -> {ok, state()}.
init(Settings) ->
    process_flag(trap_exit, true),
    State = #{settings => Settings, pools => recover(), helpers => #{}, eager => undefined,
              burst => {0, now_ms(), now_ms() - ?BURST_GAP}},
    {ok, _} = timer:send_interval(?BETWEEN_LOOKS, look_at_all),
    {ok, look_at_all(eager(State))}.

-spec handle_call(term(), gen_server:from(), state()) -> {reply, term(), state()}.
handle_call({add, HostType, Handlers}, _From, State) ->
    true = ets:insert(?TABLE, {{handlers, HostType}, Handlers}),
    {reply, ok, lists:foldl(fun(Handler, S) -> add_handler(HostType, Handler, S) end,
                            eager(State), Handlers)};
handle_call({remove, HostType}, _From, State) ->
    true = ets:delete(?TABLE, {handlers, HostType}),
    [mongoose_http_pusher_routes:delete(Key)
     || {{Type, _, _} = Key, _, _} <- mongoose_http_pusher_routes:all(), Type =:= HostType],
    {reply, ok, close_unused(State)};
handle_call(stopping, _From, State = #{burst := Burst, settings := #{drain_timeout := Drain}}) ->
    Now = now_ms(),
    {Active, Deadline} = case Burst of
                             {0, _, LastEnd} when Now - LastEnd >= ?BURST_GAP -> {1, Now + Drain};
                             {N, Common, _} -> {N + 1, Common}
                         end,
    {reply, Deadline, State#{burst := {Active, Deadline, Now}}};
handle_call(busy, _From, State = #{helpers := Helpers}) ->
    {reply, map_size(Helpers) > 0, State}.

-spec handle_cast(term(), state()) -> {noreply, state()}.
handle_cast(stopped, State = #{burst := {Active, Deadline, _}}) ->
    {noreply, State#{burst := {max(0, Active - 1), Deadline, now_ms()}}}.

-spec handle_info(term(), state()) -> {noreply, state()}.
handle_info({look, Key}, State) ->
    mongoose_http_pusher_routes:looked(Key),
    {noreply, look(Key, State)};
handle_info(look_at_all, State) ->
    _ = ensure_starter(),
    {noreply, look_at_all(State)};
handle_info(look_again, State = #{eager := Until}) ->
    case now_ms() < Until of
        true ->
            _ = erlang:send_after(?BETWEEN_EAGER_LOOKS, self(), look_again),
            {noreply, look_at_all(State)};
        false ->
            {noreply, State#{eager := undefined}}
    end;
handle_info({close, Key, Id}, State) ->
    {noreply, close_stopped(Key, Id, State)};
handle_info({'DOWN', Ref, process, _Pid, Reason}, State = #{helpers := Helpers}) ->
    case maps:take(Ref, Helpers) of
        {{Job, Key}, Rest} ->
            {noreply, helped(Job, Key, Reason, State#{helpers := Rest})};
        error ->
            {noreply, look_at_all(eager(State))}
    end;
handle_info(_Info, State) ->
    {noreply, State}.

-spec terminate(term(), state()) -> ok.
terminate(_Reason, _State) ->
    ok.

%% Nobody else watches it. Not in this process: a starter calls this one before it is there.
ensure_starter() ->
    case whereis(mongoose_http_pusher_starter) of
        undefined -> spawn(fun mongoose_http_pusher_starter:ensure/0);
        Pid -> Pid
    end.

%%% Handlers and their rows

add_handler(HostType, #{pool_name := Tag, path := Path}, State) ->
    Keys = [{HostType, Tag}, {global, Tag}],
    State1 = lists:foldl(fun ensure_pool/2, State, Keys),
    Id = mongoose_http_pusher_nif:handler(HostType, atom_to_binary(Tag, utf8),
                                          unicode:characters_to_binary(Path)),
    mongoose_http_pusher_routes:put({HostType, Tag, Path}, {Id, candidates(Keys, State1)}),
    lists:foldl(fun look/2, State1, Keys).

ensure_pool(Key, State = #{pools := Pools}) when is_map_key(Key, Pools) ->
    State;
ensure_pool(Key, State) ->
    store(Key, #{spare => create(Key), pool => undefined, pid => undefined, digest => undefined},
          State).

create(Key) ->
    {ok, Id} = mongoose_http_pusher_nif:create_pool(name(Key)),
    Id.

name({Scope, Tag}) ->
    iolist_to_binary(io_lib:format("~ts/~ts", [Scope, Tag])).

candidates(Keys, #{pools := Pools}) ->
    [candidate(Key, maps:get(Key, Pools)) || Key <- Keys].

candidate(Key, #{spare := Spare, pool := Pool, pid := Pid}) ->
    #{key => Key, name => mongoose_http_pusher_host_pool:process_name(Key),
      pid => Pid, pool => Pool, spare => Spare}.

%% The rows of a pool's handlers change in one step each.
store(Key = {_, Tag}, Pool, State = #{pools := Pools}) ->
    Kept = maps:without([monitor, closing, looking, recovered], Pool),
    true = ets:insert(?TABLE, {{pool, Key}, Kept}),
    State1 = State#{pools := Pools#{Key => Pool}},
    New = candidate(Key, Pool),
    lists:foreach(
      fun({{_, RowTag, _} = RowKey, Handler, Candidates}) when RowTag =:= Tag ->
              Replaced = [case C of #{key := Key} -> New; _ -> C end || C <- Candidates],
              case Replaced of
                  Candidates -> ok;
                  _ -> mongoose_http_pusher_routes:put(RowKey, {Handler, Replaced})
              end;
         (_) ->
              ok
      end, mongoose_http_pusher_routes:all()),
    State1.

close_unused(State = #{pools := Pools}) ->
    Used = lists:usort([Key || {_, _, Candidates} <- mongoose_http_pusher_routes:all(),
                               #{key := Key} <- Candidates]),
    maps:fold(fun(Key, Pool, S) ->
                      case lists:member(Key, Used) of
                          true -> S;
                          false -> forget(Key, Pool, S)
                      end
              end, State, Pools).

forget(Key, Pool, State = #{pools := Pools, settings := #{drain_timeout := Drain}}) ->
    unmonitor(Pool),
    _ = [mongoose_http_pusher_nif:close_pool(Id, Drain) || #{pool := Id} <- [Pool],
                                                           Id =/= undefined],
    _ = mongoose_http_pusher_nif:close_pool(maps:get(spare, Pool), 0),
    true = ets:delete(?TABLE, {pool, Key}),
    State#{pools := maps:remove(Key, Pools)}.

%%% Looking at the host's pools

eager(State = #{eager := Until}) ->
    _ = [erlang:send_after(?BETWEEN_EAGER_LOOKS, self(), look_again) || Until =:= undefined],
    State#{eager := now_ms() + ?EAGER}.

look_at_all(State = #{pools := Pools}) ->
    lists:foldl(fun look/2, State, maps:keys(Pools)).

%% Compares the host's process with the known one; a helper reads the rest.
look(Key, State = #{pools := Pools}) ->
    case Pools of
        #{Key := #{looking := _}} -> State;
        #{Key := Pool = #{pid := Known}} ->
            case whereis(mongoose_http_pusher_host_pool:process_name(Key)) of
                undefined -> gone(Key, Pool, State);
                Known -> State;
                _New -> help(look, Key, fun() -> mongoose_http_pusher_host_pool:find(Key) end, State)
            end;
        _ -> State
    end.

%% A pool that the host still lists has crashed: it comes back, and what there is stays.
gone(_Key, #{pool := undefined}, State) ->
    State;
gone(_Key, #{closing := _}, State) ->
    State;
gone(Key, Pool = #{pool := Id}, State = #{settings := #{drain_timeout := Drain}}) ->
    case mongoose_http_pusher_host_pool:is_listed(Key) of
        true ->
            State;
        false ->
            unmonitor(Pool),
            _ = mongoose_http_pusher_nif:drain_pool(Id),
            Timer = erlang:send_after(Drain, self(), {close, Key, Id}),
            Gone = maps:remove(monitor, Pool),
            store(Key, Gone#{pid := undefined, closing => Timer}, State)
    end.

close_stopped(Key, Id, State = #{pools := Pools}) ->
    case Pools of
        #{Key := Pool = #{pool := Id, closing := _}} ->
            _ = mongoose_http_pusher_nif:close_pool(Id, 0),
            Closed = maps:remove(closing, Pool),
            store(Key, Closed#{pool := undefined, digest := undefined}, State);
        _ ->
            State
    end.

help(Job, Key, Fun, State = #{pools := Pools, helpers := Helpers}) ->
    {_, Ref} = spawn_monitor(?MODULE, run, [Job, Fun]),
    #{Key := Pool} = Pools,
    State#{pools := Pools#{Key := Pool#{looking => Ref}}, helpers := Helpers#{Ref => {Job, Key}}}.

%% A helper's life: its result is the reason for its end.
-spec run(look | open, fun(() -> term())) -> no_return().
run(Job, Fun) ->
    exit({Job, Fun()}).

helped(Job, Key, Reason, State = #{pools := Pools}) ->
    case Pools of
        #{Key := Pool0} ->
            Pool = maps:remove(looking, Pool0),
            helped(Job, Key, Pool, Reason, State#{pools := Pools#{Key := Pool}});
        _ ->
            State
    end.

helped(look, Key, Pool, {look, {ok, Found}}, State) ->
    found(Key, Pool, Found, State);
helped(look, _Key, _Pool, {look, not_started}, State) ->
    State;
helped(open, Key, Pool, {open, Result}, State) ->
    mongoose_http_pusher_log:pool_opened(name(Key), Result),
    look(Key, case Result of
                  {ok, _, _} -> State;
                  %% A restart tries again, also with the same options: a file may be mended.
                  {error, _} -> store(Key, Pool#{digest := undefined}, State)
              end);
helped(Job, Key, _Pool, Crash, State) ->
    mongoose_http_pusher_log:helper_crashed(name(Key), Job, Crash),
    State.

%% The same settings under another pid: the engine's pool stays, with its connections.
found(Key, Pool = #{pool := Id, digest := Digest}, Found = #{pid := Pid}, State) ->
    case Id =/= undefined andalso Digest =:= digest(Found) andalso resume(Pool) of
        true ->
            Spare = maps:get(spare, Pool),
            %% Before sessions find the pool itself: what waits in the spare one came earlier.
            _ = mongoose_http_pusher_nif:hand_over(Spare, Id),
            State1 = store(Key, watch(Pid, Pool#{pid := Pid, spare := create(Key)}), State),
            _ = mongoose_http_pusher_nif:close_pool(Spare, 0),
            case Pool of
                %% Whether the one before came to open it, nobody knows; a pool is opened once.
                #{recovered := true} -> help_open(Key, Id, Found, State1);
                _ -> State1
            end;
        false ->
            replace(Key, Pool, Found, State)
    end.

digest(#{options := Options}) ->
    erlang:md5(term_to_binary(Options)).

resume(Pool = #{pool := Id}) ->
    _ = [erlang:cancel_timer(Timer) || #{closing := Timer} <- [Pool]],
    {ok, true} =:= mongoose_http_pusher_nif:resume_pool(Id).

%% Other settings, or the first ones: what waits in the spare pool goes out over these.
replace(Key, Pool = #{spare := Id, pool := Old}, Found, State) ->
    #{pid := Pid} = Found,
    #{settings := #{drain_timeout := Drain}} = State,
    _ = [erlang:cancel_timer(Timer) || #{closing := Timer} <- [Pool]],
    New = #{spare => create(Key), pool => Id, pid => undefined, digest => digest(Found)},
    State1 = store(Key, watch(Pid, New#{pid := Pid}), State),
    _ = [mongoose_http_pusher_nif:close_pool(Old, Drain) || Old =/= undefined],
    unmonitor(Pool),
    help_open(Key, Id, Found, State1).

help_open(Key, Id, #{options := Options, warnings := Warnings}, State = #{settings := Settings}) ->
    Http2 = lists:member(element(2, Key), maps:get(http2_pools, Settings)),
    Handlers = [Path || {{_, Tag, Path}, _, _} <- mongoose_http_pusher_routes:all(),
                        Tag =:= element(2, Key)],
    help(open, Key, fun() -> open(Id, Options#{http2 => Http2}, Warnings, Handlers) end, State).

open(Id, Options, Warnings, Paths) ->
    case mongoose_http_pusher_nif:open_pool(Id, Options) of
        {ok, More} ->
            {ok, Options, Warnings ++ More ++ url_warnings(Options, lists:usort(Paths))};
        {error, {_, Text}} ->
            {error, Text}
    end.

url_warnings(#{path_prefix := Prefix}, Paths) ->
    lists:flatmap(
      fun(Path0) ->
              Path = unicode:characters_to_binary(Path0),
              case mongoose_http_pusher_nif:describe_url(Prefix, Path) of
                  {ok, {Same, Same}} ->
                      [];
                  {ok, {Ours, Stock}} ->
                      [iolist_to_binary(["notifications go to ", Ours, " as documented; the stock "
                                         "module sent them to ", Stock])];
                  {error, Text} ->
                      [Text]
              end
      end, Paths).

watch(Pid, Pool) ->
    unmonitor(Pool),
    Watched = maps:without([closing, recovered], Pool),
    Watched#{monitor => erlang:monitor(process, Pid)}.

unmonitor(#{monitor := Ref}) -> erlang:demonitor(Ref, [flush]);
unmonitor(_Pool) -> true.

%%% After a crash of this process

%% It may have died in the middle of anything: what was draining is resumed or drained again, what was
%% to be opened is opened again, and what belongs to nobody is closed.
recover() ->
    Alive = [Id || #{id := Id, closing := false} <- mongoose_http_pusher_nif:pools()],
    _ = ets:match_delete(?TABLE, {{look, '_'}, '_'}),
    Rows = ets:match_object(?TABLE, {{pool, '_'}, '_'}),
    #{pools := Pools} =
        lists:foldl(fun({{pool, Key}, Pool}, State) ->
                            store(Key, recover_pool(Key, Pool, Alive), State)
                    end, #{pools => #{}}, Rows),
    Known = lists:append([[Spare, Id] || #{spare := Spare, pool := Id} <- maps:values(Pools)]),
    #{drain_timeout := Drain} = mongoose_http_pusher_settings:current(),
    _ = [mongoose_http_pusher_nif:close_pool(Id, Drain) || Id <- Alive -- Known],
    Pools.

%% The engine may have been started anew, with none of the pools. The spare pool may have been handed
%% over already.
recover_pool(Key, Pool = #{spare := Spare, pool := Id}, Alive) ->
    New = create(Key),
    _ = [mongoose_http_pusher_nif:hand_over(Spare, New) || lists:member(Spare, Alive)],
    case lists:member(Id, Alive) of
        %% Its process is watched again once it is found to be the same.
        true -> Pool#{spare := New, pid := undefined, recovered => true};
        false -> Pool#{spare := New, pool := undefined, pid := undefined, digest := undefined}
    end.

now_ms() ->
    erlang:monotonic_time(millisecond).
