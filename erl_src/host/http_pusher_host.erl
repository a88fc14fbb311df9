%% @doc The host adapter: finds out which MongooseIM this is, and hides what differs between releases.
%%
%% A generation is a group of releases with the same interface, named after its first: v5_0, v5_1 (to 6.2),
%% v6_3 (and 6.4), v6_5 (and later). A node's generation follows from the functions that the node has; one
%% set of beam files serves them all. 6.9 changed the events alone, so it is v6_5 here: http_pusher_host_event
%% recognizes an event by its shape, and has_user_status/0 says what events can tell.
%%
%% The modules of this folder are the only ones that know what differs between releases; others ask
%% generation/0. MongooseIM is not there when this is compiled, so xref lists its functions (rebar.config).
-module(http_pusher_host).

-export([generation/0, version/0, is_from/1, has_user_status/0, exports/3, handlers/1, handlers_of/1]).
-export([handler/1, wait/1, body/1, escapes_in_groups/0, names/2, ensure_metrics/1, instrumentation/1, count_sent/4]).
-export([count_failed/3, supported_features/0]).

-export_type([generation/0, options/0, handler/0]).

-type generation() :: v5_0 | v5_1 | v6_3 | v6_5.
%% A handler's options, exactly as the host holds them; callback modules get them unchanged.
-type options() :: [{atom(), term()}] | #{atom() => term()}.
-type handler() :: http_pusher_host_handler:handler().

-define(MODULE_NAME, mod_event_pusher_http).
-define(EVENT,       mod_event_pusher_http_sent).


-spec generation() -> generation().
generation() ->
    case exports(mongoose_config, get_opt, 2) of
        false -> v5_0;
        true ->
            case exports(mongoose_instrument, execute, 3) of
                false -> v5_1;
                true ->
                    case exports(mongoose_hooks, push_event, 2) of
                        false -> v6_3;
                        true -> v6_5
                    end
            end
    end.


%% @doc Whether the node has a function. A node in interactive mode loads a module only when it is first
%% called.
-spec exports(module(), atom(), arity()) -> boolean().
exports(Module, Function, Arity) ->
    _ = code:ensure_loaded(Module),
    erlang:function_exported(Module, Function, Arity).


-spec version() -> string().
version() ->
    case application:get_key(mongooseim, vsn) of
        {ok, Version} -> Version;
        undefined -> "unknown"
    end.


%% @doc Whether the node's release is this one or a later one. A version that is no release's is before all.
-spec is_from([non_neg_integer()]) -> boolean().
is_from(Release) ->
    Numbers = [ Number || Part <- string:lexemes(version(), ".-+"), {Number, []} <- [string:to_integer(Part)] ],
    Numbers >= Release.


%% @doc Whether events of this release tell the receiver's status and the state of its client, as from 6.9 on.
-spec has_user_status() -> boolean().
has_user_status() ->
    is_from([6, 9]) orelse exports(mod_event_pusher_hook_translator, message_routed, 3).


%% @doc The options of each handler of a host type. Sessions call this: it is one look-up.
-spec handlers(binary()) -> [options()].
handlers(HostType) ->
    case gen_mod:get_module_opt(HostType, ?MODULE_NAME, handlers, undefined) of
        undefined -> gen_mod:get_module_opt(HostType, ?MODULE_NAME, configs, []);
        Handlers -> Handlers
    end.


%% @doc The options of each handler, from the options that `start/2' gets.
-spec handlers_of(options()) -> [options()].
handlers_of(Options) when is_map(Options) -> maps:get(handlers, Options, []);
handlers_of(Options) -> proplists:get_value(configs, Options, []).


%% @doc A handler's options, with the documented defaults.
-spec handler(options()) -> handler().
handler(Options) ->
    http_pusher_host_handler:normal(Options).


%% @doc How long sessions wait for the outcome, in milliseconds, if the handler's options say so.
-spec wait(options()) -> term().
wait(Options) when is_map(Options) -> maps:get(wait, Options, undefined);
wait(Options) -> proplists:get_value(wait, Options).


%% @doc The text of a message.
-spec body(Packet :: term()) -> binary().
body(Packet) ->
    exml_query:path(Packet, [{element, <<"body">>}, cdata], <<>>).


%% @doc Whether the host's form encoder escapes a space among other bytes as `%20', as cowlib does since
%% 2.14 (with 6.4). The engine builds the same form as the host would.
-spec escapes_in_groups() -> boolean().
escapes_in_groups() ->
    try
        cow_qs:qs([{<<>>, <<"   ~">>}]) =:= <<"=%20%20%20%7E">>
    catch
        error:undef -> false
    end.


%% @doc Sender and receiver of a message.
-spec names(From :: term(), To :: term()) -> http_pusher_nif:names().
names(From, To) ->
    {Sender, Server} = jid:to_lus(From),
    {Receiver, ReceiverServer} = jid:to_lus(To),
    {Sender, Server, Receiver, ReceiverServer}.


%% @doc Makes the metrics of a host type if the module has to do that itself (before 6.3).
-spec ensure_metrics(binary()) -> ok.
ensure_metrics(HostType) ->
    case generation() of
        Old when Old =:= v5_0; Old =:= v5_1 ->
            Metrics = [{sent, spiral}, {failed, spiral}, {response_time, histogram}],
            lists:foreach(fun({Name, Type}) ->
                                  mongoose_metrics:ensure_metric(HostType, [?MODULE_NAME, Name], Type)
                          end,
                          Metrics);
        _ ->
            ok
    end.


%% @doc The module's event, described to the host (6.3 and later).
-spec instrumentation(binary()) -> [{atom(), map(), map()}].
instrumentation(HostType) ->
    [{?EVENT, #{host_type => HostType},
              #{metrics => #{count => spiral, response_time => histogram, failure_count => spiral}}}].


%% @doc One notification was sent.
-spec count_sent(generation(),
                 binary(),
                 Sender :: binary(),
                 {Status :: pos_integer(), Microseconds :: non_neg_integer()}) -> ok.
count_sent(Generation, HostType, _Sender, {_Status, Micros}) when Generation =:= v5_0;
                                                                  Generation =:= v5_1 ->
    ok = mongoose_metrics:update(HostType, [?MODULE_NAME, sent], 1),
    ok = mongoose_metrics:update(HostType, [?MODULE_NAME, response_time], Micros);
count_sent(_Generation, HostType, Sender, {Status, Micros}) ->
    execute(HostType,
            #{
              count => 1,
              response_time => Micros,
              sender => Sender,
              response_code => integer_to_binary(Status)
             }).


%% @doc Notifications failed or were rejected.
-spec count_failed(generation(), binary(), {Sender :: binary(), Count :: pos_integer()}) -> ok.
count_failed(Generation, HostType, {_Sender, Count}) when Generation =:= v5_0; Generation =:= v5_1 ->
    ok = mongoose_metrics:update(HostType, [?MODULE_NAME, failed], Count);
count_failed(_Generation, HostType, {Sender, Count}) ->
    execute(HostType, #{failure_count => Count, sender => Sender}).


execute(HostType, Measurements) ->
    mongoose_instrument:execute(?EVENT, #{host_type => HostType}, Measurements).


%% @doc The same as those of the release's stock module.
-spec supported_features() -> [atom()].
supported_features() ->
    case generation() of
        v6_5 ->
            case version() of
                "6.5" ++ _ -> [];
                _ -> [dynamic_domains]
            end;
        _ ->
            []
    end.
