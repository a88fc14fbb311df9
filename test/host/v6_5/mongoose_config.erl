%% Stands for mongoose_config at 6.8.0 (src/config/mongoose_config.erl): one map in the persistent
%% term mongoose_config; a missing key raises {badkey, Key} unless there is a default.
-module(mongoose_config).

-export([stop/0, get_config_path/0, lookup_opt/1, get_opt/1, get_opt/2,
         set_opts/1, get_opts/0, set_opt/2, unset_opt/1]).

stop() ->
    case persistent_term:erase(?MODULE) of
        true -> ok;
        false -> {error, not_started}
    end.

get_config_path() ->
    application:get_env(mongooseim, config, os:getenv("EJABBERD_CONFIG_PATH", "etc/mongooseim.toml")).

set_opts(Opts) ->
    persistent_term:put(?MODULE, Opts).

get_opts() ->
    persistent_term:get(?MODULE).

set_opt(Key, Value) ->
    set_opts(put_at(path(Key), Value, get_opts())).

unset_opt(Key) ->
    set_opts(remove_at(path(Key), get_opts())).

lookup_opt(Key) ->
    try {ok, get_opt(Key)}
    catch error:{badkey, _} -> {error, not_found}
    end.

get_opt(Key, Default) ->
    try get_opt(Key)
    catch error:{badkey, _} -> Default
    end.

get_opt(Key) ->
    lists:foldl(fun maps:get/2, persistent_term:get(?MODULE), path(Key)).

path(Path) when is_list(Path) -> Path;
path(Key) -> [Key].

put_at([Key], Value, Map) -> Map#{Key => Value};
put_at([Key | Path], Value, Map) -> Map#{Key => put_at(Path, Value, maps:get(Key, Map))}.

remove_at([Key], Map) -> maps:remove(Key, Map);
remove_at([Key | Path], Map) -> Map#{Key := remove_at(Path, maps:get(Key, Map))}.
