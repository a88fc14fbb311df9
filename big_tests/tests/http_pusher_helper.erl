%% @doc What the big tests need of a MongooseIM node of any generation, and an endpoint to notify.
%%
%% The generations take pools and modules in different shapes; the suites say what they want in one,
%% and here it is put into the node's own. The endpoint runs in the test node, keeps what it gets in
%% a table, and answers each path as it is told to.
-module(http_pusher_helper).

-export([generation/0, generation/1, domain/0, host_type/0, slow/1]).
-export([start_endpoint/0, stop_endpoint/0, endpoint/0, answer/2, forget/0,
         requests/0, requests/1, wait_for_requests/1, wait_for_requests/2, form/1, json/1, header/2,
         check_payloads/0, nobody/0]).
-export([start_pool/2, start_pool/3, stop_pool/1, stop_pool/2,
         set_handlers/1, set_handlers/2, stop_pusher/0, stop_pusher/1, start_module/3, stop_module/2,
         module_opts/1, muc_light_opts/0,
         offline_opts/0, archive/0, callback/1, set_handlers_in_the_file/1, parse_config/1,
         with_configuration/2, pool_toml/2, handlers_toml/2, lift_shapers/0]).
-export([counts/0, counts/1, wait_for_counts/1, wait_until/2, wait_until/3]).
-export([push/1, hear/1, heard/0, hear_no_more/0]).
-export([inject/1, inject/2, write_file/2, restart_host/0, kill_node/0, wait_until_up/0]).
%% Cowboy's callback.
-export([init/2]).

-import(distributed_helper, [mim/0, rpc/4]).

-define(LISTENER, http_pusher_endpoint).
-define(TABLE, http_pusher_requests).
-define(WAIT, 10000).
-define(EVENT, mod_event_pusher_http_sent).

%%% The node

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

%%% The endpoint

%% @doc Starts the endpoint on a free port of the loopback.
-spec start_endpoint() -> ok.
start_endpoint() ->
    {ok, _} = application:ensure_all_started(cowboy),
    Self = self(),
    %% Test cases run in processes of their own; the table outlives them.
    Owner = spawn(fun() ->
                          ets:new(?TABLE, [named_table, public, ordered_set]),
                          Self ! {self(), ready},
                          receive stop -> ok end
                  end),
    receive {Owner, ready} -> ok end,
    register(?TABLE, Owner),
    forget(),
    Dispatch = cowboy_router:compile([{'_', [{"/[...]", ?MODULE, []}]}]),
    {ok, _} = cowboy:start_clear(?LISTENER, [{ip, {127, 0, 0, 1}}, {port, 0}],
                                 #{env => #{dispatch => Dispatch}, max_keepalive => 1000000}),
    ok.

-spec stop_endpoint() -> ok.
stop_endpoint() ->
    ok = cowboy:stop_listener(?LISTENER),
    Watch = monitor(process, ?TABLE),
    ?TABLE ! stop,
    receive {'DOWN', Watch, _, _, _} -> ok end.

%% @doc Where the endpoint is.
-spec endpoint() -> string().
endpoint() ->
    "http://127.0.0.1:" ++ integer_to_list(ranch:get_port(?LISTENER)).

%% @doc A place where no process listens.
-spec nobody() -> string().
nobody() ->
    {ok, Socket} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}]),
    {ok, Port} = inet:port(Socket),
    ok = gen_tcp:close(Socket),
    "http://127.0.0.1:" ++ integer_to_list(Port).

%% @doc How requests for a path are answered from now on: after so many milliseconds (or a random time
%% up to that), with this status, or one of these.
-spec answer(binary() | default, #{delay => non_neg_integer() | {random, pos_integer()},
                                   status => 200..599 | [200..599]}) -> ok.
answer(Path, Plan) ->
    true = ets:insert(?TABLE, {{plan, Path}, Plan}),
    ok.

%% @doc Forgets requests and plans.
-spec forget() -> ok.
forget() ->
    true = ets:delete_all_objects(?TABLE),
    true = ets:insert(?TABLE, [{count, 0}, {{plan, default}, #{}}]),
    ok.

%% @doc What has been received, in the order in which it came in.
-spec requests() -> [map()].
requests() ->
    [Request || [Request] <- ets:match(?TABLE, {{request, '_'}, '$1'})].

-spec requests(binary()) -> [map()].
requests(Path) ->
    [Request || Request = #{path := P} <- requests(), P =:= Path].

-spec wait_for_requests(non_neg_integer()) -> [map()].
wait_for_requests(Count) ->
    wait_for_requests(Count, ?WAIT).

%% @doc Waits until so many requests are there, and fails on more.
-spec wait_for_requests(non_neg_integer(), timeout()) -> [map()].
wait_for_requests(Count, Timeout) ->
    wait_until(fun() -> length(requests()) >= Count end, {requests, Count}, Timeout),
    Requests = requests(),
    Count = length(Requests),
    Requests.

%% @doc The fields of a form.
-spec form(map()) -> #{binary() => binary()}.
form(#{body := Body}) ->
    maps:from_list(cow_qs:parse_qs(Body)).

%% @doc A body of JSON: an event, or a batch of them.
-spec json(map()) -> map() | [map()].
json(Request) ->
    Body = plain(Request),
    case code:ensure_loaded(json) of
        {module, json} -> json:decode(Body);
        {error, _} -> jiffy:decode(Body, [return_maps])
    end.

%% The body without compression by gzip.
plain(#{headers := #{<<"content-encoding">> := <<"gzip">>}, body := Body}) -> zlib:gunzip(Body);
plain(#{body := Body}) -> Body.

-spec header(binary(), map()) -> binary() | undefined.
header(Name, #{headers := Headers}) ->
    maps:get(Name, Headers, undefined).

%% @doc What was received with a `webhook-id' has the form that docs/schemas promise, read by the project's own
%% program. OTP before 28 does not read zstd, so bodies in that are not checked.
-spec check_payloads() -> ok | {invalid_payloads, string()}.
check_payloads() ->
    case [record(Request) || Request = #{headers := #{<<"webhook-id">> := _}} <- requests(),
                             header(<<"content-encoding">>, Request) =/= <<"zstd">>] of
        [] -> ok;
        Records -> check_records(Records)
    end.

%% As the project's test endpoint writes them.
record(Request = #{n := N, headers := Headers}) ->
    Lines = [[Name, ": ", Value, "\n"] || {Name, Value} <- maps:to_list(Headers)],
    [integer_to_list(N), "\t\t\t\t\t\t", hex(Lines), "\t", hex(plain(Request)), "\n"].

hex(Data) ->
    [io_lib:format("~2.16.0b", [Byte]) || <<Byte>> <= iolist_to_binary(Data)].

check_records(Records) ->
    File = filename:join(os:getenv("HTTP_PUSHER_WORK"), "payloads"),
    ok = file:write_file(File, Records),
    Port = open_port({spawn_executable, os:getenv("HTTP_PUSHER_SCHEMAS")},
                     [{args, [File]}, binary, exit_status, use_stdio, stderr_to_stdout]),
    case output(Port, []) of
        {0, _} -> ok;
        {_, Said} -> {invalid_payloads, unicode:characters_to_list(Said)}
    end.

output(Port, Said) ->
    receive
        {Port, {data, More}} -> output(Port, [Said, More]);
        {Port, {exit_status, Status}} -> {Status, iolist_to_binary(Said)}
    end.

init(Req0, State) ->
    {ok, Body, Req1} = cowboy_req:read_body(Req0, #{length => 16#1000000}),
    Path = cowboy_req:path(Req1),
    N = ets:update_counter(?TABLE, count, 1),
    Plan = case ets:lookup(?TABLE, {plan, Path}) of
               [{_, Own}] -> Own;
               [] -> ets:lookup_element(?TABLE, {plan, default}, 2)
           end,
    Status = case maps:get(status, Plan, 200) of
                 Statuses when is_list(Statuses) -> lists:nth(rand:uniform(length(Statuses)), Statuses);
                 One -> One
             end,
    ets:insert(?TABLE, {{request, N}, #{n => N, method => cowboy_req:method(Req1), path => Path,
                                        headers => cowboy_req:headers(Req1), body => Body, status => Status}}),
    case maps:get(delay, Plan, 0) of
        {random, Most} -> timer:sleep(rand:uniform(Most + 1) - 1);
        Delay -> timer:sleep(Delay)
    end,
    {ok, cowboy_req:reply(Status, Req1), State}.

%%% Pools and modules

%% @doc Starts a pool of the tested node. Options: host, path_prefix, request_timeout, workers,
%% strategy, call_timeout.
-spec start_pool(atom(), map()) -> ok.
start_pool(Tag, Options) ->
    start_pool(mim(), Tag, Options).

-spec start_pool(distributed_helper:rpc_spec(), atom(), map()) -> ok.
start_pool(Node, Tag, Options) ->
    Host = maps:get(host, Options, endpoint()),
    Pool = maps:with([workers, strategy, call_timeout], Options),
    Connection = maps:with([path_prefix, request_timeout], Options),
    Spec = case generation(Node) of
               v5_0 ->
                   {http, global, Tag, maps:to_list(Pool), [{server, Host} | maps:to_list(Connection)]};
               _ ->
                   Defaults = #{request_timeout => 2000, path_prefix => "/"},
                   #{type => http, scope => global, tag => Tag,
                     opts => maps:merge(#{workers => 10, strategy => best_worker,
                                          call_timeout => 5000}, Pool),
                     conn_opts => maps:merge(Defaults#{host => Host}, Connection)}
           end,
    [{ok, _}] = rpc(slow(Node), mongoose_wpool, start_configured_pools, [[Spec]]),
    ok.

-spec stop_pool(atom()) -> any().
stop_pool(Tag) ->
    stop_pool(mim(), Tag).

-spec stop_pool(distributed_helper:rpc_spec(), atom()) -> any().
stop_pool(Node, Tag) ->
    case rpc(Node, http_pusher_host_pool, is_listed, [{global, Tag}]) of
        true -> rpc(slow(Node), mongoose_wpool, stop, [http, global, Tag]);
        false -> ok
    end.

%% @doc Runs the event pusher with these handlers, each a map of pool_name, path, callback_module.
-spec set_handlers([map()]) -> ok.
set_handlers(Handlers) ->
    set_handlers(mim(), Handlers).

-spec set_handlers(distributed_helper:rpc_spec(), [map()]) -> ok.
set_handlers(Node, Handlers) ->
    stop_pusher(Node),
    start_module(Node, mod_event_pusher, module_opts(Handlers)).

-spec stop_pusher() -> ok.
stop_pusher() ->
    stop_pusher(mim()).

-spec stop_pusher(distributed_helper:rpc_spec()) -> ok.
stop_pusher(Node) ->
    stop_module(Node, mod_event_pusher).

%% @doc Starts a module of the host with what it needs, with just these options.
-spec start_module(distributed_helper:rpc_spec(), module(), term()) -> ok.
start_module(Node, Module, Options) ->
    stop_module(Node, Module),
    _ = case generation(Node) of
            v5_0 -> rpc(slow(Node), gen_mod_deps, replace_modules,
                        [host_type(), [], [{Module, Options}]]);
            _ -> rpc(slow(Node), mongoose_modules, replace_modules,
                     [host_type(), [], #{Module => Options}])
        end,
    true = rpc(Node, gen_mod, is_loaded, [host_type(), Module]),
    ok.

-spec stop_module(distributed_helper:rpc_spec(), module()) -> ok.
stop_module(Node, Module) ->
    case rpc(Node, gen_mod, is_loaded, [host_type(), Module]) of
        true ->
            _ = case generation(Node) of
                    v5_0 ->
                        Loaded = rpc(Node, gen_mod, loaded_modules_with_opts, [host_type()]),
                        rpc(slow(Node), gen_mod_deps, replace_modules,
                            [host_type(), [lists:keyfind(Module, 1, Loaded)], []]);
                    _ ->
                        rpc(slow(Node), mongoose_modules, replace_modules,
                            [host_type(), [Module], #{}])
                end,
            ok;
        false ->
            ok
    end.

%% @doc Options of mod_event_pusher as the node's configuration would have them.
-spec module_opts([map()]) -> term().
module_opts(Handlers) ->
    case generation() of
        v5_0 ->
            [{backends, [{http, pairs(Handler)} || Handler <- Handlers]}];
        _ ->
            #{http => #{handlers => [with_defaults(fix_path(Handler)) || Handler <- Handlers]}}
    end.

%% 5.0 holds sections as lists of pairs, and the path as a string.
pairs(#{} = Section) -> [{Key, pair(Key, Value)} || {Key, Value} <- maps:to_list(Section)].

pair(path, Path) when is_binary(Path) -> binary_to_list(Path);
pair(_Key, #{} = Section) -> pairs(Section);
pair(_Key, [#{} | _] = Sections) -> [pairs(Section) || Section <- Sections];
pair(_Key, Value) -> Value.

%% Rules decide without a callback module.
with_defaults(Handler = #{rules := _}) ->
    maps:merge(#{pool_name => http_pool, path => <<>>}, Handler);
with_defaults(Handler) ->
    maps:merge(#{pool_name => http_pool, path => <<>>, callback_module => mod_event_pusher_http_defaults},
               Handler).

fix_path(Handler = #{path := <<"/", Path/binary>>}) -> Handler#{path := Path};
fix_path(Handler) -> Handler.

-spec muc_light_opts() -> term().
muc_light_opts() ->
    case generation() of
        v5_0 -> [{backend, mnesia}];
        _ -> config_parser_helper:mod_config(mod_muc_light, #{backend => mnesia})
    end.

-spec offline_opts() -> term().
offline_opts() ->
    case generation() of
        v5_0 -> [{backend, mnesia}];
        _ -> config_parser_helper:mod_config(mod_offline, #{backend => mnesia})
    end.

%% @doc The module that archives messages, and its options: in the node's own database.
-spec archive() -> {module(), Options :: term()}.
archive() ->
    case generation() of
        v5_0 ->
            {mod_mam_meta, [{backend, rdbms}, {pm, []}]};
        _ ->
            {mod_mam, config_parser_helper:mod_config(
                        mod_mam, #{backend => rdbms, pm => config_parser_helper:config([modules, mod_mam, pm], #{})})}
    end.

%% @doc A handler whose callback module does what the path says; see http_pusher_callbacks.
-spec callback(binary()) -> map().
callback(Path) ->
    #{path => Path, callback_module => http_pusher_callbacks}.

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

%%% Configuration files

%% @doc Runs the event pusher with handlers as a configuration file has them: a path, and lines of options.
-spec set_handlers_in_the_file([{Path :: string(), Lines :: [iodata()]}]) -> ok.
set_handlers_in_the_file(Handlers) ->
    Text = [[handlers_toml(array, [Path]), [["  ", Line, "\n"] || Line <- Lines]] || {Path, Lines} <- Handlers],
    Options = parse_config([pool_toml(http_pool, endpoint()), Text]),
    start_module(mim(), mod_event_pusher, Options).

%% @doc The options of mod_event_pusher that the node's own parser finds for its domain, when the
%% node's own configuration file has this text added.
-spec parse_config(iodata()) -> term().
parse_config(Added) ->
    Own = rpc(mim(), os, getenv, ["EJABBERD_CONFIG_PATH"]),
    File = filename:join(filename:dirname(Own), "http_pusher_test.toml"),
    {ok, Content} = rpc(mim(), file, read_file, [Own]),
    ok = rpc(mim(), file, write_file, [File, [static_hosts_only(Content), "\n", Added]]),
    try
        %% The module looks into the file that the node was started with.
        true = rpc(mim(), os, putenv, ["EJABBERD_CONFIG_PATH", File]),
        State = rpc(slow(mim()), mongoose_config_parser_toml, parse_file, [File]),
        modules_of(rpc(mim(), mongoose_config_parser, get_opts, [State]))
    after
        true = rpc(mim(), os, putenv, ["EJABBERD_CONFIG_PATH", Own]),
        ok = rpc(mim(), file, delete, [File])
    end.

%% @doc Runs something while the node's configuration file has this text added. Nothing is restarted before; after it
%% the host's application is, with the file as it was.
-spec with_configuration(iodata(), fun(() -> Result)) -> Result.
with_configuration(Added, Fun) ->
    File = rpc(mim(), os, getenv, ["EJABBERD_CONFIG_PATH"]),
    {ok, Content} = file:read_file(File),
    try
        ok = file:write_file(File, [static_hosts_only(Content), "\n", Added]),
        Fun()
    after
        ok = file:write_file(File, Content),
        restart_host(),
        lift_shapers()
    end.

%% @doc Restarts the host's application, which reads its configuration file.
-spec restart_host() -> ok.
restart_host() ->
    ok = rpc(slow(mim()), application, stop, [mongooseim]),
    ok = rpc(slow(mim()), application, start, [mongooseim]).

%% @doc Up to 6.5 the host refuses its event pusher where there are dynamic domains, which the configuration
%% of its own test node has.
-spec static_hosts_only(binary()) -> iodata().
static_hosts_only(Content) ->
    case generation() of
        v6_5 ->
            Content;
        _ ->
            NoTypes = re:replace(Content, "^ *host_types = .*$", "", [multiline, {return, binary}]),
            [First | Blocks] = binary:split(NoTypes, <<"[[host_config]]">>, [global]),
            [First | [["[[host_config]]", Block]
                      || Block <- Blocks, re:run(Block, "^ *host_type *=", [multiline]) =:= nomatch]]
    end.

modules_of(Options) when is_map(Options) ->
    modules_of(maps:to_list(Options));
modules_of(Options) ->
    Key = {modules, host_type()},
    [Modules] = [Value || Option <- Options, {K, Value} <- [key_value(Option)], K =:= Key],
    case Modules of
        #{mod_event_pusher := Pusher} -> Pusher;
        _ when is_list(Modules) -> proplists:get_value(mod_event_pusher, Modules)
    end.

%% A record of the host's in A.
key_value({local_config, Key, Value}) -> {Key, Value};
key_value({Key, Value}) -> {Key, Value};
key_value(Other) -> {other, Other}.

%% @doc A pool in a configuration file.
-spec pool_toml(atom(), string()) -> iodata().
pool_toml(Tag, Host) ->
    io_lib:format("[outgoing_pools.http.~ts]\n  scope = \"global\"\n  workers = 5\n"
                  "  [outgoing_pools.http.~ts.connection]\n    host = \"~ts\"\n"
                  "    path_prefix = \"/webservice\"\n", [Tag, Tag, Host]).

%% @doc Handlers in a configuration file, as one table (in A only) or as an array of tables.
-spec handlers_toml(table | array, [string()]) -> iodata().
handlers_toml(Form, Paths) ->
    {Open, Close} = case Form of
                        table -> {"[", "]"};
                        array -> {"[[", "]]"}
                    end,
    Name = case generation() of
               v5_0 -> "modules.mod_event_pusher.backend.http";
               _ -> "modules.mod_event_pusher.http.handlers"
           end,
    [[Open, Name, Close, "\n  path = \"", Path, "\"\n"] || Path <- Paths].

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

%% @doc Waits until the metrics say this.
-spec wait_for_counts(#{sent := non_neg_integer(), failed := non_neg_integer()}) -> ok.
wait_for_counts(Expected) ->
    wait_until(fun() -> counts() =:= Expected end, fun() -> {counts, Expected, counts()} end).

-spec wait_until(fun(() -> boolean()), term()) -> ok.
wait_until(Condition, Name) ->
    wait_until(Condition, Name, ?WAIT).

-spec wait_until(fun(() -> boolean()), term(), timeout()) -> ok.
wait_until(Condition, Name, Timeout) ->
    wait(Condition, Name, erlang:monotonic_time(millisecond) + Timeout).

wait(Condition, Name, Deadline) ->
    case Condition() of
        true ->
            ok;
        false ->
            case erlang:monotonic_time(millisecond) > Deadline of
                true when is_function(Name) -> ct:fail({not_reached, Name()});
                true -> ct:fail({not_reached, Name, requests()});
                false ->
                    timer:sleep(20),
                    wait(Condition, Name, Deadline)
            end
    end.

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

%%% Code

%% @doc Loads a module of the tests into the tested node.
-spec inject(module()) -> ok.
inject(Module) ->
    inject(mim(), Module).

-spec inject(distributed_helper:rpc_spec(), module()) -> ok.
inject(Node, Module) ->
    {Module, Binary, File} = code:get_object_code(Module),
    {module, Module} = rpc(Node, code, load_binary, [Module, File, Binary]),
    ok.

%% @doc A file for the tested node, beside its configuration. The name that the node knows it by.
-spec write_file(string(), iodata()) -> string().
write_file(Name, Content) ->
    File = filename:join(filename:dirname(rpc(mim(), os, getenv, ["EJABBERD_CONFIG_PATH"])), Name),
    ok = rpc(mim(), file, write_file, [File, Content]),
    File.

%%% The tested node's life

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
