%% @doc Handles one event in a session: decides for each handler, and hands over the notification.
%%
%% For each handler in turn: its rules, or that it takes messages only; `should_make_req/6' of its callback
%% module; then the content, either of the callback module's `prepare_body/7' and `prepare_headers/7', or of
%% what the engine makes the request from; then one call into the engine. It calls no process. It waits only
%% if a setting asks for that, and then after all handlers have had their turn. If a callback module crashes or
%% returns an invalid result, or the rules of a handler fail for an event, this costs that handler's own
%% notification and nothing else.
-module(http_pusher_push).

-export([event/3]).

%% Longer texts, including headers, and larger numbers of headers are copied on a dirty scheduler: 64 KiB
%% take about ten microseconds.
-define(LONG, 65536).
-define(MANY, 100).
%% What every event has takes fewer bytes: names and resources, which have at most a kilobyte each, and words.
-define(FACTS, 8192).
%% A pool that is replaced during the hand-over is looked up again, at most this often.
-define(TRIES, 3).

-type context() :: {Acc :: term(), Metadata :: map()}.
-type content() :: {form, binary()} |
                   {custom, [{binary(), binary()}], binary()} |
                   {event | long_event, http_pusher_facts:facts(), Stanza :: binary()}.
-type handler() :: http_pusher_compiled:handler().
-type event() :: http_pusher_host_event:event().
-type known() :: http_pusher_rules:known().


%% @doc An event, for these handlers.
-spec event([handler()], event(), context()) -> ok.
event([], _Event, _Context) ->
    ok;
event(Handlers, Event, Context) ->
    http_pusher_wait:for_all(handle_all(Handlers, Event, Context, #{})).


%% Returns what the session has to wait for. `Known' is what has been asked or made for this event.
handle_all([], _Event, _Context, _Known) ->
    [];
handle_all([Handler | Rest], Event, Context, Known) ->
    case handle(Handler, Event, Context, Known) of
        {none, Known1} -> handle_all(Rest, Event, Context, Known1);
        {Waiting, Known1} -> [Waiting | handle_rest(Rest, Event, Context, Known1, Waiting)]
    end.


%% After a crash here nothing waits for the answer.
handle_rest(Rest, Event, Context, Known, Waiting) ->
    try
        handle_all(Rest, Event, Context, Known)
    catch
        Class:Reason:Stack ->
            http_pusher_wait:forget(Waiting),
            erlang:raise(Class, Reason, Stack)
    end.


-spec handle(handler(), event(), context(), known()) -> {http_pusher_wait:waiting(), known()}.
handle(Handler = #{rules := undefined}, Event, Context, Known) ->
    ask(Handler, Event, Context, Known);
handle(Handler, Event, Context, Known) ->
    case is_message(Event) of
        true -> decide(Handler, Event, Context, Known);
        false -> {none, Known}
    end.


%% Callback modules of handlers without rules get what the stock module calls them with.
is_message(#{kind := msg, packet := Packet}) -> http_pusher_host_stanza:is_message(Packet);
is_message(_Event) -> true.


decide(Handler = #{rules := Rules}, Event, Context, Known) ->
    try http_pusher_rules:decide(Rules, Event, Known) of
        {skip, Known1} ->
            {none, Known1};
        {send, Known1} ->
            ask(Handler, Event, Context, Known1);
        {failed, Known1} ->
            {refuse(Handler, Event, {event_error, <<"the host does not say whether the receiver is online">>}),
             Known1}
    catch
        Class:Reason:Stack ->
            {refuse(Handler, Event, {event_error, failed("the rules", Class, Reason, Stack)}), Known}
    end.


%% A presence has nothing that the callback's functions could be called with.
ask(Handler = #{callback_module := Module}, Event = #{kind := Kind}, Context, Known)
  when Module =:= none; Kind =:= user_status ->
    hand_over(Handler, Event, Context, Known);
ask(Handler = #{callback_module := Module, options := Options}, Event, Context = {Acc, _}, Known) ->
    #{from := From, to := To, packet := Packet} = Event,
    case http_pusher_callback:call(Module, should_make_req, [Acc, direction(Event), Packet, From, To, Options]) of
        {ok, true} -> hand_over(Handler, Event, Context, Known);
        %% Any other result means no, as in the stock module.
        {ok, _} -> {none, Known};
        {rejected, Reason, Text} -> {refuse(Handler, Event, {Reason, Text}), Known}
    end.


%% An unacknowledged message was about to be delivered.
direction(#{kind := unack_msg}) -> out;
direction(#{direction := Direction}) -> Direction.


hand_over(Handler, Event, Context, Known) ->
    case content(Handler, Event, Context, Known) of
        {{rejected, Reason, Text}, Known1} ->
            {refuse(Handler, Event, {Reason, Text}), Known1};
        {Content, Known1} ->
            Waiting = waiting(Handler),
            {push(Handler, {lane(Event), names(Event), Waiting}, Content, ?TRIES), Known1}
    end.


waiting(#{wait := Wait}) ->
    http_pusher_wait:begin_for(Wait).


%% Sender and receiver, as lanes, metrics and the log know them. A presence and an unacknowledged message
%% belong to the local user.
names(#{kind := msg, from := From, to := To}) ->
    http_pusher_host:names(From, To);
names(#{kind := unack_msg, from := From, to := To}) ->
    http_pusher_host:names(To, From);
names(#{kind := user_status, from := From}) ->
    {User, Server} = jid:to_lus(From),
    {User, Server, <<>>, <<>>}.


%% The order of a user's own messages, presences and unacknowledged messages is one.
lane(#{kind := msg, direction := Direction}) -> Direction;
lane(_Event) -> in.


-spec content(handler(), event(), context(), known()) ->
          {content() | {rejected, Reason :: atom(), Text :: binary()}, known()}.
content(Handler = #{made_by := callback_module}, Event = #{kind := Kind}, {Acc, _Metadata}, Known)
  when Kind =/= user_status ->
    {by_callback_module(Handler, Event, Acc), Known};
content(#{made_by := text}, #{kind := msg, packet := Packet}, _Context, Known) ->
    {{form, http_pusher_host:body(Packet)}, Known};
content(Handler, Event, Context, Known) ->
    try
        #{needs_stanza := NeedsStanza, unread := Unread} = Handler,
        {Facts, Known1} = http_pusher_facts:of_event(Event, Context, Known, Unread),
        {Stanza, Known2} = stanza(NeedsStanza, Event, Known1),
        {{event_or_long(Facts, Stanza), Facts, Stanza}, Known2}
    catch
        Class:Reason:Stack ->
            {{rejected, event_error, failed("reading the event", Class, Reason, Stack)}, Known}
    end.


%% The form of an unacknowledged message has the text, which the engine reads from the stanza.
stanza(false, #{kind := msg}, Known) -> {<<>>, Known};
stanza(_Needed, Event, Known) -> http_pusher_facts:stanza(Event, Known).


event_or_long(Facts, Stanza) ->
    case is_short(http_pusher_facts:others(Facts), ?LONG - ?FACTS - byte_size(Stanza), ?MANY) of
        true -> event;
        false -> long_event
    end.


by_callback_module(#{callback_module := Module, options := Options}, Event, Acc) ->
    #{from := From, to := To, packet := Packet} = Event,
    {Sender, Server, Receiver, _} = http_pusher_host:names(From, To),
    Message = http_pusher_host:body(Packet),
    Args = [Acc, direction(Event), Server, Message, Sender, Receiver, Options],
    http_pusher_callback:content(Module, Args).


push(Handler, {_, {Sender, _, _, _}, Waiting}, _Content, 0) ->
    reject(Handler, {pool_not_started, <<"the pool is being stopped">>}, Sender, Waiting);
push(Handler, Whose, Content, Tries) ->
    {Direction, Names = {Sender, _, _, _}, Waiting} = Whose,
    case route(Handler) of
        {ok, Id, Pool} ->
            case call(Pool, Id, way(Direction, Waiting), Names, Content) of
                ok -> Waiting;
                {rejected, _} -> Waiting;
                not_open -> push(Handler, Whose, Content, Tries - 1)
            end;
        {rejected, Reason, Text} ->
            reject(Handler, {Reason, Text}, Sender, Waiting)
    end.


way(Direction, none) -> Direction;
way(Direction, Waiting) -> {Direction, http_pusher_wait:waiter(Waiting)}.


route(#{route := Route, pool_name := Tag}) ->
    case http_pusher_routes:of_short(Route) of
        {Id, Candidates} ->
            case http_pusher_routes:choose(Candidates) of
                {ok, Pool} -> {ok, Id, Pool};
                pool_not_started -> {rejected, pool_not_started, not_started(Tag)}
            end;
        engine_down ->
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
    end;
call(Pool, Id, Way, Names, {event, Facts, Stanza}) ->
    http_pusher_nif:push_event(Pool, Id, Way, Names, Facts, Stanza);
call(Pool, Id, Way, Names, {long_event, Facts, Stanza}) ->
    http_pusher_nif:push_event_dirty(Pool, Id, Way, Names, Facts, Stanza).


%% Whether headers or other facts have less than this many bytes and are at most so many.
is_short([], Bytes, _Count) ->
    Bytes > 0;
is_short([{Name, Value} | Pairs], Bytes, Count) when Bytes > 0, Count > 0 ->
    is_short(Pairs, Bytes - byte_size(Name) - size_of(Value), Count - 1);
is_short(_Pairs, _Bytes, _Count) ->
    false.


size_of(Text) when is_binary(Text) -> byte_size(Text);
size_of(_Number) -> 8.


%% A notification that is not made.
refuse(Handler, Event, Problem) ->
    Sender = try
                 element(1, names(Event))
             catch
                 _:_ -> <<>>
             end,
    reject(Handler, Problem, Sender, waiting(Handler)).


%% The engine counts it, and the reporter updates metrics and log. While the application is down, the
%% starter does both some time later.
reject(#{host_type := HostType, route := Route}, {Reason, Text}, Sender, Waiting) ->
    case http_pusher_routes:of_short(Route) of
        {Id, _} ->
            Waiter = http_pusher_wait:waiter(Waiting),
            ok = http_pusher_nif:reject(Id, Reason, Sender, Text, Waiter),
            Waiting;
        engine_down ->
            http_pusher_downtime:reject(HostType),
            %% It may have been killed with the application, and no other process would start it again.
            http_pusher_starter:ensure(),
            http_pusher_wait:forget(Waiting),
            none
    end.


failed(What, Class, Reason, Stack) ->
    http_pusher_utf8:format("~ts: ~ts", [What, http_pusher_redacted:crash(Class, Reason, Stack)]).
