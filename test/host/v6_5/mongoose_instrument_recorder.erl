%% Not a part of MongooseIM: a handler that records every event with its measurements in order, as
%% the event table of the host's own suites does (big_tests/tests/mongoose_instrument_event_table.erl
%% at 6.8.0).
-module(mongoose_instrument_recorder).

-export([start/1, set_up/3, handle_event/4]).
-export([events/0, clear/0, hold_next/1, release/1]).

-define(TABLE, host_recorded_events).

start(_Opts) ->
    host_owner:table(?TABLE, [ordered_set, {write_concurrency, true}]).

set_up(_Event, _Labels, _Config) ->
    true.

handle_event(Event, Labels, _Config, Measurements) ->
    ets:insert(?TABLE, {erlang:unique_integer([monotonic]), Event, Labels, Measurements}),
    case persistent_term:get(?MODULE, undefined) of
        undefined -> true;
        Pid -> hold(Pid)
    end.

%% The process whose event is recorded next tells Pid so and goes no further until it is released:
%% for tests that kill it, or its supervisor, just then.
hold_next(Pid) ->
    persistent_term:put(?MODULE, Pid).

hold(Pid) ->
    persistent_term:erase(?MODULE),
    Pid ! {held, self()},
    receive goes_on -> ok end.

release(Held) ->
    Held ! goes_on,
    ok.

events() ->
    case ets:info(?TABLE, name) of
        undefined -> [];
        _ -> [{Event, Labels, Measured} || {_, Event, Labels, Measured} <- ets:tab2list(?TABLE)]
    end.

clear() ->
    case ets:info(?TABLE, name) of
        undefined -> ok;
        _ -> ets:delete_all_objects(?TABLE), ok
    end.
