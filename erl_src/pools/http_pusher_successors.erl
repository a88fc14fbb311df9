%% @doc Calls of a process that its supervisor restarts: a call that the process does not survive is made to its
%% successor.
-module(http_pusher_successors).

-export([call/3]).

-define(BETWEEN_CALLS, 20).
-define(CALLS,         100).
%% If it is the call that a process does not survive, its successors are spared from then on.
-define(CRASHES, 3).


%% @doc As gen_server:call/3. The request must be one that can be made twice without harm.
-spec call(atom(), term(), timeout()) -> term().
call(Name, Request, Timeout) ->
    call(Name, Request, Timeout, ?CALLS, ?CRASHES).


call(Name, Request, Timeout, Calls, Crashes) ->
    try
        gen_server:call(Name, Request, Timeout)
    catch
        exit:{Reason, {gen_server, call, _}} = Exit when Reason =/= timeout ->
            {Calls1, Crashes1} = case is_crash(Reason) of
                                     true -> {Calls, Crashes - 1};
                                     false -> {Calls - 1, Crashes}
                                 end,
            case Calls1 > 0 andalso Crashes1 > 0 andalso whereis(http_pusher_sup) =/= undefined of
                true ->
                    timer:sleep(?BETWEEN_CALLS),
                    call(Name, Request, Timeout, Calls1, Crashes1);
                false ->
                    exit(Exit)
            end
    end.


%% Otherwise it was not there, or was ended by another process.
is_crash(noproc) -> false;
is_crash(killed) -> false;
is_crash(shutdown) -> false;
is_crash({shutdown, _}) -> false;
is_crash(_Reason) -> true.
