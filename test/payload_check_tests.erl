%% The check of payloads that every case ends with finds what is wrong with one.
-module(payload_check_tests).

-include_lib("eunit/include/eunit.hrl").

-define(GOOD, "{\"type\":\"presence.online\",\"timestamp\":\"2026-11-26T12:34:56.789012Z\",\"data\":{"
              "\"host\":\"localhost\",\"jid\":\"alice@localhost/phone\",\"user\":\"alice\","
              "\"server\":\"localhost\",\"resource\":\"phone\",\"status\":\"online\"}}").

payloads_test_() ->
    {timeout, 60,
     fun() ->
             Endpoint = test_endpoint:start(),
             try
                 post(Endpoint, "webhook-id: 1\r\ncontent-type: application/json", ?GOOD),
                 post(Endpoint, "webhook-id: 2\r\ncontent-type: application/x-www-form-urlencoded", "a=b"),
                 post(Endpoint, "content-type: application/json", "what a callback module has made"),
                 ?assertEqual(ok, test_endpoint:check_payloads(Endpoint)),
                 Bad = re:replace(?GOOD, "\"online\"}", "\"\"}", [{return, list}]),
                 post(Endpoint, "webhook-id: 3\r\ncontent-type: application/json", Bad),
                 ?assertMatch({invalid_payloads, "request 4: /data/status: " ++ _},
                              test_endpoint:check_payloads(Endpoint))
             after
                 test_endpoint:stop(Endpoint)
             end
     end}.

post(Endpoint, Headers, Body) ->
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, test_endpoint:port(Endpoint), [binary, {active, false}]),
    ok = gen_tcp:send(Socket, ["POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n", Headers,
                               "\r\ncontent-length: ", integer_to_list(length(Body)), "\r\n\r\n", Body]),
    {ok, <<"HTTP/1.1 200", _/binary>>} = gen_tcp:recv(Socket, 0, 60000),
    ok = gen_tcp:close(Socket).
