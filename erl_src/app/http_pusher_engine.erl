%% @doc Starts the engine's threads and checks their heartbeat.
%%
%% If they do not answer, this process ends, which stops what is left of them, and its supervisor starts new
%% ones. Notifications that were pending have then failed with `engine_down'.
-module(http_pusher_engine).
-behaviour(gen_server).

-export([start_link/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

%% Far more than starting the threads takes, whether it succeeds or not: the application's start must not
%% hang.
-define(START_AT_MOST, 60000).
-define(BETWEEN_PINGS, 1000).
%% After this many pings without an answer the threads have ended, and are not merely slow.
-define(SILENT_PINGS, 5).

-type state() :: #{silent := non_neg_integer()}.


-spec start_link(http_pusher_settings:settings()) -> {ok, pid()} | {error, term()}.
start_link(Settings) ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, Settings, [{timeout, ?START_AT_MOST}]).


-spec init(http_pusher_settings:settings()) -> {ok, state()} | {stop, term()}.
init(Settings) ->
    process_flag(trap_exit, true),
    case load() of
        ok -> start(Settings);
        {error, Reason} -> {stop, {library_not_loaded, Reason}}
    end.


start(Settings) ->
    Keys = [tokio_threads, reporters, max_pending, max_pending_bytes, max_node_bytes, max_lane_percent,
            max_connection_age, spool_max_bytes, spool_sync, dead_letters_max_bytes, dead_letters_max_age],
    Own = (maps:with(Keys, Settings))#{
            spool_dir => http_pusher_utf8:text(maps:get(spool_dir, Settings)),
            node => atom_to_binary(node(), utf8)
           },
    case http_pusher_nif:start_engine(Own#{escapes_in_groups => http_pusher_host:escapes_in_groups()}) of
        ok ->
            _ = http_pusher_nif:ping(),
            schedule(),
            {ok, #{silent => 0}};
        {error, Text} ->
            {stop, {engine_not_started, Text}}
    end.


%% A missing file is checked for first, because the code server logs each failed attempt to load one.
load() ->
    File = http_pusher_library:file(),
    case erlang:module_loaded(http_pusher_nif) orelse filelib:is_regular(File) of
        true ->
            case code:ensure_loaded(http_pusher_nif) of
                {module, _} -> ok;
                {error, Reason} -> {error, {Reason, File}}
            end;
        false ->
            {error, {enoent, File}}
    end.


-spec handle_call(term(), gen_server:from(), state()) -> {reply, {error, unknown_call}, state()}.
handle_call(_Request, _From, State) ->
    {reply, {error, unknown_call}, State}.


-spec handle_cast(term(), state()) -> {noreply, state()}.
handle_cast(_Request, State) ->
    {noreply, State}.


-spec handle_info(term(), state()) -> {noreply, state()} | {stop, term(), state()}.
handle_info(ping, State = #{silent := Silent}) ->
    case http_pusher_nif:ping() of
        true ->
            schedule(),
            {noreply, State#{silent := 0}};
        false when Silent + 1 >= ?SILENT_PINGS ->
            {stop, engine_silent, State};
        false ->
            schedule(),
            {noreply, State#{silent := Silent + 1}}
    end;
handle_info(_Info, State) ->
    {noreply, State}.


-spec terminate(term(), state()) -> ok.
terminate(_Reason, _State) ->
    http_pusher_nif:stop_engine().


schedule() ->
    erlang:send_after(?BETWEEN_PINGS, self(), ping).
