%% Runs a stand-in MongooseIM in this node, of generation v5_0 (5.0), v6_5 (6.5 to 6.8) or v6_9 (6.9 and later).
%% Translates pools, handlers and stanzas into the generation's terms and calls the host's own functions with
%% them, so that each suite is written only once. test/host has the host's behaviour.
-module(host_ctl).

-compile({no_auto_import, [element/2]}).

-export([start/1, start/2, stop/0, generation/0, layout/0, layout/1]).
-export([start_pool/3, stop_pool/2, crash_pool/2, pool_pid/2]).
-export([start_module/2, stop_module/1, opts/2]).
-export([send/3, send/5, push/3, push/6, event/2, unacknowledged/2, user_status/2,
         room_message/4, room_copy/4, host_type_of/1, start_inbox/1, set_metadata/1, acc/3, element/2, jid/1, session/1]).
%% Called by gen_hook.
-export([add_metadata/3]).
-export([metrics/1, reset_metrics/1, wait_metrics/3, fail_updates/1, events/0, clear_events/0,
         hold_next_event/1, release/1]).
-export([start_peer/2, call/4, stop_peer/1]).

-type generation() :: v5_0 | v6_5 | v6_9.
-type scope() :: global | binary().
-type handler() :: map() | proplists:proplist().
-type metrics() :: #{sent := non_neg_integer(), failed := non_neg_integer(),
                     response_times := [integer()]}.

-define(EVENT, mod_event_pusher_http_sent).
-define(METRIC_5_0(Name), [mod_event_pusher_http, Name]).

-spec start(generation()) -> ok.
start(Generation) ->
    start(Generation, #{}).

%% @doc Boots the host with the given pools and modules; raises if the node would not start. Options: vsn,
%% hosts, host_types, domains, pools, modules, handlers, record, log.
-spec start(generation(), map()) -> ok.
start(Generation, Opts) ->
    none = generation(),
    {ok, _} = application:ensure_all_started(stringprep),
    {ok, _} = application:ensure_all_started(fast_xml),
    ok = host_code:load(Generation),
    ok = host_log:start(maps:get(log, Opts, info)),
    ok = host_owner:start(),
    persistent_term:put(?MODULE, Opts#{generation => Generation}),
    Vsn = maps:get(vsn, Opts, default_vsn(Generation)),
    ok = application:load({application, mongooseim,
                           [{description, "stand-in host"}, {vsn, Vsn}, {modules, []},
                            {registered, []}, {applications, [kernel, stdlib]},
                            {mod, {ejabberd_app, host_terms:config(layout(Generation), Opts)}}]}),
    case application:start(mongooseim) of
        ok ->
            ok;
        {error, Reason} ->
            stop(),
            error({host_not_started, Reason})
    end.

%% @doc Stops the host in the order of its own shutdown and removes its code from the node.
-spec stop() -> ok.
stop() ->
    case generation() of
        none ->
            ok;
        Generation ->
            _ = application:stop(mongooseim),
            _ = application:unload(mongooseim),
            host_owner:stop(),
            host_log:stop(),
            persistent_term:erase(?MODULE),
            persistent_term:erase(host_users),
            host_code:unload(Generation)
    end.

-spec generation() -> generation() | none.
generation() ->
    maps:get(generation, persistent_term:get(?MODULE, #{}), none).

%% @doc The generation that has everything in common with this one, except for the events.
-spec layout() -> v5_0 | v6_5.
layout() ->
    layout(generation()).

-spec layout(generation()) -> v5_0 | v6_5.
layout(v6_9) -> v6_5;
layout(Generation) -> Generation.

-spec start_pool(scope(), atom(), map()) -> {ok, pid()} | {error, term()}.
start_pool(Scope, Tag, Pool) ->
    Term = host_terms:pool(layout(), Scope, Tag, Pool),
    [Result] = mongoose_wpool:start_configured_pools([Term]),
    Result.

-spec stop_pool(scope(), atom()) -> term().
stop_pool(Scope, Tag) ->
    mongoose_wpool:stop(http, Scope, Tag).

%% @doc Kills the pool's process; the host restarts it after 2 seconds.
-spec crash_pool(scope(), atom()) -> ok.
crash_pool(Scope, Tag) ->
    Pid = pool_pid(Scope, Tag),
    Ref = erlang:monitor(process, Pid),
    exit(Pid, kill),
    receive {'DOWN', Ref, _, _, _} -> ok end.

-spec pool_pid(scope(), atom()) -> pid() | undefined.
pool_pid(Scope, Tag) ->
    whereis(mongoose_wpool:make_pool_name(http, Scope, Tag)).

%% @doc Starts mod_event_pusher with the back end http, or replaces its handlers. Raises what the host
%% raises; returns ok if the host returns a value.
-spec start_module(binary(), [handler()]) -> ok.
start_module(HostType, Handlers) ->
    New = host_terms:modules(layout(), Handlers),
    case layout() of
        v5_0 -> gen_mod_deps:replace_modules(HostType, running(HostType), New);
        v6_5 -> mongoose_modules:replace_modules(HostType, [], maps:from_list(New))
    end.

%% @doc Stops the modules of start_module/2 while the node runs, as the host's own suites do.
-spec stop_module(binary()) -> ok.
stop_module(HostType) ->
    case layout() of
        v5_0 -> gen_mod_deps:replace_modules(HostType, running(HostType), []);
        v6_5 -> mongoose_modules:replace_modules(HostType, [mod_event_pusher], #{})
    end.

%% @doc The options of mod_event_pusher_http as the host holds them.
-spec opts(binary(), module()) -> term().
opts(HostType, Module) ->
    gen_mod:get_module_opts(HostType, Module).

-spec send(term(), term(), term()) -> map().
send(From, To, What) ->
    send(From, To, What, chat, in).

%% @doc A message goes through the calling process as through a session: in is sent by From, out is
%% about to be delivered to To. Returns the accumulator, whatever the module does.
-spec send(term(), term(), term(), atom(), in | out) -> map().
send(From0, To0, What, Type, Direction) ->
    {From, To} = {jid(From0), jid(To0)},
    Packet = element(What, attrs(Type, From, To)),
    Acc = acc(From, To, Packet),
    case {Direction, generation()} of
        {out, v6_9} -> route(Acc, To);
        {out, _} -> host_terms:acc_of(mongoose_hooks:filter_local_packet({From, To, Acc, Packet}));
        {in, v5_0} -> mongoose_hooks:user_send_packet(Acc, From, To, Packet);
        {in, _} -> mongoose_hooks:user_send_message(Acc)
    end.

%% To the users of this node: ejabberd_sm never sees messages to rooms and other servers.
route(Acc, To) ->
    {_User, LServer} = jid:to_lus(To),
    case host_type(LServer) of
        undefined -> Acc;
        HostType -> ejabberd_sm:route(HostType, Acc, To)
    end.

%% @doc Sets the status of a user: what the session table says, and from 6.9 on the event of a message that is
%% routed to it. By default, every user of the host's domains exists and is online.
-spec user_status(term(), no_user | offline | {online, map()}) -> ok.
user_status(Jid, UserStatus) ->
    host_users:set(jid:to_lus(jid(Jid)), UserStatus).

%% @doc Hands exactly this chat event to the event pusher, without the session's hooks (in 5.0, where
%% nothing catches a crash).
-spec push(map(), term(), term(), tuple(), atom(), in | out) -> map().
push(Acc, From, To, Packet, Type, Direction) ->
    Event = host_terms:message_event(generation(), {Type, Direction, jid(From), jid(To), Packet}),
    Whose = case Direction of in -> From; out -> To end,
    push(Acc, Whose, Event).

%% @doc Hands any term to the event pusher as an event of this user's host.
-spec push(map(), term(), term()) -> map().
push(Acc, Jid, Event) ->
    case layout() of
        v5_0 -> {_User, LServer} = jid:to_lus(jid(Jid)),
             mod_event_pusher:push_event(Acc, LServer, Event);
        v6_5 -> mod_event_pusher:push_event(Acc, Event)
    end.

%% @doc The events that are not messages: a user becomes available or unavailable, or the stream of a session
%% breaks before a message was acknowledged.
-spec event(user_status | unavailable | unack_msg, term()) -> map().
event(unack_msg, Jid) ->
    unacknowledged(acc(Jid, Jid, element(<<"hi">>, attrs(chat, jid(Jid), jid(Jid)))), Jid);
event(Kind, Jid0) ->
    Jid = jid(Jid0),
    Acc = acc(Jid, Jid, undefined),
    case {Kind, layout()} of
        {user_status, v5_0} -> mongoose_hooks:user_available_hook(Acc, Jid);
        {user_status, v6_5} -> mongoose_hooks:user_available(Acc, Jid);
        {unavailable, v5_0} -> mongoose_hooks:unset_presence_hook(Acc, Jid, <<>>);
        {unavailable, v6_5} -> mongoose_hooks:unset_presence(Acc, Jid, <<>>)
    end.

%% @doc The stanza of this accumulator was not acknowledged by this session.
-spec unacknowledged(map(), term()) -> map().
unacknowledged(Acc, Jid) ->
    mongoose_hooks:unacknowledged_message(Acc, jid(Jid)).

%% @doc A room of the classic multi-user chat passes on a message to its occupants, in the calling process: the
%% hook of the room, and then a copy to each with a new accumulator.
-spec room_message(Room :: term(), Sender :: {Nick :: binary(), term()}, term(), [term()]) -> ok.
room_message(Room0, {Nick, Sender}, What, Occupants) ->
    Room = jid(Room0),
    {Name, Server} = jid:to_lus(Room),
    Packet = element(What, [{<<"type">>, <<"groupchat">>}, {<<"to">>, jid:to_binary(Room)}]),
    Event = #{from_nick => Nick, from_jid => jid(Sender), room_jid => Room, role => participant,
              affiliation => none, timestamp => os:system_time(microsecond)},
    Passed = mongoose_hooks:filter_room_packet(hd(hosts()), Packet, Event),
    [room_copy({Name, Server, Nick}, To, Passed, groupchat) || To <- Occupants],
    ok.

%% @doc One copy of a room's message, about to be delivered.
-spec room_copy(term(), term(), term(), atom()) -> map().
room_copy(From0, To0, What, Type) ->
    {From, To} = {jid(From0), jid(To0)},
    Packet = element(What, attrs(Type, From, To)),
    {_User, LServer} = jid:to_lus(To),
    Acc = acc_of(LServer, From, To, Packet),
    case generation() of
        v6_9 -> route(Acc, To);
        _ -> host_terms:acc_of(mongoose_hooks:filter_local_packet({From, To, Acc, Packet}))
    end.

%% @doc Starts mod_inbox for a host type.
-spec start_inbox(binary()) -> ok.
start_inbox(HostType) ->
    ok = mod_inbox:start(HostType),
    reload_hooks().

%% @doc Another module puts this into the accumulator of the hook push_event (6.5 and later).
-spec set_metadata(map()) -> ok.
set_metadata(Metadata) ->
    ok = gen_hook:add_handlers([{push_event, HostType, fun ?MODULE:add_metadata/3, #{metadata => Metadata}, 10}
                                || HostType <- hosts()]),
    reload_hooks().

-spec add_metadata(map(), map(), map()) -> {ok, map()}.
add_metadata(HookAcc = #{metadata := Metadata}, _Params, #{metadata := More}) ->
    {ok, HookAcc#{metadata := maps:merge(Metadata, More)}}.

reload_hooks() ->
    case layout() of
        v5_0 -> ok;
        v6_5 -> gen_hook:reload_hooks()
    end.

%% @doc The host type of a domain that has users.
-spec host_type_of(binary()) -> binary() | undefined.
host_type_of(Server) ->
    host_type(Server).

%% @doc The accumulator of a session of From; its host type is that of From's domain.
-spec acc(term(), term(), tuple() | undefined) -> map().
acc(From0, To0, Packet) ->
    {From, To} = {jid(From0), jid(To0)},
    {_User, LServer} = jid:to_lus(From),
    acc_of(LServer, From, To, Packet).

%% A room's host type is that of the domain that its service belongs to.
acc_of(LServer, From, To, Packet) ->
    Location = #{mfa => {?MODULE, acc, 3}, line => ?LINE, file => ?FILE},
    mongoose_acc:new(#{location => Location, lserver => LServer, element => Packet,
                       from_jid => From, to_jid => To, host_type => host_type(LServer)}).

%% @doc A message element: as given, from stanza text, or with this body in it.
-spec element(tuple() | {xml, iodata()} | binary(), [{binary(), binary()}]) -> tuple().
element({xml, Text}, _Attrs) ->
    {ok, Element} = exml:parse(iolist_to_binary(Text)),
    Element;
element(Body, Attrs) when is_binary(Body) ->
    Layout = layout(),
    Children = [host_terms:cdata(Layout, Body) || Body =/= <<>>],
    host_terms:element(Layout, <<"message">>, Attrs,
                       [host_terms:element(Layout, <<"body">>, [], Children)]);
element(Element, _Attrs) ->
    Element.

%% @doc From text (prepared, error if the host refuses it), {User, Server, Resource} taken as
%% prepared, or a jid already.
-spec jid(binary() | {binary(), binary(), binary()} | tuple()) -> tuple().
jid(Text) when is_binary(Text) ->
    case jid:from_binary(Text) of
        error -> error({bad_jid, Text});
        Jid -> Jid
    end;
jid({User, Server, Resource}) when is_binary(User) ->
    jid:make_noprep(User, Server, Resource);
jid(Jid) when is_tuple(Jid) ->
    Jid.

%% @doc Runs the fun in a process of its own and returns its result; two minutes at most.
-spec session(fun(() -> Result)) -> Result.
session(Fun) ->
    {Pid, Ref} = spawn_monitor(fun() -> exit({session_result, Fun()}) end),
    receive
        {'DOWN', Ref, _, _, {session_result, Result}} -> Result;
        {'DOWN', Ref, _, _, Reason} -> error({session_crashed, Reason})
    after 120000 ->
            exit(Pid, kill),
            error(session_timeout)
    end.

%% @doc The metrics that operators see.
-spec metrics(binary()) -> metrics().
metrics(HostType) ->
    host_terms:metrics(layout(), HostType, back_ends()).

-spec reset_metrics(binary()) -> ok.
reset_metrics(HostType) ->
    host_terms:reset_metrics(layout(), HostType, back_ends()).

-spec wait_metrics(binary(), fun((metrics()) -> boolean()), timeout()) ->
          {ok, metrics()} | {timeout, metrics()}.
wait_metrics(HostType, Fun, Timeout) ->
    host_log:poll(fun() -> metrics(HostType) end, Fun, Timeout).

%% @doc Makes every update of the pusher's metrics raise from now on (5.0: exometer is broken, later: the
%% event is not registered), or ends that.
-spec fail_updates(boolean()) -> ok.
fail_updates(Fail) ->
    case layout() of
        v5_0 ->
            exometer:break(Fail);
        v6_5 ->
            Function = case Fail of true -> tear_down; false -> set_up end,
            [mongoose_instrument:Function(mod_event_pusher_http:instrumentation(HostType))
             || HostType <- gen_mod:hosts_with_module(mod_event_pusher_http)],
            ok
    end.

%% @doc Each event that was executed, in order (6.5 and later).
-spec events() -> [{atom(), map(), map()}].
events() ->
    case layout() of
        v5_0 -> [];
        v6_5 -> mongoose_instrument_recorder:events()
    end.

%% @doc Holds the process that executes the next event when the event is recorded, and tells Pid (6.5 and
%% later).
-spec hold_next_event(pid()) -> ok.
hold_next_event(Pid) ->
    mongoose_instrument_recorder:hold_next(Pid).

%% @doc A process that is held goes on.
-spec release(pid()) -> ok.
release(Held) ->
    mongoose_instrument_recorder:release(Held).

-spec clear_events() -> ok.
clear_events() ->
    case layout() of
        v5_0 -> ok;
        v6_5 -> mongoose_instrument_recorder:clear()
    end.

%% @doc A host in a node of its own, with this node's code path. Beside the options of start/2: `exec', the
%% program that starts the node (peer's option), and `env', the application's own settings.
-spec start_peer(generation(), map()) -> pid().
start_peer(Generation, Opts) ->
    Exec = maps:with([exec], Opts),
    {ok, Peer, _Node} = peer:start_link(Exec#{connection => standard_io, wait_boot => 60000,
                                              args => ["-pa" | code:get_path()]}),
    ok = call(Peer, application, load, [mongoose_http_pusher]),
    [ok = call(Peer, application, set_env, [mongoose_http_pusher, Key, Value])
     || {Key, Value} <- maps:get(env, Opts, [])],
    ok = call(Peer, ?MODULE, start, [Generation, maps:without([exec, env], Opts)]),
    Peer.

-spec call(pid(), module(), atom(), [term()]) -> term().
call(Peer, Module, Function, Args) ->
    peer:call(Peer, Module, Function, Args, 60000).

-spec stop_peer(pid()) -> ok.
stop_peer(Peer) ->
    peer:stop(Peer).

default_vsn(v5_0) -> "5.0.0";
default_vsn(v6_5) -> "6.8.0";
default_vsn(v6_9) -> "6.11.0".

running(HostType) ->
    [{mod_event_pusher, Opts}
     || {mod_event_pusher, Opts} <- gen_mod:loaded_modules_with_opts(HostType)].

back_ends() ->
    maps:get(handlers, persistent_term:get(?MODULE), [prometheus]).

hosts() ->
    maps:get(hosts, persistent_term:get(?MODULE), [<<"localhost">>]).

host_type(LServer) ->
    Opts = persistent_term:get(?MODULE),
    case lists:member(LServer, hosts()) of
        true -> LServer;
        false -> maps:get(LServer, maps:get(domains, Opts, #{}), undefined)
    end.

attrs(none, From, To) ->
    [{<<"from">>, jid:to_binary(From)}, {<<"to">>, jid:to_binary(To)}];
attrs(Type, From, To) ->
    [{<<"type">>, atom_to_binary(Type)} | attrs(none, From, To)].
