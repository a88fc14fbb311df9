%% The driver of the test endpoint: it counts, records, obeys plans, and ends.
-module(test_endpoint_SUITE).

-compile([export_all, nowarn_export_all]).

-include_lib("stdlib/include/assert.hrl").

suite() ->
    [{timetrap, {seconds, 60}}].

all() ->
    [it_counts_records_and_ends].

it_counts_records_and_ends(_Config) ->
    Endpoint = test_endpoint:start(#{plan => "status=201"}),
    201 = post(Endpoint, <<"/one">>, <<"a=1">>),
    ok = test_endpoint:plan(Endpoint, "status=503", #{path => "/two"}),
    503 = post(Endpoint, <<"/two">>, <<"message=Hi+%26+bye">>),
    ok = test_endpoint:wait_for_count(Endpoint, 2, 60000),
    ?assertEqual({timeout, 2}, test_endpoint:wait_for_count(Endpoint, 3, 20)),
    {ok, Stats} = test_endpoint:wait_for(Endpoint, fun(#{answered := N}) -> N =:= 2 end, 60000),
    ?assertMatch(#{received := 2, paths := #{<<"/one">> := 1, <<"/two">> := 1},
                   statuses := #{201 := 1, 503 := 1}}, Stats),
    [One, Two] = test_endpoint:received(Endpoint),
    ?assertMatch(#{n := 1, method := <<"POST">>, path := <<"/one">>, body := <<"a=1">>,
                   version := <<"1.1">>, complete := true}, One),
    ?assert(lists:member({<<"X-Case">>, <<"Kept">>}, maps:get(headers, One))),
    ?assertEqual([{<<"message">>, <<"Hi & bye">>}], test_endpoint:form(maps:get(body, Two))),
    ?assertMatch([#{n := 2}], test_endpoint:received(Endpoint, 2)),
    ok = test_endpoint:clear(Endpoint),
    ?assertMatch(#{received := 0}, test_endpoint:stats(Endpoint)),
    %% Another program may have its port by then, but not its connection.
    {ok, Socket} = connect(Endpoint),
    ok = test_endpoint:stop(Endpoint),
    {error, Reason} = gen_tcp:recv(Socket, 0, 60000),
    ?assert(lists:member(Reason, [closed, econnreset])).

connect(Endpoint) ->
    gen_tcp:connect({127, 0, 0, 1}, test_endpoint:port(Endpoint), [binary, {active, false}]).

post(Endpoint, Path, Body) ->
    {ok, Socket} = connect(Endpoint),
    ok = gen_tcp:send(Socket, ["POST ", Path, " HTTP/1.1\r\nHost: x\r\nX-Case: Kept\r\nContent-Length: ",
                               integer_to_list(byte_size(Body)), "\r\n\r\n", Body]),
    {ok, <<"HTTP/1.1 ", Status:3/binary, _/binary>>} = gen_tcp:recv(Socket, 0, 60000),
    ok = gen_tcp:close(Socket),
    binary_to_integer(Status).
