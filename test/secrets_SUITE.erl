%% Secrets in places that are easily overlooked: states and tables of our processes, crash reports, crash
%% dumps. A pool's password, a handler's authorization header, and a pending message. log_SUITE checks the
%% lines of notifications that fail.
-module(secrets_SUITE).


-import(pusher_case, [module/1, pool/2, endpoint/1, send/2, wait/2]).

-define(SECRET, "5ecret").
-define(APP, mongoose_http_pusher).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all().

groups() ->
    pusher_case:groups(
      [nothing_secret_in_states_and_tables,
       nothing_secret_of_a_handlers_credentials,
       nothing_secret_when_a_pool_cannot_be_opened,
       nothing_secret_when_a_helper_crashes,
       nothing_secret_when_the_owner_of_the_pools_crashes,
       nothing_secret_in_a_crash_dump]).

init_per_testcase(nothing_secret_in_a_crash_dump, Config) ->
    Config;
init_per_testcase(_Case, Config) ->
    Started = pusher_case:start(Config, #{log => debug}),
    ok = logger:add_handler(?MODULE, ?MODULE, #{level => all, config => lines()}),
    Started.

end_per_testcase(nothing_secret_in_a_crash_dump, _Config) ->
    ok;
end_per_testcase(Case, Config) ->
    ok = logger:remove_handler(?MODULE),
    pusher_case:finish(Config, case Case of
                                   nothing_secret_when_the_owner_of_the_pools_crashes -> uncounted;
                                   _ -> conserved
                               end).

nothing_secret_in_states_and_tables(Config) ->
    pending(Config),
    nothing_in_states_and_tables().

nothing_in_states_and_tables() ->
    Processes = [Pid || {Pid, _} <- ours()],
    ?assert(length(Processes) >= 5),
    [?assertEqual({Name, nomatch}, {Name, found(held(Pid))}) || {Pid, Name} <- ours()],
    Tables = [Table || Table <- ets:all(), lists:member(ets:info(Table, owner), Processes)],
    ?assert(length(Tables) >= 1),
    [?assertEqual({Table, nomatch}, {Table, found(ets:tab2list(Table))}) || Table <- Tables],
    ?assertEqual(nomatch, found(application:get_all_env(?APP))),
    ?assertEqual(nomatch, found([http_pusher_nif:pools(), http_pusher_nif:notices(),
                                 http_pusher_nif:rejections()])).

%% Header, password and signing key are read by the engine, and stay there: while a request waits for its
%% answer, and in what is said of one that has failed. What is invalid is not shown either.
nothing_secret_of_a_handlers_credentials(Config) ->
    {ok, _} = pool(Config, #{}),
    File = fun(Name, Content) ->
                   Path = filename:join(proplists:get_value(priv_dir, Config), Name),
                   ok = file:write_file(Path, Content),
                   unicode:characters_to_binary(Path)
           end,
    Key = ["whsec_", base64:encode(lists:append([secret() || _ <- "1234"]))],
    Credentials = #{headers => [#{name => <<"x-key">>, value_file => File("key", secret())}],
                    auth => #{basic_user => <<"user">>, basic_password_file => File("password", secret())},
                    signing => #{secret_file => File("good", Key)},
                    path_secret_file => File("path", ["T0/", secret()])},
    Bad = [#{signing => #{secret_file => File("bad", ["whsec_", secret(), $\n])}},
           #{signing => #{secret_file => File("no_prefix", secret())}},
           #{headers => [#{name => <<"x-key">>, value_file => File("lines", [secret(), "\r\n\r\nx: y"])}]},
           #{auth => #{google_service_account_file =>
                         File("account", ["{\"private_key\": \"", secret(), "\"}"])}}],
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    module([Handler#{path => <<"/n/$SECRET">>} || Handler <- Bad ++ [Credentials]]),
    send(<<"alice">>, list_to_binary(secret())),
    _ = wait(fun() -> test_endpoint:stats(endpoint(Config)) end, fun(#{in_flight := N}) -> N =:= 1 end),
    {ok, _} = host_log:wait(http_pusher_handler_problem, length(Bad), 120000),
    nothing_in_states_and_tables(),
    test_endpoint:reset_plans(endpoint(Config)),
    test_endpoint:release(endpoint(Config)),
    none_in_the_log(),
    [#{headers := Headers, path := Path} | _] = pusher_case:received(Config),
    ?assertEqual(iolist_to_binary(["/n/T0/", secret()]), Path),
    ?assert(lists:member({<<"x-key">>, list_to_binary(secret())}, Headers)).

%% The password is in the options, and its key file is invalid.
nothing_secret_when_a_pool_cannot_be_opened(Config) ->
    Key = filename:join(proplists:get_value(priv_dir, Config), "bad.key"),
    ok = file:write_file(Key, "-----BEGIN PRIVATE KEY-----\n" ?SECRET "\n-----END PRIVATE KEY-----\n"),
    Tls = tls(Config, [{certfile, Key}, {keyfile, Key}]),
    {ok, _} = pool(Config, Tls#{host => "https://127.0.0.1:1"}),
    module([#{path => "/n"}]),
    {ok, [_]} = host_log:wait(http_pusher_pool_config, 1, 120000),
    none_in_the_log().

%% With a pool's options in the stack trace, as arguments that match no clause.
nothing_secret_when_a_helper_crashes(Config) ->
    replaced_code:crash(http_pusher_pool_opening, {open, 4}, [[{atom, 1, false}]]),
    try
        %% Only a pool whose files have to be read has a job for its opening.
        Tls = tls(Config, [{certfile, "no_such_file"}]),
        {ok, _} = pool(Config, Tls#{host => "https://127.0.0.1:1"}),
        module([#{path => "/n"}]),
        {ok, [#{reason := Reason} | _]} = host_log:wait(http_pusher_pool_failed, 1, 120000),
        ?assertNotEqual(nomatch, string:find(io_lib:format("~0tp", [Reason]), "function_clause"))
    after
        replaced_code:restore(http_pusher_pool_opening)
    end,
    none_in_the_log().

%% While it handles the message with a pool's options.
nothing_secret_when_the_owner_of_the_pools_crashes(Config) ->
    module([#{path => "/n"}]),
    Watch = erlang:monitor(process, http_pusher_pools),
    replaced_code:crash(http_pusher_pool, {found, 4}, []),
    try
        {ok, _} = pool(Config, tls(Config, [])),
        receive {'DOWN', Watch, _, _, {asked_for, _}} -> ok after 120000 -> error(still_there) end
    after
        replaced_code:restore(http_pusher_pool)
    end,
    ?assertNotEqual(nomatch, string:find(log(), "#Fun<http_pusher_redacted")),
    none_in_the_log().

%% A node of its own, which ends with a dump. The host's own process shows that a secret can be found in a
%% dump.
nothing_secret_in_a_crash_dump(Config) ->
    Dump = filename:join(proplists:get_value(priv_dir, Config), "erl_crash.dump"),
    Generation = proplists:get_value(generation, Config),
    Peer = host_ctl:start_peer(Generation, #{}),
    true = host_ctl:call(Peer, os, putenv, ["ERL_CRASH_DUMP", Dump]),
    Endpoint = test_endpoint:start(#{plan => "fault=stall-before-head"}),
    Ours = host_ctl:call(Peer, ?MODULE, pending_in_peer, [Generation, test_endpoint:url(Endpoint)]),
    Manager = host_ctl:call(Peer, erlang, whereis, [mongoose_wpool_http_mgr]),
    Names = [pid_to_list(Pid) || {Pid, _} <- host_ctl:call(Peer, ?MODULE, ours, [])],
    ?assertEqual(length(Ours), length(Names)),
    Id = host_ctl:call(Peer, erlang, pid_to_list, [Manager]),
    unlink(Peer),
    try host_ctl:call(Peer, erlang, halt, ["a test asked for this"]) catch _:_ -> ended end,
    test_endpoint:stop(Endpoint),
    {ok, Text} = file:read_file(Dump),
    ?assertNotEqual(nomatch, found_in_dump(Text, Id)),
    [?assertEqual({Name, nomatch}, {Name, found_in_dump(Text, Pid)}) || {Pid, Name} <- Ours].

%%% What there is to find

%% A pool with a password, a message and a header that wait for an endpoint that has stalled.
pending(Config) ->
    test_endpoint:plan(endpoint(Config), "fault=stall-before-head"),
    {ok, _} = pool(Config, tls(Config, [])),
    start_and_send(),
    _ = wait(fun() -> test_endpoint:stats(endpoint(Config)) end, fun(#{in_flight := N}) -> N =:= 1 end).

start_and_send() ->
    Headers = fun() -> [{<<"authorization">>, list_to_binary(secret())}] end,
    module([#{path => "/n", callback_module => pusher_callback, own_headers => Headers}]),
    send(<<"alice">>, list_to_binary(secret())),
    send(<<"alice">>, list_to_binary(secret())).

%% @private In the other node.
pending_in_peer(Generation, Url) ->
    Tls = tls([{generation, Generation}], []),
    {ok, _} = host_ctl:start_pool(global, http_pool, Tls#{host => Url}),
    start_and_send(),
    _ = wait(fun pusher_case:numbers/0, fun(#{pending := Pending}) -> Pending =:= 2 end),
    [{pid_to_list(Pid), Name} || {Pid, Name} <- ours()].

tls(Config, Options) ->
    Given = [{password, secret()} | Options],
    case proplists:get_value(generation, Config) of
        v5_0 -> #{tls => Given};
        v6_5 -> #{tls => maps:from_list(Given)}
    end.

%% Built each time, because a literal would be in the dump as a part of the code.
secret() ->
    lists:reverse(lists:reverse(?SECRET)).

%% @private Our processes: the tree's, and those with names of ours.
ours() ->
    Named = [{whereis(Name), Name} || Name <- registered(),
                                      lists:prefix("http_pusher_", atom_to_list(Name))],
    lists:ukeysort(1, Named ++ children(http_pusher_sup)).

children(Supervisor) ->
    lists:append([case Type of
                      supervisor -> [{Pid, Id} | children(Pid)];
                      worker -> [{Pid, Id}]
                  end || {Id, Pid, Type, _} <- supervisor:which_children(Supervisor)]).

held(Pid) ->
    [sys:get_status(Pid, 60000), sys:get_state(Pid, 60000),
     erlang:process_info(Pid, [dictionary, messages, current_stacktrace])].

found(Term) ->
    string:find(io_lib:format("~0tp", [Term]), ?SECRET).

%%% The log, all of it, as text

%% A table of a process that outlives the case's.
lines() ->
    Self = self(),
    spawn(fun() ->
              Self ! {lines, ets:new(lines, [public, ordered_set])},
              Watch = erlang:monitor(process, whereis(logger)),
              receive {'DOWN', Watch, _, _, _} -> ok end
          end),
    receive {lines, Table} -> #{table => Table} end.

%% @private Callback of logger.
log(Event = #{meta := Meta}, #{config := #{table := Table}}) ->
    Text = logger_formatter:format(Event, #{single_line => true}),
    Line = [Text, io_lib:format("~0tp", [Meta])],
    true = ets:insert(Table, {erlang:unique_integer([monotonic]), Line}).

log() ->
    {ok, #{config := #{table := Table}}} = logger:get_handler_config(?MODULE),
    unicode:characters_to_list([[Text, $\n] || {_, Text} <- ets:tab2list(Table)]).

none_in_the_log() ->
    ok = pusher_case:settle(),
    Log = log(),
    ?assertNotEqual(nomatch, string:find(Log, "http_pusher")),
    ?assertEqual(nomatch, string:find(Log, ?SECRET)).

%%% Crash dumps

%% Whether the dump has the secret on the heap, on the stack, in the dictionary or in a message of a
%% process: in a binary, or as a list of characters.
found_in_dump(Dump, Pid) ->
    Sections = [Section || Section <- binary:split(Dump, <<"\n=">>, [global]), is_of(Pid, Section)],
    ?assertMatch([_ | _], Sections),
    Lines = [Line || Section <- Sections, Line <- binary:split(Section, <<"\n">>, [global])],
    Heap = maps:from_list([{Address, Term} || Line <- Lines,
                                              [Address, Term] <- [binary:split(Line, <<":">>)]]),
    Own = [from_base64(Bytes) || <<"Yh", Rest/binary>> <- maps:values(Heap),
                                 [_, Bytes] <- [binary:split(Rest, <<":">>)]],
    Shared = [binary_of(Dump, Address) || <<"Yc", Rest/binary>> <- maps:values(Heap),
                                          [Address | _] <- [binary:split(Rest, <<":">>)]],
    Lists = [characters(Address, Heap, length(?SECRET)) || Address <- maps:keys(Heap)],
    string:find(lists:join($\n, Own ++ Shared ++ Lists), ?SECRET).

is_of(Pid, Section) ->
    lists:any(fun(Kind) -> string:prefix(Section, [Kind, Pid, $\n]) =/= nomatch end,
              ["proc_heap:", "proc_stack:", "proc_dictionary:", "proc_messages:"]).

%% Larger binaries are in a section of their own.
binary_of(Dump, Address) ->
    case binary:split(Dump, iolist_to_binary(["\n=binary:", Address, $\n])) of
        [_, Rest] ->
            [Line | _] = binary:split(Rest, <<"\n">>),
            [_, Bytes] = binary:split(Line, <<":">>),
            from_base64(Bytes);
        [_] ->
            <<>>
    end.

from_base64(Text) ->
    base64:decode(Text).

characters(_Address, _Heap, 0) ->
    [];
characters(Address, Heap, Left) ->
    case Heap of
        #{Address := <<"lI", Cell/binary>>} ->
            case binary:split(Cell, <<"|">>) of
                [Number, <<"H", Tail/binary>>] -> [character(Number) | characters(Tail, Heap, Left - 1)];
                [Number, _] -> [character(Number)]
            end;
        _ ->
            []
    end.

character(Number) ->
    case binary_to_integer(Number) of
        Character when Character >= $\s, Character < 127 -> Character;
        _ -> $?
    end.
