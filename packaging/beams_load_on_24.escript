#!/usr/bin/env escript
%% Tells from the files alone whether beams load on OTP 24: the head of a beam's code chunk names the
%% highest instruction in it, and a VM refuses a file whose number is beyond what it knows.
%% Usage: beams_load_on_24.escript EBIN
-mode(compile).

%% recv_marker_use/1, the last one that OTP 24 added to the instruction set.
-define(OTP_24, 176).
-define(INSTRUCTION_SET, 0).

main([Ebin]) ->
    Files = lists:sort(filelib:wildcard(filename:join(Ebin, "*.beam"))),
    {ok, [{application, mongoose_http_pusher, Keys}]} =
        file:consult(filename:join(Ebin, "mongoose_http_pusher.app")),
    Listed = lists:sort(proplists:get_value(modules, Keys)),
    Present = lists:sort([list_to_atom(filename:basename(File, ".beam")) || File <- Files]),
    Listed =:= Present orelse fail("the .app file lists other modules than there are", []),
    Highest = [highest(File) || File <- Files],
    lists:max(Highest) =< ?OTP_24 orelse fail("instruction ~b is not in OTP 24", [lists:max(Highest)]),
    io:format("~ts: ~b beams, highest instruction ~b of OTP 24's ~b~n",
              [Ebin, length(Files), lists:max(Highest), ?OTP_24]);
main(_) ->
    fail("usage: beams_load_on_24.escript EBIN", []).

highest(File) ->
    {ok, {_, [{"Code", Code}]}} = beam_lib:chunks(File, ["Code"]),
    <<HeadSize:32, Head:HeadSize/binary, _/binary>> = Code,
    <<?INSTRUCTION_SET:32, Highest:32, _/binary>> = Head,
    Highest.

fail(Format, Args) ->
    io:format(standard_error, "beams_load_on_24: " ++ Format ++ "~n", Args),
    halt(1).
