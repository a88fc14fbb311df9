%% A custom callback module that does what its handler's options say: `should', `body' and `own_headers'
%% are values, or funs that are called. With `report' in the options that process is told of each
%% call.
-module(pusher_callback).
-behaviour(mod_event_pusher_http).

-export([should_make_req/6, prepare_headers/7, prepare_body/7]).

should_make_req(Acc, Direction, Packet, From, To, Opts) ->
    report(?FUNCTION_NAME, [Acc, Direction, Packet, From, To, Opts], Opts),
    value(should, Opts, true).

prepare_headers(Acc, Direction, Host, Message, Sender, Receiver, Opts) ->
    report(?FUNCTION_NAME, [Acc, Direction, Host, Message, Sender, Receiver, Opts], Opts),
    value(own_headers, Opts, [{<<"content-type">>, <<"text/plain">>}]).

prepare_body(Acc, Direction, Host, Message, Sender, Receiver, Opts) ->
    report(?FUNCTION_NAME, [Acc, Direction, Host, Message, Sender, Receiver, Opts], Opts),
    value(body, Opts, Message).

report(Function, Args, Opts) ->
    case option(report, Opts, undefined) of
        undefined -> ok;
        Pid -> Pid ! {Function, Args}
    end.

value(Key, Opts, Default) ->
    case option(Key, Opts, Default) of
        Fun when is_function(Fun, 0) -> Fun();
        Value -> Value
    end.

option(Key, Opts, Default) when is_map(Opts) -> maps:get(Key, Opts, Default);
option(Key, Opts, Default) -> proplists:get_value(Key, Opts, Default).
