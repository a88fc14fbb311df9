%% The terms of each generation for what host_ctl has in one form: configuration, pools, handlers and
%% elements; and how to read the metrics.
-module(host_terms).

-export([config/2, pool/4, modules/2, element/4, cdata/2, acc_of/1, message_event/2]).
-export([metrics/3, reset_metrics/3]).

%% v6_9 has the terms of v6_5, except for the events.
-type generation() :: v5_0 | v6_5.

-define(EVENT, mod_event_pusher_http_sent).

%% @doc What the host has instead of a parsed configuration file.
-spec config(generation(), map()) -> map().
config(v5_0, Opts) ->
    Modules = [{{modules, HostType}, modules(v5_0, Handlers)}
               || {HostType, Handlers} <- maps:get(modules, Opts, [])],
    #{global => #{hosts => hosts(Opts), host_types => maps:get(host_types, Opts, [])},
      local => maps:from_list([{outgoing_pools, pools(v5_0, Opts)} | Modules])};
config(v6_5, Opts) ->
    HostTypes = hosts(Opts) ++ maps:get(host_types, Opts, []),
    Started = maps:get(modules, Opts, []),
    Modules = [{{modules, HostType},
                maps:from_list(modules(v6_5, Handlers) ++ back_end_module(Handlers))}
               || {HostType, Handlers} <- Started],
    Idle = [{{modules, HostType}, #{}}
            || HostType <- HostTypes, not lists:keymember(HostType, 1, Started)],
    maps:from_list([{hosts, hosts(Opts)}, {host_types, maps:get(host_types, Opts, [])},
                    {outgoing_pools, pools(v6_5, Opts)}, {instrumentation, instrumentation(Opts)}
                    | Modules ++ Idle]).

%% @doc A pool as the host's configuration has it after parsing.
-spec pool(generation(), global | host | host_type | binary(), atom(), map()) -> tuple() | map().
pool(v5_0, Scope, Tag, Pool) ->
    Connection = [{Key, value_a(Key, Value)}
                  || {Key, Option} <- [{server, host}, {path_prefix, path_prefix},
                                       {request_timeout, request_timeout}, {http_opts, tls}],
                     {ok, Value} <- [maps:find(Option, Pool)]],
    PoolOpts = maps:to_list(maps:with([workers, strategy, call_timeout], Pool)),
    {http, Scope, Tag, PoolOpts, Connection};
pool(v6_5, Scope, Tag, Pool) ->
    Connection = maps:merge(#{path_prefix => <<"/">>, request_timeout => 2000},
                            maps:with([host, path_prefix, request_timeout, tls], Pool)),
    #{type => http, scope => Scope, tag => Tag,
      opts => maps:merge(#{workers => 10, strategy => best_worker, call_timeout => 5000},
                         maps:with([workers, strategy, call_timeout, max_worker_queue_len], Pool)),
      conn_opts => maps:map(fun value_d/2, Connection)}.

%% @doc mod_event_pusher with these handlers of the back end http.
-spec modules(generation(), [map() | proplists:proplist()]) -> [{module(), term()}].
modules(v5_0, Handlers) ->
    Entries = [{http, [{Key, value_a(Key, Value)} || {Key, Value} <- pairs(Handler)]}
               || Handler <- Handlers],
    [{mod_event_pusher, [{backends, Entries}]}];
modules(v6_5, Handlers) ->
    Maps = [with_defaults(maps:map(fun value_d/2, maps:from_list(pairs(Handler)))) || Handler <- Handlers],
    [{mod_event_pusher, #{http => #{handlers => Maps}}}].

-spec element(generation(), binary(), [{binary(), binary()}], [tuple()]) -> tuple().
element(v5_0, Name, Attrs, Children) -> {xmlel, Name, Attrs, Children};
element(v6_5, Name, Attrs, Children) -> {xmlel, Name, maps:from_list(Attrs), Children}.

-spec cdata(generation(), iodata()) -> tuple().
cdata(v5_0, Text) -> {xmlcdata, Text};
cdata(v6_5, Text) -> {xmlcdata, Text, escaped}.

-spec acc_of({tuple(), tuple(), map(), tuple()}) -> map().
acc_of({_From, _To, Acc, _Packet}) ->
    Acc.

%% @doc The event of a message that was sent or routed, as the generation has it.
-spec message_event(v5_0 | v6_5 | v6_9, {atom(), in | out, tuple(), tuple(), tuple()}) -> tuple().
message_event(v6_9, {Type, in, From, To, Packet}) ->
    {msg_event, Type, in, From, To, Packet, {online, #{}}};
message_event(v6_9, {Type, out, From, To, Packet}) ->
    {msg_event, Type, out, From, To, Packet, {online, #{client_state => active}}};
message_event(_, {Type, Direction, From, To, Packet}) ->
    {chat_event, Type, Direction, From, To, Packet}.

-spec metrics(generation(), binary(), [atom()]) -> host_metrics:metrics().
metrics(v5_0, HostType, _BackEnds) ->
    Prefix = [mongoose_metrics:make_host_type_name(HostType), mod_event_pusher_http],
    #{sent => count(Prefix ++ [sent]), failed => count(Prefix ++ [failed]),
      response_times => exometer:all_values(Prefix ++ [response_time])};
metrics(v6_5, HostType, BackEnds) ->
    Labels = #{host_type => HostType},
    Counted = fun(Metric) ->
                      case lists:member(prometheus, BackEnds) of
                          true -> mongoose_instrument_prometheus:counter(?EVENT, Labels, Metric);
                          false -> count([exometer_prefix(HostType), ?EVENT, Metric])
                      end
              end,
    #{sent => Counted(count), failed => Counted(failure_count),
      response_times => [Time || {?EVENT, #{host_type := In}, #{response_time := Time}}
                                     <- mongoose_instrument_recorder:events(), In =:= HostType]}.

-spec reset_metrics(generation(), binary(), [atom()]) -> ok.
reset_metrics(v5_0, HostType, _BackEnds) ->
    Prefix = [mongoose_metrics:make_host_type_name(HostType), mod_event_pusher_http],
    [exometer:reset(Name) || {Name, _, _} <- exometer:find_entries(Prefix)],
    ok;
reset_metrics(v6_5, HostType, BackEnds) ->
    [mongoose_instrument_prometheus:reset(?EVENT, #{host_type => HostType})
     || lists:member(prometheus, BackEnds)],
    [exometer:reset(Name)
     || {Name, _, _} <- exometer:find_entries([exometer_prefix(HostType), ?EVENT])],
    mongoose_instrument_recorder:clear().

hosts(Opts) ->
    maps:get(hosts, Opts, [<<"localhost">>]).

pools(Generation, Opts) ->
    [pool(Generation, Scope, Tag, Pool) || {Scope, Tag, Pool} <- maps:get(pools, Opts, [])].

%% The configuration's modules include those that they depend on.
back_end_module(Handlers) ->
    [{mod_event_pusher, #{http := HttpOpts}}] = modules(v6_5, Handlers),
    [{mod_event_pusher_http, HttpOpts}].

instrumentation(Opts) ->
    BackEnds = [{BackEnd, back_end(BackEnd)} || BackEnd <- maps:get(handlers, Opts, [prometheus])],
    Recorder = [{recorder, #{}} || maps:get(record, Opts, true)],
    maps:from_list([{probe_interval, 15} | BackEnds ++ Recorder]).

back_end(prometheus) -> #{};
back_end(exometer) -> #{all_metrics_are_global => false, report => #{}}.

pairs(Handler) when is_map(Handler) -> maps:to_list(Handler);
pairs(Handler) -> Handler.

%% 5.0.0 has strings for texts, 6.8.0 binaries except for the pool's host; 6.8.0 removes one leading slash
%% from a handler's path when it reads the configuration.
value_a(Key, Value) when Key =:= server; Key =:= path_prefix; Key =:= path ->
    binary_to_list(iolist_to_binary(Value));
%% What a case wants its callback module to return.
value_a(Key, Value) when Key =:= body; Key =:= own_headers ->
    Value;
value_a(_Key, Section) when is_map(Section) ->
    [{Key, value_a(Key, Value)} || {Key, Value} <- maps:to_list(Section)];
value_a(_Key, Sections = [Section | _]) when is_map(Section) ->
    [value_a(section, Each) || Each <- Sections];
value_a(_Key, Value) ->
    Value.

%% What the module's own specification fills in. Rules decide without a callback module.
with_defaults(Handler = #{rules := _}) ->
    maps:merge(#{pool_name => http_pool, path => <<>>}, Handler);
with_defaults(Handler) ->
    maps:merge(#{pool_name => http_pool, path => <<>>, callback_module => mod_event_pusher_http_defaults},
               Handler).

value_d(host, Value) -> binary_to_list(iolist_to_binary(Value));
value_d(path_prefix, Value) -> iolist_to_binary(Value);
value_d(path, Value) -> without_slash(iolist_to_binary(Value));
value_d(_Key, Value) -> Value.

without_slash(<<"/", Rest/binary>>) -> Rest;
without_slash(Path) -> Path.

count(Name) ->
    case exometer:get_value(Name, [count]) of
        {ok, [{count, Count}]} -> Count;
        {error, not_found} -> 0
    end.

exometer_prefix(HostType) ->
    binary:replace(HostType, <<" ">>, <<"_">>, [global]).
