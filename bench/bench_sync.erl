%% @doc A session that posts by itself, as in the stock module of 6.8: post, wait for the response, update the
%% metrics. The pool is that of sync_pool.
-module(bench_sync).

-export([push_event/4]).

-define(EVENT, mod_event_pusher_http_sent).
-define(TIMEOUT, 600000).

%% @doc As mod_event_pusher_http:push_event/3, with the pool in place of the host's.
-spec push_event(sync_pool:pool(), map(), map(), map()) -> {ok, map()}.
push_event(Pool, HookAcc, Params, Extra) ->
    bench_session:push_event(fun(Request) -> post(Pool, Request) end, HookAcc, Params, Extra).

post(Pool, #{host_type := HostType, sender := Sender, path := Path, headers := Headers, body := Body}) ->
    Begin = erlang:monotonic_time(microsecond),
    Answer = sync_pool:post(Pool, <<"/", Path/binary>>, Headers, Body, ?TIMEOUT),
    Micros = erlang:monotonic_time(microsecond) - Begin,
    Measured = case Answer of
                   {ok, Status} -> #{count => 1, response_time => Micros, sender => Sender,
                                     response_code => integer_to_binary(Status)};
                   {error, _} -> #{failure_count => 1, sender => Sender}
               end,
    mongoose_instrument:execute(?EVENT, #{host_type => HostType}, Measured).
