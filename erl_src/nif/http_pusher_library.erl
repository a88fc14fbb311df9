%% @doc Where the library of the NIF is: beside the directory that the beams were loaded from, whatever
%% that is called. Not here: loading it (http_pusher_nif).
-module(http_pusher_library).

-export([path/0, file/0]).

%% @doc As `erlang:load_nif/2' takes it, without the ending.
-spec path() -> file:filename().
path() ->
    Beam = case code:which(?MODULE) of
               Path when is_list(Path) -> Path;
               _ -> code:where_is_file(?MODULE_STRING ".beam")
           end,
    Directory = filename:dirname(filename:dirname(filename:absname(Beam))),
    filename:join([Directory, "priv", "mongoose_http_pusher_nif"]).

%% @doc The file itself.
-spec file() -> file:filename().
file() ->
    path() ++ ".so".
