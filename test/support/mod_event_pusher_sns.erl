%% A back end of mod_event_pusher that reports what the host does with it to the process
%% host_SUITE_collector, and crashes if its option crash says so. Works in every generation. It only shares
%% its name with one of the four back ends that 6.8.0 knows.
-module(mod_event_pusher_sns).

-export([start/2, stop/1, hooks/1, instrumentation/1, supported_features/0, push_event/3]).

-define(EVENT, probe_event).

-spec start(binary(), term()) -> ok.
start(HostType, Opts) ->
    tell({start, HostType, Opts, registered(HostType)}),
    crash_at(start, HostType).

-spec stop(binary()) -> ok.
stop(HostType) ->
    tell({stop, HostType, registered(HostType)}),
    crash_at(stop, HostType).

-spec supported_features() -> [atom()].
supported_features() ->
    [].

-spec hooks(binary()) -> [tuple()].
hooks(HostType) ->
    tell({hooks, HostType}),
    [{push_event, HostType, fun ?MODULE:push_event/3, #{}, 50}].

-spec instrumentation(binary()) -> [tuple()].
instrumentation(HostType) ->
    tell({instrumentation, HostType}),
    [{?EVENT, #{host_type => HostType}, #{metrics => #{count => spiral, time => histogram}}}].

-spec push_event(term(), term(), term()) -> term().
push_event(#{acc := Acc, metadata := #{}} = HookAcc, #{event := Event}, #{host_type := HostType}) ->
    tell({event, HostType, Event}),
    crash_at(push, HostType),
    {ok, HookAcc#{acc := mongoose_acc:set(event_pusher, seen, true, Acc)}};
push_event(Acc, Host, Event) when is_binary(Host) ->
    tell({event, Host, Event}),
    crash_at(push, Host),
    mongoose_acc:set(event_pusher, seen, true, Acc).

registered(HostType) ->
    case host_ctl:layout() of
        v5_0 -> none;
        v6_5 -> try mongoose_instrument:execute(?EVENT, #{host_type => HostType}, #{count => 1})
             catch error:#{what := What} -> What
             end
    end.

crash_at(Where, HostType) ->
    case opts(HostType) of
        #{crash := Where} -> error({probe, Where});
        #{} -> ok
    end.

opts(HostType) ->
    case gen_mod:get_module_opts(HostType, ?MODULE) of
        Opts when is_list(Opts) -> maps:from_list(Opts);
        Opts -> Opts
    end.

tell(What) ->
    try host_SUITE_collector ! {probe, What}, ok catch error:badarg -> ok end.
