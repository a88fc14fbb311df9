%% @doc The crash test: a node under load is killed with SIGKILL at random moments, again and again, while its
%% endpoint misbehaves. What its handler with `delivery = "at_least_once"' accepted must arrive all the same.
%%
%% Run by scripts/crash. The node is crash_node, in a VM of its own, which prints each message that was
%% accepted, and how many transactions its spool has ended. What was accepted before a transaction began that had ended
%% at the kill must arrive. A life is prompt if that is all that was accepted 200 ms before the kill; a disk that is busy
%% with other things may keep a transaction for longer, but not in each life. If BATCH is set, the handler sends
%% batches. All choices follow from one printed seed; their timing does not. The last line is one JSON object. The exit
%% status is 1 if something is wrong.
-module(crash).

-export([main/0]).

-define(KILLS, 20).
-define(WORKERS, 20).
%% What was accepted longer than this before a kill is on the disk in a prompt life, in microseconds.
-define(PROMPT, 200000).
%% So many removals are written at once (the spool's own bound). While a transaction is being written, more may come together,
%% but the kills are so many that their sum stays far below the bound.
-define(ONE_COMMIT, 2048).
%% The last node has this long to deliver what is left.
-define(DRAIN, 120000).
-define(START, 60000).
-define(BODY, "\"body\":\"(\\w+) (\\d+) (\\d+)\"").

-spec main() -> no_return().
main() ->
    ok = io:setopts([{encoding, unicode}]),
    Seconds = number("SECONDS", 60),
    Seed = number("SEED", erlang:system_time(millisecond) rem 1000000),
    io:format("seed ~b, ~b s, ~b kills (SEED=~b repeats the choices)~n", [Seed, Seconds, ?KILLS, Seed]),
    _ = rand:seed(exsss, Seed),
    Directory = os:getenv("SPOOL_DIR"),
    Endpoint = test_endpoint:start(#{record => true}),
    Environment = [{"URL", test_endpoint:url(Endpoint)}, {"SPOOL_DIR", Directory},
                   {"WORKERS", integer_to_list(?WORKERS)}],
    Life = Seconds * 1000 div ?KILLS,
    {Held, Earlier, Prompt} = lists:unzip3([round(Round, Seed, Life, Endpoint, Environment)
                                            || Round <- lists:seq(1, ?KILLS)]),
    test_endpoint:reset_plans(Endpoint),
    test_endpoint:release(Endpoint),
    Left = drain(Environment),
    #{records_dropped := Dropped, statuses := #{200 := Successes}} = test_endpoint:stats(Endpoint),
    Received = test_endpoint:received(Endpoint),
    test_endpoint:stop(Endpoint),
    PromptLives = length([true || true <- Prompt]),
    Books = books({lists:append(Held), lists:append(Earlier)}, Received, Successes, os:getenv("BATCH", "")),
    Problems = problems(Books, Left, Dropped, PromptLives),
    [io:format("wrong: ~ts~n", [Problem]) || Problem <- Problems],
    Keys = [pushed, arrived, lost, late, duplicates, out_of_order, other_ids],
    io:format("~ts~n", [json_text:object([{seed, Seed}, {seconds, Seconds}, {kills, ?KILLS}, {prompt, PromptLives}]
                                         ++ [{Key, maps:get(Key, Books)} || Key <- Keys]
                                         ++ [{left, Left}])]),
    halt(case Problems of [] -> 0; _ -> 1 end).

number(Name, Default) ->
    case os:getenv(Name) of
        Unset when Unset =:= false; Unset =:= "" -> Default;
        Text -> list_to_integer(Text)
    end.

%% One life of the node: returns the messages that were on disk at its end, those accepted 200 ms before it while the file
%% was open, and whether the life was prompt.
round(Round, Seed, Life, Endpoint, Environment) ->
    Node = start_node([{"ROUND", integer_to_list(Round)}, {"SEED", integer_to_list(Seed + Round)}
                       | Environment]),
    test_endpoint:plan(Endpoint, plan()),
    End = erlang:monotonic_time(millisecond) + Life div 4 + rand:uniform(Life),
    Lines = listen(Node, End, []),
    {os_pid, Pid} = erlang:port_info(Node, os_pid),
    _ = os:cmd("kill -9 " ++ integer_to_list(Pid)),
    on_disk(listen_to_end(Node, Lines)).

on_disk([]) ->
    {[], [], false};
on_disk(Lines) ->
    Times = [Time || {Time, _} <- Lines],
    {Began, Killed} = {lists:min(Times), lists:max(Times)},
    Seen = [{Time, Commits} || {Time, {commits, Commits}} <- Lines],
    Ended = lists:max([0 | [Commits || {_, Commits} <- Seen]]),
    %% When N transactions are seen to have ended, the next one may have begun before. The one after it begins later,
    %% with all that was accepted by then.
    Held = lists:max([Began | [Time || {Time, Commits} <- Seen, Commits + 2 =< Ended]]),
    Opened = lists:min([Killed | [Time || {Time, _} <- Seen]]),
    Messages = fun(Is) -> [Message || {Time, {message, Message}} <- Lines, Is(Time)] end,
    {Messages(fun(Time) -> Time < Held end),
     Messages(fun(Time) -> Time > Opened andalso Time < Killed - ?PROMPT end),
     Held > Began andalso Held > Killed - ?PROMPT}.

start_node(Environment) ->
    Erl = os:find_executable("erl"),
    Args = ["-noshell", "-noinput", "+fnu", "+pc", "unicode", "-pa" | code:get_path()]
        ++ ["-s", "crash_node", "main"],
    Port = open_port({spawn_executable, Erl},
                     [{args, Args}, {env, Environment}, {line, 4096}, binary, exit_status, use_stdio]),
    receive
        {Port, {data, {eol, <<"ready">>}}} -> Port;
        {Port, {exit_status, Status}} -> error({node_not_started, Status})
    after ?START ->
            error(node_not_started)
    end.

listen(Node, End, Lines) ->
    receive
        {Node, {data, {eol, Line}}} -> listen(Node, End, note(Line, Lines));
        {Node, {exit_status, Status}} -> error({node_ended, Status, lists:sublist(Lines, 5)})
    after max(0, End - erlang:monotonic_time(millisecond)) ->
            Lines
    end.

listen_to_end(Node, Lines) ->
    receive
        {Node, {data, {eol, Line}}} -> listen_to_end(Node, note(Line, Lines));
        {Node, {data, {noeol, _}}} -> listen_to_end(Node, Lines);
        {Node, {exit_status, _}} -> Lines
    after ?START ->
            error(node_does_not_end)
    end.

note(<<"accepted ", Rest/bytes>>, Lines) ->
    [Time, User, Round, Number] = binary:split(Rest, <<" ">>, [global]),
    [{binary_to_integer(Time), {message, message([User, Round, Number])}} | Lines];
note(<<"commits ", Rest/bytes>>, Lines) ->
    [Time, Commits] = binary:split(Rest, <<" ">>),
    [{binary_to_integer(Time), {commits, binary_to_integer(Commits)}} | Lines];
note(Line, Lines) ->
    io:format("~ts~n", [Line]),
    Lines.

%% No fault after the head of a success: the endpoint would not count it.
plan() ->
    Plans = ["mix seed=1 | 60 status=200 | 20 status=200 delay=5-50 | 20 status=500",
             "mix seed=2 | 70 status=200 | 15 status=429 header=retry-after:1 | 15 fault=close-before-head",
             "mix seed=3 | 85 status=200 | 5 status=503 delay=700 | 10 fault=close-before-head",
             "mix seed=4 | 70 status=200 | 30 status=503",
             "status=500"],
    lists:nth(rand:uniform(length(Plans)), Plans).

%% The last node sends nothing new. Returns how many notifications it has left.
drain(Environment) ->
    Node = start_node([{"ROUND", "drain"}, {"DRAIN", integer_to_list(?DRAIN)} | Environment]),
    receive
        {Node, {data, {eol, <<"left ", Left/bytes>>}}} ->
            _ = listen_to_end(Node, []),
            case Left of
                <<"unknown">> -> -1;
                _ -> binary_to_integer(Left)
            end
    after ?DRAIN + ?START ->
            error(node_does_not_drain)
    end.

books({Accepted, Earlier}, Received, Successes, Batch) ->
    Arrivals = lists:append([arrivals(Record, Batch) || Record = #{complete := true} <- Received]),
    First = lists:foldl(fun({Message, _Id}, Seen) -> maps:update_with(Message, fun(N) -> N + 1 end, 1, Seen) end,
                        #{}, Arrivals),
    Ids = lists:foldl(fun({Message, Id}, Seen) ->
                              maps:update_with(Message, fun(Known) -> lists:usort([Id | Known]) end, [Id], Seen)
                      end, #{}, Arrivals),
    #{pushed => length(Accepted),
      arrived => map_size(First),
      lost => length([Message || Message <- Accepted, not is_map_key(Message, First)]),
      %% Of these, a life that was not prompt had some in memory alone.
      late => length([Message || Message <- Earlier, not is_map_key(Message, First)]),
      %% Each message is answered with success once; any other success is for one that came again. Of batches the
      %% endpoint does not say which it answered with success.
      duplicates => case Batch of "" -> Successes - map_size(First); _ -> 0 end,
      out_of_order => out_of_order(Arrivals),
      other_ids => length([Message || {Message, [_, _ | _]} <- maps:to_list(Ids)])}.

%% The messages of a request, each with its identity, which in a batch is inside.
arrivals(#{body := Body, headers := Headers}, "") ->
    {match, [Message]} = re:run(Body, ?BODY, [global, {capture, all_but_first, binary}]),
    [{message(Message), proplists:get_value(<<"webhook-id">>, Headers)}];
arrivals(#{body := Body}, _Batch) ->
    {match, Messages} = re:run(Body, "\"id\":\"(msg_\\w+)\",\"type\".*?" ?BODY, [global, {capture, all_but_first, binary}]),
    [{message(Message), Id} || [Id | Message] <- Messages].

message([User, Round, Number]) ->
    {User, {binary_to_integer(Round), binary_to_integer(Number)}}.

%% First arrivals of each user must be in the order of hand-over.
out_of_order(Arrivals) ->
    {Wrong, _, _} =
        lists:foldl(fun({Message = {User, Number}, _Id}, {Wrong, Seen, Last}) ->
                            case is_map_key(Message, Seen) of
                                true -> {Wrong, Seen, Last};
                                false ->
                                    Late = Number < maps:get(User, Last, {0, 0}),
                                    {Wrong + case Late of true -> 1; false -> 0 end,
                                     Seen#{Message => true}, Last#{User => Number}}
                            end
                    end, {0, #{}, #{}}, Arrivals),
    Wrong.

problems(Books, Left, Dropped, PromptLives) ->
    #{pushed := Pushed, lost := Lost, duplicates := Duplicates, out_of_order := Wrong, other_ids := Other} = Books,
    Most = ?KILLS * (?WORKERS + ?ONE_COMMIT),
    Checks = [{Pushed > 0, "nothing was accepted"},
              {Dropped =:= 0, "the endpoint did not keep every record"},
              {PromptLives > 0, "no life had on disk what it had accepted 200 ms before its end"},
              {Left =:= 0, "the last node did not deliver everything"},
              {Lost =:= 0, "accepted notifications did not arrive"},
              {Wrong =:= 0, "first arrivals of a lane were out of order"},
              {Other =:= 0, "a notification arrived with different webhook-ids"},
              {Duplicates =< Most, io_lib:format("more than ~b notifications arrived again", [Most])}],
    [lists:flatten(Text) || {false, Text} <- Checks].
