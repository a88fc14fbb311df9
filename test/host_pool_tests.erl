%% Whether a pool's endpoint is verified if no option says so: the host's own default in each generation.
%% The host's modules, from which the generation follows, are empty ones here.
-module(host_pool_tests).

-include_lib("eunit/include/eunit.hrl").

verification_by_default_test_() ->
    [{atom_to_list(Generation),
      {setup, fun() -> host(Generation) end, fun no_host/1, fun() -> Test(Generation) end}}
     || Generation <- [v5_0, v5_1, v6_3, v6_5], Test <- [fun without_a_section/1, fun with_a_bare_section/1]].

%% Without TLS options the engine verifies.
without_a_section(Generation) when Generation =:= v5_0; Generation =:= v5_1 ->
    ?assertMatch({#{tls := #{verify := none}}, [<<"https without a tls section", _/binary>>]},
                 options(Generation, none));
without_a_section(Generation) ->
    {Options, Warnings} = options(Generation, none),
    ?assertEqual({false, []}, {maps:is_key(tls, Options), Warnings}).

%% 5.0 has verify_peer = false, later releases have verify_mode = "peer".
with_a_bare_section(v5_0) ->
    ?assertMatch({#{tls := #{verify := none}}, []}, options(v5_0, [{cacertfile, "ca.pem"}]));
with_a_bare_section(Generation) ->
    ?assertMatch({#{tls := #{verify := peer}}, []}, options(Generation, #{cacertfile => "ca.pem"})).

options(Generation, Tls) ->
    Host = "https://localhost",
    Connection = case {Generation, Tls} of
                     {v5_0, none} -> [{server, Host}];
                     {v5_0, _} -> [{server, Host}, {http_opts, Tls}];
                     {_, none} -> #{host => Host};
                     {_, _} -> #{host => Host, tls => Tls}
                 end,
    Row = {mongoose_wpool, {http, global, http_pool}, best_worker, 5000},
    http_pusher_host_pool:options({Row, [{workers, 1}]}, Connection, {<<"/">>, 2000}).

%% What each generation has in addition to those before it.
host(Generation) ->
    All = [{v5_1, mongoose_config, {get_opt, 2}}, {v6_3, mongoose_instrument, {execute, 3}},
           {v6_5, mongoose_hooks, {push_event, 2}}],
    Modules = [load(Module, Function) || {Since, Module, Function} <- All, Since =< Generation],
    ?assertEqual(Generation, http_pusher_host:generation()),
    Modules.

load(Module, {Name, Arity}) ->
    Clause = {clause, 1, [{var, 1, '_'} || _ <- lists:seq(1, Arity)], [], [{atom, 1, ok}]},
    {ok, Module, Code} = compile:forms([{attribute, 1, module, Module},
                                        {attribute, 1, export, [{Name, Arity}]},
                                        {function, 1, Name, Arity, [Clause]}]),
    {module, Module} = code:load_binary(Module, "made here", Code),
    Module.

no_host(Modules) ->
    [begin
         _ = code:purge(Module),
         _ = code:delete(Module),
         _ = code:purge(Module)
     end || Module <- Modules],
    ?assertEqual(v5_0, http_pusher_host:generation()).
