#!/usr/bin/env escript
%% Tells from the files alone whether beams load on OTP 24 and on OTP 29. The head of a beam's code chunk
%% names the highest instruction in it, and a VM refuses a file whose number is beyond what it knows.
%% OTP 29 has dropped the instructions by which binaries were built before OTP 25, and refuses a file
%% that uses one.
%% Usage: beams_load.escript EBIN
-mode(compile).

%% recv_marker_use/1, the last one that OTP 24 added to the instruction set.
-define(OTP_24, 176).
-define(INSTRUCTION_SET, 0).
%% Not in OTP 29: seen when it refused them, and what belongs with those.
-define(DROPPED, [bs_add, bs_append, bs_init2, bs_init_bits, bs_init_writable, bs_private_append,
                  bs_put_binary, bs_put_float, bs_put_integer, bs_put_string, bs_put_utf16,
                  bs_put_utf32, bs_put_utf8, bs_test_unit, bs_utf16_size, bs_utf8_size]).

main([Ebin]) ->
    Files = lists:sort(filelib:wildcard(filename:join(Ebin, "*.beam"))),
    {ok, [{application, mongoose_http_pusher, Keys}]} =
        file:consult(filename:join(Ebin, "mongoose_http_pusher.app")),
    Listed = lists:sort(proplists:get_value(modules, Keys)),
    Present = lists:sort([list_to_atom(filename:basename(File, ".beam")) || File <- Files]),
    Listed =:= Present orelse fail("the .app file lists other modules than there are", []),
    Highest = [highest(File) || File <- Files],
    lists:max(Highest) =< ?OTP_24 orelse fail("instruction ~b is not in OTP 24", [lists:max(Highest)]),
    [fail("~ts uses ~p, which OTP 29 does not have", [File, Dropped])
     || File <- Files, Dropped <- [dropped(File)], Dropped =/= []],
    io:format("~ts: ~b beams, none with an instruction that OTP 29 has dropped~n",
              [Ebin, length(Files)]),
    io:format("~ts: ~b beams, highest instruction ~b of OTP 24's ~b~n",
              [Ebin, length(Files), lists:max(Highest), ?OTP_24]);
main(_) ->
    fail("usage: beams_load.escript EBIN", []).

highest(File) ->
    {ok, {_, [{"Code", Code}]}} = beam_lib:chunks(File, ["Code"]),
    <<HeadSize:32, Head:HeadSize/binary, _/binary>> = Code,
    <<?INSTRUCTION_SET:32, Highest:32, _/binary>> = Head,
    Highest.

dropped(File) ->
    {beam_file, _, _, _, _, Functions} = beam_disasm:file(File),
    lists:usort([Name || {function, _, _, _, Code} <- Functions, Instruction <- Code,
                         Name <- names(Instruction), lists:member(Name, ?DROPPED)]).

names({test, Name, _, _}) -> [Name];
names({test, Name, _, _, _, _}) -> [Name];
names(Instruction) when is_tuple(Instruction) -> [element(1, Instruction)];
names(Name) -> [Name].

fail(Format, Args) ->
    io:format(standard_error, "beams_load: " ++ Format ++ "~n", Args),
    halt(1).
