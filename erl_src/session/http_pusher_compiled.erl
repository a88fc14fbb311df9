%% @doc What an event needs to know of each handler, made once when the module starts, so that an event costs
%% one look-up of all that, besides that of its route.
%%
%% In a persistent term for each host type, because sessions then read it without a copy. Between stop/1 and
%% the end of the module, and if sessions are earlier than start/2, it is made from the host's options for
%% each event.
-module(http_pusher_compiled).

-export([put/2, erase/1, all/2, plain/2, ruled/2, asks_own_copy/1]).

-export_type([handler/0]).

-type handler() :: #{
                     host_type := binary(),
                     %% Exactly as the host holds them, for callback modules.
                     options := http_pusher_host:options(),
                     route := http_pusher_routes:short(),
                     pool_name := atom(),
                     %% The option `wait', if the handler has it.
                     wait := term(),
                     %% Asked whether an event is sent, unless rules alone decide.
                     callback_module := module() | none,
                     rules := undefined | http_pusher_rules:rules(),
                     %% Who makes the request of a message: the callback module, or the engine from the text of the
                     %% message or from the whole event.
                     made_by := callback_module | text | event,
                     needs_stanza := boolean(),
                     unread := boolean()
                    }.

%% The handlers that an event may be for, in the order of the configuration, with the rules that are left for
%% its sort. Handlers without rules are plain: they get messages only. 5.0 needs plain and ruled ones apart.
-type handlers() :: #{http_pusher_rules:sort() => [handler()]}.
-type compiled() :: #{all := handlers(), plain := handlers(), ruled := handlers(), asks_own_copy := boolean()}.

-define(KEY(HostType), {?MODULE, HostType}).
-define(DEFAULTS, mod_event_pusher_http_defaults).
-define(TYPES,    [chat, groupchat, headline, normal]).


%% @doc Makes and keeps the handlers of a host type.
-spec put(binary(), [http_pusher_host:options()]) -> ok.
put(HostType, Options) ->
    persistent_term:put(?KEY(HostType), compiled(HostType, Options)).


-spec erase(binary()) -> ok.
erase(HostType) ->
    _ = persistent_term:erase(?KEY(HostType)),
    ok.


%% @doc The handlers of a host type that an event may be for.
-spec all(binary(), http_pusher_host_event:event()) -> [handler()].
all(HostType, Event) ->
    #{all := Handlers} = look_up(HostType),
    for(Event, Handlers).


%% @doc Those of them that have no rules.
-spec plain(binary(), http_pusher_host_event:event()) -> [handler()].
plain(HostType, Event) ->
    #{plain := Handlers} = look_up(HostType),
    for(Event, Handlers).


%% @doc Those of them that have rules.
-spec ruled(binary(), http_pusher_host_event:event()) -> [handler()].
ruled(HostType, Event) ->
    #{ruled := Handlers} = look_up(HostType),
    for(Event, Handlers).


%% @doc Whether a rule asks for a room's copies to their own sender.
-spec asks_own_copy(binary()) -> boolean().
asks_own_copy(HostType) ->
    #{asks_own_copy := Asks} = look_up(HostType),
    Asks.


for(#{kind := Kind, type := Type, direction := Direction}, Handlers) ->
    case Handlers of
        #{{Kind, Type, Direction} := For} -> For;
        #{{Kind, other, Direction} := For} -> For;
        _ -> []
    end.


look_up(HostType) ->
    case persistent_term:get(?KEY(HostType), undefined) of
        undefined -> compiled(HostType, http_pusher_host:handlers(HostType));
        Compiled -> Compiled
    end.


-spec compiled(binary(), [http_pusher_host:options()]) -> compiled().
compiled(HostType, Options) ->
    All = [ handler(HostType, One) || One <- Options ],
    {Plain, Ruled} = lists:partition(fun(#{rules := Rules}) -> Rules =:= undefined end, All),
    #{
      all => by_sort(All),
      plain => by_sort(Plain),
      ruled => by_sort(Ruled),
      asks_own_copy => lists:any(fun(#{rules := Rules}) -> http_pusher_rules:asks_own_copy(Rules) end, Ruled)
     }.


by_sort(Handlers) ->
    %% Also those that no handler wants: an event of another sort would be looked up instead.
    maps:from_list([ {Sort, narrowed(Handlers, Sort)} || Sort <- sorts() ]).


sorts() ->
    Messages = [ {Kind, Type, Direction} || {Kind, Directions} <- [{msg, [in, out]}, {unack_msg, [undefined]}],
                                            Direction <- Directions,
                                            Type <- [other | ?TYPES] ],
    [{user_status, undefined, undefined} | Messages].


narrowed(Handlers, Sort = {Kind, _, _}) ->
    lists:append([ case Rules of
                       undefined ->
                           [ Handler || Kind =:= msg ];
                       _ ->
                           [ Handler#{rules := Left} || Left <- [http_pusher_rules:narrow(Rules, Sort)], Left =/= [] ]
                   end || Handler = #{rules := Rules} <- Handlers ]).


handler(HostType, Options) ->
    Handler = #{
                pool_name := Tag,
                callback_module := Module,
                ask_callback := Ask,
                rules := Rules,
                plan := Plan
               } = http_pusher_host:handler(Options),
    Format = maps:get(format, Plan, undefined),
    #{
      host_type => HostType,
      options => Options,
      route => http_pusher_routes:short(http_pusher_routes:key(HostType, Handler)),
      pool_name => Tag,
      wait => http_pusher_host:wait(Options),
      callback_module => case Ask of true -> Module; false -> none end,
      rules => case Rules of undefined -> undefined; _ -> http_pusher_rules:compile(Rules) end,
      made_by => made_by(Format, Ask, Module),
      needs_stanza => Format =/= undefined andalso Format =/= form,
      unread => lists:member(unread, maps:get(include, Plan, []))
     }.


made_by(undefined, true, Module) when Module =/= ?DEFAULTS -> callback_module;
made_by(undefined, _Ask, _Module) -> text;
made_by(form, _Ask, _Module) -> text;
made_by(_Format, _Ask, _Module) -> event.
