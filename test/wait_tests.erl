%% A session that waits, and its mailbox.
-module(wait_tests).

-include_lib("eunit/include/eunit.hrl").

-import(http_pusher_wait, [begin_for/1, waiter/1, counted/1, forget/1, for_all/1]).

an_answer_that_came_before_is_forgotten_test() ->
    Waiting = begin_for(60000),
    ok = counted(waiter(Waiting)),
    %% The VM checks the alias when a receive fetches the message.
    receive never -> ok after 0 -> ok end,
    ok = forget(Waiting),
    ?assertEqual([], flush()).

an_answer_that_comes_later_goes_nowhere_test() ->
    Waiting = begin_for(60000),
    ok = forget(Waiting),
    ok = counted(waiter(Waiting)),
    ?assertEqual([], flush()).

%% The reporter died after it had told the session, and before the engine knew.
an_answer_that_comes_twice_is_received_once_test() ->
    Waiting = begin_for(60000),
    ok = counted(waiter(Waiting)),
    ok = counted(waiter(Waiting)),
    ok = for_all([Waiting]),
    ?assertEqual([], flush()).

flush() ->
    receive Message -> [Message | flush()] after 0 -> [] end.
