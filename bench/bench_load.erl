%% @doc Callers that hand over notifications as sessions do, and the time and CPU that this takes.
%%
%% A load is measured from the first push until every outcome is counted in the metrics. A target is
%% this module or the synchronous pool, with the host types whose metrics count its outcomes.
-module(bench_load).

-export([product/1, sync/2, cast/2, callers/2, throughput/2, accepted/2, push_each/3, hand_off/3,
         wait_idle/1, counted/1, message_bytes/0]).

-export_type([target/0, load/0]).

-type target() :: #{host_types := [binary()], push := fun((map(), map(), map()) -> term()),
                    throttled := boolean()}.
-type load() :: #{callers := pos_integer(), total := pos_integer(), senders := pos_integer(),
                  window => pos_integer()}.

%% At most this many are pending at a time, unless the load says otherwise: a node with a longer queue is not
%% measured here.
-define(WINDOW, 10000).
-define(LOOK_EVERY, 16).
%% Far shorter than the window takes to empty. Real sessions would not check at all.
-define(PAUSE, 40).
-define(LIMIT_MS, 60000).
-define(EVENT, mod_event_pusher_http_sent).
-define(MESSAGE, <<"Hello, this is a chat message of the usual length (about a hundred characters) "
                   "that somebody types on a phone">>).

-spec product([binary()]) -> target().
product(HostTypes) ->
    #{host_types => HostTypes, throttled => length(HostTypes) =:= 1,
      push => fun mod_event_pusher_http:push_event/3}.

-spec sync(binary(), sync_pool:pool()) -> target().
sync(HostType, Pool) ->
    #{host_types => [HostType], throttled => false,
      push => fun(Acc, Params, Extra) -> bench_sync:push_event(Pool, Acc, Params, Extra) end}.

%% @doc The floor of a hand-over, see bench_cast.
-spec cast(binary(), pid()) -> target().
cast(HostType, Pid) ->
    #{host_types => [HostType], throttled => false,
      push => fun(Acc, Params, Extra) -> bench_cast:push_event(Pid, Acc, Params, Extra) end}.

%% @doc Notifications per second, and CPU seconds of this node for 100,000 of them.
-spec throughput(target(), load()) -> {float(), float()}.
throughput(#{host_types := HostTypes} = Target, #{total := Total} = Load) ->
    Before = counted(HostTypes),
    Go = callers(Target, Load),
    Cpu = os_figures:cpu_seconds(),
    Begin = erlang:monotonic_time(microsecond),
    Go(),
    wait_counted(HostTypes, Before + Total, Begin + ?LIMIT_MS * 1000),
    Micros = erlang:monotonic_time(microsecond) - Begin,
    {Total * 1.0e6 / Micros, (os_figures:cpu_seconds() - Cpu) * 100000 / Total}.

%% @doc Notifications accepted per second, whatever their outcome.
-spec accepted(target(), load()) -> float().
accepted(Target, #{total := Total} = Load) ->
    Go = callers(Target#{throttled := false}, Load),
    Begin = erlang:monotonic_time(microsecond),
    Go(),
    Total * 1.0e6 / (erlang:monotonic_time(microsecond) - Begin).

%% @doc Hands over from the calling process. Each event is made just before it is pushed.
-spec push_each(target(), Senders :: pos_integer(), Total :: pos_integer()) -> ok.
push_each(#{push := Push, host_types := [HostType]}, Senders, Total) ->
    Packet = packet(),
    lists:foreach(fun(N) ->
                          {Acc, Params, Extra} = event(HostType, N rem Senders, Packet),
                          Push(Acc, Params, Extra)
                  end, lists:seq(1, Total)).

%% @doc How long each call of one caller takes, in microseconds; the calls are `Interval' microseconds apart.
-spec hand_off(target(), Calls :: pos_integer(), Interval :: pos_integer()) -> [float()].
hand_off(#{host_types := [HostType | _], push := Push}, Calls, Interval) ->
    Events = list_to_tuple(events([HostType], 0, 1, 1000)),
    host_session:run(
      fun() ->
              Begin = erlang:monotonic_time(microsecond),
              [timed(Push, element(N rem 1000 + 1, Events), Begin + N * Interval)
               || N <- lists:seq(1, Calls)]
      end).

timed(Push, {Acc, Params, Extra}, Due) ->
    wait_until(Due),
    Begin = erlang:monotonic_time(nanosecond),
    Push(Acc, Params, Extra),
    (erlang:monotonic_time(nanosecond) - Begin) / 1000.

wait_until(Due) ->
    case Due - erlang:monotonic_time(microsecond) of
        Early when Early > 0 -> timer:sleep((Early + 999) div 1000);
        _ -> ok
    end.

%% @doc Starts callers that wait. The returned fun lets them go and returns when all are done.
-spec callers(target(), load()) -> fun(() -> ok).
callers(Target, Load = #{callers := Callers}) ->
    Self = self(),
    Started = [spawn_monitor(fun() -> caller(Self, Target, N, Load) end)
               || N <- lists:seq(0, Callers - 1)],
    [receive {ready, Pid} -> ok end || {Pid, _} <- Started],
    fun() ->
            [Pid ! go || {Pid, _} <- Started],
            lists:foreach(fun({Pid, Ref}) ->
                                  receive
                                      {'DOWN', Ref, _, _, normal} -> ok;
                                      {'DOWN', Ref, _, _, Reason} -> error({caller, Pid, Reason})
                                  after ?LIMIT_MS -> error({caller, Pid, too_long})
                                  end
                          end, Started)
    end.

caller(Owner, #{push := Push, host_types := HostTypes, throttled := Throttled}, N, Load) ->
    #{callers := Callers, total := Total, senders := Senders} = Load,
    Own = events(HostTypes, N, Callers, Senders),
    Count = Total div Callers + case N < Total rem Callers of true -> 1; false -> 0 end,
    Owner ! {ready, self()},
    receive go -> ok end,
    Throttle = Throttled andalso {hd(HostTypes), maps:get(window, Load, ?WINDOW)},
    push(Push, Own, Own, Count, Throttle).

push(_Push, _Events, _Own, 0, _Throttle) ->
    ok;
push(Push, [], Own, Left, Throttle) ->
    push(Push, Own, Own, Left, Throttle);
push(Push, [{Acc, Params, Extra} | Events], Own, Left, Throttle) ->
    _ = Push(Acc, Params, Extra),
    Left rem ?LOOK_EVERY =:= 0 andalso Throttle =/= false andalso throttle(Throttle),
    push(Push, Events, Own, Left - 1, Throttle).

throttle({HostType, Window}) ->
    case http_pusher_nif:host_type_info(HostType) of
        #{pending := Pending} when Pending > Window ->
            timer:sleep(?PAUSE),
            throttle({HostType, Window});
        _ ->
            ok
    end.

%% The events of one caller. Senders and host types are divided among the callers.
events(HostTypes, N, Callers, Senders) ->
    Types = list_to_tuple(HostTypes),
    All = max(Senders, tuple_size(Types)),
    Mine = case lists:seq(N, All - 1, Callers) of
               [] -> [N rem All];
               Numbers -> Numbers
           end,
    Packet = packet(),
    [event(element(I rem tuple_size(Types) + 1, Types), I, Packet) || I <- Mine].

event(HostType, N, Packet) ->
    From = host_session:jid({<<"user", (integer_to_binary(N))/binary>>, HostType, <<"phone">>}),
    To = host_session:jid({<<"receiver">>, HostType, <<>>}),
    Acc = host_session:acc(From, To, Packet),
    {#{acc => Acc}, #{event => {chat_event, chat, in, From, To, Packet}}, #{host_type => HostType}}.

%% @doc Length of the text in each message.
-spec message_bytes() -> pos_integer().
message_bytes() ->
    byte_size(?MESSAGE).

packet() ->
    host_session:element(?MESSAGE, [{<<"type">>, <<"chat">>}]).

%% @doc Notifications that the metrics of these host types have counted, sent or failed.
-spec counted([binary()]) -> non_neg_integer().
counted([HostType]) ->
    Labels = #{host_type => HostType},
    mongoose_instrument_prometheus:counter(?EVENT, Labels, count)
        + mongoose_instrument_prometheus:counter(?EVENT, Labels, failure_count);
counted(_All) ->
    Name = atom_to_list(?EVENT),
    Patterns = [{{{default, Name ++ Metric, '_', '_'}, '$1', '_'}, [], ['$1']}
                || Metric <- ["_count", "_failure_count"]],
    lists:sum(ets:select(prometheus_counter_table, Patterns)).

wait_counted(HostTypes, Count, Until) ->
    Counted = counted(HostTypes),
    case erlang:monotonic_time(microsecond) > Until of
        _ when Counted >= Count -> no_failures(HostTypes);
        true -> error({counted, Counted, 'of', Count});
        false ->
            timer:sleep(case HostTypes of [_] -> 1; _ -> 10 end),
            wait_counted(HostTypes, Count, Until)
    end.

no_failures(HostTypes) ->
    Failed = lists:sum([mongoose_instrument_prometheus:counter(?EVENT, #{host_type => HostType},
                                                               failure_count)
                        || HostType <- HostTypes]),
    Failed =:= 0 orelse error({failed, Failed}).

%% @doc Waits until nothing of a host type is pending.
-spec wait_idle(binary()) -> ok.
wait_idle(HostType) ->
    Pending = fun() -> maps:get(pending, http_pusher_nif:host_type_info(HostType)) end,
    {ok, _} = host_log:poll(Pending, fun(Number) -> Number =:= 0 end, ?LIMIT_MS),
    ok.
