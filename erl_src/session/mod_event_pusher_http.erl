%% @doc The event pusher's HTTP backend, in place of MongooseIM's module of the same name.
%%
%% Chat events become notifications that an engine POSTs while the session goes on. MongooseIM calls this
%% module, in the forms of every release since 5.0, and custom callback modules implement its behaviour.
%% http_pusher_push has what a session does, http_pusher_host what differs between releases.
-module(mod_event_pusher_http).

-export([start/2, stop/1, config_spec/0, hooks/1, instrumentation/1, supported_features/0]).
-export([push_event/2, push_event/3]).

-export_type([options/0]).

%% A handler's options as the host holds them: a list of pairs in 5.0, a map later.
-type options() :: [{atom(), term()}] | #{atom() => term()}.


%% Whether a notification is sent for an event. `in' is a message that a user sends, `out' one that is about
%% to be delivered.
-callback should_make_req(Acc :: term(),
                          Dir :: in | out,
                          Packet :: term(),
                          From :: term(),
                          To :: term(),
                          Opts :: options()) -> boolean().
%% Headers of the request. They may include `host', but no header that frames the request.
-callback prepare_headers(Acc :: term(),
                          Dir :: in | out,
                          Host :: binary(),
                          Message :: binary(),
                          Sender :: binary(),
                          Receiver :: binary(),
                          Opts :: options()) ->
              [{iodata() | atom(), iodata() | atom()}].
%% Body of the request.
-callback prepare_body(Acc :: term(),
                       Dir :: in | out,
                       Host :: binary(),
                       Message :: binary(),
                       Sender :: binary(),
                       Receiver :: binary(),
                       Opts :: options()) -> iodata().

%% @doc Starts the module for a host type.
-spec start(binary(), options()) -> ok.
start(HostType, Options) ->
    http_pusher_host_event:prepare(),
    http_pusher_host:ensure_metrics(HostType),
    Handlers = http_pusher_host:handlers_of(Options),
    http_pusher_compiled:put(HostType, Handlers),
    _ = [ http_pusher_host_room:watch(HostType) || http_pusher_compiled:asks_own_copy(HostType) ],
    http_pusher_starter:add(HostType,
                            [ http_pusher_host:handler(H) || H <- Handlers ]).


%% @doc Stops the module for a host type: drains what it has pending.
-spec stop(binary()) -> ok.
stop(HostType) ->
    http_pusher_drain:host_type(HostType),
    http_pusher_starter:remove(HostType),
    _ = [ http_pusher_host_room:unwatch(HostType) || http_pusher_compiled:asks_own_copy(HostType) ],
    http_pusher_compiled:erase(HostType).


-spec config_spec() -> tuple().
config_spec() ->
    http_pusher_host_config:spec().


%% @doc 6.2 to 6.4 also ask for hooks, but call {@link push_event/2}.
-spec hooks(binary()) -> [tuple()].
hooks(HostType) ->
    case http_pusher_host:generation() of
        v6_5 -> [{push_event, HostType, fun ?MODULE:push_event/3, #{}, 50}];
        _ -> []
    end.


-spec instrumentation(binary()) -> [{atom(), map(), map()}].
instrumentation(HostType) ->
    http_pusher_host:instrumentation(HostType).


-spec supported_features() -> [atom()].
supported_features() ->
    http_pusher_host:supported_features().


%% @doc An event in 5.1 to 6.4.
-spec push_event(Acc, Event :: term()) -> Acc.
push_event(Acc, Event) ->
    case http_pusher_host_event:event(Event, Acc) of
        none ->
            ok;
        Known ->
            Handlers = http_pusher_compiled:all(mongoose_acc:host_type(Acc), Known),
            http_pusher_push:event(Handlers, Known, {Acc, #{}})
    end,
    Acc.


%% @doc An event in 5.0 (with the host) and from 6.5 on (as a hook).
-spec push_event(Acc, binary(), term()) -> Acc;
                (Acc, map(), map()) -> {ok, Acc}.
push_event(HookAcc = #{acc := Acc}, #{event := Event}, #{host_type := HostType}) ->
    case http_pusher_host_event:event(Event, Acc) of
        none -> ok;
        Known -> http_pusher_push:event(http_pusher_compiled:all(HostType, Known), Known, {Acc, metadata(HookAcc)})
    end,
    {ok, HookAcc};
push_event(Acc, Host, Event) when is_binary(Host) ->
    case http_pusher_host_event:event(Event, Acc) of
        none -> ok;
        Known -> http_pusher_push:event(handlers_5_0(Host, Known), Known, {Acc, #{}})
    end,
    Acc;
%% A hook with other parameters than those of any release so far.
push_event(HookAcc, Params, _Extra) ->
    http_pusher_host_event:unknown({push_event_hook, HookAcc, Params}),
    {ok, HookAcc}.


%% 5.0 calls the module for the host of the user that an event is about. The stock module takes the handlers of
%% the sender's server instead, which has none if a room sends.
handlers_5_0(Host, Event = #{kind := msg, from := From}) ->
    case jid:to_lus(From) of
        {_, Host} -> http_pusher_compiled:all(Host, Event);
        {_, Server} -> http_pusher_compiled:plain(Server, Event) ++ http_pusher_compiled:ruled(Host, Event)
    end;
handlers_5_0(Host, Event) ->
    http_pusher_compiled:ruled(Host, Event).


%% From modules that handle the hook before this one.
metadata(#{metadata := Metadata}) when is_map(Metadata) -> Metadata;
metadata(_HookAcc) -> #{}.
