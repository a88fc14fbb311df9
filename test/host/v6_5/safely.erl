%% Stands for safely at 6.8.0 (src/safely.erl, include/safely.hrl): an exception becomes
%% {exception, Info}.
-module(safely).

-export([apply/2, apply_and_log/3]).

-include_lib("kernel/include/logger.hrl").

apply(Function, Args) ->
    try erlang:apply(Function, Args)
    catch
        Class:Reason:Stacktrace ->
            {exception, #{class => Class, reason => Reason, stacktrace => Stacktrace}}
    end.

apply_and_log(Function, Args, Context) ->
    case ?MODULE:apply(Function, Args) of
        {exception, Info} ->
            ?LOG_ERROR(maps:merge(Context, Info)),
            {exception, Info};
        Result ->
            Result
    end.
