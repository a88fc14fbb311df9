%% @doc For the shell of a running node: `mongoose_http_pusher:pools().'
%%
%% Works also where the application is down, and says so. Not here: how the text is put together
%% (http_pusher_pool_table).
-module(mongoose_http_pusher).

-export([pools/0]).

%% @doc Prints every pool: its settings, what is on its way, what was counted, the oldest waiting
%% notification, and the last failure. Nothing that is secret is in it.
-spec pools() -> ok.
pools() ->
    io:put_chars(unicode:characters_to_list(text())).

text() ->
    case whereis(http_pusher_sup) of
        undefined -> http_pusher_pool_table:down(library());
        _ -> [http_pusher_pool_table:head(head()) | pools_text()]
    end.

%% Between the look for the supervisor and this it may have ended, or the library may be missing.
pools_text() ->
    try
        {Figures, Rejected} = http_pusher_metrics:read(),
        http_pusher_pool_table:pools(http_pusher_nif:pools(), Figures, Rejected)
    catch
        error:_ -> http_pusher_pool_table:down(library())
    end.

library() ->
    File = http_pusher_library:file(),
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
    #{version => Version, mongooseim => http_pusher_host:version(), node => node(),
      up => UpTime, host_types => maps:keys(http_pusher_pools:host_types())}.
