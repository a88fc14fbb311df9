%% @doc What a session does for an event up to the request, as the stock module of 6.8 does it: ask the
%% callback module. Each contestant decides what it does with the request.
-module(bench_session).

-export([push_event/4]).

-export_type([request/0]).

-type request() :: #{host_type := binary(), sender := binary(), path := binary(),
                     headers := [{binary(), binary()}], body := binary()}.

%% @doc As mod_event_pusher_http:push_event/3, with what is done with each request.
-spec push_event(fun((request()) -> term()), map(), map(), map()) -> {ok, map()}.
push_event(Do, HookAcc = #{acc := Acc}, #{event := {chat_event, _, Direction, From, To, Packet}},
           #{host_type := HostType}) ->
    lists:foreach(fun(Options) -> handle(Do, HostType, Acc, Direction, From, To, Packet, Options) end,
                  gen_mod:get_module_opt(HostType, mod_event_pusher_http, handlers)),
    {ok, HookAcc}.

handle(Do, HostType, Acc, Direction, From, To, Packet, Options) ->
    #{callback_module := Module, path := Path} = Options,
    Message = exml_query:path(Packet, [{element, <<"body">>}, cdata], <<>>),
    case Module:should_make_req(Acc, Direction, Packet, From, To, Options) of
        true ->
            {Sender, Server} = jid:to_lus(From),
            {Receiver, _} = jid:to_lus(To),
            Args = [Acc, Direction, Server, Message, Sender, Receiver, Options],
            Do(#{host_type => HostType, sender => Sender, path => Path,
                 body => apply(Module, prepare_body, Args),
                 headers => apply(Module, prepare_headers, Args)});
        _ ->
            ok
    end.
