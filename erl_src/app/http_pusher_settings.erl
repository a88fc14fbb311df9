%% @doc The application's own settings: those that have no place in `mongooseim.toml'.
%%
%% They are the environment of the application `mongoose_http_pusher' in `etc/app.config'; none is required.
%% One error names each setting that is unknown or invalid, and its default is used.
-module(http_pusher_settings).

-export([read/0, current/0, check/1, defaults/0]).

-export_type([settings/0]).

%% Each setting's name, type and default.
-include("http_pusher_own_settings.hrl").

-type settings() :: #{
                      max_pending := pos_integer(),
                      max_pending_bytes := pos_integer(),
                      max_node_bytes := pos_integer(),
                      max_lane_percent := 1..100,
                      drain_timeout := non_neg_integer(),
                      max_connection_age := non_neg_integer(),
                      wait := non_neg_integer(),
                      spool_dir := file:name_all(),
                      spool_max_bytes := pos_integer(),
                      spool_sync := normal | full,
                      dead_letters_max_bytes := non_neg_integer(),
                      dead_letters_max_age := non_neg_integer(),
                      tokio_threads := pos_integer(),
                      reporters := pos_integer(),
                      http2_pools := [atom()],
                      log_level := logger:level() | none
                     }.


%% @doc The settings of the running node; logs what is wrong with them.
-spec read() -> settings().
read() ->
    {Settings, Problems} = check(application:get_all_env(mongoose_http_pusher)),
    case Problems of
        [] ->
            ok;
        _ ->
            logger:error(#{
                           what => http_pusher_bad_settings,
                           text => <<"Settings of mongoose_http_pusher in app.config are unknown "
                                     "or wrong; their defaults are used">>,
                           problems => Problems
                          },
                         #{domain => [mongoose_http_pusher]})
    end,
    Settings.


%% @doc The settings of the running node; logs nothing.
-spec current() -> settings().
current() ->
    {Settings, _} = check(application:get_all_env(mongoose_http_pusher)),
    Settings.


%% @doc The settings that an environment results in, and a text for each one that is not accepted.
-spec check([{atom(), term()}]) -> {settings(), [binary()]}.
check(Env) ->
    lists:foldl(fun check_one/2, {defaults(), []}, Env).


-spec defaults() -> settings().
defaults() ->
    maps:from_list([ {Name, default(Name, Default)} || {Name, _, Default, _} <- ?OWN_SETTINGS ]).


default(spool_dir, {computed, _}) -> http_pusher_spool_dir:default();
default(tokio_threads, {computed, _}) -> threads(erlang:system_info(schedulers_online));
default(reporters, {computed, _}) -> reporters(erlang:system_info(schedulers_online));
default(_, Default) -> Default.


%% The engine does most of the work, so fewer threads than cores would be the limit; on a large machine half
%% of the cores are plenty.
threads(Cores) -> max(min(8, Cores), Cores div 2).


%% One keeps up with what four cores deliver.
reporters(Cores) -> min(8, max(1, Cores div 4)).


%% The application controller puts `included_applications' into every environment.
check_one({included_applications, _}, Checked) ->
    Checked;
check_one({Key, Value}, {Settings, Problems}) ->
    case lists:keyfind(Key, 1, ?OWN_SETTINGS) of
        false ->
            {Settings, [problem(Key, Value, known()) | Problems]};
        {Key, Type, _, _} ->
            case valid(Type, Value) of
                true -> {Settings#{Key := Value}, Problems};
                false -> {Settings, [problem(Key, Value, expected(Type)) | Problems]}
            end
    end.


valid({one_of, Atoms}, V) -> lists:member(V, Atoms);
valid(directory, V) -> is_directory_name(V);
valid(pool_tags, V) -> is_list(V) andalso is_atom_list(V);
valid({zero_or_milliseconds, _, _}, 0) -> true;
valid({_Unit, Low, High}, V) -> is_integer(V) andalso V >= Low andalso V =< High.


is_directory_name(Name) when is_binary(Name); is_list(Name) ->
    try unicode:characters_to_list(Name) of
        Text when is_list(Text) -> Text =/= [] andalso io_lib:printable_unicode_list(Text);
        _ -> false
    catch
        error:badarg -> false
    end;
is_directory_name(_Name) ->
    false.


is_atom_list([]) -> true;
is_atom_list([First | Rest]) -> is_atom(First) andalso is_atom_list(Rest);
is_atom_list(_Improper) -> false.


expected({one_of, Atoms}) -> io_lib:format("one of ~p", [Atoms]);
expected(directory) -> "the name of a directory, as a string";
expected(pool_tags) -> "a list of pool tags (atoms)";
expected({zero_or_milliseconds, Low, High}) -> ["0, or ", expected({milliseconds, Low, High})];
expected({milliseconds, Low, High}) -> io_lib:format("a number of milliseconds, from ~b to ~b", [Low, High]);
expected({integer, Low, High}) -> io_lib:format("a number from ~b to ~b", [Low, High]).


known() ->
    Keys = lists:sort([ Name || {Name, _, _, _} <- ?OWN_SETTINGS ]),
    ["one of the settings ", lists:join(", ", [ atom_to_list(Key) || Key <- Keys ])].


problem(Key, Value, Expected) ->
    http_pusher_utf8:format("{~tp, ~tp}: expected ~ts", [Key, Value, Expected]).
