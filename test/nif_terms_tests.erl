%% Every exported function of the library, called with terms of the wrong type in every place, raises badarg
%% and never crashes; and no function is exported that is not called here.
-module(nif_terms_tests).

-include_lib("eunit/include/eunit.hrl").

-define(NIF, http_pusher_nif).

wrong_terms_test_() ->
    {timeout, 60,
     {setup, fun start/0, fun stop/1,
      [{lists:flatten(io_lib:format("~ts/~b", [Name, length(Types)])), fun() -> wrong(Name, Types) end}
       || {Name, Types} <- functions(), Types =/= []]}}.

every_exported_function_is_here_test() ->
    Exported = [F || {Name, _} = F <- ?NIF:module_info(exports), Name =/= module_info],
    ?assertEqual(lists:sort(Exported),
                 lists:sort([{Name, length(Types)} || {Name, Types} <- functions()])).

%% Terms of the right type that refer to nothing.
unknown_numbers_test_() ->
    {setup, fun start/0, fun stop/1,
     [fun() ->
          No = 4294967295,
          Names = example(names),
          ?assertMatch({error, {pool_not_started, _}}, ?NIF:configure_pool(No, example(options))),
          ?assertMatch({error, {pool_not_started, _}}, ?NIF:open_pool(No)),
          ?assertMatch({error, {pool_not_started, _}}, ?NIF:opening(No)),
          ?assertMatch({error, {pool_not_started, _}}, ?NIF:hand_over(No, No)),
          ?assertMatch({error, {pool_not_started, _}}, ?NIF:drain_pool(No)),
          ?assertMatch({error, {pool_not_started, _}}, ?NIF:resume_pool(No)),
          ?assertMatch({error, {pool_not_started, _}}, ?NIF:close_pool(No, 0)),
          ?assertEqual(undefined, ?NIF:host_type_info(<<"nobody">>)),
          ?assertEqual(ok, ?NIF:close_host_type(<<"nobody">>)),
          ?assertEqual(ok, ?NIF:abort_host_type(<<"nobody">>)),
          ?assertEqual(ok, ?NIF:rejections_counted(No, queue_full, 1)),
          [?assertError(badarg, Call())
           || Call <- [fun() -> ?NIF:handler_info(No) end,
                       fun() -> ?NIF:reject(No, queue_full, <<>>, <<>>, <<>>) end,
                       fun() -> ?NIF:push_form(0, No, in, Names, <<>>) end,
                       fun() -> ?NIF:push_form_dirty(0, No, in, Names, <<>>) end,
                       fun() -> ?NIF:push_custom(0, No, in, Names, [], <<>>) end,
                       fun() -> ?NIF:push_custom_dirty(0, No, in, Names, [], <<>>) end,
                       fun() -> ?NIF:push_event(0, No, in, Names, example(facts), <<>>) end,
                       fun() -> ?NIF:push_event_dirty(0, No, in, Names, example(facts), <<>>) end]]
      end]}.

start() ->
    ok = ?NIF:start_engine(example(settings)),
    0 = ?NIF:unacknowledged().

stop(_) ->
    ok = ?NIF:stop_engine().

%% Each argument in turn, the others being valid; then all arguments at once.
wrong(Name, Types) ->
    Good = [example(Type) || Type <- Types],
    [begin
         Args = lists:sublist(Good, Place - 1) ++ [Term | lists:nthtail(Place, Good)],
         badarg(Name, Args)
     end || {Place, Type} <- lists:zip(lists:seq(1, length(Types)), Types),
            Term <- odd_terms() ++ wrong_inside(Type), not is(Type, Term)],
    [badarg(Name, [Term || _ <- Types]) || Term <- odd_terms(), not is(hd(Types), Term)],
    ok.

badarg(Name, Args) ->
    ?assertEqual({Name, Args, {error, badarg}},
                 {Name, Args, try {returned, apply(?NIF, Name, Args)}
                              catch Class:Reason -> {Class, Reason}
                              end}).

functions() ->
    Form = [id, id, direction, names, binary],
    Custom = [id, id, direction, names, headers, binary],
    Event = [id, id, direction, names, facts, binary],
    [{start_engine, [settings]}, {stop_engine, []}, {engine_runs, []}, {ping, []},
     {measure_calls, [boolean]}, {measured_calls, []},
     {open_host_type, [text]}, {close_host_type, [text]}, {abort_host_type, [text]},
     {host_type_info, [text]}, {host_types, []},
     {create_pool, [text]}, {configure_pool, [id, options]}, {open_pool, [id]}, {opening, [id]},
     {hand_over, [id, id]}, {drain_pool, [id]},
     {resume_pool, [id]}, {close_pool, [id, number]}, {pools, []}, {metrics, []},
     {handler, [text, text, text, plan]}, {handler_info, [id]}, {describe_url, [text, text]},
     {push_form, Form}, {push_form_dirty, Form}, {push_custom, Custom}, {push_custom_dirty, Custom},
     {push_event, Event}, {push_event_dirty, Event},
     {reject, [id, reason, binary, text, binary]},
     {open_spool, [text, boolean]}, {spools, []},
     {attach, [number]}, {take_outcomes, [number, boolean]}, {outcome_counted, [number]}, {unacknowledged, []},
     {rejections, []}, {rejections_counted, [id, reason, number]}, {notices, []}].

%% The first test that needs handler 0 creates it.
example(id) -> 0;
example(number) -> 1;
example(boolean) -> true;
example(text) -> <<"text">>;
example(binary) -> <<0, 255>>;
example(direction) -> in;
example(reason) -> queue_full;
example(names) -> {<<"alice">>, <<"localhost">>, <<"bob">>, <<"localhost">>};
example(headers) -> [{<<"x-a">>, <<"b">>}];
example(facts) ->
    facts([{<<"metadata.a">>, 1.5}, {<<"metadata.b">>, true}]);
example(plan) ->
    #{format => cloudevents, include => [stanza, unread], omit => [body], cloudevents_mode => binary,
      cloudevents_source => <<"urn:a">>, signing => {file, <<"etc/no_such_file">>},
      headers => [{<<"x-a">>, {value, <<"a">>}}, {<<"x-b">>, {file, <<"no_such_file">>}},
                  {<<"x-c">>, {env, <<"NO_SUCH_VARIABLE">>}}],
      auth => {bearer, {env, <<"NO_SUCH_VARIABLE">>}}, compress => zstd, rate => #{per_second => 1, burst => 2}};
example(settings) ->
    #{tokio_threads => 1, reporters => 1, max_pending => 100, max_pending_bytes => 100000,
      max_node_bytes => 1000000, max_lane_percent => 10,
      max_connection_age => 0, escapes_in_groups => true,
      spool_dir => <<"_build/nif_terms_spool">>, node => <<"nonode@nohost">>, spool_max_bytes => 1 bsl 30,
      spool_sync => normal, dead_letters_max_bytes => 1 bsl 20, dead_letters_max_age => 1000};
example(options) ->
    #{host => <<"http://127.0.0.1:1">>, path_prefix => <<"/">>, request_timeout => 1,
      call_timeout => 1, workers => 1, strategy => <<"best_worker">>}.

odd_terms() ->
    [foo, true, in, queue_full, '', 0, 1, -1, 1.5, 1 bsl 32, -(1 bsl 31), 1 bsl 64, -(1 bsl 80),
     <<>>, <<"text">>, <<255, 254>>, <<1:7>>, <<0:4096>>, [], [foo], [1, 2, 3], "string",
     [<<"a">> | <<"b">>], [{<<"x-a">>, <<"b">>} | {<<"x-b">>, <<"c">>}], {}, {foo}, {1, 2, 3, 4},
     {<<>>, <<>>, <<>>}, #{}, #{a => b}, #{<<"host">> => 1}, self(), make_ref(),
     fun() -> ok end, fun erlang:self/0, hd(erlang:ports())].

%% Almost valid.
wrong_inside(names) ->
    [setelement(N, example(names), Term) || N <- [1, 2, 3, 4], Term <- [foo, 1, "text", <<1:3>>]];
wrong_inside(direction) ->
    [{in, Term} || Term <- odd_terms(), not is_binary(Term)] ++ [{Term, <<>>} || Term <- odd_terms(), Term =/= in]
        ++ [{in, <<>>, <<>>}];
wrong_inside(headers) ->
    [[{<<"x-a">>, Term}] || Term <- odd_terms(), not is_binary(Term)]
        ++ [[{Term, <<"b">>}] || Term <- odd_terms(), not is_binary(Term)]
        ++ [[{<<"x-a">>, <<"b">>, <<"c">>}], [{<<"x-a">>, <<"b">>}, foo]];
wrong_inside(facts) ->
    [setelement(N, example(facts), Term) || N <- [1, 2, 4, 5, 6], Term <- odd_terms(), not is_binary(Term)]
        ++ [setelement(3, example(facts), Term) || Term <- odd_terms(), not is(timestamp, Term)]
        ++ [facts(Term) || Term <- odd_terms(), not is(headers, Term)]
        ++ [facts([{<<"a">>, Term}]) || Term <- odd_terms(), not is_value(Term)]
        ++ [facts([{Term, <<"b">>}]) || Term <- odd_terms(), not is_binary(Term)]
        ++ [facts(Others) || Others <- [[{<<"a">>, <<"b">>, <<"c">>}], [{<<"a">>, <<"b">>}, foo],
                                        [{<<"a">>, <<"b">>} | foo], [{<<"a">>, 1 bsl 63}]]];
wrong_inside(plan) ->
    Example = example(plan),
    [Example#{Key => Term} || Key <- maps:keys(Example),
                              Term <- [foo, -1, {}, [foo], [stanza | unread], #{}, <<255>>, [<<"a">>]]]
        ++ [Example#{unknown => 1}, Example#{<<"format">> => json}]
        ++ [Example#{format => template}, Example#{format => template, template_file => <<"a">>},
            Example#{format => template, template_file => a, content_type => <<"text/plain">>},
            Example#{format => template, template_file => <<"a">>, content_type => text},
            Example#{format => template, template_file => <<255>>, content_type => <<"text/plain">>}]
        ++ [Example#{batch => Batch}
            || Batch <- [foo, [], #{max_events => 0}, #{max_events => a}, #{max_bytes => 1}, #{linger => -1},
                         #{linger => 60001}, #{unknown => 1}]]
        ++ [Example#{rate => Rate}
            || Rate <- [#{burst => 1}, #{per_second => 0}, #{per_second => 1, burst => 0}, #{per_second => 1, a => 1}]]
        ++ [Example#{auth => Auth} || Auth <- wrong_auth()]
        ++ [Example#{signing => Source} || Source <- wrong_secrets()]
        ++ [Example#{headers => Headers}
            || Headers <- [[{<<"x-a">>, Source} || Source <- wrong_sources()],
                           [{foo, {value, <<"a">>}}], [{<<"x-a">>, {value, <<"a">>}} | foo],
                           [{<<255>>, {value, <<"a">>}}]]];
wrong_inside(Map) when Map =:= settings; Map =:= options ->
    Example = example(Map),
    [maps:remove(Key, Example) || Key <- maps:keys(Example)]
        ++ [Example#{Key => Term} || Key <- maps:keys(Example), Term <- [foo, -1, {}, [foo], #{}]]
        ++ [Example#{unknown => 1} || Map =:= options]
        ++ [Example#{tls => Tls} || Map =:= options, Tls <- wrong_tls()];
wrong_inside(_Type) ->
    [].

facts(Others) ->
    {<<"msg">>, <<"chat">>, 1, <<"online">>, <<"phone">>, <<>>, Others}.

is_value(Term) ->
    is_binary(Term) orelse is_boolean(Term) orelse is_float(Term) orelse is(timestamp, Term).

wrong_sources() ->
    [foo, {}, <<"a">>, {foo, <<"a">>}, {<<"file">>, <<"a">>}, {file, a}, {file, "a"}, {file, <<255>>},
     {file, <<"a">>, <<"b">>}].

%% A secret is no value of the configuration.
wrong_secrets() ->
    [{value, <<"5ecret">>} | wrong_sources()].

wrong_auth() ->
    OAuth2 = #{token_url => <<"http://localhost/">>, client_id => <<"id">>,
               client_secret => {env, <<"SECRET">>}},
    [{bearer, Source} || Source <- wrong_secrets()]
        ++ [{basic, <<"user">>, Source} || Source <- wrong_secrets()]
        ++ [{oauth2, OAuth2#{client_secret => Source}} || Source <- wrong_secrets()]
        ++ [{oauth2, maps:remove(Key, OAuth2)} || Key <- maps:keys(OAuth2)]
        ++ [{oauth2, OAuth2#{Key => Term}} || Key <- [scope | maps:keys(OAuth2)], Term <- [foo, 1, {}, <<255>>]]
        ++ [{oauth2, OAuth2#{unknown => 1}}, {oauth2, foo}, {google, foo}, {google, <<255>>}, {foo, <<"a">>},
            {basic, user, {env, <<"A">>}}, {basic, {env, <<"A">>}}, {foo, <<"user">>, {env, <<"A">>}}].

wrong_tls() ->
    [foo, 1, [], #{unknown => 1}, #{verify => maybe_not}, #{verify => 1}, #{accept_any => 1},
     #{sni => <<"yes">>}, #{versions => <<"tlsv1.2">>}, #{versions => [tls]}, #{ciphers => 1},
     #{certfile => foo}, #{password => 1}, #{ignored => foo}, #{ignored => [<<"a">> | <<"b">>]}, #{versions => [<<"a">> | b]},
     #{<<"verify">> => peer}].

is(id, Term) -> is_integer(Term) andalso Term >= 0 andalso Term < 1 bsl 32;
is(number, Term) -> is_integer(Term) andalso Term >= 0 andalso Term < 1 bsl 64;
is(boolean, Term) -> is_boolean(Term);
is(text, Term) -> is_binary(Term) andalso is_list(unicode:characters_to_list(Term));
is(binary, Term) -> is_binary(Term);
is(direction, Term) -> Term =:= in;
is(reason, Term) -> Term =:= queue_full;
is(headers, Term) -> Term =:= [];
is(timestamp, Term) -> is_integer(Term) andalso Term >= -(1 bsl 63) andalso Term < 1 bsl 63;
is(plan, Term) -> Term =:= #{};
is(_Type, _Term) -> false.
