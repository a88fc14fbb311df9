%% @doc The least that any hand-over in Erlang does: what a session does for an event up to the request, and
%% one message to a process that drops it. Nothing is posted and nothing counted: this is the floor that
%% the machine sets for a hand-over, not a contestant.
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

%% @doc As mod_event_pusher_http:push_event/3, with a process to send the request to.
-spec push_event(pid(), map(), map(), map()) -> {ok, map()}.
push_event(Pid, HookAcc, Params, Extra) ->
    bench_session:push_event(fun(Request) -> Pid ! {post, Request} end, HookAcc, Params, Extra).
