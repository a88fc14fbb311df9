%% @doc The least that any hand-over in Erlang does: what a session does for an event, up to the body,
%% and one message to a process that drops it. Nothing is posted and nothing counted: it is what the
%% machine lets a hand-over take, not an opponent.
-module(bench_cast).

-export([start/0, stop/1, push_event/4]).

-spec start() -> pid().
start() ->
    spawn_link(fun drop/0).

-spec stop(pid()) -> ok.
stop(Pid) ->
    unlink(Pid),
    exit(Pid, kill),
    ok.

drop() ->
    receive _ -> drop() end.

%% @doc As mod_event_pusher_http:push_event/3, with a process to send the notification to.
-spec push_event(pid(), map(), map(), map()) -> {ok, map()}.
push_event(Pid, HookAcc, Params, Extra) ->
    bench_session:push_event(fun(Request) -> Pid ! {post, Request} end, HookAcc, Params, Extra).
