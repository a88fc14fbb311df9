%% With no option of ours set, a request is byte for byte what it was before there were any
%% (design.md, invariant 7). test/data/requests.GENERATION holds the requests that the version before sent
%% for the same messages; HTTP_PUSHER_RECORD=yes writes these files, with the version that is to be
%% preserved.
-module(bytes_SUITE).

-define(HOST, <<"localhost">>).
%% Longer bodies are kept as a digest.
-define(SHOWN, 2000).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all([v5_0, v6_5, v6_9]).

groups() ->
    pusher_case:groups([the_same_bytes], [v5_0, v6_5, v6_9]).

init_per_testcase(_Case, Config) ->
    pusher_case:start([{own_endpoints, true} | Config]).

end_per_testcase(_Case, Config) ->
    %% Each start of the module resets the host's metrics.
    pusher_case:finish(Config, uncounted).

the_same_bytes(Config) ->
    Recorder = recorder(),
    Url = fun(Path) -> list_to_binary(["http://localhost:", integer_to_list(port(Recorder)), Path]) end,
    {ok, _} = pusher_case:pool(Config, #{host => Url(""), workers => 1, path_prefix => "/webservice"}),
    {ok, _} = pusher_case:pool(bare, Config, #{host => Url(""), workers => 1}),
    compare(Config, iolist_to_binary([requests(Recorder, Handler) || Handler <- handlers()])).

handlers() ->
    [#{},
     #{path => "/notifications"},
     #{path => "caf\x{e9}/a b?to=1", pool_name => bare},
     #{path => "/own", callback_module => pusher_callback},
     #{path => "/own", callback_module => pusher_callback, body => [<<0, 255>>, "body"],
       own_headers => [{<<"Host">>, <<"other.example:1234">>}, {"X-Upper", "Upper Case"}, {'x-atom', atom},
                       {<<"x-twice">>, <<"1">>}, {<<"x-twice">>, <<"2">>}, {<<"x-empty">>, <<>>}]}].

messages() ->
    Bob = {<<"bob">>, ?HOST, <<"tablet">>},
    [{{<<"alice">>, ?HOST, <<"phone">>}, Bob, Text}
     || Text <- [<<"hi">>, <<"Hi & bye =+\x{e9} %"/utf8>>, <<"    %  ~">>, <<"line\r\nbreak\t\"'<>">>,
                 <<"\x{1f980} \x{5e9}\x{5dc}\x{5d5}\x{5dd}"/utf8>>, binary:copy(<<"long ">>, 14000)]]
        ++ [{{<<"us\\20er+%&">>, ?HOST, <<>>}, {<<"z\x{fc}rich"/utf8>>, ?HOST, <<>>}, <<"names">>}].

requests(Recorder, Handler) ->
    pusher_case:module([Handler]),
    ok = http_pusher_pools:await_look(30000),
    [request(Recorder, Message) || Message <- messages()].

%% What one message becomes.
request(Recorder, {From, To, Text}) ->
    host_session:send(From, To, Text),
    receive
        {Recorder, Request} -> ["== ", Request, $\n]
    after 60000 ->
        error({no_request, Text})
    end.

compare(Config, Requests) ->
    Generation = atom_to_list(proplists:get_value(generation, Config)),
    File = filename:join([host_code:test_dir(), "data", "requests." ++ Generation]),
    case os:getenv("HTTP_PUSHER_RECORD") of
        "yes" ->
            ok = file:write_file(File, Requests);
        _ ->
            {ok, Before} = file:read_file(File),
            same(parts(Before), parts(Requests))
    end.

parts(Requests) ->
    binary:split(Requests, <<"\n== ">>, [global]).

same(Before, Now) ->
    [?assertEqual(One, Other) || {One, Other} <- lists:zip(Before, Now)],
    ok.

%%% A server that shows the bytes it has read

recorder() ->
    Self = self(),
    Recorder = spawn_link(fun() -> record(Self) end),
    receive {Recorder, listens, Port} -> {Recorder, Port} end.

port({_, Port}) -> Port.

record(Owner) ->
    {ok, Listening} = gen_tcp:listen(0, [binary, {active, false}, {ip, {127, 0, 0, 1}}, {reuseaddr, true}]),
    {ok, Port} = inet:port(Listening),
    Owner ! {self(), listens, Port},
    accept(Listening, #{owner => Owner, recorder => {self(), Port}, port => integer_to_binary(Port)}).

accept(Listening, State) ->
    {ok, Socket} = gen_tcp:accept(Listening),
    Handler = spawn_link(fun() -> receive go -> serve(Socket, <<>>, State) end end),
    ok = gen_tcp:controlling_process(Socket, Handler),
    Handler ! go,
    accept(Listening, State).

serve(Socket, Read, State = #{owner := Owner, recorder := Recorder, port := Port}) ->
    case binary:split(Read, <<"\r\n\r\n">>) of
        [Head, Rest] ->
            {match, [Digits]} = re:run(Head, "content-length: ([0-9]+)", [caseless, {capture, [1], binary}]),
            Length = binary_to_integer(Digits),
            {Stable, Body} = as_recorded(binary:replace(Head, <<":", Port/binary>>, <<":PORT">>),
                                         body(Socket, Rest, Length)),
            Owner ! {Recorder, [Stable, "\r\n\r\n", shown(Body)]},
            ok = gen_tcp:send(Socket, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
            serve(Socket, <<>>, State);
        [_] ->
            case gen_tcp:recv(Socket, 0) of
                {ok, More} -> serve(Socket, <<Read/binary, More/binary>>, State);
                {error, _} -> ok
            end
    end.

body(_Socket, Read, Length) when byte_size(Read) =:= Length ->
    Read;
body(Socket, Read, Length) when byte_size(Read) < Length ->
    {ok, More} = gen_tcp:recv(Socket, Length - byte_size(Read)),
    <<Read/binary, More/binary>>.

%% The files were recorded beside a cowlib that writes each blank in a form as `+'. Later ones write some as `%20', and the
%% engine writes what the host's cowlib does.
as_recorded(Head, Body) ->
    case {http_pusher_host:escapes_in_groups(), binary:match(Head, <<"x-www-form-urlencoded">>)} of
        {true, {_, _}} ->
            Form = binary:replace(Body, <<"%20">>, <<"+">>, [global]),
            Length = ["\\g{1}", integer_to_list(byte_size(Form))],
            {re:replace(Head, "(content-length: )[0-9]+", Length, [caseless, {return, binary}]), Form};
        _ ->
            {Head, Body}
    end.

shown(Body) when byte_size(Body) =< ?SHOWN -> Body;
shown(Body) -> [integer_to_list(byte_size(Body)), " bytes, MD5 ", base64:encode(erlang:md5(Body))].
