%% @doc What a session does for an event where the module posts by itself, as the stock module of 6.8
%% does: ask the callback module, post, wait, update the metrics. Over the pool of sync_pool.
-module(bench_sync).

-export([push_event/4]).

-define(EVENT, mod_event_pusher_http_sent).
-define(TIMEOUT, 600000).

%% @doc As mod_event_pusher_http:push_event/3, with the pool in place of the host's.
-spec push_event(sync_pool:pool(), map(), map(), map()) -> {ok, map()}.
push_event(Pool, HookAcc = #{acc := Acc}, #{event := {chat_event, _, Direction, From, To, Packet}},
           #{host_type := HostType}) ->
    lists:foreach(fun(Options) -> handle(Pool, HostType, Acc, Direction, From, To, Packet, Options) end,
                  gen_mod:get_module_opt(HostType, mod_event_pusher_http, handlers)),
    {ok, HookAcc}.

handle(Pool, HostType, Acc, Direction, From, To, Packet, Options) ->
    #{callback_module := Module} = Options,
    Message = exml_query:path(Packet, [{element, <<"body">>}, cdata], <<>>),
    case Module:should_make_req(Acc, Direction, Packet, From, To, Options) of
        true ->
            {Sender, Server} = jid:to_lus(From),
            {Receiver, _} = jid:to_lus(To),
            Args = [Acc, Direction, Server, Message, Sender, Receiver, Options],
            post(Pool, HostType, Sender, Module, Args, Options);
        _ ->
            ok
    end.

post(Pool, HostType, Sender, Module, Args, #{path := Path}) ->
    Body = apply(Module, prepare_body, Args),
    Headers = apply(Module, prepare_headers, Args),
    Begin = erlang:monotonic_time(microsecond),
    Answer = sync_pool:post(Pool, <<"/", Path/binary>>, Headers, Body, ?TIMEOUT),
    Micros = erlang:monotonic_time(microsecond) - Begin,
    Measured = case Answer of
                   {ok, Status} -> #{count => 1, response_time => Micros, sender => Sender,
                                     response_code => integer_to_binary(Status)};
                   {error, _} -> #{failure_count => 1, sender => Sender}
               end,
    mongoose_instrument:execute(?EVENT, #{host_type => HostType}, Measured).
