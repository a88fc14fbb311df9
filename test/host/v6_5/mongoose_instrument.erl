%% Stands for mongoose_instrument at 6.8.0 (src/instrument/mongoose_instrument.erl): the registered
%% events and their handlers; sessions read them from the persistent term mongoose_instrument once
%% persist/0 was called (at the end of the node's boot), before that by a call to the process.
%% execute/3 of an event that is not registered raises #{what => event_not_registered, ...}; a
%% handler that crashes is logged (event_handler_failed) and the others go on. Setting an event up
%% twice raises event_already_registered, with other label keys inconsistent_labels; tearing down
%% what is not there is fine. Handlers are the keys of the option instrumentation that have a map.
%% Probes are not here.
-module(mongoose_instrument).
-behaviour(gen_server).

-export([start_link/0, persist/0, set_up/1, set_up/3, tear_down/1, tear_down/2,
         span/4, span/5, span/6, execute/3]).
-export([init/1, handle_call/3, handle_cast/2, terminate/2]).

-include_lib("kernel/include/logger.hrl").

start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

persist() ->
    gen_server:call(?MODULE, persist).

set_up(Specs) ->
    lists:foreach(fun({Event, Labels, Config}) -> set_up(Event, Labels, Config) end, Specs).

set_up(Event, Labels, Config) ->
    case gen_server:call(?MODULE, {set_up, Event, Labels, Config}) of
        ok -> ok;
        {error, Reason} -> error(Reason)
    end.

tear_down(Specs) ->
    lists:foreach(fun({Event, Labels, _Config}) -> tear_down(Event, Labels) end, Specs).

tear_down(Event, Labels) ->
    gen_server:call(?MODULE, {tear_down, Event, Labels}).

span(Event, Labels, Fun, Measure) ->
    span(Event, Labels, Fun, [], Measure).

span(Event, Labels, Fun, Args, Measure) ->
    Handlers = handlers(Event, Labels),
    {Time, Result} = timer:tc(Fun, Args),
    handle(Event, Labels, Measure(Time, Result), Handlers),
    Result.

span(Event, Labels, Module, Function, Args, Measure) ->
    span(Event, Labels, erlang:make_fun(Module, Function, length(Args)), Args, Measure).

execute(Event, Labels, Measurements) ->
    handle(Event, Labels, Measurements, handlers(Event, Labels)).

init([]) ->
    [start_handler(Module, Opts) || {Module, Opts} <- handler_modules()],
    process_flag(trap_exit, true),
    persistent_term:erase(?MODULE),
    {ok, #{events => #{}, probe_timers => #{}}}.

handle_call({set_up, Event, Labels, Config}, _From, #{events := Events} = State) ->
    case register_event(Event, Labels, Config, Events) of
        {ok, NewEvents} -> {reply, ok, changed(NewEvents, State)};
        {error, _} = Error -> {reply, Error, State}
    end;
handle_call({tear_down, Event, Labels}, _From, #{events := Events} = State) ->
    {reply, ok, changed(deregister_event(Event, Labels, Events), State)};
handle_call(persist, _From, #{events := Events} = State) ->
    persistent_term:put(?MODULE, Events),
    {reply, ok, State, hibernate};
handle_call({lookup, Event, Labels}, _From, #{events := Events} = State) ->
    {reply, lookup(Event, Labels, Events), State}.

handle_cast(_Message, State) ->
    {noreply, State}.

terminate(_Reason, _State) ->
    persistent_term:erase(?MODULE).

changed(NewEvents, #{events := Events} = State) ->
    case persistent_term:get(?MODULE, not_persisted) of
        Events -> persistent_term:put(?MODULE, NewEvents);
        not_persisted -> ok
    end,
    State#{events := NewEvents}.

register_event(Event, Labels, Config, Events) ->
    Registered = maps:get(Event, Events, #{}),
    case maps:keys(Registered) of
        _ when is_map_key(Labels, Registered) ->
            {error, #{what => event_already_registered, event_name => Event, labels => Labels}};
        [Existing | _] when map_size(Existing) =/= map_size(Labels) ->
            inconsistent(Event, Labels, Existing);
        [Existing | _] ->
            case label_keys(Existing) =:= label_keys(Labels) of
                true -> {ok, with_handlers(Event, Labels, Config, Registered, Events)};
                false -> inconsistent(Event, Labels, Existing)
            end;
        [] ->
            {ok, with_handlers(Event, Labels, Config, Registered, Events)}
    end.

inconsistent(Event, Labels, Existing) ->
    {error, #{what => inconsistent_labels, event_name => Event, labels => Labels,
              existing_label_keys => label_keys(Existing)}}.

label_keys(Labels) ->
    lists:sort(maps:keys(Labels)).

with_handlers(Event, Labels, Config, Registered, Events) ->
    Funs = [fun Module:handle_event/4
            || {Module, _} <- handler_modules(), Module:set_up(Event, Labels, Config)],
    Events#{Event => Registered#{Labels => {Funs, Config}}}.

deregister_event(Event, Labels, Events) ->
    case Events of
        #{Event := Registered} ->
            case maps:remove(Labels, Registered) of
                Rest when map_size(Rest) =:= 0 -> maps:remove(Event, Events);
                Rest -> Events#{Event := Rest}
            end;
        #{} ->
            Events
    end.

handlers(Event, Labels) ->
    case lookup(Event, Labels) of
        {ok, Handlers} -> Handlers;
        {error, Reason} -> error(Reason)
    end.

lookup(Event, Labels) ->
    try persistent_term:get(?MODULE) of
        Events -> lookup(Event, Labels, Events)
    catch
        error:badarg ->
            ?LOG_INFO(#{what => mongoose_instrument_lookup_without_persistent_term,
                        event_name => Event, labels => Labels}),
            gen_server:call(?MODULE, {lookup, Event, Labels})
    end.

lookup(Event, Labels, Events) ->
    case Events of
        #{Event := #{Labels := Handlers}} -> {ok, Handlers};
        #{} -> {error, #{what => event_not_registered, event_name => Event, labels => Labels}}
    end.

handle(Event, Labels, Measurements, {Funs, Config}) ->
    lists:foreach(
      fun(Fun) ->
              safely:apply_and_log(Fun, [Event, Labels, Config, Measurements],
                                   #{what => event_handler_failed, handler_fun => Fun,
                                     event_name => Event, labels => Labels, config => Config,
                                     measurements => Measurements})
      end, Funs).

handler_modules() ->
    [{list_to_atom("mongoose_instrument_" ++ atom_to_list(Key)), Opts}
     || {Key, #{} = Opts} <- maps:to_list(mongoose_config:get_opt(instrumentation))].

start_handler(Module, Opts) ->
    case mongoose_lib:is_exported(Module, start, 1) of
        true -> Module:start(Opts);
        false -> ok
    end.
