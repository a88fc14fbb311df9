%% Stands for gen_hook at 5.0.0 (src/gen_hook.erl): handlers in the table gen_hook, sorted by
%% priority, run in the caller. A handler that crashes is logged (hook_failed) and passed over, the
%% accumulator stays what it was. The metric that counts the hook's runs is not here.
-module(gen_hook).
-behaviour(gen_server).

-export([start_link/0, add_handler/5, delete_handler/5, add_handlers/1, delete_handlers/1, run_fold/4]).
-export([init/1, handle_call/3, handle_cast/2]).

-include_lib("kernel/include/logger.hrl").

-record(hook_handler, {key, prio, module, function, extra}).

start_link() ->
    gen_server:start_link({local, ?MODULE}, ?MODULE, [], []).

add_handlers(Hooks) ->
    [add_handler(Hook, Tag, Function, Extra, Priority) || {Hook, Tag, Function, Extra, Priority} <- Hooks],
    ok.

delete_handlers(Hooks) ->
    [delete_handler(Hook, Tag, Function, Extra, Priority)
     || {Hook, Tag, Function, Extra, Priority} <- Hooks],
    ok.

add_handler(Hook, Tag, Function, Extra, Priority) ->
    gen_server:call(?MODULE, {add_handler, handler(Hook, Tag, Function, Extra, Priority)}).

delete_handler(Hook, Tag, Function, Extra, Priority) ->
    gen_server:call(?MODULE, {delete_handler, handler(Hook, Tag, Function, Extra, Priority)}).

run_fold(Hook, Tag, Acc, Params) ->
    case ets:lookup(?MODULE, {Hook, Tag}) of
        [{_, Handlers}] -> run(Handlers, Acc, Params);
        [] -> {ok, Acc}
    end.

init([]) ->
    ets:new(?MODULE, [named_table, {read_concurrency, true}]),
    {ok, no_state}.

handle_call({add_handler, #hook_handler{key = Key} = Handler}, _From, State) ->
    ets:insert(?MODULE, {Key, lists:umerge(handlers(Key), [Handler])}),
    {reply, ok, State};
handle_call({delete_handler, #hook_handler{key = Key} = Handler}, _From, State) ->
    ets:insert(?MODULE, {Key, lists:delete(Handler, handlers(Key))}),
    {reply, ok, State}.

handle_cast(_Message, State) ->
    {noreply, State}.

run([], Acc, _Params) ->
    {ok, Acc};
run([#hook_handler{module = Module, function = Function, extra = Extra} = Handler | Rest],
    Acc, Params) ->
    case safely:apply(Module, Function, [Acc, Params, Extra]) of
        {ok, NewAcc} ->
            run(Rest, NewAcc, Params);
        {stop, NewAcc} ->
            {stop, NewAcc};
        {'EXIT', Reason} ->
            ?LOG_ERROR(#{what => hook_failed, text => <<"Error running hook">>,
                         handler => Handler, acc => Acc, params => Params, reason => Reason}),
            run(Rest, Acc, Params)
    end.

handlers(Key) ->
    case ets:lookup(?MODULE, Key) of
        [{_, Handlers}] -> Handlers;
        [] -> []
    end.

handler(Hook, Tag, Function, Extra, Priority) when is_function(Function, 3) ->
    {module, Module} = erlang:fun_info(Function, module),
    {name, Name} = erlang:fun_info(Function, name),
    #hook_handler{key = {Hook, Tag}, prio = Priority, module = Module, function = Name,
                  extra = Extra#{hook_name => Hook, hook_tag => Tag, host_type => Tag}}.
