%% @doc The demo: sends the stanzas of test/data/stanzas.xml through the application, in a node with the
%% stand-in host, and shows the outcome of each.
%%
%% Run by scripts/demo. The environment variable ENDPOINT names your own endpoint; the demo cannot tell
%% what that receives. Without it, a test endpoint on the loopback interface shows each POST as it arrived. The
%% last line is one JSON object. The exit status is 1 if the counts do not add up.
-module(demo).

-export([main/0]).
%% Handler callback of logger.
-export([log/2]).

-define(HOST_TYPE, <<"localhost">>).
-define(WAIT, 30000).

-spec main() -> no_return().
main() ->
    ok = io:setopts([{encoding, unicode}]),
    %% Otherwise its lines would appear between those of the demo.
    ok = logger:remove_handler(default),
    ok = logger:set_primary_config(level, info),
    Endpoint = endpoint(os:getenv("ENDPOINT")),
    ok = host_ctl:start(v6_5),
    ok = logger:add_handler(?MODULE, ?MODULE, #{level => info, config => #{to => self()}}),
    #{url := Url, path := Path} = Endpoint,
    {ok, _} = host_ctl:start_pool(global, http_pool, #{host => Url, workers => 10}),
    ok = host_ctl:start_module(?HOST_TYPE, [#{pool_name => http_pool, path => Path}]),
    Stanzas = stanzas:all(),
    say("~nNotifications go to ~ts~ts. ~b stanzas are sent, as sessions would.~n",
        [Url, Path, length(Stanzas)]),
    Handed = [send(Stanza) || Stanza <- Stanzas],
    Pending = settle(erlang:monotonic_time(millisecond) + ?WAIT),
    Lines = log_lines(),
    show(Endpoint, Lines),
    show_hand_over(Handed),
    show_metrics(),
    Counts = counts(Endpoint),
    ok = host_ctl:stop(),
    how_to_use(),
    Problems = problems(Counts, Pending),
    [say("Something is wrong: ~ts~n", [Problem]) || Problem <- Problems],
    io:format("~ts~n", [json(Counts)]),
    halt(case Problems of [] -> 0; _ -> 1 end).

endpoint(Unset) when Unset =:= false; Unset =:= "" ->
    Endpoint = test_endpoint:start(#{record => true}),
    #{endpoint => Endpoint, url => test_endpoint:url(Endpoint), path => "/notifications"};
endpoint(Url) ->
    case uri_string:parse(Url) of
        #{scheme := Scheme, host := Host} = Parts ->
            Port = case Parts of #{port := P} -> [":", integer_to_list(P)]; _ -> "" end,
            Query = case Parts of #{query := Q} -> ["?", Q]; _ -> "" end,
            #{url => lists:flatten([Scheme, "://", Host, Port]),
              path => lists:flatten([maps:get(path, Parts), Query])};
        _ ->
            say("ENDPOINT=~ts is no URL; expected http://host:port/path~n", [Url]),
            halt(2)
    end.

%% How long the session spent in the host's hooks, including the module's, in microseconds.
send({From, To, Type, Xml}) ->
    {Micros, _} = timer:tc(fun() -> host_session:send(From, To, Xml, Type, in) end),
    Micros.

settle(Deadline) ->
    #{pending := Pending} = http_pusher_nif:host_type_info(?HOST_TYPE),
    case Pending > 0 andalso erlang:monotonic_time(millisecond) < Deadline of
        true ->
            timer:sleep(10),
            settle(Deadline);
        false ->
            Pending
    end.

%%% What was sent

-spec log(logger:log_event(), logger:handler_config()) -> term().
log(#{msg := {report, Report = #{what := What}}}, #{config := #{to := Pid}})
  when What =:= event_pusher_http_req; What =:= event_pusher_http_req_failed ->
    Pid ! {log, Report};
log(_Event, _Config) ->
    ignored.

log_lines() ->
    receive
        {log, Report} -> [Report | log_lines()]
    after 100 ->
        []
    end.

%% The requests of one sender arrive in the order of its outcomes: a lane keeps order.
show(#{endpoint := Endpoint}, Lines) ->
    Times = lists:foldl(fun(#{sender := Sender, response_time := Micros}, Acc) ->
                                maps:update_with(Sender, fun(L) -> L ++ [Micros] end, [Micros], Acc);
                           (_Failure, Acc) -> Acc
                        end, #{}, Lines),
    lists:foldl(fun(Record, Acc) -> show_record(Record, Acc) end, Times, test_endpoint:received(Endpoint)),
    show_failures(Lines);
show(_Endpoint, Lines) ->
    [say("~-12ts -> ~-12ts  ~b in ~ts~n", [Sender, Receiver, Status, milliseconds(Micros)])
     || #{sender := Sender, receiver := Receiver, response_code := Status,
          response_time := Micros} <- Lines],
    show_failures(Lines).

show_record(#{n := N, method := Method, path := Path, body := Body}, Times) ->
    Form = maps:from_list(test_endpoint:form(Body)),
    #{<<"author">> := Sender} = Form,
    {Time, Rest} = case Times of
                       #{Sender := [Micros | More]} -> {milliseconds(Micros), Times#{Sender := More}};
                       _ -> {"?", Times}
                   end,
    say("~3b  ~ts ~ts  ~ts~n", [N, Method, Path, Time]),
    [say("       ~-8ts ~ts~n", [Key, short(maps:get(Key, Form))])
     || Key <- [<<"author">>, <<"server">>, <<"receiver">>, <<"message">>]],
    Rest.

show_failures(Lines) ->
    [say("failed: ~ts (~ts)~n", [maps:get(reason, Line), maps:get(text, Line)])
     || #{what := event_pusher_http_req_failed} = Line <- Lines].

short(Text0) ->
    Text = iolist_to_binary(string:replace(Text0, "\n", <<" / ">>, all)),
    case string:length(Text) > 72 of
        true -> [string:slice(Text, 0, 72), io_lib:format(" ... (~b bytes)", [byte_size(Text)])];
        false -> Text
    end.

milliseconds(Micros) ->
    io_lib:format("~.2f ms", [Micros / 1000]).

%%% Numbers

show_hand_over(Handed) ->
    Sorted = lists:sort(Handed),
    Median = lists:nth((length(Sorted) + 1) div 2, Sorted),
    say("~nThe sender's session was held up for ~b microseconds a stanza (median; the host's own hooks "
        "included).~n", [Median]).

show_metrics() ->
    #{sent := Sent, failed := Failed, response_times := Times} = host_metrics:read(?HOST_TYPE),
    say("Metrics of host type ~ts: sent ~b, failed ~b, ~b response times~n",
        [?HOST_TYPE, Sent, Failed, length(Times)]).

counts(Target) ->
    Info = http_pusher_nif:host_type_info(?HOST_TYPE),
    Received = case Target of
                   #{endpoint := Endpoint} -> maps:get(received, test_endpoint:stats(Endpoint));
                   _ -> null
               end,
    Metrics = maps:with([sent, failed], host_metrics:read(?HOST_TYPE)),
    (maps:with([pushed, accepted, rejected, sent, failed], Info))#{received => Received,
                                                                   metrics => Metrics}.

problems(Counts, Pending) ->
    #{pushed := Pushed, accepted := Accepted, rejected := Rejected, sent := Sent, failed := Failed,
      received := Received, metrics := #{sent := MetricSent, failed := MetricFailed}} = Counts,
    Checks = [{Pushed > 0, "nothing was handed over"},
              {Pending =:= 0, "some notifications have no outcome"},
              {Pushed =:= Accepted + Rejected, "pushed is not accepted + rejected"},
              {Accepted =:= Sent + Failed, "accepted is not sent + failed"},
              {MetricSent =:= Sent, "the metric for sent differs"},
              {MetricFailed =:= Failed + Rejected, "the metric for failed differs"},
              {Received =:= null orelse Received =:= Sent, "received is not sent"}],
    [Text || {false, Text} <- Checks].

json(Counts) ->
    Keys = [pushed, accepted, rejected, sent, failed, received],
    json_text:object([{Key, maps:get(Key, Counts)} || Key <- Keys]).

how_to_use() ->
    say("~nIn a real node: add one line to etc/vm.args and restart the node,~n"
        "  -pa /path/to/mongoose-http-pusher/ebin~n"
        "and configure mod_event_pusher and outgoing_pools.http as MongooseIM's documentation says.~n"
        "README.md has the details. To see your own service called:~n"
        "  make demo ENDPOINT=http://host:port/path~n~n", []).

say(Format, Args) ->
    io:format(Format, Args).
