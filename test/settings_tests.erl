%% The application's own settings: defaults, accepted values, and errors.
-module(settings_tests).

-include_lib("eunit/include/eunit.hrl").

-import(http_pusher_settings, [check/1, defaults/0]).

nothing_set_test() ->
    ?assertEqual({defaults(), []}, check([])),
    ?assertEqual({defaults(), []}, check([{included_applications, []}])).

%% The figures of the design.
documented_defaults_test() ->
    ?assertMatch(#{max_pending := 100000, max_pending_bytes := 67108864, max_node_bytes := 536870912,
                   max_lane_percent := 10, drain_timeout := 5000, max_connection_age := 300000,
                   wait := 0, http2_pools := []}, defaults()).

taken_test_() ->
    [{lists:flatten(io_lib:format("~p", [Setting])),
      ?_assertEqual({(defaults())#{Key := Value}, []}, check([Setting]))}
     || {Key, Value} = Setting <-
            [{max_pending, 1}, {max_pending, 1000000}, {max_pending_bytes, 1024},
             {max_node_bytes, 1}, {max_lane_percent, 1}, {max_lane_percent, 100}, {drain_timeout, 0},
             {drain_timeout, 60000}, {max_connection_age, 0}, {max_connection_age, 1000},
             {max_connection_age, 16#FFFFFFFF}, {wait, 0},
             {wait, 5000}, {wait, 16#FFFFFFFF}, {tokio_threads, 1}, {tokio_threads, 64},
             {reporters, 1}, {reporters, 32}, {http2_pools, []},
             {http2_pools, [http_pool, other]}, {spool_dir, "/var/spool/größe"}, {spool_dir, <<"spool">>},
             {spool_sync, full}, {spool_max_bytes, 1 bsl 20}, {dead_letters_max_age, 0}]
            ++ [{log_level, Level} || Level <- [debug, info, notice, warning, error, none]]].

%% An invalid setting affects no other: its default is used, and the others are accepted.
wrong_test_() ->
    [{lists:flatten(io_lib:format("~p", [Setting])),
      fun() ->
          {Settings, [Problem]} = check([{max_pending, 7}, Setting]),
          ?assertEqual((defaults())#{max_pending := 7}, Settings),
          ?assertNotEqual(nomatch, string:find(Problem, io_lib:format("~p", [element(1, Setting)]))),
          ?assertNotEqual(nomatch, string:find(Problem, "expected"))
      end}
     || Setting <- [{Key, Value} || Key <- maps:keys(defaults()), Key =/= max_pending,
                                    Value <- odd(), not right(Key, Value)]
            ++ [{max_lane_percent, 0}, {max_lane_percent, 101}, {drain_timeout, -1},
                {drain_timeout, 1 bsl 40}, {max_connection_age, -1}, {max_connection_age, 1}, {max_connection_age, 999},
                 {max_connection_age, 1 bsl 32}, {wait, -1},
                {wait, 1 bsl 32}, {wait, infinity}, {tokio_threads, 0}, {tokio_threads, 100000},
                {reporters, 0}, {reporters, 33},
                {http2_pools, ["http_pool"]}, {log_level, critical},
                {spool_dir, ""}, {spool_dir, spool}, {spool_max_bytes, 1000}, {spool_sync, always},
                {dead_letters_max_bytes, -1}, {dead_letters_max_age, -1},
                {no_such_setting, 1}, {maxpending, 1}]].

a_connection_lives_for_a_second_or_for_ever_test() ->
    {_, [Problem]} = check([{max_connection_age, 5}]),
    ?assertEqual(<<"{max_connection_age, 5}: expected 0, or a number of milliseconds, from 1000 to 4294967295">>,
                 iolist_to_binary(Problem)).

several_wrong_ones_are_all_named_test() ->
    {Settings, Problems} = check([{max_pending, foo}, {typo, 1}, {drain_timeout, "5"}]),
    ?assertEqual(defaults(), Settings),
    ?assertEqual(3, length(Problems)).

odd() ->
    [foo, -1, 1.5, "text", <<"text">>, {}, #{}, [1], [a | b], self(), 1 bsl 64].

right(http2_pools, Value) -> Value =:= [];
right(spool_dir, Value) -> Value =:= "text" orelse Value =:= <<"text">>;
right(_Key, _Value) -> false.
