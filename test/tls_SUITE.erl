%% https pools, with options in each generation's own terms, and an endpoint that speaks TLS. The engine's
%% tests check each TLS option in detail.
-module(tls_SUITE).


-import(pusher_case, [module/1, endpoint/1, send/2, received/1, wait_sent/1, wait_reason/2]).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all().

groups() ->
    pusher_case:groups(
      [a_certificate_of_a_known_authority,
       a_certificate_of_an_unknown_authority,
       a_certificate_for_another_name,
       verification_switched_off,
       a_client_certificate_where_one_is_demanded,
       no_client_certificate_where_one_is_demanded,
       one_version_alone,
       a_file_that_is_not_there,
       a_file_that_comes_late,
       a_file_that_comes_very_late,
       a_file_that_is_mended,
       https_without_a_tls_section]).

init_per_suite(Config) ->
    Dir = filename:join(proplists:get_value(priv_dir, Config), "certs"),
    ok = filelib:ensure_dir(filename:join(Dir, "x")),
    Port = open_port({spawn_executable, test_endpoint:binary()}, [{args, ["--make-certs", Dir]}, exit_status]),
    receive {Port, {exit_status, 0}} -> ok after 120000 -> error(no_certificates) end,
    [{certs, Dir} | Config].

end_per_suite(_Config) ->
    ok.

init_per_testcase(Case, Config) ->
    Server = case Case of a_certificate_for_another_name -> "wrong-name"; _ -> "server" end,
    Own = #{cert => file(Config, Server ++ ".pem"), key => file(Config, Server ++ ".key")},
    Tls = case Case of
              a_client_certificate_where_one_is_demanded -> Own#{client_ca => file(Config, "ca.pem")};
              no_client_certificate_where_one_is_demanded -> Own#{client_ca => file(Config, "ca.pem")};
              _ -> Own
          end,
    pusher_case:start(Config, #{endpoint => #{tls => Tls}}).

end_per_testcase(_Case, Config) ->
    pusher_case:finish(Config).

a_certificate_of_a_known_authority(Config) ->
    pool(Config, [verify, {cacertfile, file(Config, "ca.pem")}]),
    [send(<<"alice">>, <<"hi">>) || _ <- [1, 2, 3]],
    wait_sent(3),
    ?assertMatch([#{tls := <<"TLS", _/binary>>} | _], received(Config)),
    ?assertMatch(#{connections_accepted := 1}, test_endpoint:stats(endpoint(Config))).

a_certificate_of_an_unknown_authority(Config) ->
    pool(Config, [verify, {cacertfile, file(Config, "other-ca.pem")}]),
    refused(Config).

a_certificate_for_another_name(Config) ->
    pool(Config, [verify, {cacertfile, file(Config, "ca.pem")}]),
    refused(Config).

verification_switched_off(Config) ->
    pool(Config, [no_verify, {cacertfile, file(Config, "other-ca.pem")}]),
    send(<<"alice">>, <<"hi">>),
    wait_sent(1).

a_client_certificate_where_one_is_demanded(Config) ->
    pool(Config, [verify, {cacertfile, file(Config, "ca.pem")}, {certfile, file(Config, "client.pem")},
                  {keyfile, file(Config, "client.key")}]),
    send(<<"alice">>, <<"hi">>),
    wait_sent(1),
    [#{tls := Tls}] = received(Config),
    ?assertNotEqual(nomatch, string:find(Tls, "client=yes")).

no_client_certificate_where_one_is_demanded(Config) ->
    pool(Config, [verify, {cacertfile, file(Config, "ca.pem")}]),
    refused(Config).

one_version_alone(Config) ->
    pool(Config, [verify, {cacertfile, file(Config, "ca.pem")}, {versions, ['tlsv1.2']}]),
    send(<<"alice">>, <<"hi">>),
    wait_sent(1),
    [#{tls := Tls}] = received(Config),
    ?assertMatch({match, _}, re:run(Tls, "^TLSv1[._]2")).

a_file_that_is_not_there(Config) ->
    pool(Config, [verify, {cacertfile, file(Config, "no-such-file.pem")}]),
    send(<<"alice">>, <<"hi">>),
    #{text := Text} = wait_reason(pool_config, 1),
    ?assertNotEqual(nomatch, string:find(Text, "no-such-file.pem")),
    ?assertMatch({ok, [#{level := error}]}, host_log:wait(http_pusher_pool_config, 1, 120000)).

%% Nothing is lost, and the host's pool is not restarted.
a_file_that_comes_late(Config) ->
    Late = late(Config),
    pool(Config, [verify, {cacertfile, Late}]),
    send(<<"alice">>, <<"waits">>),
    {ok, [#{level := error, text := Text}]} = host_log:wait(http_pusher_pool_config, 1, 30000),
    ?assertNotEqual(nomatch, string:find(Text, "tried again")),
    put_file(Config, "ca.pem", Late),
    wait_sent(1),
    {ok, [#{level := notice}]} = host_log:wait(http_pusher_pool_opened, 1, 30000),
    ?assertMatch([_], host_log:what(http_pusher_pool_config)).

%% Notifications that waited too long have failed, and new ones are rejected; the pool still opens later.
a_file_that_comes_very_late(Config) ->
    Late = late(Config),
    pool(Config, [verify, {cacertfile, Late}]),
    send(<<"alice">>, <<"too early">>),
    #{text := Text} = wait_reason(pool_config, 1),
    ?assertNotEqual(nomatch, string:find(Text, filename:basename(Late))),
    send(<<"alice">>, <<"too early, too">>),
    _ = wait_reason(pool_config, 2),
    put_file(Config, "ca.pem", Late),
    {ok, [#{level := notice}]} = host_log:wait(http_pusher_pool_opened, 1, 60000),
    send(<<"alice">>, <<"in time">>),
    wait_sent(1),
    ?assertMatch([_], host_log:what(http_pusher_pool_config)).

a_file_that_is_mended(Config) ->
    File = late(Config),
    ok = file:write_file(File, "half a certif"),
    pool(Config, [verify, {cacertfile, File}]),
    {ok, [#{level := error, text := Text}]} = host_log:wait(http_pusher_pool_config, 1, 30000),
    ?assertNotEqual(nomatch, string:find(Text, "until the file is mended")),
    send(<<"alice">>, <<"too early">>),
    _ = wait_reason(pool_config, 1),
    put_file(Config, "ca.pem", File),
    {ok, [#{level := notice}]} = host_log:wait(http_pusher_pool_opened, 1, 60000),
    send(<<"alice">>, <<"in time">>),
    wait_sent(1).

late(Config) ->
    File = file(Config, "late.pem"),
    _ = file:delete(File),
    File.

%% In one step, as a rotation does it.
put_file(Config, From, To) ->
    {ok, _} = file:copy(file(Config, From), To ++ ".new"),
    ok = file:rename(To ++ ".new", To).

%% 5.0 does not verify, and a warning says so; later releases verify against the system's store.
https_without_a_tls_section(Config) ->
    pool(Config, none),
    case proplists:get_value(generation, Config) of
        v5_0 ->
            send(<<"alice">>, <<"hi">>),
            wait_sent(1),
            {ok, Warnings} = host_log:wait(http_pusher_pool_warning, 1, 120000),
            ?assertMatch([_], [Text || #{text := Text} <- Warnings,
                                       string:find(Text, "without a tls section") =/= nomatch]);
        v6_5 ->
            refused(Config)
    end.

refused(Config) ->
    send(<<"alice">>, <<"hi">>),
    _ = wait_reason(tls_error, 1),
    ?assertMatch(#{sent := 0, failed := 1}, host_metrics:read(<<"localhost">>)),
    ?assertMatch(#{received := 0}, test_endpoint:stats(endpoint(Config))).

pool(Config, Options) ->
    Tls = case {Options, proplists:get_value(generation, Config)} of
              {none, _} -> #{};
              {_, v5_0} -> #{tls => lists:map(fun option_5_0/1, Options)};
              {_, v6_5} -> #{tls => maps:from_list(lists:map(fun option_6_5/1, Options))}
          end,
    {ok, _} = pusher_case:pool(Config, Tls),
    module([#{path => "/notifications"}]).

option_5_0(verify) -> {verify, verify_peer};
option_5_0(no_verify) -> {verify, verify_none};
option_5_0(Option) -> Option.

option_6_5(verify) -> {verify_mode, peer};
option_6_5(no_verify) -> {verify_mode, none};
option_6_5(Option) -> Option.

file(Config, Name) ->
    filename:join(proplists:get_value(certs, Config), Name).
