%% @doc The application: started by the module when MongooseIM starts it, `temporary', so that its end
%% never takes the node with it.
-module(mongoose_http_pusher_app).
-behaviour(application).

-export([start/2, prep_stop/1, stop/1]).

-spec start(application:start_type(), term()) -> {ok, pid()} | {error, term()}.
start(_Type, _Args) ->
    preload(),
    case http_pusher_sup:start_link() of
        {ok, Supervisor} ->
            http_pusher_starter:application_started(),
            {ok, Supervisor};
        {error, Reason} ->
            {error, Reason}
    end.

%% The node loads a module when it is first called. Not so these: the first session to notify would
%% wait for half of them, and those of another version may have been put in their place by then. The
%% library's module is loaded by the engine's process, which tells what is wrong with it.
preload() ->
    {ok, Modules} = application:get_key(mongoose_http_pusher, modules),
    _ = code:ensure_modules_loaded(lists:delete(http_pusher_nif, Modules)),
    ok.

%% Sessions are gone or get `engine_down' from here on; what is pending is drained first.
-spec prep_stop(State) -> State.
prep_stop(State) ->
    http_pusher_drain:all(),
    State.

-spec stop(term()) -> ok.
stop(_State) ->
    ok.
