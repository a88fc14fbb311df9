%% Stands for mod_event_pusher at 5.0.0 (src/event_pusher/mod_event_pusher.erl): push_event/3 calls
%% each backend's push_event(Acc, Host, Event) in the session, and crashes where the module is not
%% started for Host. All entries of the backend http together are mod_event_pusher_http's option
%% configs. start/2 and stop/1 make and delete the table that sessions look into.
-module(mod_event_pusher).

-export([deps/2, start/2, stop/1, push_event/3]).

push_event(Acc, Host, Event) ->
    Backends = ets:lookup_element(table(Host), backends, 2),
    lists:foldl(fun(Backend, In) -> Backend:push_event(In, Host, Event) end, Acc, Backends).

deps(_Host, Opts) ->
    [{mod_event_pusher_hook_translator, hard}
     | [{Backend, BackendOpts, hard} || {Backend, BackendOpts} <- backends(Opts)]].

start(Host, Opts) ->
    Heir = case whereis(ejabberd_sup) of
               Pid when is_pid(Pid), Pid =/= self() -> [{heir, Pid, testing}];
               _ -> []
           end,
    ets:new(table(Host), [public, named_table, {read_concurrency, true} | Heir]),
    ets:insert(table(Host), {backends, [Backend || {Backend, _} <- backends(Opts)]}).

stop(Host) ->
    ets:delete(table(Host)).

backends(Opts) ->
    {backends, Backends} = lists:keyfind(backends, 1, Opts),
    Others = [{module(Name), BackendOpts} || {Name, BackendOpts} <- Backends, Name =/= http],
    case [Entry || {http, Entry} <- Backends] of
        [] -> Others;
        Entries -> [{mod_event_pusher_http, [{configs, Entries}]} | Others]
    end.

module(Name) ->
    list_to_atom("mod_event_pusher_" ++ atom_to_list(Name)).

table(Host) ->
    gen_mod:get_module_proc(Host, ?MODULE).
