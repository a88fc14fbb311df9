%% @doc A node with the application in the stand-in host, which sends what it is told to by its standard
%% input, to real web servers (test/servers/run.py).
%%
%% A line there is a term `{run, Id, Slot, Spec}.', an answer one line of JSON behind `@ Id'. Runs go on
%% beside each other: each has the host type and the pool of its slot.
-module(servers_node).

-export([main/0]).
%% Handler callback of logger.
-export([log/2]).

-define(SLOTS, 48).
-define(STATUSES, servers_node_statuses).
-define(SETTLE, 60000).

-spec main() -> no_return().
main() ->
    ok = io:setopts([{encoding, unicode}]),
    ok = logger:remove_handler(default),
    _ = ets:new(?STATUSES, [named_table, public, {write_concurrency, true}]),
    _ = application:load(mongoose_http_pusher),
    Slots = lists:seq(0, ?SLOTS - 1),
    ok = application:set_env(mongoose_http_pusher, http2_pools, [pool(true, Slot) || Slot <- Slots]),
    ok = host_ctl:start(v6_5, #{hosts => [host_type(Slot) || Slot <- Slots], log => info}),
    ok = logger:add_handler(?MODULE, ?MODULE, #{level => info}),
    io:format("@ ready ~b~n", [?SLOTS]),
    serve().

serve() ->
    case io:read("") of
        {ok, {run, Id, Slot, Spec}} ->
            _ = spawn(fun() -> answer(Id, Slot, Spec) end),
            serve();
        eof ->
            halt(0)
    end.

%% Whatever goes wrong is an answer too: the other side waits for one.
answer(Id, Slot, Spec) ->
    Result = try run(Slot, Spec)
             catch Class:Reason:Stack ->
                     Text = io_lib:format("~p", [{Class, Reason, Stack}]),
                     [{problem, string(lists:flatten(Text))}]
             end,
    io:format("@ ~b ~ts~n", [Id, json_text:object(Result)]).

host_type(Slot) -> <<"slot", (integer_to_binary(Slot))/binary, ".example">>.

pool(Http2, Slot) ->
    list_to_atom(lists:concat([case Http2 of true -> http2_; false -> http1_ end, Slot])).

%%% One run

run(Slot, #{url := Url, path := Path, http2 := Http2, senders := Senders} = Spec) ->
    {HostType, Pool} = {host_type(Slot), pool(Http2, Slot)},
    %% As it is in the log.
    Name = atom_to_binary(Pool),
    Before = numbers(HostType),
    ets:match_delete(?STATUSES, {{Name, '_'}, '_'}),
    Options = maps:merge(maps:with([workers, request_timeout, call_timeout], Spec), #{host => Url}),
    in_turn(fun() ->
                    ok = host_metrics:reset(HostType),
                    {ok, _} = host_ctl:start_pool(global, Pool, with_tls(Spec, Options)),
                    host_ctl:start_module(HostType, [signed(Spec, #{pool_name => Pool, path => Path})])
            end),
    Begin = erlang:monotonic_time(millisecond),
    Processes = [spawn_monitor(fun() -> sender(N, HostType, Spec) end)
                 || N <- lists:seq(1, Senders)],
    [receive {'DOWN', Ref, _, _, Why} -> normal = Why end || {_, Ref} <- Processes],
    settle(HostType, erlang:monotonic_time(millisecond) + ?SETTLE),
    Took = erlang:monotonic_time(millisecond) - Begin,
    Numbers = numbers(HostType),
    Metrics = host_metrics:read(HostType),
    %% A line in the log follows its metric.
    _ = host_log:poll(fun() -> lists:sum([Count || {_, Count} <- statuses(Name)]) end,
                      fun(Logged) -> Logged >= maps:get(sent, Metrics) end, ?SETTLE),
    Reasons = reasons(Name),
    in_turn(fun() ->
                    ok = host_ctl:stop_module(HostType),
                    host_ctl:stop_pool(global, Pool)
            end),
    [{Key, maps:get(Key, Numbers) - maps:get(Key, Before)}
     || Key <- [pushed, accepted, rejected, sent, failed]]
        ++ [{pending, maps:get(pending, Numbers)}, {milliseconds, Took},
            {metric_sent, maps:get(sent, Metrics)}, {metric_failed, maps:get(failed, Metrics)},
            {statuses, {object, statuses(Name)}}, {reasons, {object, Reasons}}].

%% Events as JSON, signed with the keys of a file.
signed(#{signing_file := File}, Handler) ->
    Handler#{format => json, signing => #{secret_file => File}};
signed(_Spec, Handler) ->
    Handler.

with_tls(#{ca := Ca}, Options) ->
    Options#{tls => #{verify_mode => peer, cacertfile => Ca}};
with_tls(_Spec, Options) ->
    Options.

%% The stand-in host is told by one at a time.
in_turn(Fun) ->
    global:trans({?MODULE, self()}, Fun, [node()]).

%% All begin together; between two notifications of one sender passes `interval', and for one sender
%% after the other a little more or less than that.
sender(N, HostType, #{each := Each, senders := Senders} = Spec) ->
    Spread = maps:get(spread, Spec, 0),
    Pause = max(0, maps:get(interval, Spec, 0) - Spread + 2 * Spread * N div Senders),
    From = <<"s", (integer_to_binary(N))/binary, "@", HostType/binary, "/phone">>,
    send(1, Each, From, Pause, Spec).

send(I, Each, From, Pause, #{run := Run, text := Text} = Spec) ->
    Padding = binary:copy(<<"x">>, maps:get(size, Spec, I * 200)),
    Body = <<Run/binary, " ", (integer_to_binary(I))/binary, " ", Text/binary, Padding/binary>>,
    _ = host_session:send(From, <<"bob@other.example">>, Body),
    case I < Each of
        true ->
            timer:sleep(Pause),
            send(I + 1, Each, From, Pause, Spec);
        false ->
            ok
    end.

settle(HostType, Deadline) ->
    #{pending := Pending} = numbers(HostType),
    case Pending > 0 andalso erlang:monotonic_time(millisecond) < Deadline of
        true ->
            timer:sleep(5),
            settle(HostType, Deadline);
        false ->
            ok
    end.

numbers(HostType) ->
    case http_pusher_nif:host_type_info(HostType) of
        undefined -> #{pushed => 0, accepted => 0, rejected => 0, sent => 0, failed => 0,
                       pending => 0};
        Numbers -> Numbers
    end.

%%% What the log says

-spec log(logger:log_event(), logger:handler_config()) -> term().
log(#{msg := {report, #{what := event_pusher_http_req, pool_name := Name,
                        response_code := Status}}}, _Config) ->
    ets:update_counter(?STATUSES, {Name, Status}, 1, {{Name, Status}, 0});
log(_Event, _Config) ->
    ignored.

statuses(Name) ->
    [{integer_to_list(Status), Count}
     || {{N, Status}, Count} <- ets:tab2list(?STATUSES), N =:= Name].

reasons(Name) ->
    [{atom_to_list(Reason), string(Text)}
     || #{reason := Reason, text := Text, pool_name := N}
            <- host_log:what(event_pusher_http_req_failed), N =:= Name].

%%% Answers

string(Text) ->
    {string, iolist_to_binary(io_lib:format("~ts", [Text]))}.
