%% @doc The soak: random load, random faults, random restarts and kills for some time. Then the counts
%% are checked to the last notification. One handler of each host type sends batches.
%%
%% Run by scripts/soak. Two test endpoints receive. Every message has its own number, which tells
%% whether it was received once, twice or not at all. All choices follow from one printed seed; their
%% timing does not. The last line is one JSON object. The exit status is 1 if something is wrong.
-module(soak).

-export([main/0]).

-define(HOST_TYPES, [<<"localhost">>, <<"other.example">>]).
-define(SENDERS, 8).
-define(USERS, 200).
%% The test endpoints keep this many records each.
-define(RECORDS, 80000).
-define(PROGRESS, 5000).
-define(WARM_UP, 3000).
-define(SETTLE, 60000).
-define(REPORTERS, 3).
%% Of each host type.
-define(HANDLERS, 2).

-spec main() -> no_return().
main() ->
    ok = io:setopts([{encoding, unicode}]),
    Seconds = number("SECONDS", 120),
    Seed = number("SEED", erlang:system_time(millisecond) rem 1000000),
    io:format("seed ~b, ~b s (SEED=~b repeats the choices)~n", [Seed, Seconds, Seed]),
    ok = logger:remove_handler(default),
    _ = application:load(mongoose_http_pusher),
    ok = application:set_env(mongoose_http_pusher, reporters, ?REPORTERS),
    ok = host_ctl:start(v6_5, #{hosts => ?HOST_TYPES, log => warning}),
    Endpoints = {test_endpoint:start(#{record => true}), test_endpoint:start(#{record => true})},
    {ok, _} = start_pool(element(1, Endpoints), 20),
    Handed = soak_count:start(),
    [start_module(HostType) || HostType <- ?HOST_TYPES],
    Kills = counters:new(1, []),
    Sent = counters:new(1, []),
    %% Slow enough for both test endpoints to keep every record.
    Pause = max(8, ?SENDERS * Seconds * 1000 * 2 div (2 * ?RECORDS)),
    Senders = [spawn_monitor(fun() -> sender(Seed + N, Pause, Sent) end)
               || N <- lists:seq(1, ?SENDERS)],
    timer:sleep(?WARM_UP),
    Before = resources(),
    Chaos = spawn_monitor(fun() ->
                                  _ = rand:seed(exsss, Seed),
                                  chaos(Endpoints, Kills)
                          end),
    progress(erlang:monotonic_time(millisecond) + Seconds * 1000, Endpoints),
    %% If the chaos process has crashed, the rest proves nothing.
    Crashed = stop_process(Chaos),
    [stop_process(Sender) || Sender <- Senders],
    calm(Endpoints),
    Left = settle(Handed, erlang:monotonic_time(millisecond) + ?SETTLE),
    After = resources_level(Before, 20),
    Books = books(Endpoints, soak_count:counts(Handed), counters:get(Sent, 1), counters:get(Kills, 1)),
    [test_endpoint:stop(Endpoint) || Endpoint <- tuple_to_list(Endpoints)],
    Problems = problems(Books, Before, After, Left, Crashed),
    [io:format("wrong: ~ts~n", [Problem]) || Problem <- Problems],
    io:format("~ts~n", [json(Seed, Seconds, Books, Before, After)]),
    halt(case Problems of [] -> 0; _ -> 1 end).

number(Name, Default) ->
    case os:getenv(Name) of
        Unset when Unset =:= false; Unset =:= "" -> Default;
        Text -> list_to_integer(Text)
    end.

start_pool(Endpoint, Workers) ->
    host_ctl:start_pool(global, http_pool, #{host => test_endpoint:url(Endpoint), workers => Workers,
                                             request_timeout => 500, call_timeout => 2000}).

%% Each message is for both handlers.
start_module(HostType) ->
    host_ctl:start_module(HostType, [#{pool_name => http_pool, path => "/n"},
                                     #{pool_name => http_pool, path => "/batch", format => json,
                                       batch => #{max_events => 20, linger => 30}}]).

%%% Load

sender(Seed, Pause, Sent) ->
    _ = rand:seed(exsss, Seed),
    send_on(Pause, Sent).

send_on(Pause, Sent) ->
    counters:add(Sent, 1, 1),
    Id = erlang:unique_integer([positive]),
    Server = pick(?HOST_TYPES),
    From = <<"user", (integer_to_binary(rand:uniform(?USERS)))/binary, "@", Server/binary>>,
    Padding = binary:copy(<<"x">>, rand:uniform(200)),
    Body = <<(integer_to_binary(Id))/binary, " ", Padding/binary>>,
    _ = host_session:send(From, <<"bob@localhost">>, Body),
    receive
        stop -> ok
    after rand:uniform(2 * Pause) - 1 ->
            send_on(Pause, Sent)
    end.

%%% Trouble

chaos(Endpoints, Kills) ->
    trouble(rand:uniform(12), Endpoints, Kills),
    receive
        stop -> ok
    after 100 + rand:uniform(700) ->
            chaos(Endpoints, Kills)
    end.

trouble(N, Endpoints, _Kills) when N =< 4 ->
    test_endpoint:plan(pick(tuple_to_list(Endpoints)), plan());
trouble(5, Endpoints, _Kills) ->
    test_endpoint:close_connections(pick(tuple_to_list(Endpoints)));
trouble(6, Endpoints, _Kills) ->
    Endpoint = pick(tuple_to_list(Endpoints)),
    test_endpoint:listener(Endpoint, false),
    timer:sleep(rand:uniform(500)),
    test_endpoint:listener(Endpoint, true);
trouble(7, Endpoints, _Kills) ->
    _ = host_ctl:stop_pool(global, http_pool),
    timer:sleep(rand:uniform(200) - 1),
    start_pool(pick(tuple_to_list(Endpoints)), pick([5, 20, 50]));
trouble(8, _Endpoints, _Kills) ->
    %% A pool that is already down cannot be crashed.
    catch host_ctl:crash_pool(global, http_pool);
trouble(9, _Endpoints, _Kills) ->
    HostType = pick(?HOST_TYPES),
    _ = host_ctl:stop_module(HostType),
    start_module(HostType);
trouble(10, _Endpoints, Kills) ->
    kill(http_pusher_reporter:name(rand:uniform(?REPORTERS) - 1), Kills);
trouble(11, _Endpoints, Kills) ->
    kill(http_pusher_pools, Kills);
trouble(12, _Endpoints, Kills) ->
    kill(http_pusher_engine, Kills).

kill(Name, Kills) ->
    case whereis(Name) of
        undefined -> ok;
        Pid ->
            counters:add(Kills, 1, 1),
            exit(Pid, kill)
    end.

plan() ->
    pick(["status=200", "status=200 delay=1-30", "status=503 delay=5", "delay=300-800",
          "mix seed=1 | 80 status=200 | 10 fault=close-before-head | 10 delay=700",
          "mix seed=2 | 70 status=200 | 10 fault=garbage | 10 fault=close-in-body | 10 fault=silent-close",
          "mix seed=3 | 80 status=200 | 10 fault=stall-before-head | 10 fault=chunked-trailers"]).

pick(List) ->
    lists:nth(rand:uniform(length(List)), List).

stop_process({Pid, Ref}) ->
    Pid ! stop,
    receive
        {'DOWN', Ref, process, Pid, normal} -> ok;
        {'DOWN', Ref, process, Pid, Reason} -> Reason
    after 30000 ->
            exit(Pid, kill),
            stuck
    end.

%% Repairs everything, so that what is pending can be sent.
calm(Endpoints) ->
    [begin
         test_endpoint:listener(Endpoint, true),
         test_endpoint:reset_plans(Endpoint),
         test_endpoint:release(Endpoint)
     end || Endpoint <- tuple_to_list(Endpoints)],
    case host_ctl:pool_pid(global, http_pool) of
        undefined -> catch start_pool(element(1, Endpoints), 20);
        _ -> ok
    end.

progress(Until, Endpoints) ->
    case Until - erlang:monotonic_time(millisecond) of
        Left when Left =< 0 -> ok;
        Left ->
            timer:sleep(min(Left, ?PROGRESS)),
            Sum = sum_accounts(),
            io:format("~3b s left: ~ts, ~b received, ~b kB~n",
                      [max(0, Left - ?PROGRESS) div 1000, account_text(Sum),
                       lists:sum([maps:get(received, test_endpoint:stats(E)) || E <- tuple_to_list(Endpoints)]),
                       maps:get(rss_kb, resources())]),
            progress(Until, Endpoints)
    end.

account_text(Sum) ->
    lists:join(", ", [io_lib:format("~ts ~b", [Key, maps:get(Key, Sum)])
                      || Key <- [pushed, rejected, sent, failed, pending]]).

%%% Books

%% What the starter counted arrives a little later.
settle(Handed, Deadline) ->
    #{pending := Pending, uncounted_rejections := Uncounted, pushed := Pushed} = sum_accounts(),
    #{notifications := Notifications, engine_down := Down} = soak_count:counts(Handed),
    Open = Pending + Uncounted + abs(Notifications - Pushed - Down),
    case Open > 0 andalso erlang:monotonic_time(millisecond) < Deadline of
        true ->
            timer:sleep(50),
            settle(Handed, Deadline);
        false ->
            Pending + Uncounted
    end.

sum_accounts() ->
    Accounts = [http_pusher_nif:host_type_info(HostType) || HostType <- ?HOST_TYPES],
    lists:foldl(fun(Account, Sum) ->
                        maps:map(fun(Key, Value) -> Value + maps:get(Key, Account) end, Sum)
                end,
                maps:from_keys([pushed, accepted, rejected, sent, failed, pending,
                                uncounted_rejections], 0),
                [Account || Account <- Accounts, is_map(Account)]).

books(Endpoints, Handed, Messages, Kills) ->
    #{events := Events, notifications := Notifications, engine_down := Down,
      metric_refused := Refused} = Handed,
    Sum = sum_accounts(),
    Ids = lists:append([ids(Record) || Endpoint <- tuple_to_list(Endpoints),
                                       Record = #{complete := true} <- test_endpoint:received(Endpoint)]),
    Times = lists:foldl(fun(Id, Acc) -> maps:update_with(Id, fun(N) -> N + 1 end, 1, Acc) end,
                        #{}, Ids),
    Once = length([Id || {Id, 1} <- maps:to_list(Times)]),
    Dropped = lists:sum([maps:get(records_dropped, test_endpoint:stats(E)) || E <- tuple_to_list(Endpoints)]),
    %% The metrics start at zero with each start of the module; the recorded events do not.
    Executed = [Measurements || {mod_event_pusher_http_sent, _, Measurements} <- host_metrics:events()],
    Sum#{messages => Messages,
         events => Events,
         notifications => Notifications,
         engine_down => Down,
         kills => Kills,
         received_once => Once,
         received_twice => map_size(Times) - Once,
         %% A response was read, but no endpoint received the request.
         lost => max(0, maps:get(sent, Sum) - map_size(Times)),
         records_dropped => Dropped,
         metric_sent => lists:sum([Count || #{count := Count} <- Executed]),
         metric_failed => lists:sum([Count || #{failure_count := Count} <- Executed]),
         metric_refused => Refused}.

%% The notifications of a request.
ids(#{path := <<"/batch">>, body := Body}) ->
    {match, Ids} = re:run(Body, "\"body\":\"([0-9]+) ", [global, {capture, all_but_first, binary}]),
    [{batch, Id} || [Id] <- Ids];
ids(#{body := Body}) ->
    [{alone, hd(binary:split(proplists:get_value(<<"message">>, test_endpoint:form(Body)), <<" ">>))}].

resources() ->
    #{rss_kb => os_figures:resident_kb(), threads => os_figures:threads(),
      fds => os_figures:file_descriptors(), processes => erlang:system_info(process_count)}.

%% Waits for connections and processes that are still closing.
resources_level(Before, Tries) ->
    [erlang:garbage_collect(Pid) || Pid <- processes()],
    Now = resources(),
    case {unlevel(Before, Now), Tries} of
        {[], _} -> Now;
        {_, 0} -> Now;
        _ ->
            timer:sleep(500),
            resources_level(Before, Tries - 1)
    end.

%% Some slack: connections and threads for blocking calls come and go with the load.
unlevel(Before, Now) ->
    Slack = #{rss_kb => 65536, threads => 24, fds => 70, processes => 20},
    [Key || {Key, More} <- maps:to_list(Slack), maps:get(Key, Now) > maps:get(Key, Before) + More].

problems(Books, Before, After, Left, Crashed) ->
    #{pushed := Pushed, accepted := Accepted, rejected := Rejected, sent := Sent, failed := Failed,
      kills := Kills, lost := Lost, records_dropped := Dropped,
      metric_sent := MetricSent, metric_failed := MetricFailed,
      metric_refused := Refused, messages := Messages, events := Events,
      notifications := Notifications, engine_down := Down} = Books,
    Counted = MetricSent + MetricFailed + Refused,
    Checks = [{Crashed =:= ok, io_lib:format("the trouble maker ended with ~0p", [Crashed])},
              {Left =:= 0, "some notifications have no outcome"},
              {Dropped =:= 0, "the endpoints did not keep every record"},
              {Pushed > 0 andalso Sent > 0, "nothing was sent"},
              %% The host hands a message over only while the module runs or is just stopping, and a
              %% stopped module has no handlers.
              {Messages >= Events andalso ?HANDLERS * Events >= Notifications, "a message became two"},
              {Notifications =:= Pushed + Down,
               "notifications are neither pushed nor counted as rejected with engine_down"},
              {Pushed =:= Accepted + Rejected, "pushed is not accepted + rejected"},
              {Accepted =:= Sent + Failed, "accepted is not sent + failed"},
              {Lost =:= 0, "notifications counted as sent were not received"},
              {MetricSent =< Sent + Kills, "the metric for sent counts more than one a kill twice"},
              {Counted >= Sent + Failed + Rejected + Down,
               "outcomes or rejections are missing in the metrics"},
              {Counted =< Sent + Failed + Rejected + Down + Kills,
               "the metrics count more than one a kill twice"}]
        ++ [{false, io_lib:format("~ts grew from ~b to ~b", [Key, maps:get(Key, Before),
                                                            maps:get(Key, After)])}
            || Key <- unlevel(Before, After)],
    [lists:flatten(Text) || {false, Text} <- Checks].

json(Seed, Seconds, Books, Before, After) ->
    Keys = [messages, events, notifications, engine_down, pushed, accepted, rejected, sent, failed,
            received_once, received_twice, lost, kills, metric_sent, metric_failed, metric_refused],
    json_text:object([{seed, Seed}, {seconds, Seconds}]
                     ++ [{Key, maps:get(Key, Books)} || Key <- Keys]
                     ++ lists:append([[{named(Key, "start"), maps:get(Key, Before)},
                                       {named(Key, "end"), maps:get(Key, After)}]
                                      || Key <- [rss_kb, threads, fds, processes]])).

named(rss_kb, When) -> ["rss_", When, "_kb"];
named(Key, When) -> [atom_to_list(Key), "_", When].
