%% @doc Where the NIF's library is: beside the directory from which the beams were loaded, whatever its
%% name.
-module(http_pusher_library).

-export([path/0, file/0]).


%% @doc The path for `erlang:load_nif/2', without the extension.
-spec path() -> file:filename().
path() ->
    Beam = case code:which(?MODULE) of
               Path when is_list(Path) -> Path;
               _ -> code:where_is_file(?MODULE_STRING ".beam")
           end,
    Directory = filename:dirname(filename:dirname(filename:absname(Beam))),
    filename:join([Directory, "priv", "mongoose_http_pusher_nif"]).


%% @doc The file.
-spec file() -> file:filename().
file() ->
    path() ++ ".so".
