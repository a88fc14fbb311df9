%% Stands for ejabberd_config at 5.0.0 (src/ejabberd_config.erl): options live in the tables config
%% and local_config (Mnesia's there, read through ets as here).
-module(ejabberd_config).

-export([start/1, get_global_option/1, get_global_option_or_default/2, add_global_option/2,
         get_local_option/1, get_local_option/2, get_local_option_or_default/2,
         add_local_option/2, del_local_option/1, get_config_path/0]).

-record(config, {key, value}).
-record(local_config, {key, value}).

-define(UNSET, '$unset').

%% In place of reading the configuration file.
start(#{global := Global, local := Local}) ->
    [ets:new(Table, [named_table, public, {keypos, 2}, {read_concurrency, true}])
     || Table <- [config, local_config]],
    maps:foreach(fun add_global_option/2, Global),
    maps:foreach(fun add_local_option/2, Local).

get_config_path() ->
    application:get_env(mongooseim, config, os:getenv("EJABBERD_CONFIG_PATH", "etc/mongooseim.toml")).

get_global_option(Key) ->
    get_global_option_or_default(Key, undefined).

get_global_option_or_default(Key, Default) ->
    value(ets:lookup(config, Key), Default).

add_global_option(Key, Value) ->
    ets:insert(config, #config{key = Key, value = Value}),
    {atomic, ok}.

get_local_option(Key) ->
    get_local_option_or_default(Key, undefined).

get_local_option(Key, Host) ->
    case get_local_option_or_default({Key, Host}, ?UNSET) of
        ?UNSET -> get_global_option(Key);
        Value -> Value
    end.

get_local_option_or_default(Key, Default) ->
    value(ets:lookup(local_config, Key), Default).

add_local_option(Key, Value) ->
    ets:insert(local_config, #local_config{key = Key, value = Value}),
    {atomic, ok}.

del_local_option(Key) ->
    ets:delete(local_config, Key),
    {atomic, ok}.

value([{_Record, _Key, Value}], _Default) -> Value;
value([], Default) -> Default.
