%% Stands for mod_event_pusher at 6.8.0 (src/event_pusher/mod_event_pusher.erl): push_event/2 runs
%% the hook push_event in the session; a back end (http, push, rabbit, sns and no other) is a module
%% this one depends on and a handler of that hook. An event without handlers passes.
-module(mod_event_pusher).

-export([deps/2, start/2, stop/1, supported_features/0, push_event/2]).

push_event(Acc, Event) ->
    #{acc := NewAcc} = mongoose_hooks:push_event(Acc, Event),
    NewAcc.

deps(_HostType, Opts) ->
    [{module(Backend), BackendOpts, hard} || {Backend, BackendOpts} <- maps:to_list(Opts)].

start(HostType, _Opts) ->
    mod_event_pusher_hook_translator:add_hooks(HostType).

stop(HostType) ->
    mod_event_pusher_hook_translator:delete_hooks(HostType).

supported_features() ->
    [dynamic_domains].

module(http) -> mod_event_pusher_http;
module(push) -> mod_event_pusher_push;
module(rabbit) -> mod_event_pusher_rabbit;
module(sns) -> mod_event_pusher_sns.
