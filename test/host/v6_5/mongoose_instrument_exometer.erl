%% Stands for mongoose_instrument_exometer at 6.8.0 (src/instrument/, same name): metrics
%% [HostType, Event, Metric] (blanks of the host type as "_", global with all_metrics_are_global)
%% that are reset when they are set up again, and stay when they are torn down.
-module(mongoose_instrument_exometer).

-export([start/1, set_up/3, handle_event/4]).

-define(PREFIXES, {?MODULE, prefixes}).

-include("host.hrl").

start(#{all_metrics_are_global := AllGlobal}) ->
    exometer:start(),
    Prefixes = [{HostType, prefix(HostType, AllGlobal)} || HostType <- ?ALL_HOST_TYPES],
    persistent_term:put(?PREFIXES, maps:from_list(Prefixes)).

set_up(Event, Labels, #{metrics := Metrics}) ->
    maps:foreach(
      fun(Metric, Type) ->
              Name = name(Event, Labels, Metric),
              try exometer:new(Name, Type)
              catch error:exists -> ok = exometer:reset(Name)
              end
      end, Metrics),
    true;
set_up(_Event, _Labels, _Config) ->
    false.

handle_event(Event, Labels, #{metrics := Metrics}, Measurements) ->
    maps:foreach(
      fun(Metric, Type) ->
              case Measurements of
                  #{Metric := Value} -> update(name(Event, Labels, Metric), Type, Value);
                  #{} -> ok
              end
      end, Metrics).

update(Name, spiral, Value) when is_integer(Value), Value >= 0 -> ok = exometer:update(Name, Value);
update(Name, histogram, Value) when is_integer(Value) -> ok = exometer:update(Name, Value).

name(Event, #{host_type := HostType} = Labels, Metric) ->
    #{HostType := Prefix} = persistent_term:get(?PREFIXES),
    Rest = maps:without([host_type], Labels),
    [Prefix, Event] ++ [Value || {_Key, Value} <- lists:keysort(1, maps:to_list(Rest))] ++ [Metric].

prefix(_HostType, true) -> global;
prefix(HostType, false) -> binary:replace(HostType, <<" ">>, <<"_">>, [global]).
