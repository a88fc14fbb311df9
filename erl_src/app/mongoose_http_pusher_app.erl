%% @doc The application. The module starts it as `temporary' when MongooseIM starts the module, so that its
%% end never stops the node.
-module(mongoose_http_pusher_app).
-behaviour(application).

-export([start/2, prep_stop/1, stop/1]).


-spec start(application:start_type(), term()) -> {ok, pid()} | {error, term()}.
start(_Type, _Args) ->
    preload(),
    http_pusher_spool_dir:settle(),
    case http_pusher_sup:start_link() of
        {ok, Supervisor} ->
            http_pusher_starter:application_started(),
            {ok, Supervisor};
        {error, Reason} ->
            {error, Reason}
    end.


%% Load all modules now. Otherwise the first notification would wait for code loading, and might load files
%% that an upgrade has already replaced. The engine's process loads the library's module, because it reports
%% what is wrong with it.
preload() ->
    {ok, Modules} = application:get_key(mongoose_http_pusher, modules),
    _ = code:ensure_modules_loaded(lists:delete(http_pusher_nif, Modules)),
    ok.


%% From here on sessions have ended or get `engine_down'; what is pending is drained first. Also called when the
%% supervisor has ended: there is nothing to stop then.
-spec prep_stop(State) -> State.
prep_stop(State) ->
    _ = [ http_pusher_starter:application_stops() || whereis(http_pusher_sup) =/= undefined ],
    http_pusher_drain:all(),
    State.


-spec stop(term()) -> ok.
stop(_State) ->
    ok.
