%% @doc A synchronous pool with the design of the stock module's, made as fast as that design allows.
%%
%% Each worker process has one keep-alive connection with minimal HTTP/1.1 on it. The caller picks the
%% worker with the shortest queue and waits for the response. The queue lengths are in atomics and count
%% the request in flight too. The stock module asks each process for its message queue length, which
%% costs more and overlooks idle workers.
-module(sync_pool).

-export([start/3, stop/1, post/5]).

-export_type([pool/0]).

-record(pool, {workers :: tuple(), load :: atomics:atomics_ref(), host :: binary()}).

-opaque pool() :: #pool{}.

-define(CONNECT_MS, 5000).
-define(OPTIONS, [binary, {active, true}, {packet, raw}, {nodelay, true}, {buffer, 16384}]).

-spec start(inet:ip_address(), inet:port_number(), pos_integer()) -> pool().
start(Address, Port, Workers) ->
    Load = atomics:new(Workers, []),
    Pids = [spawn_link(fun() -> worker(connect({Address, Port}), {Address, Port}, Load, N) end)
            || N <- lists:seq(1, Workers)],
    Host = iolist_to_binary([inet:ntoa(Address), $:, integer_to_list(Port)]),
    #pool{workers = list_to_tuple(Pids), load = Load, host = Host}.

-spec stop(pool()) -> ok.
stop(#pool{workers = Workers}) ->
    lists:foreach(fun(Pid) ->
                          Ref = erlang:monitor(process, Pid),
                          Pid ! stop,
                          receive {'DOWN', Ref, _, _, _} -> ok end
                  end, tuple_to_list(Workers)).

%% @doc Posts, waits for the response and returns its status.
-spec post(pool(), Path :: binary(), [{binary(), binary()}], Body :: binary(), timeout()) ->
    {ok, pos_integer()} | {error, term()}.
post(#pool{workers = Workers, load = Load, host = Host}, Path, Headers, Body, Timeout) ->
    Request = [<<"POST ">>, Path, <<" HTTP/1.1\r\nhost: ">>, Host, <<"\r\ncontent-length: ">>,
               integer_to_binary(byte_size(Body)), <<"\r\n">>,
               [[Name, <<": ">>, Value, <<"\r\n">>] || {Name, Value} <- Headers], <<"\r\n">>, Body],
    Worker = best(Load, tuple_size(Workers)),
    atomics:add(Load, Worker, 1),
    Ref = erlang:monitor(process, element(Worker, Workers), [{alias, reply_demonitor}]),
    element(Worker, Workers) ! {post, Ref, Request},
    receive
        {Ref, Answer} -> Answer;
        {'DOWN', Ref, _, _, Reason} -> {error, Reason}
    after Timeout ->
            erlang:demonitor(Ref, [flush]),
            {error, timeout}
    end.

%% The first idle worker from a random position on, or else the one with the shortest queue.
best(Load, Size) ->
    Start = rand:uniform(Size),
    best(Load, Size, Start, Size, Start, infinity).

best(_Load, _Size, _At, 0, Best, _Least) ->
    Best;
best(Load, Size, At, Left, Best, Least) ->
    case atomics:get(Load, At) of
        0 -> At;
        Length when Length < Least -> best(Load, Size, At rem Size + 1, Left - 1, At, Length);
        _ -> best(Load, Size, At rem Size + 1, Left - 1, Best, Least)
    end.

connect({Address, Port}) ->
    {ok, Socket} = gen_tcp:connect(Address, Port, ?OPTIONS, ?CONNECT_MS),
    Socket.

worker(Socket, Endpoint, Load, N) ->
    receive
        {post, Ref, Request} ->
            {Answer, Kept} = exchange(Socket, Endpoint, Request),
            atomics:sub(Load, N, 1),
            Ref ! {Ref, Answer},
            worker(Kept, Endpoint, Load, N);
        {tcp_closed, Socket} ->
            worker(connect(Endpoint), Endpoint, Load, N);
        stop ->
            gen_tcp:close(Socket)
    end.

exchange(Socket, Endpoint, Request) ->
    case gen_tcp:send(Socket, Request) of
        ok ->
            case read(Socket, <<>>) of
                {ok, _} = Answer ->
                    {Answer, Socket};
                Error ->
                    gen_tcp:close(Socket),
                    {Error, connect(Endpoint)}
            end;
        Error ->
            {Error, connect(Endpoint)}
    end.

read(Socket, Before) ->
    receive
        {tcp, Socket, Data} ->
            Text = append(Before, Data),
            case response(Text) of
                more -> read(Socket, Text);
                Answer -> Answer
            end;
        {tcp_closed, Socket} -> {error, closed};
        {tcp_error, Socket, Reason} -> {error, Reason}
    end.

append(<<>>, Data) -> Data;
append(Before, Data) -> <<Before/binary, Data/binary>>.

response(Text) ->
    case erlang:decode_packet(http_bin, Text, []) of
        {ok, {http_response, _, Status, _}, Rest} -> headers(Rest, Status, 0);
        {more, _} -> more;
        _ -> {error, bad_response}
    end.

headers(Text, Status, Length) ->
    case erlang:decode_packet(httph_bin, Text, []) of
        {ok, {http_header, _, 'Content-Length', _, Value}, Rest} ->
            headers(Rest, Status, binary_to_integer(Value));
        {ok, {http_header, _, _, _, _}, Rest} -> headers(Rest, Status, Length);
        {ok, http_eoh, Body} when byte_size(Body) >= Length -> {ok, Status};
        {ok, http_eoh, _} -> more;
        {more, _} -> more;
        _ -> {error, bad_response}
    end.
