%% @doc The application's own settings: those that have no place in `mongooseim.toml'.
%%
%% They are the environment of the application `mongoose_http_pusher' in `etc/app.config'; none is required.
%% One error names each setting that is unknown or invalid, and its default is used.
-module(http_pusher_settings).

-export([read/0, current/0, check/1, defaults/0]).

-export_type([settings/0]).

-type settings() :: #{
    max_pending := pos_integer(),
    max_pending_bytes := pos_integer(),
    max_node_bytes := pos_integer(),
    max_lane_percent := 1..100,
    drain_timeout := non_neg_integer(),
    max_connection_age := non_neg_integer(),
    wait := non_neg_integer(),
    tokio_threads := pos_integer(),
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
            logger:error(#{what => http_pusher_bad_settings,
                           text => <<"Settings of mongoose_http_pusher in app.config are unknown "
                                     "or wrong; their defaults are used">>,
                           problems => Problems},
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
    #{max_pending => 100000,
      max_pending_bytes => 64 * 1024 * 1024,
      max_node_bytes => 512 * 1024 * 1024,
      max_lane_percent => 10,
      drain_timeout => 5000,
      max_connection_age => 300000,
      wait => 0,
      tokio_threads => threads(erlang:system_info(schedulers_online)),
      http2_pools => [],
      log_level => info}.

%% Half of the cores are plenty, but a single thread would limit a small machine.
threads(Cores) when Cores < 4 -> min(2, Cores);
threads(Cores) -> Cores div 2.

%% The application controller puts `included_applications' into every environment.
check_one({included_applications, _}, Checked) ->
    Checked;
check_one({Key, Value}, {Settings, Problems}) ->
    case {maps:is_key(Key, Settings), valid(Key, Value)} of
        {true, true} -> {Settings#{Key := Value}, Problems};
        {true, false} -> {Settings, [problem(Key, Value, expected(Key)) | Problems]};
        {false, _} -> {Settings, [problem(Key, Value, known()) | Problems]}
    end.

valid(max_lane_percent, V) -> is_integer(V) andalso V >= 1 andalso V =< 100;
%% The longest time that a timer of the VM accepts.
valid(Time, V) when Time =:= drain_timeout; Time =:= wait; Time =:= max_connection_age ->
    is_integer(V) andalso V >= 0 andalso V =< 16#FFFFFFFF;
valid(tokio_threads, V) -> is_integer(V) andalso V >= 1 andalso V =< 1024;
valid(http2_pools, V) -> is_list(V) andalso is_atom_list(V);
valid(log_level, V) -> lists:member(V, log_levels());
valid(_, V) -> is_integer(V) andalso V >= 1 andalso V < 1 bsl 48.

is_atom_list([]) -> true;
is_atom_list([First | Rest]) -> is_atom(First) andalso is_atom_list(Rest);
is_atom_list(_Improper) -> false.

expected(max_lane_percent) -> "a number from 1 to 100";
expected(Time) when Time =:= drain_timeout; Time =:= wait ->
    "a number of milliseconds, from 0 to 4294967295";
expected(max_connection_age) -> "a number of milliseconds, from 0 (for ever) to 4294967295";
expected(tokio_threads) -> "a number from 1 to 1024";
expected(http2_pools) -> "a list of pool tags (atoms)";
expected(log_level) -> io_lib:format("one of ~p", [log_levels()]);
expected(_) -> "a positive number".

known() ->
    Keys = lists:sort(maps:keys(defaults())),
    ["one of the settings ", lists:join(", ", [atom_to_list(Key) || Key <- Keys])].

log_levels() ->
    [debug, info, notice, warning, error, none].

problem(Key, Value, Expected) ->
    http_pusher_utf8:format("{~tp, ~tp}: expected ~ts", [Key, Value, Expected]).
