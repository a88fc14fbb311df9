%% Stands for gen_hook at 6.8.0 (src/gen_hook.erl): the process gen_hook collects handlers,
%% reload_hooks/0 hands them to the sessions (persistent term gen_hook). Handlers run in the caller
%% by priority; only external funs of exported functions are taken. One that crashes is logged
%% (hook_failed) and passed over, the accumulator stays what it was. The event that counts a hook's
%% runs is not here.
-module(gen_hook).
-behaviour(gen_server).

-export([start_link/0, add_handlers/1, delete_handlers/1, run_fold/4, reload_hooks/0]).
-export([init/1, handle_call/3, handle_cast/2, terminate/2]).

-include_lib("kernel/include/logger.hrl").

-record(hook_handler, {prio, hook_fn, extra}).

start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

add_handlers(Hooks) ->
    [ok = gen_server:call(?MODULE, {add_handler, key(Hook), handler(Hook)}) || Hook <- Hooks],
    ok.

delete_handlers(Hooks) ->
    [ok = gen_server:call(?MODULE, {delete_handler, key(Hook), handler(Hook)}) || Hook <- Hooks],
    ok.

reload_hooks() ->
    gen_server:call(?MODULE, reload_hooks).

run_fold(Hook, Tag, Acc, Params) ->
    Key = {Hook, Tag},
    case persistent_term:get(?MODULE, #{}) of
        #{Key := Handlers} -> run(Handlers, Acc, Params, Key);
        #{} -> {ok, Acc}
    end.

init([]) ->
    process_flag(trap_exit, true),
    {ok, #{}}.

handle_call({add_handler, Key, Handler}, _From, State) ->
    Handlers = maps:get(Key, State, []),
    case lists:member(Handler, Handlers) of
        true ->
            ?LOG_WARNING(#{what => duplicated_handler, key => Key, handler => Handler}),
            {reply, ok, State};
        false ->
            Sorted = lists:keymerge(#hook_handler.prio, Handlers, [Handler]),
            {reply, ok, State#{Key => Sorted}}
    end;
handle_call({delete_handler, Key, Handler}, _From, State) ->
    {reply, ok, State#{Key => lists:delete(Handler, maps:get(Key, State, []))}};
handle_call(reload_hooks, _From, State) ->
    persistent_term:put(?MODULE, State),
    {reply, ok, State, hibernate}.

handle_cast(_Message, State) ->
    {noreply, State}.

terminate(_Reason, _State) ->
    persistent_term:erase(?MODULE).

run([], Acc, _Params, _Key) ->
    {ok, Acc};
run([#hook_handler{hook_fn = Fun, extra = Extra} = Handler | Rest], Acc, Params, Key) ->
    case safely:apply(Fun, [Acc, Params, Extra]) of
        {ok, NewAcc} ->
            run(Rest, NewAcc, Params, Key);
        {stop, NewAcc} ->
            {stop, NewAcc};
        {exception, Info} ->
            ?LOG_ERROR(Info#{what => hook_failed, text => <<"Error running hook">>, key => Key,
                             handler => Handler, acc => Acc, params => Params}),
            run(Rest, Acc, Params, Key)
    end.

key({Hook, Tag, _Fun, _Extra, _Priority}) ->
    {Hook, Tag}.

handler({Hook, Tag, Fun, Extra, Priority})
  when is_atom(Hook), is_binary(Tag) or (Tag =:= global), is_function(Fun, 3), is_map(Extra),
       is_integer(Priority), Priority > 0 ->
    check(Fun),
    #hook_handler{prio = Priority, hook_fn = Fun, extra = maps:merge(extra(Hook, Tag), Extra)}.

extra(Hook, global) -> #{hook_name => Hook, hook_tag => global};
extra(Hook, HostType) -> #{hook_name => Hook, hook_tag => HostType, host_type => HostType}.

check(Fun) ->
    [Type, Module, Name] = [element(2, erlang:fun_info(Fun, Item)) || Item <- [type, module, name]],
    case Type of
        external -> ok;
        local -> error(#{what => only_external_function_references_allowed, function => Fun})
    end,
    case code:ensure_loaded(Module) of
        {module, Module} -> ok;
        Error -> error(#{what => module_is_not_loaded, module => Module, error => Error})
    end,
    erlang:function_exported(Module, Name, 3)
        orelse error(#{what => function_is_not_exported, function => Fun}).
