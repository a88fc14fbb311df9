%% Which host type a notification belongs to: whose handlers are asked, and whose metrics count it.
-module(hosts_SUITE).


-import(pusher_case, [endpoint/1, received/1, field/2]).

-define(HOSTS, [<<"localhost">>, <<"example.org">>]).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all([v5_0, v6_5, v6_9]).

groups() ->
    Both = [each_host_has_handlers_and_metrics_of_its_own,
            a_host_without_the_module_pushes_nothing,
            a_message_to_another_server_is_of_the_senders_host,
            modules_and_pools_of_the_configuration_start_with_the_node],
    Later = [a_message_from_another_server_is_of_the_receivers_host,
             dynamic_domains_share_their_host_type | Both],
    [{v5_0, [], [a_message_from_another_server_has_no_handlers | Both]},
     {v6_5, [], Later}, {v6_9, [], Later}].

init_per_testcase(dynamic_domains_share_their_host_type, Config) ->
    pusher_case:start(Config, #{host_types => [<<"customers">>],
                                domains => #{<<"one.example">> => <<"customers">>,
                                             <<"two.example">> => <<"customers">>}});
init_per_testcase(modules_and_pools_of_the_configuration_start_with_the_node, Config) ->
    Endpoint = test_endpoint:start(),
    Pools = [{global, http_pool, #{host => test_endpoint:url(Endpoint), request_timeout => 30000,
                                call_timeout => 60000}}],
    Started = pusher_case:start(Config, #{pools => Pools,
                                          modules => [{<<"localhost">>, [#{path => "/n"}]}]}),
    [{configured, Endpoint}, {more_endpoints, [Endpoint]} | Started];
init_per_testcase(_Case, Config) ->
    Started = pusher_case:start(Config, #{hosts => ?HOSTS}),
    {ok, _} = pusher_case:pool(Started, #{}),
    Started.

end_per_testcase(_Case, Config) ->
    Result = pusher_case:finish(Config),
    [test_endpoint:stop(Endpoint) || {configured, Endpoint} <- Config],
    Result.

each_host_has_handlers_and_metrics_of_its_own(Config) ->
    _ = host_ctl:start_module(<<"localhost">>, [#{path => "/local"}]),
    _ = host_ctl:start_module(<<"example.org">>, [#{path => "/example"}, #{path => "/second"}]),
    send(<<"alice@localhost">>, <<"bob@example.org">>),
    send(<<"alice@example.org">>, <<"bob@localhost">>),
    sent(<<"localhost">>, 1),
    sent(<<"example.org">>, 2),
    ?assertEqual(#{<<"/local">> => 1, <<"/example">> => 1, <<"/second">> => 1},
                 maps:get(paths, test_endpoint:stats(endpoint(Config)))).

a_host_without_the_module_pushes_nothing(Config) ->
    _ = host_ctl:start_module(<<"example.org">>, [#{path => "/n"}]),
    send(<<"alice@localhost">>, <<"bob@example.org">>),
    send(<<"alice@example.org">>, <<"bob@localhost">>),
    sent(<<"example.org">>, 1),
    ?assertMatch([#{body := <<"author=alice&server=example.org", _/binary>>}], received(Config)).

a_message_to_another_server_is_of_the_senders_host(Config) ->
    _ = host_ctl:start_module(<<"localhost">>, [#{path => "/n"}]),
    send(<<"alice@localhost">>, <<"bob@far.example/home">>),
    sent(<<"localhost">>, 1),
    [Record] = received(Config),
    ?assertEqual({<<"localhost">>, <<"bob">>},
                 {field(<<"server">>, Record), field(<<"receiver">>, Record)}).

%% 5.0 looks the options up by the sender's server.
a_message_from_another_server_has_no_handlers(Config) ->
    _ = host_ctl:start_module(<<"localhost">>, [custom()]),
    host_session:send(<<"alice@far.example">>, <<"bob@localhost">>, <<"hi">>, chat, out),
    send(<<"alice@localhost">>, <<"bob@localhost">>),
    sent(<<"localhost">>, 1),
    ?assertMatch([_], received(Config)).

%% The host type of a message from another server is the receiver's.
a_message_from_another_server_is_of_the_receivers_host(Config) ->
    _ = host_ctl:start_module(<<"localhost">>, [custom()]),
    {From, To} = {host_session:jid(<<"alice@far.example">>), host_session:jid(<<"bob@localhost">>)},
    Packet = host_session:element(<<"hi">>, [{<<"type">>, <<"chat">>}]),
    Acc = mongoose_acc:new(#{location => #{mfa => {?MODULE, ?FUNCTION_NAME, 1}, line => ?LINE,
                                           file => ?FILE},
                             lserver => <<"localhost">>, host_type => <<"localhost">>,
                             element => Packet, from_jid => From, to_jid => To}),
    _ = host_session:push(Acc, From, To, Packet, chat, out),
    sent(<<"localhost">>, 1),
    ?assertMatch([#{body := <<"hi">>}], received(Config)).

%% The server in the form is the domain; the metrics are those of the host type.
dynamic_domains_share_their_host_type(Config) ->
    {ok, _} = pusher_case:pool(Config, #{}),
    _ = host_ctl:start_module(<<"customers">>, [#{path => "/n"}]),
    send(<<"alice@one.example">>, <<"bob@two.example">>),
    send(<<"alice@two.example">>, <<"bob@one.example">>),
    sent(<<"customers">>, 2),
    ?assertEqual([<<"one.example">>, <<"two.example">>],
                 lists:sort([field(<<"server">>, Record) || Record <- received(Config)])).

modules_and_pools_of_the_configuration_start_with_the_node(Config) ->
    send(<<"alice@localhost">>, <<"bob@localhost">>),
    sent(<<"localhost">>, 1),
    ?assertMatch(#{received := 1}, test_endpoint:stats(proplists:get_value(configured, Config))).

send(From, To) ->
    host_session:send(From, To, <<"hi">>).

sent(HostType, Count) ->
    ?assertMatch({ok, _}, host_metrics:wait(HostType, fun(#{sent := Sent}) -> Sent =:= Count end,
                                                    120000)).

custom() ->
    #{path => "/n", callback_module => pusher_callback}.
