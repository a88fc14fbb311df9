%% Stands for exometer (esl/exometer_core at the commits of both rebar.locks): an update looks the
%% metric up in a table and sends a message to the metric's own process, which adds it to a sliding
%% minute. update/2 of a metric that is not there gives {error, not_found}; new/2 of one that is
%% raises exists. What an update costs is compared with the real one in ../README.md. A metric
%% {function, M, F, Args, proplist, DataPoints} is computed when it is read; where it raises, its value
%% is {error, unavailable}, and so get_values/1 of a prefix that it is in crashes. The application
%% shows by the process exometer_admin that it runs.
-module(exometer).

-export([start/0, new/2, new/3, update/2, get_value/1, get_value/2, get_values/1, info/2, reset/1, delete/1,
         find_entries/1]).
%% For tests alone: all values a histogram got (the newest 100,000), and metrics whose update raises.
-export([all_values/1, break/1]).

-record(exometer_entry, {name, type, behaviour = probe, module, status = 1, cache = 0, value,
                         timestamp, options = [], ref}).
-record(spiral, {total = 0, slots = []}).
-record(histogram, {size = 0, samples = []}).

-define(TABLE, exometer_entries).
-define(SPAN_MS, 60000).
-define(SLOT_MS, 1000).
-define(KEPT, 100000).
%% Steps of idle work that make up for what the real process does besides: it rebuilds three records
%% for each value.
-define(PROBE_STEPS, 40).

new(Name, Type) ->
    new(Name, Type, []).

start() ->
    ok = host_owner:table(?TABLE, [{keypos, #exometer_entry.name}, {read_concurrency, true}]),
    case whereis(exometer_admin) of
        undefined -> host_owner:process(exometer_admin, fun() -> receive stop -> ok end end), ok;
        _Running -> ok
    end.

new(Name, {function, _, _, _, proplist, _} = Function, Options) ->
    case ets:insert_new(?TABLE, #exometer_entry{name = Name, type = function, behaviour = entry,
                                                module = exometer_function, options = Options,
                                                ref = Function}) of
        true -> ok;
        false -> error(exists)
    end;
new(Name, Type, Options) when Type =:= spiral; Type =:= histogram ->
    ok = host_owner:table(?TABLE, [{keypos, #exometer_entry.name}, {read_concurrency, true}]),
    case ets:member(?TABLE, Name) of
        true ->
            error(exists);
        false ->
            Ref = host_owner:process(fun() -> loop(empty(Type)) end),
            Module = list_to_atom("exometer_" ++ atom_to_list(Type)),
            ets:insert(?TABLE, #exometer_entry{name = Name, type = Type, module = Module,
                                               options = Options, ref = Ref}),
            ok
    end.

update(Name, Value) ->
    case lookup(Name) of
        [#exometer_entry{status = 1, ref = Ref}] ->
            Ref ! {exometer_proc, {update, Value}},
            ok;
        [] ->
            {error, not_found}
    end.

get_value(Name) ->
    get_value(Name, default).

get_value(Name, DataPoints) ->
    case lookup(Name) of
        [#exometer_entry{type = function, ref = Function}] -> call(Function, DataPoints);
        _ -> ask_value(Name, DataPoints)
    end.

call({function, Module, Function, Args, proplist, All}, DataPoints) ->
    Wanted = case DataPoints of
                 default -> All;
                 _ -> [Point || Point <- lists:flatten([DataPoints]), lists:member(Point, All)]
             end,
    try apply(Module, Function, Args) of
        Values -> {ok, [{Point, proplists:get_value(Point, Values)} || Point <- Wanted]}
    catch
        _:_ -> {error, unavailable}
    end.

ask_value(Name, DataPoints) ->
    case ask(Name, value) of
        {error, not_found} -> {error, not_found};
        Values when DataPoints =:= default -> {ok, Values};
        Values -> {ok, [lists:keyfind(Point, 1, Values) || Point <- lists:flatten([DataPoints])]}
    end.

get_values(Prefix) ->
    lists:flatmap(fun({Name, _Type, _Status}) ->
                          case get_value(Name) of
                              {ok, Value} -> [{Name, Value}];
                              {error, not_found} -> []
                          end
                  end, find_entries(Prefix)).

info(Name, Item) ->
    case lookup(Name) of
        [#exometer_entry{type = Type}] when Item =:= type -> Type;
        [#exometer_entry{ref = Ref}] when Item =:= ref -> Ref;
        [] -> undefined
    end.

reset(Name) ->
    case lookup(Name) of
        [#exometer_entry{ref = Ref}] -> Ref ! {exometer_proc, reset}, ok;
        [] -> {error, not_found}
    end.

delete(Name) ->
    case lookup(Name) of
        [#exometer_entry{ref = Ref}] ->
            ets:delete(?TABLE, Name),
            [Ref ! {exometer_proc, delete} || is_pid(Ref)],
            ok;
        [] ->
            {error, not_found}
    end.

find_entries(Prefix) ->
    case ets:info(?TABLE, name) of
        undefined -> [];
        _ -> [{Name, Type, enabled}
              || #exometer_entry{name = Name, type = Type} <- ets:tab2list(?TABLE),
                 lists:prefix(Prefix, Name)]
    end.

all_values(Name) ->
    case ask(Name, all_values) of
        {error, not_found} -> [];
        Values -> Values
    end.

break(true) ->
    [ets:insert(?TABLE, Entry#exometer_entry{ref = exometer_broken, options = [{ref, Ref}]})
     || #exometer_entry{ref = Ref} = Entry <- ets:tab2list(?TABLE), is_pid(Ref)],
    ok;
break(false) ->
    [ets:insert(?TABLE, Entry#exometer_entry{ref = Ref, options = []})
     || #exometer_entry{options = [{ref, Ref}]} = Entry <- ets:tab2list(?TABLE)],
    ok.

lookup(Name) ->
    try ets:lookup(?TABLE, Name)
    catch error:badarg -> []
    end.

ask(Name, Question) ->
    case lookup(Name) of
        [#exometer_entry{ref = Ref, options = Options}] ->
            Pid = proplists:get_value(ref, Options, Ref),
            Monitor = erlang:monitor(process, Pid),
            Pid ! {exometer_proc, {self(), Monitor}, Question},
            receive
                {Monitor, Answer} -> erlang:demonitor(Monitor, [flush]), Answer;
                {'DOWN', Monitor, _, _, _} -> {error, not_found}
            end;
        [] ->
            {error, not_found}
    end.

loop(State) ->
    receive
        {exometer_proc, {update, Value}} ->
            ok = work(?PROBE_STEPS),
            loop(add(Value, now_ms(), State));
        {exometer_proc, {From, Ref}, value} ->
            From ! {Ref, values(State)},
            loop(State);
        {exometer_proc, {From, Ref}, all_values} ->
            From ! {Ref, kept(State)},
            loop(State);
        {exometer_proc, reset} ->
            loop(empty(element(1, State)));
        {exometer_proc, delete} ->
            ok
    end.

empty(spiral) -> #spiral{};
empty(histogram) -> #histogram{}.

add(Value, Now, #spiral{total = Total, slots = [{Slot, Sum} | Older]} = State)
  when Now - Slot < ?SLOT_MS ->
    State#spiral{total = Total + Value, slots = [{Slot, Sum + Value} | Older]};
add(Value, Now, #spiral{total = Total, slots = Slots} = State) ->
    Young = [{Slot, Sum} || {Slot, Sum} <- Slots, Now - Slot < ?SPAN_MS],
    State#spiral{total = Total + Value, slots = [{Now, Value} | Young]};
add(Value, Now, #histogram{size = Size, samples = Samples} = State) when is_number(Value) ->
    case Size < 2 * ?KEPT of
        true -> State#histogram{size = Size + 1, samples = [{Now, Value} | Samples]};
        false -> State#histogram{size = ?KEPT,
                                 samples = [{Now, Value} | lists:sublist(Samples, ?KEPT - 1)]}
    end;
add(_Value, _Now, State) ->
    State.

values(#spiral{total = Total, slots = Slots}) ->
    Now = now_ms(),
    [{count, Total}, {one, lists:sum([Sum || {Slot, Sum} <- Slots, Now - Slot < ?SPAN_MS])}];
values(#histogram{samples = Samples}) ->
    Now = now_ms(),
    Young = lists:sort([Value || {Taken, Value} <- Samples, Now - Taken < ?SPAN_MS]),
    statistics(length(Young), Young).

statistics(0, []) ->
    [{Point, 0} || Point <- [n, mean, min, max, median, 50, 75, 90, 95, 99, 999]];
statistics(N, Sorted) ->
    At = fun(Share) -> lists:nth(max(1, ceil(Share * N)), Sorted) end,
    [{n, N}, {mean, trunc(lists:sum(Sorted) / N)}, {min, hd(Sorted)}, {max, lists:last(Sorted)},
     {median, At(0.5)}, {50, At(0.5)}, {75, At(0.75)}, {90, At(0.9)}, {95, At(0.95)},
     {99, At(0.99)}, {999, At(0.999)}].

kept(#histogram{samples = Samples}) ->
    lists:reverse([Value || {_Taken, Value} <- lists:sublist(Samples, ?KEPT)]);
kept(#spiral{total = Total}) ->
    [Total].

work(0) -> ok;
work(Steps) -> work(Steps - 1).

now_ms() ->
    {Mega, Seconds, Micro} = os:timestamp(),
    (Mega * 1000000 + Seconds) * 1000 + Micro div 1000.
