%% Holds what reads the options of one of the host's pools, so that a case decides what happens meanwhile.
-module(pool_reader).

-export([hold/1]).

%% Where it waits for the rows.
-define(WAITS, {http_pusher_host_pool, read, 4}).

%% @doc A job of the owner of the pools that has asked the host's manager, and waits for the host to write the rows
%% of the pool. It gives up after a second, so it stands still until the caller resumes it.
-spec hold(pid()) -> pid().
hold(Owner) ->
    [Reader | _] = pusher_case:wait(fun() -> rows_awaited(Owner) end, fun(Readers) -> Readers =/= [] end),
    try erlang:suspend_process(Reader) of
        true -> held(Reader, Owner)
    catch
        %% It has given up meanwhile; another one follows.
        error:badarg -> hold(Owner)
    end.

%% It may have gone on before it was suspended.
held(Reader, Owner) ->
    case process_info(Reader, current_function) of
        {current_function, ?WAITS} ->
            Reader;
        _ ->
            true = erlang:resume_process(Reader),
            hold(Owner)
    end.

rows_awaited(Owner) ->
    {monitors, Monitored} = process_info(Owner, monitors),
    [Job || {process, Job} <- Monitored,
            process_info(Job, [status, current_function]) =:=
                [{status, waiting}, {current_function, ?WAITS}]].
