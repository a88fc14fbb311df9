%% Sessions that send numbered messages until they are stopped, and say how many that were.
-module(pusher_load).

-export([start/1, stop/1]).

-type load() :: [pid()].

%% @doc One session for each number up to Count: user1, user2 and so on of localhost.
-spec start(pos_integer()) -> load().
start(Count) ->
    Parent = self(),
    [spawn_link(fun() -> send(<<"user", (integer_to_binary(N))/binary>>, 1, Parent) end)
     || N <- lists:seq(1, Count)].

%% @doc How many messages were sent, in all.
-spec stop(load()) -> non_neg_integer().
stop(Sessions) ->
    [Pid ! stop || Pid <- Sessions],
    lists:sum([receive {Pid, Count} -> Count end || Pid <- Sessions]).

send(User, N, Parent) ->
    receive
        stop -> Parent ! {self(), N - 1}
    after rand:uniform(3) - 1 ->
            pusher_case:send(User, integer_to_binary(N)),
            send(User, N + 1, Parent)
    end.
