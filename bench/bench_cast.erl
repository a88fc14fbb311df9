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
push_event(Pid, HookAcc = #{acc := Acc}, #{event := {chat_event, _, Direction, From, To, Packet}},
           #{host_type := HostType}) ->
    lists:foreach(fun(Options) -> handle(Pid, Acc, Direction, From, To, Packet, Options) end,
                  gen_mod:get_module_opt(HostType, mod_event_pusher_http, handlers)),
    {ok, HookAcc}.

handle(Pid, Acc, Direction, From, To, Packet, Options = #{callback_module := Module, path := Path}) ->
    Message = exml_query:path(Packet, [{element, <<"body">>}, cdata], <<>>),
    case Module:should_make_req(Acc, Direction, Packet, From, To, Options) of
        true ->
            {Sender, Server} = jid:to_lus(From),
            {Receiver, _} = jid:to_lus(To),
            Args = [Acc, Direction, Server, Message, Sender, Receiver, Options],
            Pid ! {post, Path, apply(Module, prepare_headers, Args), apply(Module, prepare_body, Args)},
            ok;
        _ ->
            ok
    end.
