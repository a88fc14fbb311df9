%% @doc The tested MongooseIM node, of any generation: what it is, counts and logs, what is put into it, and its life.
-module(http_pusher_node_helper).

-export([generation/0, generation/1, domain/0, host_type/0, slow/1, exports/1]).
-export([inject/1, write_file/2, lift_shapers/0]).
-export([counts/0, counts/1, wait_for_more/2, difference/2]).
-export([push/1, hear/1, heard/0, hear_no_more/0]).
-export([restart_host/0, kill_node/0, wait_until_up/0]).

-import(distributed_helper, [mim/0, rpc/4]).
-import(http_pusher_endpoint_helper, [wait_until/2, wait_until/3]).

-define(EVENT, mod_event_pusher_http_sent).

%% @doc The generation of the tested node, as the module sees it.
-spec generation() -> v5_0 | v5_1 | v6_3 | v6_5.
generation() ->
    generation(mim()).

-spec generation(distributed_helper:rpc_spec()) -> v5_0 | v5_1 | v6_3 | v6_5.
generation(Node) ->
    rpc(Node, http_pusher_host, generation, []).

domain() ->
    ct:get_config({hosts, mim, domain}).

host_type() ->
    ct:get_config({hosts, mim, host_type}).

%% @doc A node to call things on that take longer than calls usually do.
-spec slow(distributed_helper:rpc_spec()) -> distributed_helper:rpc_spec().
slow(Node) ->
    Node#{timeout => 60000}.

%% @doc What a module of the node exports; nothing if there is no such module.
-spec exports(module()) -> [{atom(), arity()}].
exports(Module) ->
    case rpc(mim(), code, ensure_loaded, [Module]) of
        {module, _} -> rpc(mim(), Module, module_info, [exports]);
        {error, _} -> []
    end.

%%% What is put into it

%% @doc Loads a module of the tests into the tested node.
-spec inject(module()) -> ok.
inject(Module) ->
    {Module, Binary, File} = code:get_object_code(Module),
    {module, Module} = rpc(mim(), code, load_binary, [Module, File, Binary]),
    ok.

%% @doc A file for the tested node, beside its configuration. The name that the node knows it by.
-spec write_file(string(), iodata()) -> string().
write_file(Name, Content) ->
    File = filename:join(filename:dirname(rpc(mim(), os, getenv, ["EJABBERD_CONFIG_PATH"])), Name),
    ok = rpc(mim(), file, write_file, [File, Content]),
    File.

%% @doc Users may send as fast as they like from their next session on.
-spec lift_shapers() -> ok.
lift_shapers() ->
    Rate = 100000000,
    lists:foreach(fun(Name) ->
                          case generation() of
                              v5_0 -> rpc(mim(), ejabberd_config, add_global_option,
                                          [{shaper, Name, global}, {maxrate, Rate}]);
                              _ -> rpc(mim(), mongoose_config, set_opt,
                                       [[shaper, Name], #{max_rate => Rate}])
                          end
                  end, [normal, fast]).

%%% Metrics

%% @doc What the node's metrics say was sent and failed since they were made.
-spec counts() -> #{sent := non_neg_integer(), failed := non_neg_integer()}.
counts() ->
    counts(mim()).

-spec counts(distributed_helper:rpc_spec()) ->
    #{sent := non_neg_integer(), failed := non_neg_integer()}.
counts(Node) ->
    Names = case generation(Node) of
                Old when Old =:= v5_0; Old =:= v5_1 ->
                    [{sent, [mod_event_pusher_http, sent]}, {failed, [mod_event_pusher_http, failed]}];
                _ ->
                    [{sent, [?EVENT, count]}, {failed, [?EVENT, failure_count]}]
            end,
    maps:from_list([{Name, count(Node, Metric)} || {Name, Metric} <- Names]).

%% A node may keep one metric for all its host types (`all_metrics_are_global').
count(Node, Metric) ->
    [Points | _] = [Points || Scope <- [host_type(), global],
                              {ok, Points} <- [rpc(Node, exometer, get_value, [[Scope | Metric], count])]],
    proplists:get_value(count, Points).

%% @doc Waits until the metrics have grown by this since `counts/0' returned Before.
-spec wait_for_more(#{atom() => non_neg_integer()}, #{atom() => non_neg_integer()}) -> ok.
wait_for_more(Before, Difference) ->
    Expected = maps:merge(Before, maps:map(fun(Key, N) -> maps:get(Key, Before) + N end, Difference)),
    wait_until(fun() -> counts() =:= Expected end, fun() -> {counts, Expected, counts()} end).

%% @doc By how much one of the metrics has grown since `counts/0' returned Before.
-spec difference(#{atom() => non_neg_integer()}, atom()) -> integer().
difference(Before, Key) ->
    maps:get(Key, counts()) - maps:get(Key, Before).

%%% Events and the log

%% @doc Gives the tested node's module an event, as the host would. It must take it.
-spec push(Event :: term()) -> ok.
push(Event) ->
    [From, To] = [rpc(mim(), jid, from_binary, [<<User/binary, "@", (domain())/binary>>])
                  || User <- [<<"alice">>, <<"bob">>]],
    Acc = rpc(mim(), mongoose_acc, new,
              [#{location => {?MODULE, ?FUNCTION_NAME, ?LINE}, lserver => domain(), host_type => host_type(),
                 element => undefined, from_jid => From, to_jid => To}]),
    case generation() of
        v5_0 ->
            Acc = rpc(mim(), mod_event_pusher_http, push_event, [Acc, domain(), Event]);
        Old when Old =:= v5_1; Old =:= v6_3 ->
            Acc = rpc(mim(), mod_event_pusher_http, push_event, [Acc, Event]);
        _ ->
            HookAcc = #{acc => Acc, metadata => #{}},
            {ok, HookAcc} = rpc(mim(), mod_event_pusher_http, push_event,
                                [HookAcc, #{event => Event}, #{host_type => host_type()}])
    end,
    ok.

%% @doc From now on, what the tested node logs of this kind can be had from `heard/0'.
-spec hear(What :: atom()) -> ok.
hear(What) ->
    rpc(mim(), logger, add_handler,
        [?MODULE, http_pusher_callbacks, #{config => #{what => What, listener => self()}}]).

-spec heard() -> [{logger:level(), map()}].
heard() ->
    receive
        {http_pusher_log, Level, Report} -> [{Level, Report} | heard()]
    after 500 -> []
    end.

-spec hear_no_more() -> ok.
hear_no_more() ->
    rpc(mim(), logger, remove_handler, [?MODULE]).

%%% The tested node's life

%% @doc Restarts the host's application, which reads its configuration file.
-spec restart_host() -> ok.
restart_host() ->
    ok = rpc(slow(mim()), application, stop, [mongooseim]),
    ok = rpc(slow(mim()), application, start, [mongooseim]).

%% @doc Ends the tested node's VM at once, as a crash would, and says how to start it again. The node runs on
%% this machine, from its release.
-spec kill_node() -> fun(() -> ok).
kill_node() ->
    Release = filename:dirname(filename:dirname(rpc(mim(), os, getenv, ["EJABBERD_CONFIG_PATH"]))),
    Pid = rpc(mim(), os, getpid, []),
    _ = os:cmd("kill -KILL " ++ Pid),
    wait_until(fun() -> not is_running(Pid) end, {killed, Pid}, 30000),
    fun() -> start_node(filename:join([Release, "bin", "mongooseimctl"])) end.

%% One that no case has waited for is still in the table.
is_running(Pid) ->
    case file:read_file(filename:join(["/proc", Pid, "stat"])) of
        {ok, Stat} -> re:run(Stat, "^[0-9]+ \\(.*\\) [ZX] ", [{capture, none}]) =:= nomatch;
        {error, _} -> false
    end.

%% Without what this node has from its runner.
start_node(Control) ->
    _ = os:cmd("env -u ERL_LIBS -u ERL_CRASH_DUMP " ++ Control ++ " start </dev/null >/dev/null 2>&1"),
    wait_until_up().

%% @doc Waits until the tested node runs, and this module in it.
-spec wait_until_up() -> ok.
wait_until_up() ->
    wait_until(fun is_up/0, up, 60000).

is_up() ->
    try
        Running = rpc(mim(), application, which_applications, []),
        lists:keymember(mongooseim, 1, Running)
            andalso is_pid(rpc(mim(), erlang, whereis, [http_pusher_sup]))
    catch error:{badrpc, _} -> false
    end.
