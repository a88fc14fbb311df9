%% @doc Stopping: refuses new notifications, gives pending ones their time, and gives up the rest.
%%
%% Runs in the process that stops the module or the application, and returns when the outcomes are in the
%% metrics or the time that all stops share is over (http_pusher_stop_budget).
-module(http_pusher_drain).

-export([host_type/1, all/0]).

%% Time for the outcomes of what was given up to pass through the reporter, which takes milliseconds unless
%% the machine is overloaded. What comes later is in no metric, because the host removes them after the stop.
-define(LAST_OUTCOMES, 5000).
-define(POLL,          5).


%% @doc Drains what one host type has pending, and closes the pools that no other host type uses.
-spec host_type(binary()) -> ok.
host_type(HostType) ->
    if_running(fun() ->
                       http_pusher_nif:close_host_type(HostType),
                       drain([HostType], infinity),
                       http_pusher_pools:remove(HostType)
               end).


%% @doc Drains everything. Called before the application stops, also when it has crashed: there is nothing
%% to wait for then, and the next start must not be delayed.
-spec all() -> ok.
all() ->
    case whereis(http_pusher_sup) of
        undefined ->
            ok;
        _Running ->
            if_running(fun() ->
                               HostTypes = http_pusher_nif:host_types(),
                               lists:foreach(fun http_pusher_nif:close_host_type/1,
                                             HostTypes),
                               drain(HostTypes, 5000)
                       end)
    end.


%% If the supervision tree is down already, everything pending has failed.
if_running(Fun) ->
    try
        Fun()
    catch
        %% Also if one owner of the pools after the other crashes: a stop does not fail.
        exit:{_Reason, {gen_server, call, _}} ->
            ok;
        error:undef ->
            ok
    end.


%% The owner of the pools, which keeps the stop budget, answers within Timeout.
drain(HostTypes, Timeout) ->
    {Deadline, Stop} = http_pusher_pools:stopping(Timeout),
    try
        drain_until(HostTypes, Deadline)
    after
        http_pusher_pools:stopped(Stop)
    end.


drain_until(HostTypes, Deadline) ->
    case wait(HostTypes, Deadline) of
        [] ->
            ok;
        Late ->
            lists:foreach(fun http_pusher_nif:abort_host_type/1, Late),
            _ = wait(Late, erlang:monotonic_time(millisecond) + ?LAST_OUTCOMES),
            ok
    end.


wait(HostTypes, Deadline) ->
    case [ HostType || HostType <- HostTypes, is_pending(HostType) ] of
        [] ->
            [];
        Late ->
            case erlang:monotonic_time(millisecond) >= Deadline of
                true -> Late;
                false ->
                    timer:sleep(?POLL),
                    wait(Late, Deadline)
            end
    end.


is_pending(HostType) ->
    case http_pusher_nif:host_type_info(HostType) of
        undefined -> false;
        #{pending := 0, uncounted_rejections := 0} -> false;
        #{} -> true
    end.
