%% Drives the program http-pusher-test-endpoint (native/test_endpoint): starts it on a free port of
%% 127.0.0.1 and talks to its admin port. A test endpoint belongs to no test process:
%% it runs until stop/1 or the end of the node.
-module(test_endpoint).

-export([start/0, start/1, stop/1, port/1, url/1, url/2, binary/0]).
-export([stats/1, received/1, received/2, form/1, check_payloads/1]).
-export([plan/2, plan/3, reset_plans/1, clear/1, close_connections/1, release/1, listener/2]).
-export([wait_for_count/3, wait_for/3]).

-export_type([endpoint/0]).

-type endpoint() :: #{owner := pid(), port := inet:port_number(), admin := inet:port_number(),
                      scheme := string()}.
-type recorded() :: #{n := pos_integer(), micros := non_neg_integer(), connection := pos_integer(),
                    version := binary(), method := binary(), path := binary(),
                    headers := [{binary(), binary()}], body := binary(), complete := boolean(),
                    tls := binary()}.

-define(START_MS, 60000).
-define(ADMIN_MS, 60000).

-spec start() -> endpoint().
start() ->
    start(#{}).

%% @doc Options: plan, threads, tls (true or #{cert, key, client_ca, write_ca}), h2, bind (a list of
%% addresses), record (true unless false), print (a fun that gets each printed line), binary, through (a
%% program that runs it, and that one's arguments).
-spec start(map()) -> endpoint().
start(Opts) ->
    Binary = maps:get(binary, Opts, undefined),
    Named = case Binary of undefined -> binary(); _ -> Binary end,
    {Executable, Before} = case Opts of
                               #{through := {Program, Arguments}} -> {Program, Arguments ++ [Named]};
                               #{} -> {Named, []}
                           end,
    Self = self(),
    Ref = make_ref(),
    Owner = spawn(fun() -> own(Self, Ref, Executable, Before ++ args(Opts), maps:get(print, Opts, undefined)) end),
    receive
        {Ref, Line} ->
            {Port, Admin} = ports(Line),
            #{owner => Owner, port => Port, admin => Admin,
              scheme => case Opts of #{tls := _} -> "https"; #{} -> "http" end}
    after ?START_MS ->
            exit(Owner, kill),
            error({test_endpoint_not_started, Executable})
    end.

%% @doc Ends the test endpoint by closing its standard input.
-spec stop(endpoint()) -> ok.
stop(#{owner := Owner}) ->
    Ref = erlang:monitor(process, Owner),
    Owner ! stop,
    receive {'DOWN', Ref, _, _, _} -> ok end.

-spec port(endpoint()) -> inet:port_number().
port(#{port := Port}) ->
    Port.

-spec url(endpoint()) -> string().
url(#{scheme := Scheme, port := Port}) ->
    Scheme ++ "://127.0.0.1:" ++ integer_to_list(Port).

-spec url(endpoint(), string()) -> string().
url(Endpoint, Path) ->
    url(Endpoint) ++ Path.

%% @doc The test endpoint's executable: named by HTTP_PUSHER_TEST_ENDPOINT, or built below a directory above.
-spec binary() -> file:filename_all().
binary() ->
    program("http-pusher-test-endpoint",
            [File || File <- [os:getenv("HTTP_PUSHER_TEST_ENDPOINT")], File =/= false]).

program(Name, Named) ->
    {ok, Cwd} = file:get_cwd(),
    Built = [filename:join([Dir, "target", Profile, Name])
             || Dir <- [filename:dirname(host_code:test_dir()), Cwd], Profile <- ["release", "debug"]],
    case [File || File <- Named ++ Built, filelib:is_regular(File)] of
        [Found | _] -> Found;
        [] -> error({no_program, Named ++ Built})
    end.

%% @doc The counters by their names; paths and statuses are maps.
-spec stats(endpoint()) -> #{atom() => non_neg_integer() | map()}.
stats(Endpoint) ->
    Lines = binary:split(admin(Endpoint, "GET", "/stats", ""), <<"\n">>, [global, trim_all]),
    lists:foldl(fun add_stat/2, #{paths => #{}, statuses => #{}}, Lines).

-spec received(endpoint()) -> [recorded()].
received(Endpoint) ->
    received(Endpoint, 0).

%% @doc The records from this number on.
-spec received(endpoint(), non_neg_integer()) -> [recorded()].
received(Endpoint, From) ->
    Text = admin(Endpoint, "GET", "/received?from=" ++ integer_to_list(From), ""),
    [record(binary:split(Line, <<"\t">>, [global]))
     || Line <- binary:split(Text, <<"\n">>, [global, trim_all])].

%% @doc Whether the payloads received are as the schemas of docs/schemas say (native/schemas). Only requests with
%% a webhook-id have one.
-spec check_payloads(endpoint()) -> ok | {invalid_payloads, string()}.
check_payloads(Endpoint) ->
    case admin(Endpoint, "GET", "/received?header=webhook-id", "") of
        <<>> -> ok;
        Records -> check_records(Records)
    end.

check_records(Records) ->
    File = filename:join("/tmp", "http-pusher-records-" ++ os:getpid() ++ "-"
                         ++ integer_to_list(erlang:unique_integer([positive]))),
    ok = file:write_file(File, Records),
    try
        Port = open_port({spawn_executable, program("http-pusher-schemas", [])},
                         [{args, [File]}, binary, exit_status, use_stdio, stderr_to_stdout]),
        case output(Port, []) of
            {0, _} -> ok;
            {_, Said} -> {invalid_payloads, unicode:characters_to_list(Said)}
        end
    after
        file:delete(File)
    end.

output(Port, Said) ->
    receive
        {Port, {data, More}} -> output(Port, [Said, More]);
        {Port, {exit_status, Status}} -> {Status, iolist_to_binary(Said)}
    end.

%% @doc The fields of a form body.
-spec form(binary()) -> [{binary(), binary()}].
form(Body) ->
    cow_qs:parse_qs(Body).

-spec plan(endpoint(), iodata()) -> ok.
plan(Endpoint, Plan) ->
    plan(Endpoint, Plan, #{}).

%% @doc Where: path => exactly this path, next => for so many requests or connections.
-spec plan(endpoint(), iodata(), #{path => string(), next => pos_integer()}) -> ok.
plan(Endpoint, Plan, Where) ->
    Query = uri_string:compose_query(
              [{"path", Path} || {ok, Path} <- [maps:find(path, Where)]]
              ++ [{"next", integer_to_list(Next)} || {ok, Next} <- [maps:find(next, Where)]]),
    post(Endpoint, "/plan?" ++ Query, Plan).

-spec reset_plans(endpoint()) -> ok.
reset_plans(Endpoint) ->
    post(Endpoint, "/reset-plans", "").

-spec clear(endpoint()) -> ok.
clear(Endpoint) ->
    post(Endpoint, "/clear", "").

-spec close_connections(endpoint()) -> ok.
close_connections(Endpoint) ->
    post(Endpoint, "/close-connections", "").

%% @doc Lets every stalled request go on.
-spec release(endpoint()) -> ok.
release(Endpoint) ->
    post(Endpoint, "/release", "").

%% @doc Opens or closes the listening socket; closed, connections are refused.
-spec listener(endpoint(), boolean()) -> ok.
listener(Endpoint, Open) ->
    post(Endpoint, "/listener?open=" ++ atom_to_list(Open), "").

%% @doc Waits until this many requests were received.
-spec wait_for_count(endpoint(), non_neg_integer(), timeout()) -> ok | {timeout, non_neg_integer()}.
wait_for_count(Endpoint, Count, Timeout) ->
    case wait_for(Endpoint, fun(#{received := Received}) -> Received >= Count end, Timeout) of
        {ok, _} -> ok;
        {timeout, #{received := Received}} -> {timeout, Received}
    end.

-spec wait_for(endpoint(), fun((map()) -> boolean()), timeout()) -> {ok, map()} | {timeout, map()}.
wait_for(Endpoint, Fun, Timeout) ->
    host_log:poll(fun() -> stats(Endpoint) end, Fun, Timeout).

own(Starter, Ref, Executable, Args, Print) ->
    Port = open_port({spawn_executable, Executable},
                     [{args, Args}, {line, 65536}, binary, exit_status, use_stdio]),
    receive
        {Port, {data, {eol, Line}}} -> Starter ! {Ref, Line};
        {Port, {exit_status, Status}} -> exit({test_endpoint_ended, Status})
    end,
    own_loop(Port, Print).

own_loop(Port, Print) ->
    receive
        {Port, {data, {_Flag, Line}}} when is_function(Print) -> Print(Line), own_loop(Port, Print);
        {Port, {data, _}} -> own_loop(Port, Print);
        {Port, {exit_status, Status}} -> exit({test_endpoint_ended, Status});
        stop -> end_test_endpoint(Port)
    end.

%% Closing the port closes the test endpoint's standard input; then it ends by itself.
end_test_endpoint(Port) ->
    {os_pid, Pid} = erlang:port_info(Port, os_pid),
    port_close(Port),
    wait_for_end("/proc/" ++ integer_to_list(Pid), 6000).

wait_for_end(_Process, 0) ->
    exit(test_endpoint_does_not_end);
wait_for_end(Process, Tries) ->
    case filelib:is_dir(Process) of
        true -> timer:sleep(10), wait_for_end(Process, Tries - 1);
        false -> ok
    end.

ports(Line) ->
    {match, [Port, Admin]} = re:run(Line, "^listening \\S+:(\\d+) admin \\S+:(\\d+)",
                                    [{capture, all_but_first, binary}]),
    {binary_to_integer(Port), binary_to_integer(Admin)}.

args(Opts) ->
    ["--port", "0"]
        ++ lists:append([["--bind", Address] || Address <- maps:get(bind, Opts, ["127.0.0.1"])])
        ++ ["--record" || maps:get(record, Opts, true)]
        ++ ["--print" || maps:is_key(print, Opts)]
        ++ ["--h2" || maps:get(h2, Opts, false)]
        ++ lists:append([["--plan", Plan] || {ok, Plan} <- [maps:find(plan, Opts)]])
        ++ lists:append([["--worker-threads", integer_to_list(Threads)]
                         || {ok, Threads} <- [maps:find(threads, Opts)]])
        ++ tls_args(maps:get(tls, Opts, false)).

tls_args(false) -> [];
tls_args(true) -> ["--tls"];
tls_args(Tls) ->
    ["--tls" | lists:append([[Flag, maps:get(Key, Tls)]
                             || {Key, Flag} <- [{cert, "--cert"}, {key, "--key"},
                                                {client_ca, "--client-ca"},
                                                {write_ca, "--write-ca"}],
                                maps:is_key(Key, Tls)])].

add_stat(Line, Stats) ->
    [Value | NameBackwards] = lists:reverse(binary:split(Line, <<" ">>, [global])),
    Name = lists:join(<<" ">>, lists:reverse(NameBackwards)),
    add_stat(iolist_to_binary(Name), binary_to_integer(Value), Stats).

add_stat(<<"path.", Path/binary>>, Count, #{paths := Paths} = Stats) ->
    Stats#{paths := Paths#{Path => Count}};
add_stat(<<"status.", Status/binary>>, Count, #{statuses := Statuses} = Stats) ->
    Stats#{statuses := Statuses#{binary_to_integer(Status) => Count}};
add_stat(Name, Count, Stats) ->
    Stats#{binary_to_atom(Name) => Count}.

record([N, Micros, Connection, Version, Method, Path, Headers, Body, Complete, Tls | _]) ->
    #{n => binary_to_integer(N), micros => binary_to_integer(Micros),
      connection => binary_to_integer(Connection), version => Version, method => Method,
      path => Path, headers => headers(from_hex(Headers)), body => from_hex(Body),
      complete => Complete =:= <<"complete">>, tls => Tls}.

headers(Text) ->
    [list_to_tuple(binary:split(Line, <<": ">>))
     || Line <- binary:split(Text, <<"\r\n">>, [global, trim_all])].

from_hex(Text) ->
    << <<(binary_to_integer(Byte, 16))>> || <<Byte:2/binary>> <= Text >>.

post(Endpoint, Target, Body) ->
    _ = admin(Endpoint, "POST", Target, Body),
    ok.

%% One request over a connection of its own.
admin(#{admin := Port}, Method, Target, Body) ->
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}], ?ADMIN_MS),
    ok = gen_tcp:send(Socket, [Method, " ", Target, " HTTP/1.1\r\nhost: endpoint\r\nconnection: close\r\n",
                               "content-length: ", integer_to_list(iolist_size(Body)), "\r\n\r\n",
                               Body]),
    Answer = read_all(Socket, []),
    gen_tcp:close(Socket),
    [Head, Content] = binary:split(Answer, <<"\r\n\r\n">>),
    case Head of
        <<"HTTP/1.1 200", _/binary>> -> Content;
        _ -> error({test_endpoint_refused, Target, Head, Content})
    end.

read_all(Socket, Parts) ->
    case gen_tcp:recv(Socket, 0, ?ADMIN_MS) of
        {ok, Part} -> read_all(Socket, [Part | Parts]);
        {error, closed} -> iolist_to_binary(lists:reverse(Parts))
    end.
