%% @doc Handles one event in a session: asks the callback module, and hands over the notification.
%%
%% For each handler in turn: `should_make_req/6', then `prepare_body/7' and `prepare_headers/7' of a custom
%% callback module, then one call into the engine. It calls no process. It waits only if a setting asks for
%% that, and then after all handlers have had their turn. If a callback module crashes or returns an invalid
%% result, this costs its own handler's notification and nothing else.
-module(http_pusher_push).

-export([event/3]).

-define(DEFAULTS, mod_event_pusher_http_defaults).
%% Longer texts, including headers, and larger numbers of headers are copied on a dirty scheduler: 64 KiB
%% take about ten microseconds.
-define(LONG, 65536).
-define(MANY, 100).
%% A pool that is replaced during the hand-over is looked up again, at most this often.
-define(TRIES, 3).

%% @doc A message of a host type.
-spec event(binary(), Acc :: term(), http_pusher_host_event:message()) -> ok.
event(HostType, Acc, {message, _Type, Direction, From, To, Packet, _UserStatus}) ->
    Event = {Acc, Direction, From, To, Packet},
    Handlers = http_pusher_host:handlers(HostType),
    http_pusher_wait:for_all(handle_all(HostType, Event, Handlers)).

%% Returns what the session has to wait for.
handle_all(_HostType, _Event, []) ->
    [];
handle_all(HostType, Event, [Options | Rest]) ->
    case handle(HostType, Event, Options) of
        none -> handle_all(HostType, Event, Rest);
        Waiting -> [Waiting | handle_rest(HostType, Event, Rest, Waiting)]
    end.

%% After a crash here nothing waits for the answer.
handle_rest(HostType, Event, Rest, Waiting) ->
    try
        handle_all(HostType, Event, Rest)
    catch
        Class:Reason:Stack ->
            http_pusher_wait:forget(Waiting),
            erlang:raise(Class, Reason, Stack)
    end.

handle(HostType, {Acc, Direction, From, To, Packet} = Event, Options) ->
    Handler = #{callback_module := Module} = http_pusher_host:handler(Options),
    case callback(Module, should_make_req, [Acc, Direction, Packet, From, To, Options]) of
        {ok, true} ->
            hand_over(HostType, Handler, Event, Options);
        %% Any other result means no, as in the stock module.
        {ok, _} ->
            none;
        {rejected, Reason, Text} ->
            {Sender, _, _, _} = http_pusher_host:names(From, To),
            reject(HostType, Handler, {Reason, Text}, Sender, waiting(Options))
    end.

hand_over(HostType, Handler = #{callback_module := Module}, Event, Options) ->
    {Acc, Direction, From, To, Packet} = Event,
    Names = {Sender, Server, Receiver, _} = http_pusher_host:names(From, To),
    Message = http_pusher_host:body(Packet),
    Args = [Acc, Direction, Server, Message, Sender, Receiver, Options],
    case content(Module, Message, Args) of
        {rejected, Reason, Text} ->
            reject(HostType, Handler, {Reason, Text}, Sender, waiting(Options));
        Content ->
            push(HostType, Handler, {Direction, Names, waiting(Options)}, Content, ?TRIES)
    end.

waiting(Options) ->
    http_pusher_wait:begin_for(http_pusher_host:wait(Options)).

%% The engine builds the default form.
content(?DEFAULTS, Message, _Args) ->
    {form, Message};
content(Module, _Message, Args) ->
    case callback(Module, prepare_body, Args) of
        {ok, Body} ->
            case callback(Module, prepare_headers, Args) of
                {ok, Headers} -> custom(Module, Headers, Body);
                Rejected -> Rejected
            end;
        Rejected ->
            Rejected
    end.

custom(Module, Headers, Body) ->
    case {http_pusher_content:headers(Headers), http_pusher_content:body(Body)} of
        {{ok, Checked}, {ok, Binary}} -> {custom, Checked, Binary};
        {{error, Text}, _} -> {rejected, bad_headers, in_module(Module, prepare_headers, Text)};
        {_, {error, Text}} -> {rejected, bad_body, in_module(Module, prepare_body, Text)}
    end.

push(HostType, Handler, {_, {Sender, _, _, _}, Waiting}, _Content, 0) ->
    reject(HostType, Handler, {pool_not_started, <<"the pool is being stopped">>}, Sender, Waiting);
push(HostType, Handler, Whose, Content, Tries) ->
    {Direction, Names = {Sender, _, _, _}, Waiting} = Whose,
    case route(HostType, Handler) of
        {ok, Id, Pool} ->
            case call(Pool, Id, way(Direction, Waiting), Names, Content) of
                ok -> Waiting;
                {rejected, _} -> Waiting;
                not_open -> push(HostType, Handler, Whose, Content, Tries - 1)
            end;
        {rejected, Reason, Text} ->
            reject(HostType, Handler, {Reason, Text}, Sender, Waiting)
    end.

way(Direction, none) -> Direction;
way(Direction, Waiting) -> {Direction, http_pusher_wait:waiter(Waiting)}.

route(HostType, Handler = #{pool_name := Tag}) ->
    case http_pusher_routes:find(http_pusher_routes:key(HostType, Handler)) of
        {ok, {_, Id, Candidates}} ->
            case http_pusher_routes:choose(Candidates) of
                {ok, Pool} -> {ok, Id, Pool};
                pool_not_started -> {rejected, pool_not_started, not_started(Tag)}
            end;
        _ ->
            {rejected, engine_down, <<"mongoose_http_pusher does not run">>}
    end.

not_started(Tag) ->
    http_pusher_utf8:format("there is no pool outgoing_pools.http.~ts for this host type",
                            [Tag]).

call(Pool, Id, Way, Names, {form, Message}) when byte_size(Message) < ?LONG ->
    http_pusher_nif:push_form(Pool, Id, Way, Names, Message);
call(Pool, Id, Way, Names, {form, Message}) ->
    http_pusher_nif:push_form_dirty(Pool, Id, Way, Names, Message);
call(Pool, Id, Way, Names, {custom, Headers, Body}) ->
    case is_short(Headers, ?LONG - byte_size(Body), ?MANY) of
        true -> http_pusher_nif:push_custom(Pool, Id, Way, Names, Headers, Body);
        false -> http_pusher_nif:push_custom_dirty(Pool, Id, Way, Names, Headers, Body)
    end.

%% Whether headers have less than this many bytes and are at most so many.
is_short([], Bytes, _Count) ->
    Bytes > 0;
is_short([{Name, Value} | Headers], Bytes, Count) when Bytes > 0, Count > 0 ->
    is_short(Headers, Bytes - byte_size(Name) - byte_size(Value), Count - 1);
is_short(_Headers, _Bytes, _Count) ->
    false.

%% The engine counts it, and the reporter updates metrics and log. While the application is down, the
%% starter does both some time later.
reject(HostType, Handler, {Reason, Text}, Sender, Waiting) ->
    case http_pusher_routes:find(http_pusher_routes:key(HostType, Handler)) of
        {ok, {_, Id, _}} ->
            Waiter = http_pusher_wait:waiter(Waiting),
            ok = http_pusher_nif:reject(Id, Reason, Sender, Text, Waiter),
            Waiting;
        _ ->
            http_pusher_downtime:reject(HostType),
            http_pusher_wait:forget(Waiting),
            none
    end.

-spec callback(module(), atom(), [term()]) ->
    {ok, term()} | {rejected, callback_undefined | callback_crashed, binary()}.
%% A missing module is not searched for on disk in every session: the starter loads callback modules,
%% including those that appear later.
callback(Module, Function, Args) ->
    case erlang:function_exported(Module, Function, length(Args)) of
        true ->
            try
                {ok, apply(Module, Function, Args)}
            catch
                Class:Reason:Stack -> crashed(Module, Function, Class, Reason, Stack)
            end;
        false ->
            Text = "there is no such module or function",
            {rejected, callback_undefined, in_module(Module, Function, Text)}
    end.

%% Where it crashed, without arguments, which hold the message.
crashed(Module, Function, Class, Reason, Stack) ->
    Places = [io_lib:format("~ts:~ts", [M, F]) || {M, F, _, _} <- lists:sublist(Stack, 3)],
    Text = io_lib:format("crashed with ~ts:~ts in ~ts",
                         [Class, http_pusher_redacted:reason_name(Reason),
                          lists:join(" < ", Places)]),
    {rejected, callback_crashed, in_module(Module, Function, Text)}.

in_module(Module, Function, Text) ->
    http_pusher_utf8:format("~ts:~ts: ~ts", [Module, Function, Text]).
