%% @doc Wraps what one of our processes sends to another, so that no log can print it: a pool's options hold
%% a password, and a crash report contains the last message of the process that crashed.
%%
%% The wrapper is a fun, which is printed as its name.
-module(http_pusher_redacted).

-export([run/1, open/1, crash/3, reason_name/1]).

-export_type([sealed/0]).

-opaque sealed() :: fun(() -> term()).


%% @doc Runs the fun. A crash is reduced to its class, the name of its reason and the functions where it
%% happened, without arguments.
-spec run(fun(() -> term())) -> sealed().
run(Fun) ->
    try Fun() of
        Result -> fun() -> Result end
    catch
        Class:Reason:Stack ->
            Places = [ {Module, Function} || {Module, Function, _, _} <- lists:sublist(Stack, 3) ],
            Name = reason_name(Reason),
            fun() -> {crashed, Class, Name, Places} end
    end.


%% @doc Unwraps a result; returns any other term unchanged.
-spec open(sealed() | term()) -> term().
open(Sealed) when is_function(Sealed, 0) -> Sealed();
open(Other) -> Other.


%% @doc A crash as text: where it happened, without arguments, which hold the message.
-spec crash(error | exit | throw, term(), erlang:stacktrace()) -> io_lib:chars().
crash(Class, Reason, Stack) ->
    Places = [ io_lib:format("~ts:~ts", [M, F]) || {M, F, _, _} <- lists:sublist(Stack, 3) ],
    io_lib:format("crashed with ~ts:~ts in ~ts",
                  [Class, reason_name(Reason), lists:join(" < ", Places)]).


%% @doc The name of a crash's reason, never its contents, which may include a message.
-spec reason_name(term()) -> atom().
reason_name(Reason) when is_atom(Reason) -> Reason;
reason_name(Reason) when is_tuple(Reason), tuple_size(Reason) > 0 -> reason_name(element(1, Reason));
reason_name(_Reason) -> other.
