%% @doc How a real MongooseIM node delivers: with a limit, counted by several reporters, again after a failure, and after
%% the node was killed.
%%
%% The handlers are written as in a configuration file, and the node's own parser reads them.
-module(http_pusher_deliveries_SUITE).

-import(distributed_helper, [mim/0, rpc/4]).
-import(http_pusher_endpoint_helper, [answer/2, form/1, header/2, json/1, lane_and_number/1, requests/0, requests/1,
                                      wait_for_requests/1, wait_until/3]).
-import(http_pusher_file_helper, [set_handlers_in_the_file/1]).
-import(http_pusher_module_helper, [stop_pool/1, stop_pusher/0]).
-import(http_pusher_node_helper, [counts/0, wait_for_more/2]).
-import(http_pusher_user_helper, [chat/3, log_in/2, story/2, user/1]).

-define(POOLS, [http_pool]).

-include("http_pusher_suite.hrl").

all() ->
    [limited, several_reporters, retried_in_order, killed_node].

%% One at once and then five a second: six take a second or longer. All arrive, in their order.
limited(Config) ->
    set_handlers_in_the_file([{"/limited", ["rate = {per_second = 5, burst = 1}"]}, {"/unlimited", []}]),
    Before = counts(),
    Texts = [integer_to_binary(N) || N <- lists:seq(1, 6)],
    story(Config, fun(Alice, Bob) ->
        Began = erlang:monotonic_time(millisecond),
        [chat(Alice, Bob, Text) || Text <- Texts],
        wait_for_requests(12),
        ?assert(erlang:monotonic_time(millisecond) - Began >= 1000),
        wait_for_more(Before, #{sent => 12})
    end),
    [?assertEqual(Texts, [maps:get(<<"message">>, form(Request)) || Request <- requests(Path)])
     || Path <- [<<"/limited">>, <<"/unlimited">>]].

%% With the first one at rest, the others count in the host's metrics at the same time; in the end each message is
%% counted once.
several_reporters(Config) ->
    Count = 500,
    restart_application(4),
    try
        [First | _] = Reporters = [http_pusher_reporter, http_pusher_reporter_2, http_pusher_reporter_3,
                                   http_pusher_reporter_4],
        ?assertEqual([true, true, true, true], [is_pid(rpc(mim(), erlang, whereis, [Name])) || Name <- Reporters]),
        set_handlers_in_the_file([{"/counted", []}]),
        #{sent := Before} = counts(),
        Difference = fun() -> maps:get(sent, counts()) - Before end,
        story(Config, fun(Alice, Bob) ->
            ok = rpc(mim(), sys, suspend, [First]),
            [escalus:send(From, escalus_stanza:chat_to(To, integer_to_binary(N)))
             || N <- lists:seq(1, Count), {From, To} <- [{Alice, Bob}, {Bob, Alice}]],
            [escalus:wait_for_stanzas(User, Count) || User <- [Alice, Bob]],
            wait_until(fun() -> length(requests()) >= 2 * Count end, all, 30000),
            wait_until(fun() -> Difference() > Count end, counted_by_the_others, 30000),
            ct:pal("~b of ~b counted by three reporters", [Difference(), 2 * Count]),
            ok = rpc(mim(), sys, resume, [First]),
            wait_until(fun() -> Difference() >= 2 * Count end, counted, 30000)
        end),
        timer:sleep(500),
        ?assertEqual(2 * Count, Difference())
    after
        restart_application(default)
    end.

%% The module's application, with so many reporters.
restart_application(Reporters) ->
    App = mongoose_http_pusher,
    stop_pusher(),
    ok = rpc(http_pusher_node_helper:slow(mim()), application, stop, [App]),
    ok = case Reporters of
             default -> rpc(mim(), application, unset_env, [App, reporters]);
             _ -> rpc(mim(), application, set_env, [App, reporters, Reporters])
         end,
    ok = rpc(http_pusher_node_helper:slow(mim()), application, start, [App]).

%% The web service is unavailable for a while. Then all arrives, in the order of each sender, and once.
retried_in_order(Config) ->
    Count = 100,
    set_handlers_in_the_file([{"/retried", ["format = \"json\"", "success = [\"2xx\"]",
                                            "retry = {initial = 50, max = 400}"]}]),
    answer(default, #{status => 503}),
    Before = counts(),
    story(Config, fun(Alice, Bob) ->
        [escalus:send(From, escalus_stanza:chat_to(To, integer_to_binary(N)))
         || N <- lists:seq(1, Count), {From, To} <- [{Alice, Bob}, {Bob, Alice}]],
        [escalus:wait_for_stanzas(User, Count) || User <- [Alice, Bob]],
        wait_until(fun() -> length(requests()) >= 6 end, attempts, 20000),
        timer:sleep(2000),
        ?assertEqual(Before, counts()),
        answer(default, #{status => 200}),
        wait_for_more(Before, #{sent => 2 * Count}),
        {Refused, Taken} = lists:partition(fun(#{status := Status}) -> Status =:= 503 end, requests()),
        ct:pal("~b attempts were answered with 503, ~b notifications came", [length(Refused), length(Taken)]),
        ?assertEqual(2 * Count, length(Taken)),
        Lanes = [lane_and_number_of(Request) || Request <- Taken],
        [?assertEqual(lists:seq(1, Count), [N || {Lane, N} <- Lanes, Lane =:= user(User)]) || User <- [Alice, Bob]],
        %% The same id on each attempt.
        Ids = [header(<<"webhook-id">>, Request) || Request <- Taken],
        ?assertEqual(2 * Count, length(lists:usort(Ids))),
        [?assert(lists:member(header(<<"webhook-id">>, Request), Ids)) || Request <- Refused]
    end).

%% The node is killed again and again, each time between messages and with a web service that fails now and then. What
%% came long enough before a kill arrives, in the order of its lane, with the same id each time, and twice only across a
%% kill; what came with the kill may be lost. HTTP_PUSHER_KILLS says how often, HTTP_PUSHER_MESSAGES how many messages
%% each of two users sends before each kill.
killed_node(Config) ->
    [Kills, Messages] = [list_to_integer(os:getenv(Name, Default))
                         || {Name, Default} <- [{"HTTP_PUSHER_KILLS", "3"}, {"HTTP_PUSHER_MESSAGES", "50"}]],
    stop_pool(http_pool),
    http_pusher_file_helper:with_configuration(certain(), fun() ->
        http_pusher_node_helper:restart_host(),
        answer(default, #{status => [200, 200, 200, 500, 503], delay => {random, 20}}),
        {Sent, Ends} = lists:unzip([killed_once(Config, Messages) || _ <- lists:seq(1, Kills)]),
        answer(default, #{}),
        Pushed = lists:append(Sent),
        Missing = fun() -> Pushed -- [lane_and_number_of(Request) || Request <- taken()] end,
        wait_until(fun() -> Missing() =:= [] end, fun() -> {missing, Missing()} end, 60000),
        Taken = [{lane_and_number_of(Request), life(Request, Ends)} || Request <- taken()],
        First = first([Message || {Message, _} <- Taken]),
        Arrived = length(First -- (First -- Pushed)),
        ct:pal("{\"pushed\": ~b, \"arrived\": ~b, \"lost\": ~b, \"duplicates\": ~b, \"kills\": ~b, \"attempts\": ~b}",
               [length(Pushed), Arrived, length(Pushed) - Arrived, length(Taken) - length(First), Kills,
                length(requests())]),
        [begin
             Numbers = [Number || {L, Number} <- First, L =:= Lane],
             ?assertEqual({Lane, lists:sort(Numbers)}, {Lane, Numbers})
         end || Lane <- lists:usort([Lane || {Lane, _} <- Pushed])],
        ?assertEqual([], Taken -- lists:usort(Taken)),
        Ids = lists:usort([{lane_and_number_of(Request), header(<<"webhook-id">>, Request)} || Request <- requests()]),
        ?assertEqual(length(Ids), length(lists:usort([Message || {Message, _} <- Ids]))),
        ?assertEqual(length(Ids), length(lists:usort([Id || {_, Id} <- Ids])))
    end).

%% With times that a slow machine does not exceed, or messages would arrive twice without a kill. With 8 attempts, as
%% by default, the web service would poison one message in 1,500.
certain() ->
    ["[outgoing_pools.http.certain]\n  scope = \"global\"\n  workers = 5\n  call_timeout = 60000\n"
     "  [outgoing_pools.http.certain.connection]\n    host = \"", http_pusher_endpoint_helper:endpoint(), "\"\n"
     "    request_timeout = 50000\n",
     http_pusher_file_helper:handlers_toml(array, ["/certain"]),
     "  pool_name = \"certain\"\n  format = \"json\"\n  delivery = \"at_least_once\"\n"
     "  retry = {initial = 50, max = 1000, alone = 1000}\n"].

%% What must arrive, and how many requests there were when the node ended.
killed_once(Config0, Messages) ->
    http_pusher_node_helper:lift_shapers(),
    Config = escalus_fresh:create_users(Config0, [{alice, 1}, {bob, 1}]),
    [Alice, Bob] = Users = [log_in(Config, User) || User <- [alice, bob]],
    Send = fun(N) ->
               [escalus:send(From, escalus_stanza:chat_to(To, integer_to_binary(N)))
                || {From, To} <- [{Alice, Bob}, {Bob, Alice}]]
           end,
    [Send(N) || N <- lists:seq(1, Messages)],
    [escalus:wait_for_stanzas(User, Messages) || User <- Users],
    timer:sleep(250),
    [Send(N) || N <- lists:seq(Messages + 1, Messages + 10)],
    Start = http_pusher_node_helper:kill_node(),
    Requests = length(requests()),
    [escalus_client:kill_connection(Config, User) || User <- Users],
    Start(),
    {[{user(User), N} || User <- Users, N <- lists:seq(1, Messages)], Requests}.

taken() ->
    [Request || Request = #{status := 200} <- requests()].

%% Which of the node's lives a request comes from.
life(#{n := N}, Ends) ->
    length([End || End <- Ends, End < N]).

%% The first of each.
first(Messages) ->
    {First, _} = lists:foldl(fun(Message, {Kept, Seen}) when is_map_key(Message, Seen) -> {Kept, Seen};
                                (Message, {Kept, Seen}) -> {[Message | Kept], Seen#{Message => seen}}
                             end, {[], #{}}, Messages),
    lists:reverse(First).

%% Who has sent it, and its number.
lane_and_number_of(Request) ->
    lane_and_number(json(Request)).
