#!/usr/bin/env escript
%% What `install' has the release's own Erlang tell it or do, each answer a line `word value'. It runs beside the
%% node, not in it, and is interpreted: the release may have no compiler, and may be of another OTP.
%%
%%   beams DIR             a line `reload' for each beam of the package in DIR that does not load, and the OTP
%%   compile DIR LIB       compiles the package's sources, against what is in the release's LIB
%%   library LIB           does the library load, and for which generation of MongooseIM is the release?
%%   which LIB             the file from which the node would load mod_event_pusher_http
%%
%% `library' and `which' search the path that they are started with first, and then LIB.

main(["beams", Dir]) ->
    Beams = filelib:wildcard(filename:join([Dir, "ebin", "*.beam"])),
    Beams =/= [] orelse say("reload", "everything"),
    lists:foreach(fun(File) -> loads(File) orelse say("reload", filename:basename(File)) end, Beams),
    say("otp", erlang:system_info(otp_release));
main(["compile", Dir, Lib]) ->
    add_release(Lib),
    Options = [{outdir, filename:join(Dir, "ebin")}, debug_info, report_errors],
    Sources = filelib:wildcard(filename:join([Dir, "src", "*.erl"])),
    %% The behaviour, which others are checked against.
    IsBehaviour = fun(File) -> filename:basename(File) =:= "mod_event_pusher_http.erl" end,
    {First, Rest} = lists:partition(IsBehaviour, Sources),
    case [File || File <- First ++ Rest, compile:file(File, Options) =:= error] of
        [] -> say("compiled", integer_to_list(length(Sources)));
        Failed -> say("not compiled:", lists:join(" ", Failed)), halt(1)
    end;
main(["library", Lib]) ->
    add_release(Lib),
    _ = application:load(mongooseim),
    case code:ensure_loaded(http_pusher_nif) of
        {module, _} ->
            [] = http_pusher_nif:host_types(),
            say("library", "ok");
        {error, Why} ->
            say("library", io_lib:format("~p", [Why]))
    end,
    say("generation", atom_to_list(http_pusher_host:generation()));
main(["which", Lib]) ->
    add_release(Lib),
    say("which", io_lib:format("~ts", [code:which(mod_event_pusher_http)])).

%% The library belongs to the one module that is not loaded here.
loads(File) ->
    filename:basename(File) =:= "http_pusher_nif.beam"
        orelse element(1, code:load_abs(filename:rootname(File))) =:= module.

add_release(Lib) ->
    code:add_pathsz(filelib:wildcard(filename:join(Lib, "*/ebin"))).

say(Word, Value) ->
    io:format("~s ~ts~n", [Word, Value]).
