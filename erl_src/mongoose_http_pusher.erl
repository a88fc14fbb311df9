%% @doc For the shell of a running node: `mongoose_http_pusher:pools().'
%%
%% Works also where the application is down, and says so. Not here: how the text is put together
%% (mongoose_http_pusher_text).
-module(mongoose_http_pusher).

-export([pools/0]).

%% @doc Prints every pool: its settings, what is on its way, what was counted, the oldest waiting
%% notification, and the last failure. Nothing that is secret is in it.
-spec pools() -> ok.
pools() ->
    io:put_chars(unicode:characters_to_list(text())).

text() ->
    case whereis(mongoose_http_pusher_sup) of
        undefined -> mongoose_http_pusher_text:down(library());
        _ -> [mongoose_http_pusher_text:head(head()) | pools_text()]
    end.

%% Between the look for the supervisor and this it may have ended, or the library may be missing.
pools_text() ->
    try
        {Figures, Rejected} = mongoose_http_pusher_figures:read(),
        mongoose_http_pusher_text:pools(mongoose_http_pusher_nif:pools(), Figures, Rejected)
    catch
        error:_ -> mongoose_http_pusher_text:down(library())
    end.

library() ->
    File = mongoose_http_pusher_library:file(),
    case filelib:is_regular(File) of
        true -> {there, File};
        false -> {missing, File}
    end.

head() ->
    Version = case application:get_key(mongoose_http_pusher, vsn) of
                  {ok, Vsn} -> Vsn;
                  undefined -> ""
              end,
    {UpTime, _} = erlang:statistics(wall_clock),
    #{version => Version, mongooseim => mongoose_http_pusher_host:version(), node => node(),
      up => UpTime, host_types => maps:keys(mongoose_http_pusher_pools:host_types())}.
