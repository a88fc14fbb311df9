%% @doc The host adapter's view of a live `outgoing_pools.http' pool, as options of the engine.
%%
%% Part of the host adapter: it reads the tables and the manager of mongoose_wpool in each
%% generation's form. Only {@link is_listed/1} is for sessions; the rest can wait for the
%% manager as long as that is starting pools.
-module(http_pusher_host_pool).

-export([is_listed/1, find/1, options/3]).

-export_type([pool/0, options/0]).

-type options() :: #{atom() => term()}.
%% `given' is a digest of what the host was given for the pool; `whole' is false if its tables were
%% incomplete.
-type pool() :: #{
                  pid := pid(),
                  options := options(),
                  warnings := [binary()],
                  given := binary(),
                  whole := boolean()
                 }.

-define(MANAGER, mongoose_wpool_http_mgr).
%% Milliseconds between two attempts, about a second in all: the host takes a few steps to write what is
%% missing.
-define(WAIT, [1, 2, 4, 8, 16 | lists:duplicate(50, 20)]).
%% The manager may be starting a pool whose endpoint does not answer.
-define(MANAGER_TIMEOUT, 30000).


%% @doc Whether the host lists the pool. It still lists one that has crashed, and no longer lists one that
%% was stopped.
-spec is_listed(http_pusher_pool_key:pool_key()) -> boolean().
is_listed({Scope, Tag}) ->
    try
        ets:member(mongoose_wpool, {http, Scope, Tag})
    catch
        error:badarg -> false
    end.


%% @doc The pool as it runs now. `not_started' if it does not run, also while it is being restarted;
%% `unreadable' if it runs, but the host lacks what Missing names, or its manager has not answered.
%%
%% If it ends while it is being read, the result is what was read until then: it has lived, and
%% notifications may have come for it.
-spec find(http_pusher_pool_key:pool_key()) -> {ok, pool()} | not_started | {unreadable, Missing :: [atom()]}.
find(Key) ->
    case whereis(http_pusher_pool_key:process_name(Key)) of
        undefined ->
            not_started;
        Pid ->
            Ref = erlang:monitor(process, Pid),
            Read = read(Key, Ref, #{}, ?WAIT),
            erlang:demonitor(Ref, [flush]),
            case Read of
                {unreadable, _} -> Read;
                #{manager := _} -> {ok, found(Key, Pid, Read)};
                _ -> not_started
            end
    end.


%% The manager starts the process, enters its row in mongoose_wpool_http and then in its own state, and
%% answers; then the process that asked for the pool enters the row in mongoose_wpool. So what is missing
%% appears in a moment.
read(Key = {Scope, Tag}, Ref, Known0, Waits) ->
    Known = maps:merge(manager(Key, Known0),
                       maps:from_list([ {Table, Row} || {Table, RowKey} <- [{mongoose_wpool, {http, Scope, Tag}},
                                                                            {mongoose_wpool_http, {Scope, Tag}}],
                                                        Row <- rows(Table, RowKey) ])),
    case Known of
        #{manager := _, mongoose_wpool := _, mongoose_wpool_http := _} ->
            Known;
        #{manager_is_late := true} ->
            missing(Known);
        _ ->
            receive
                {'DOWN', Ref, process, _, _} -> Known
            after
                hd(Waits) ->
                    case tl(Waits) of
                        [] -> missing(Known);
                        Rest -> read(Key, Ref, Known, Rest)
                    end
            end
    end.


missing(Known) ->
    Places = [{manager, ?MANAGER}, {mongoose_wpool, mongoose_wpool}, {mongoose_wpool_http, mongoose_wpool_http}],
    {unreadable, [ Place || {Part, Place} <- Places, not is_map_key(Part, Known) ]}.


%% A manager that takes so long is not asked once more by the same look, which would take half an hour.
manager(_Key, Known = #{manager := _}) ->
    Known;
manager({Scope, Tag}, Known) ->
    try
        {state, http, Pools, _} = sys:get_state(?MANAGER, ?MANAGER_TIMEOUT),
        Known#{manager => maps:get({http, Scope, Tag}, Pools)}
    catch
        exit:{timeout, _} -> Known#{manager_is_late => true};
        _:_ -> Known
    end.


rows(Table, Key) ->
    try
        ets:lookup(Table, Key)
    catch
        error:badarg -> []
    end.


%% Defaults stand in for a row that the host has not written yet or has already deleted.
found({Scope, Tag}, Pid, Known = #{manager := #{wpool_opts := WpoolOpts, conn_opts := ConnOpts}}) ->
    Row = maps:get(mongoose_wpool, Known, {mongoose_wpool, {http, Scope, Tag}, best_worker, 5000}),
    Http = case Known of
               #{mongoose_wpool_http := {_, Prefix, RequestTimeout}} ->
                   {Prefix, RequestTimeout};
               _ ->
                   {connection(path_prefix, ConnOpts, <<"/">>),
                    connection(request_timeout, ConnOpts, 2000)}
           end,
    {Options, Warnings} = options({Row, WpoolOpts}, ConnOpts, Http),
    #{
      pid => Pid,
      options => Options,
      warnings => Warnings,
      given => erlang:md5(term_to_binary({WpoolOpts, ConnOpts})),
      whole => is_map_key(mongoose_wpool, Known) andalso is_map_key(mongoose_wpool_http, Known)
     }.


connection(Key, ConnOpts, Default) when is_map(ConnOpts) -> maps:get(Key, ConnOpts, Default);
connection(Key, ConnOpts, Default) -> proplists:get_value(Key, ConnOpts, Default).


%% @doc The engine's options for what the host knows of a pool.
-spec options({Row :: tuple(), WpoolOpts :: [term()]},
              ConnOpts :: [term()] | map(),
              {Prefix :: binary() | string(), RequestTimeout :: non_neg_integer()}) ->
          {options(), Warnings :: [binary()]}.
options({Row, WpoolOpts}, ConnOpts, {Prefix, RequestTimeout}) ->
    {Strategy, CallTimeout} = strategy(Row),
    {StrategyName, QueueLen} = strategy_options(Strategy, WpoolOpts),
    {Tls, Warnings} = tls(ConnOpts),
    Options = #{
                host => text(host(ConnOpts)),
                path_prefix => text(Prefix),
                request_timeout => RequestTimeout,
                call_timeout => CallTimeout,
                workers => proplists:get_value(workers, WpoolOpts, default_workers(ConnOpts)),
                strategy => StrategyName
               },
    {maps:merge(maps:merge(Options, QueueLen), Tls), Warnings}.


strategy({mongoose_wpool, _Name, Strategy, CallTimeout}) -> {Strategy, CallTimeout};
strategy({mongoose_wpool, _Name, _Atom, Strategy, CallTimeout}) -> {Strategy, CallTimeout}.


%% From 6.6 on a bounded best_worker is a fun, and its bound is only in the fun's environment.
strategy_options(Strategy, _WpoolOpts) when is_function(Strategy) ->
    {env, Env} = erlang:fun_info(Strategy, env),
    case [ Bound || Bound <- Env, is_integer(Bound) ] of
        [Bound] -> {<<"best_worker">>, #{max_worker_queue_len => Bound}};
        _ -> {<<"best_worker">>, #{}}
    end;
strategy_options(Strategy, WpoolOpts) ->
    QueueLen = case proplists:get_value(max_worker_queue_len, WpoolOpts) of
                   Bound when is_integer(Bound) -> #{max_worker_queue_len => Bound};
                   _ -> #{}
               end,
    {atom_to_binary(Strategy, utf8), QueueLen}.


host(ConnOpts) when is_map(ConnOpts) -> maps:get(host, ConnOpts);
host(ConnOpts) -> proplists:get_value(server, ConnOpts).


%% worker_pool's own default applies in 5.0, which sets none; later releases always set it.
default_workers(ConnOpts) when is_list(ConnOpts) -> 100;
default_workers(_ConnOpts) -> 10.


tls(#{tls := Tls}) ->
    {#{tls => tls_map(Tls)}, []};
tls(ConnOpts) when is_map(ConnOpts) ->
    case is_https(host(ConnOpts)) andalso http_pusher_host:generation() of
        v5_1 -> unverified();
        _ -> {#{}, []}
    end;
tls(ConnOpts) ->
    case {is_https(host(ConnOpts)), proplists:get_value(http_opts, ConnOpts, [])} of
        {true, []} -> unverified();
        {false, []} -> {#{}, []};
        {_, HttpOpts} -> {#{tls => tls_list(HttpOpts)}, []}
    end.


%% By default, the ssl application of the OTP releases that these run on verifies nothing.
unverified() ->
    {#{tls => #{verify => none}},
     [<<"https without a tls section: the endpoint's certificate is not verified, as in the stock "
        "module of this release; set verify_peer (5.0) or verify_mode = \"peer\" to change that">>]}.


%% 5.0: a flat list of ssl options.
tls_list(Opts) ->
    Verify = case proplists:get_value(verify, Opts) of
                 verify_peer -> peer;
                 _ -> none
             end,
    Sni = proplists:get_value(server_name_indication, Opts) =/= disable,
    Texts = [ {Key, text(Value)} || Key <- [cacertfile, certfile, keyfile, password, ciphers],
                                    Value <- proplists:get_all_values(Key, Opts) ],
    Versions = versions(proplists:get_value(versions, Opts)),
    Ignored = ignored([ dhfile || proplists:is_defined(dhfile, Opts) ]),
    maps:merge(maps:from_list(Texts ++ Versions ++ Ignored), #{verify => Verify, sni => Sni}).


%% From 5.1 on: the section as a map.
tls_map(Tls) ->
    Verify = case maps:get(verify_mode, Tls, peer) of
                 selfsigned_peer -> selfsigned_peer;
                 none -> none;
                 peer -> peer
             end,
    Texts = [ {Key, text(maps:get(Key, Tls))}
              || Key <- [cacertfile, certfile, keyfile, password, ciphers], maps:is_key(Key, Tls) ],
    AcceptAny = [ {accept_any, true} || not maps:get(disconnect_on_failure, Tls, true) ],
    Versions = versions(maps:get(versions, Tls, undefined)),
    Ignored = ignored([ dhfile || maps:is_key(dhfile, Tls) ] ++
                      [ crl_files || maps:get(crl_files, Tls, []) =/= [] ]),
    maps:merge(maps:from_list([{verify, Verify} | Texts ++ AcceptAny ++ Versions ++ Ignored]),
               sni(maps:get(server_name_indication, Tls, #{}))).


sni(Sni) when is_map(Sni) ->
    Enabled = maps:get(enabled, Sni, true),
    Other = [ {sni_host, text(maps:get(host, Sni))} || maps:is_key(host, Sni) ] ++
        [ {sni_protocol, atom_to_binary(maps:get(protocol, Sni), utf8)}
          || maps:is_key(host, Sni), maps:is_key(protocol, Sni) ],
    maps:from_list([{sni, Enabled} | Other]);
sni(Enabled) ->
    #{sni => Enabled =/= false}.


versions(undefined) -> [];
versions(Versions) -> [{versions, [ atom_to_binary(Version, utf8) || Version <- Versions ]}].


ignored([]) -> [];
ignored(Names) -> [{ignored, [ atom_to_binary(Name, utf8) || Name <- Names ]}].


is_https(Host) ->
    string:lowercase(string:slice(text(Host), 0, 6)) =:= <<"https:">>.


text(Value) ->
    http_pusher_utf8:text(Value).
