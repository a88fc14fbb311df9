%% @doc Calls the functions of a handler's callback module. If one is missing, crashes or returns an invalid result, the
%% notification is rejected, with a text that holds none of the arguments.
-module(http_pusher_callback).

-export([call/3, content/2]).

-type rejected() :: {rejected,
                     Reason :: callback_undefined | callback_crashed | bad_headers | bad_body,
                     Text :: binary()}.


%% @doc Calls a function. A missing module is not searched for on disk in every session: the starter loads callback
%% modules, including those that appear later.
-spec call(module(), atom(), [term()]) -> {ok, term()} | rejected().
call(Module, Function, Args) ->
    case erlang:function_exported(Module, Function, length(Args)) of
        true ->
            try
                {ok, apply(Module, Function, Args)}
            catch
                Class:Reason:Stack -> crashed(Module, Function, Class, Reason, Stack)
            end;
        false ->
            Text = "there is no such module or function",
            {rejected, callback_undefined, in_module(Module, Function, Text)}
    end.


%% @doc Headers and body, of `prepare_headers/7' and `prepare_body/7'.
-spec content(module(), [term()]) -> {custom, [{binary(), binary()}], binary()} | rejected().
content(Module, Args) ->
    case call(Module, prepare_body, Args) of
        {ok, Body} ->
            case call(Module, prepare_headers, Args) of
                {ok, Headers} -> custom(Module, Headers, Body);
                Rejected -> Rejected
            end;
        Rejected ->
            Rejected
    end.


custom(Module, Headers, Body) ->
    case {http_pusher_content:headers(Headers), http_pusher_content:body(Body)} of
        {{ok, Checked}, {ok, Binary}} -> {custom, Checked, Binary};
        {{error, Text}, _} -> {rejected, bad_headers, in_module(Module, prepare_headers, Text)};
        {_, {error, Text}} -> {rejected, bad_body, in_module(Module, prepare_body, Text)}
    end.


crashed(Module, Function, Class, Reason, Stack) ->
    {rejected, callback_crashed, in_module(Module, Function, http_pusher_redacted:crash(Class, Reason, Stack))}.


in_module(Module, Function, Text) ->
    http_pusher_utf8:format("~ts:~ts: ~ts", [Module, Function, Text]).
