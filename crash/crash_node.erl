%% @doc The node of the crash test: a stand-in host with one handler that delivers at least once.
%%
%% It sends messages until it is killed, and prints a line for each that was accepted, and again and again how many
%% transactions its spool has ended; or it sends none, waits until its spool is empty, and says how many are left.
-module(crash_node).

-export([main/0]).

-define(HOST, <<"localhost">>).
-define(SENDERS, 8).
-define(USERS, 25).

-spec main() -> no_return().
main() ->
    ok = io:setopts([{encoding, unicode}]),
    ok = logger:remove_handler(default),
    ok = application:load(mongoose_http_pusher),
    ok = application:set_env(mongoose_http_pusher, spool_dir, os:getenv("SPOOL_DIR")),
    %% More than a machine with few cores has.
    ok = application:set_env(mongoose_http_pusher, reporters, 3),
    ok = host_ctl:start(v6_5, #{hosts => [?HOST], log => none}),
    {ok, _} = host_ctl:start_pool(global, http_pool,
                                  #{host => os:getenv("URL"), workers => number("WORKERS"),
                                    request_timeout => 500, call_timeout => 2000}),
    host_ctl:start_module(?HOST, [maps:merge(#{pool_name => http_pool, path => <<"/n">>, format => json,
                                               delivery => at_least_once,
                                               retry => #{initial => 20, max => 1000, alone => 1000000}},
                                             batch(os:getenv("BATCH", "")))]),
    io:put_chars("ready\n"),
    case os:getenv("ROUND") of
        "drain" -> drain(erlang:monotonic_time(millisecond) + number("DRAIN"));
        Round -> send(Round)
    end.

batch("") -> #{};
batch(_Yes) -> #{batch => #{max_events => 50, linger => 30}}.

number(Name) ->
    list_to_integer(os:getenv(Name)).

send(Round) ->
    Seed = number("SEED"),
    _ = [spawn_link(fun() ->
                            _ = rand:seed(exsss, Seed + N),
                            send_on(N, Round, 1)
                    end) || N <- lists:seq(1, ?SENDERS)],
    tell_commits().

%% A transaction that has begun after a message was accepted holds it.
tell_commits() ->
    Time = erlang:monotonic_time(microsecond),
    case http_pusher_nif:spools() of
        [#{open := true, commits := Commits}] ->
            io:put_chars(["commits ", integer_to_list(Time), " ", integer_to_list(Commits), "\n"]);
        _NotOpenYet -> ok
    end,
    timer:sleep(5),
    tell_commits().

%% Each sender has users of its own, so that numbers grow in each lane.
send_on(N, Round, Number) ->
    User = ["u", integer_to_list(N), "x", integer_to_list(rand:uniform(?USERS))],
    Name = iolist_to_binary(User),
    Text = iolist_to_binary([User, " ", Round, " ", integer_to_list(Number)]),
    Before = rejected(),
    _ = host_session:send(<<Name/binary, "@", ?HOST/binary>>, <<"bob@localhost">>, Text),
    Time = erlang:monotonic_time(microsecond),
    case rejected() of
        Before -> io:put_chars(["accepted ", integer_to_list(Time), " ", Text, "\n"]);
        %% This one, or that of another sender: it does not count as accepted.
        _ -> ok
    end,
    timer:sleep(rand:uniform(12)),
    send_on(N, Round, Number + 1).

rejected() ->
    maps:get(rejected, http_pusher_nif:host_type_info(?HOST)).

drain(Deadline) ->
    case {left(http_pusher_nif:spools()), erlang:monotonic_time(millisecond) < Deadline} of
        {Left, true} when Left =/= 0 ->
            timer:sleep(50),
            drain(Deadline);
        {Left, _} ->
            io:format("left ~p~n", [Left]),
            halt(0)
    end.

left([#{open := true, waiting := Waiting}]) -> Waiting;
left(_NotOpenYet) -> unknown.
