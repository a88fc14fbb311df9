%% Holds what reads the options of one of the host's pools, so that a case decides what happens meanwhile.
-module(pool_reader).

-export([hold/1]).

%% @doc A job of the owner of the pools that has asked the host's manager, and waits for the host to write the rows
%% of the pool. It gives up after a second, so it stands still until the caller resumes it.
-spec hold(pid()) -> pid().
hold(Owner) ->
    [Reader | _] = pusher_case:wait(fun() -> rows_awaited(Owner) end, fun(Readers) -> Readers =/= [] end),
    try erlang:suspend_process(Reader) of
        true -> Reader
    catch
        %% It has given up meanwhile; another one follows.
        error:badarg -> hold(Owner)
    end.

rows_awaited(Owner) ->
    {monitors, Monitored} = process_info(Owner, monitors),
    [Job || {process, Job} <- Monitored,
            process_info(Job, [status, current_function]) =:=
                [{status, waiting}, {current_function, {http_pusher_host_pool, read, 4}}]].
