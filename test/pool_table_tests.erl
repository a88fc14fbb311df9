%% The shell function's text for pools in states that are hard to reach.
-module(pool_table_tests).

-include_lib("eunit/include/eunit.hrl").

-define(TEXT, http_pusher_pool_table).

an_empty_spare_is_not_shown_test() ->
    Spare = (pool())#{id := 2, phase := spare, settings := undefined},
    ?assertEqual(text([pool()]), text([pool(), Spare])).

what_waits_in_a_spare_is_test() ->
    Spare = (pool())#{id := 2, phase := spare, settings := undefined, pending := 7, waiting := 7},
    Text = text([Spare, pool()]),
    shows(Text, "global/http_pool: open\n"),
    shows(Text, "  spare           another pool of this name: 0 in flight, 7 waiting\n").

nothing_but_a_spare_that_waits_test() ->
    Spare = (pool())#{phase := spare, settings := undefined, pending := 7, waiting := 7},
    shows(text([Spare]), "global/http_pool: OPENING, notifications wait for its settings\n").

one_drains_beside_its_successor_test() ->
    Old = (pool())#{id := 0, phase := draining, closing := true, pending := 3, in_flight := 2,
                    waiting := 1},
    shows(text([Old, pool()]), "  draining        another pool of this name: 2 in flight, 1 waiting\n").

endpoints_that_are_down_test() ->
    Endpoints = [{<<"https://example.org/hook/a">>, undefined, 0},
                 {<<"https://example.org/hook/b">>, 7500000, 12345}],
    Text = text([pool()], #{endpoints => Endpoints, postponed => 3}),
    shows(Text, "  down            https://example.org/hook/b has been down for 2 h 5 min, 12,345\n"
                "                  notifications wait for it\n"),
    shows(Text, "  postponed       3 wait for their next attempt\n"),
    ?assertEqual(nomatch, string:find(Text, "hook/a")),
    ?assertEqual(nomatch, string:find(text([pool()]), "postponed")).

a_rate_that_is_reached_test() ->
    shows(text([pool()], #{limited => 1234}), "  limited         1,234 are for handlers whose rate is reached\n"),
    ?assertEqual(nomatch, string:find(text([pool()]), "limited")).

what_is_on_disk_test() ->
    Said = fun(Spool) -> text([pool()], #{spool => maps:merge(spool(), Spool)}) end,
    shows(Said(#{}), "  on disk         0 with 0 bytes, 0 of them not in memory; longest commit 0.00\n"
                     "                  ms\n"),
    shows(Said(#{waiting => 1234, waiting_bytes => 2048, on_disk_alone => 1000, oldest => 7500000,
                 slowest_commit => 12000}),
          "  on disk         1,234 with 2.0 KiB, 1,000 of them not in memory, the oldest\n"
          "                  for 2 h 5 min; longest commit 12 ms\n"),
    shows(Said(#{dead_letters => 12, dead_letter_bytes => 100, reasons => [{<<"gave_up">>, 10}, {<<"bad_status">>, 2}]}),
          "  dead letters    12 with 100 bytes, gave_up 10, bad_status 2\n"),
    ?assertEqual(nomatch, string:find(Said(#{}), "dead letters")),
    ?assertEqual(nomatch, string:find(text([pool()]), "on disk")).

a_disk_that_fails_test() ->
    Said = fun(Spool) -> text([pool()], #{spool => maps:merge(spool(), Spool)}) end,
    shows(Said(#{open => false}), "  on disk         the file is being opened\n"),
    Failing = Said(#{open => false, failing => true, why => <<"other@host has it", 27>>}),
    shows(Failing, "  on disk         the file cannot be opened\n"),
    shows(Failing, "  DISK FAILS      other@host has it.; notifications are in memory alone\n"),
    shows(Said(#{failing => true, why => <<"no space">>}), "  DISK FAILS      no space; notifications are in memory alone\n").

a_pool_that_is_gone_has_its_counts_test() ->
    Text = text([]),
    shows(Text, "global/http_pool: not started, the host runs no such pool now\n"),
    shows(Text, "  counted         1,234,567 sent, 999 failed, 1,000 retries\n"),
    ?assertEqual(nomatch, string:find(Text, "  now ")).

what_the_settings_say_test() ->
    Said = fun(Settings) ->
                   Pool = #{settings := Before} = pool(),
                   text([Pool#{settings := maps:merge(Before, Settings)}])
           end,
    shows(Said(#{when_busy => reject}), "call_timeout 5 s, none may\n                  wait\n"),
    shows(Said(#{max_waiting => 1500}), "call_timeout 5 s, 1,500 may\n                  wait\n"),
    shows(Said(#{http2 => true}), "https://example.org/hook (HTTP/2)\n").

nothing_drives_the_terminal_test() ->
    Last = {100, invalid_response, <<"got ", 27, "[2J", 7, 155, " and", 10, "more ", 195, 169>>, 1},
    Text = text([pool()], #{last_failure => Last}),
    ?assertEqual([], [Char || Char <- Text, Char < 32 andalso Char =/= $\n
                                                orelse Char >= 127 andalso Char < 160]),
    shows(Text, "100 ms ago: invalid_response after 1 attempt. got .[2J").

lines_are_broken_and_long_words_are_not_test() ->
    Url = lists:flatten(["https://example.org/" | lists:duplicate(100, $x)]),
    Words = lists:append(lists:duplicate(30, "what went wrong ")),
    Last = {7500000, econnrefused, list_to_binary(["POST ", Url, ": ", Words]), 3},
    Text = text([pool()], #{last_failure => Last}),
    shows(Text, "2 h 5 min ago: econnrefused after 3 attempts. POST\n"),
    shows(Text, "\n                  " ++ Url ++ ":\n"),
    [?assert(length(Line) =< 80 orelse string:find(Line, Url) =/= nomatch)
     || Line <- string:split(Text, "\n", all)].

rejections_before_a_pool_are_by_host_type_test() ->
    Rejected = [{<<"localhost">>, <<"http_pool">>, queue_full, 5},
                {<<"localhost">>, <<"http_pool">>, spool_full, 6},
                {<<"localhost">>, <<"http_pool">>, bad_header, 2},
                {<<"localhost">>, <<"http_pool">>, bad_body, 0},
                {<<"localhost">>, <<"http_pool">>, shutdown, 1},
                {<<"localhost">>, <<>>, engine_down, 4}],
    Text = lists:flatten(io_lib:format("~ts", [?TEXT:pools([], [], Rejected)])),
    shows(Text, "\n  localhost, http_pool: bad_header 2, shutdown 1\n"),
    shows(Text, "\n  localhost: engine_down 4\n"),
    shows(Text, "There are no pools yet"),
    [?assertEqual(nomatch, string:find(Text, Reason)) || Reason <- ["queue_full", "spool_full"]].

text(Pools) ->
    text(Pools, #{}).

text(Pools, Metrics) ->
    All = [maps:merge(metrics(), Metrics)],
    unicode:characters_to_list(?TEXT:pools(Pools, All, [])).

shows(Text, Part) ->
    ?assertEqual({found, Part}, {case string:find(Text, Part) of nomatch -> Text; _ -> found end, Part}).

pool() ->
    #{id => 1, name => <<"global/http_pool">>, phase => open, closing => false, accepted => 0,
      rejected => 0, sent => 0, failed => 0, waiting => 0, postponed => 0, in_flight => 0, pending => 0,
      pending_bytes => 0, workers => 0, parked => 0, oldest_waiting => undefined,
      settings => #{host => <<"https://example.org">>, path_prefix => <<"/hook">>, workers => 50,
                    when_busy => wait, max_waiting => undefined, request_timeout => 2000,
                    call_timeout => 5000, http2 => false, tls => true},
      defect => undefined}.

spool() ->
    #{pool => <<"global/http_pool">>, open => true, failing => false, why => undefined, waiting => 0,
      waiting_bytes => 0, max_bytes => 1 bsl 30, oldest => undefined, on_disk_alone => 0, dead_letters => 0,
      dead_letter_bytes => 0, reasons => [], commits => 0, errors => 0, slowest_commit => 0}.

metrics() ->
    #{name => <<"global/http_pool">>, waiting => 0, postponed => 0, limited => 0, in_flight => 0, pending => 0,
      pending_bytes => 0, workers => 50, oldest_waiting => undefined, sent => 1234567,
      failed => 999, retries => 1000, outages => 2, endpoints => [], rejected => [{queue_full, 0}],
      queue_time => {[{1000, 0}, {infinity, 0}], 0, 0}, last_failure => undefined}.
