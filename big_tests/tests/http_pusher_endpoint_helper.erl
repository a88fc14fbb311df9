%% @doc An endpoint to notify. It runs in the test node, keeps what it gets in a table, and answers each path as it is
%% told to.
-module(http_pusher_endpoint_helper).

-export([start_endpoint/0, stop_endpoint/0, endpoint/0, closed_address/0, answer/2, forget/0]).
-export([requests/0, requests/1, wait_for_requests/1, wait_for_requests/2, wait_until/2, wait_until/3]).
-export([form/1, json/1, header/2, lane_and_number/1, check_payloads/0]).
%% Cowboy's callback.
-export([init/2]).

-define(LISTENER, http_pusher_endpoint).
-define(TABLE, http_pusher_requests).
-define(WAIT, 10000).

%% @doc Starts the endpoint on a free port of the loopback.
-spec start_endpoint() -> ok.
start_endpoint() ->
    {ok, _} = application:ensure_all_started(cowboy),
    Self = self(),
    %% Test cases run in processes of their own; the table outlives them.
    Owner = spawn(fun() ->
                          ets:new(?TABLE, [named_table, public, ordered_set]),
                          Self ! {self(), ready},
                          receive stop -> ok end
                  end),
    receive {Owner, ready} -> ok end,
    register(?TABLE, Owner),
    forget(),
    Dispatch = cowboy_router:compile([{'_', [{"/[...]", ?MODULE, []}]}]),
    {ok, _} = cowboy:start_clear(?LISTENER, [{ip, {127, 0, 0, 1}}, {port, 0}],
                                 #{env => #{dispatch => Dispatch}, max_keepalive => 1000000}),
    ok.

-spec stop_endpoint() -> ok.
stop_endpoint() ->
    ok = cowboy:stop_listener(?LISTENER),
    Watch = monitor(process, ?TABLE),
    ?TABLE ! stop,
    receive {'DOWN', Watch, _, _, _} -> ok end.

%% @doc Where the endpoint is.
-spec endpoint() -> string().
endpoint() ->
    "http://127.0.0.1:" ++ integer_to_list(ranch:get_port(?LISTENER)).

%% @doc An address at which no process listens.
-spec closed_address() -> string().
closed_address() ->
    {ok, Socket} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Socket),
    ok = gen_tcp:close(Socket),
    "http://127.0.0.1:" ++ integer_to_list(Port).

%% @doc How requests for a path are answered from now on: after so many milliseconds (or a random time
%% up to that), with this status, or one of these.
-spec answer(binary() | default, #{delay => non_neg_integer() | {random, pos_integer()},
                                   status => 200..599 | [200..599]}) -> ok.
answer(Path, Plan) ->
    true = ets:insert(?TABLE, {{plan, Path}, Plan}),
    ok.

%% @doc Forgets requests and plans.
-spec forget() -> ok.
forget() ->
    true = ets:delete_all_objects(?TABLE),
    true = ets:insert(?TABLE, [{count, 0}, {{plan, default}, #{}}]),
    ok.

%% @doc What has been received, in the order in which it came in.
-spec requests() -> [map()].
requests() ->
    [Request || [Request] <- ets:match(?TABLE, {{request, '_'}, '$1'})].

-spec requests(binary()) -> [map()].
requests(Path) ->
    [Request || Request = #{path := P} <- requests(), P =:= Path].

-spec wait_for_requests(non_neg_integer()) -> [map()].
wait_for_requests(Count) ->
    wait_for_requests(Count, ?WAIT).

%% @doc Waits until so many requests are there, and fails on more.
-spec wait_for_requests(non_neg_integer(), timeout()) -> [map()].
wait_for_requests(Count, Timeout) ->
    wait_until(fun() -> length(requests()) >= Count end, {requests, Count}, Timeout),
    Requests = requests(),
    Count = length(Requests),
    Requests.

%% @doc Waits until this is so, or fails with the requests that have come, or with what the name says then.
-spec wait_until(fun(() -> boolean()), term()) -> ok.
wait_until(Condition, Name) ->
    wait_until(Condition, Name, ?WAIT).

-spec wait_until(fun(() -> boolean()), term(), timeout()) -> ok.
wait_until(Condition, Name, Timeout) ->
    wait(Condition, Name, erlang:monotonic_time(millisecond) + Timeout).

wait(Condition, Name, Deadline) ->
    case Condition() of
        true ->
            ok;
        false ->
            case erlang:monotonic_time(millisecond) > Deadline of
                true when is_function(Name) -> ct:fail({not_reached, Name()});
                true -> ct:fail({not_reached, Name, requests()});
                false ->
                    timer:sleep(20),
                    wait(Condition, Name, Deadline)
            end
    end.

%%% What a request holds

%% @doc The fields of a form.
-spec form(map()) -> #{binary() => binary()}.
form(#{body := Body}) ->
    maps:from_list(cow_qs:parse_qs(Body)).

%% @doc A body of JSON: an event, or a batch of them.
-spec json(map()) -> map() | [map()].
json(Request) ->
    Body = plain(Request),
    case code:ensure_loaded(json) of
        {module, json} -> json:decode(Body);
        {error, _} -> jiffy:decode(Body, [return_maps])
    end.

%% The body without compression by gzip.
plain(#{headers := #{<<"content-encoding">> := <<"gzip">>}, body := Body}) -> zlib:gunzip(Body);
plain(#{body := Body}) -> Body.

-spec header(binary(), map()) -> binary() | undefined.
header(Name, #{headers := Headers}) ->
    maps:get(Name, Headers, undefined).

%% @doc Of a JSON event of a chat message with a number as its text: who has sent it, and the number.
-spec lane_and_number(map()) -> {binary(), integer()}.
lane_and_number(#{<<"data">> := #{<<"from">> := #{<<"user">> := From}, <<"body">> := Text}}) ->
    {From, binary_to_integer(Text)}.

%% @doc What was received with a `webhook-id' has the form that docs/schemas promise, read by the project's own
%% program. OTP before 28 does not read zstd, so bodies in that are not checked.
-spec check_payloads() -> ok | {invalid_payloads, string()}.
check_payloads() ->
    case [record(Request) || Request = #{headers := #{<<"webhook-id">> := _}} <- requests(),
                             header(<<"content-encoding">>, Request) =/= <<"zstd">>] of
        [] -> ok;
        Records -> check_records(Records)
    end.

%% As the project's test endpoint writes them.
record(Request = #{n := N, headers := Headers}) ->
    Lines = [[Name, ": ", Value, "\n"] || {Name, Value} <- maps:to_list(Headers)],
    [integer_to_list(N), "\t\t\t\t\t\t", hex(Lines), "\t", hex(plain(Request)), "\n"].

hex(Data) ->
    [io_lib:format("~2.16.0b", [Byte]) || <<Byte>> <= iolist_to_binary(Data)].

check_records(Records) ->
    File = filename:join(os:getenv("HTTP_PUSHER_WORK"), "payloads"),
    ok = file:write_file(File, Records),
    Port = open_port({spawn_executable, os:getenv("HTTP_PUSHER_SCHEMAS")},
                     [{args, [File]}, binary, exit_status, use_stdio, stderr_to_stdout]),
    case output(Port, []) of
        {0, _} -> ok;
        {_, Said} -> {invalid_payloads, unicode:characters_to_list(Said)}
    end.

output(Port, Said) ->
    receive
        {Port, {data, More}} -> output(Port, [Said, More]);
        {Port, {exit_status, Status}} -> {Status, iolist_to_binary(Said)}
    end.

%%% In cowboy's process

init(Req0, State) ->
    {ok, Body, Req1} = cowboy_req:read_body(Req0, #{length => 16#1000000}),
    Path = cowboy_req:path(Req1),
    N = ets:update_counter(?TABLE, count, 1),
    Plan = case ets:lookup(?TABLE, {plan, Path}) of
               [{_, Own}] -> Own;
               [] -> ets:lookup_element(?TABLE, {plan, default}, 2)
           end,
    Status = case maps:get(status, Plan, 200) of
                 Statuses when is_list(Statuses) -> lists:nth(rand:uniform(length(Statuses)), Statuses);
                 One -> One
             end,
    ets:insert(?TABLE, {{request, N}, #{n => N, method => cowboy_req:method(Req1), path => Path,
                                        headers => cowboy_req:headers(Req1), body => Body, status => Status}}),
    case maps:get(delay, Plan, 0) of
        {random, Most} -> timer:sleep(rand:uniform(Most + 1) - 1);
        Delay -> timer:sleep(Delay)
    end,
    {ok, cowboy_req:reply(Status, Req1), State}.
