%% @doc A session that posts by itself, as in the stock module of 6.8: ask the callback module, post, wait
%% for the response, update the metrics. The pool is that of sync_pool.
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
    #{callback_module := Module, path := Path} = Options,
    Message = exml_query:path(Packet, [{element, <<"body">>}, cdata], <<>>),
    case Module:should_make_req(Acc, Direction, Packet, From, To, Options) of
        true ->
            {Sender, Server} = jid:to_lus(From),
            {Receiver, _} = jid:to_lus(To),
            Args = [Acc, Direction, Server, Message, Sender, Receiver, Options],
            Body = apply(Module, prepare_body, Args),
            Headers = apply(Module, prepare_headers, Args),
            post(Pool, HostType, Sender, <<"/", Path/binary>>, Headers, Body);
        _ ->
            ok
    end.

post(Pool, HostType, Sender, Path, Headers, Body) ->
    Begin = erlang:monotonic_time(microsecond),
    Answer = sync_pool:post(Pool, Path, Headers, Body, ?TIMEOUT),
    Micros = erlang:monotonic_time(microsecond) - Begin,
    Measured = case Answer of
                   {ok, Status} -> #{count => 1, response_time => Micros, sender => Sender,
                                     response_code => integer_to_binary(Status)};
                   {error, _} -> #{failure_count => 1, sender => Sender}
               end,
    mongoose_instrument:execute(?EVENT, #{host_type => HostType}, Measured).
