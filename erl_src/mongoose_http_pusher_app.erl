%% @doc The application: started by the module when MongooseIM starts it, `temporary', so that its end
%% never takes the node with it.
-module(mongoose_http_pusher_app).
-behaviour(application).

-export([start/2, prep_stop/1, stop/1]).

-spec start(application:start_type(), term()) -> {ok, pid()} | {error, term()}.
start(_Type, _Args) ->
    mongoose_http_pusher_sup:start_link().

%% Sessions are gone or get `engine_down' from here on; what is pending is drained first.
-spec prep_stop(State) -> State.
prep_stop(State) ->
    mongoose_http_pusher_drain:all(),
    State.

-spec stop(term()) -> ok.
stop(_State) ->
    ok.
