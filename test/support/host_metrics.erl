%% The metrics of the stand-in host (host_ctl), and the events that they come from.
-module(host_metrics).

-export([read/1, reset/1, wait/3, fail_updates/1]).
-export([events/0, clear_events/0, hold_next_event/1, release/1]).

-export_type([metrics/0]).

-type metrics() :: #{sent := non_neg_integer(), failed := non_neg_integer(),
                     response_times := [integer()]}.

%% @doc The metrics that operators see.
-spec read(binary()) -> metrics().
read(HostType) ->
    host_terms:metrics(host_ctl:layout(), HostType, host_ctl:back_ends()).

-spec reset(binary()) -> ok.
reset(HostType) ->
    host_terms:reset_metrics(host_ctl:layout(), HostType, host_ctl:back_ends()).

-spec wait(binary(), fun((metrics()) -> boolean()), timeout()) ->
          {ok, metrics()} | {timeout, metrics()}.
wait(HostType, Fun, Timeout) ->
    host_log:poll(fun() -> read(HostType) end, Fun, Timeout).

%% @doc Makes every update of the pusher's metrics raise from now on (5.0: exometer is broken, later: the
%% event is not registered), or ends that.
-spec fail_updates(boolean()) -> ok.
fail_updates(Fail) ->
    case host_ctl:layout() of
        v5_0 ->
            exometer:break(Fail);
        v6_5 ->
            Function = case Fail of true -> tear_down; false -> set_up end,
            [mongoose_instrument:Function(mod_event_pusher_http:instrumentation(HostType))
             || HostType <- gen_mod:hosts_with_module(mod_event_pusher_http)],
            ok
    end.

%% @doc Each event that was executed, in order (6.5 and later).
-spec events() -> [{atom(), map(), map()}].
events() ->
    case host_ctl:layout() of
        v5_0 -> [];
        v6_5 -> mongoose_instrument_recorder:events()
    end.

%% @doc Holds the process that executes the next event when the event is recorded, and tells Pid (6.5 and
%% later).
-spec hold_next_event(pid()) -> ok.
hold_next_event(Pid) ->
    mongoose_instrument_recorder:hold_next(Pid).

%% @doc A process that is held goes on.
-spec release(pid()) -> ok.
release(Held) ->
    mongoose_instrument_recorder:release(Held).

-spec clear_events() -> ok.
clear_events() ->
    case host_ctl:layout() of
        v5_0 -> ok;
        v6_5 -> mongoose_instrument_recorder:clear()
    end.
