%% @doc What a session does for one event: ask the callback module, and hand over.
%%
%% In each handler's turn: `should_make_req/6', for a custom callback module `prepare_body/7' and
%% `prepare_headers/7', then one call into the engine. No process is called. Nothing is waited for unless
%% a setting asks for that; then all handlers come first and the waiting last.
%% A callback module that crashes or returns something else than it should costs its own handler's
%% notification and nothing else.
-module(http_pusher_push).

-export([event/3]).

-define(DEFAULTS, mod_event_pusher_http_defaults).
%% Longer texts, headers included, are copied on a dirty scheduler, and so are more headers: 64 KiB take
%% about ten microseconds.
-define(LONG, 65536).
-define(MANY, 100).
%% A pool that is replaced while its notification is handed over is looked up again, this often.
-define(TRIES, 3).

%% @doc A message of a host type.
-spec event(binary(), Acc :: term(), http_pusher_host_event:message()) -> ok.
event(HostType, Acc, {message, _Type, Direction, From, To, Packet, _UserStatus}) ->
    Event = {Acc, Direction, From, To, Packet},
    Handlers = http_pusher_host:handlers(HostType),
    http_pusher_wait:for_all(handle_all(HostType, Event, Handlers)).

%% What there is to wait for.
handle_all(_HostType, _Event, []) ->
    [];
handle_all(HostType, Event, [Options | Rest]) ->
    case handle(HostType, Event, Options) of
        none -> handle_all(HostType, Event, Rest);
        Waiting -> [Waiting | handle_rest(HostType, Event, Rest, Waiting)]
    end.

%% If this ends otherwise, nobody will wait for the answer.
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
        %% Anything else means no, as in the stock module.
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

%% The default form is put together by the engine.
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
push(HostType, Handler = #{pool_name := Tag, path := Path}, Whose, Content, Tries) ->
    {Direction, Names = {Sender, _, _, _}, Waiting} = Whose,
    case route(HostType, Tag, Path) of
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

route(HostType, Tag, Path) ->
    case http_pusher_routes:find(HostType, Tag, Path) of
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

%% Whether headers have so many bytes and are so many at most.
is_short([], Bytes, _Count) ->
    Bytes > 0;
is_short([{Name, Value} | Headers], Bytes, Count) when Bytes > 0, Count > 0 ->
    is_short(Headers, Bytes - byte_size(Name) - byte_size(Value), Count - 1);
is_short(_Headers, _Bytes, _Count) ->
    false.

%% Counted; metrics and logs are the reporter's. If the application is down, the starter does both some time later.
reject(HostType, #{pool_name := Tag, path := Path}, {Reason, Text}, Sender, Waiting) ->
    case http_pusher_routes:find(HostType, Tag, Path) of
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
%% A module that is not there is not looked for on disk, time and again, in every session: the
%% starter loads callback modules, and those that come later.
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

%% Where it crashed, without the arguments: they hold the message.
crashed(Module, Function, Class, Reason, Stack) ->
    Places = [io_lib:format("~ts:~ts", [M, F]) || {M, F, _, _} <- lists:sublist(Stack, 3)],
    Text = io_lib:format("crashed with ~ts:~ts in ~ts",
                         [Class, http_pusher_redacted:reason_name(Reason),
                          lists:join(" < ", Places)]),
    {rejected, callback_crashed, in_module(Module, Function, Text)}.

in_module(Module, Function, Text) ->
    http_pusher_utf8:format("~ts:~ts: ~ts", [Module, Function, Text]).
