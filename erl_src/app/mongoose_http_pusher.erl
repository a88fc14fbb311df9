%% @doc For the shell of a running node: `mongoose_http_pusher:pools().'
%%
%% Also works while the application is down, and says so. http_pusher_pool_table formats the text.
-module(mongoose_http_pusher).

-export([pools/0]).


%% @doc Prints every pool: its settings, what is pending, the counters, the oldest waiting notification, and
%% the last failure. It prints no secrets.
-spec pools() -> ok.
pools() ->
    io:put_chars(unicode:characters_to_list(text())).


text() ->
    case whereis(http_pusher_sup) of
        undefined -> http_pusher_pool_table:down(library());
        _ -> [http_pusher_pool_table:head(head()) | pools_text()]
    end.


%% The supervisor may have ended since it was looked up, or the library may be missing.
pools_text() ->
    try
        {Metrics, Rejected} = http_pusher_metrics:read(),
        http_pusher_pool_table:pools(http_pusher_nif:pools(), Metrics, Rejected)
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
    #{
      version => Version,
      mongooseim => http_pusher_host:version(),
      node => node(),
      up => UpTime,
      host_types => maps:keys(http_pusher_pools:host_types())
     }.
