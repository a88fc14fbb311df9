%% @doc What one of our processes hands to another so that no log can print it: the options of a pool
%% hold a password, and the last message of a process that crashes is part of its crash report.
%%
%% A fun is printed as its name. Not here: what is worked out, and who waits for it
%% (http_pusher_pools).
-module(http_pusher_redacted).

-export([run/1, open/1, reason_name/1]).

-export_type([sealed/0]).

-opaque sealed() :: fun(() -> term()).

%% @doc Runs the fun. A crash becomes words: what it crashed with, and where, without arguments.
-spec run(fun(() -> term())) -> sealed().
run(Fun) ->
    try Fun() of
        Result -> fun() -> Result end
    catch
        Class:Reason:Stack ->
            Places = [{Module, Function} || {Module, Function, _, _} <- lists:sublist(Stack, 3)],
            Name = reason_name(Reason),
            fun() -> {crashed, Class, Name, Places} end
    end.

%% @doc The result; anything else is as it was.
-spec open(sealed() | term()) -> term().
open(Sealed) when is_function(Sealed, 0) -> Sealed();
open(Other) -> Other.

%% @doc The name of a crash's reason: never its contents, which may hold a message.
-spec reason_name(term()) -> atom().
reason_name(Reason) when is_atom(Reason) -> Reason;
reason_name(Reason) when is_tuple(Reason), tuple_size(Reason) > 0 -> reason_name(element(1, Reason));
reason_name(_Reason) -> other.
