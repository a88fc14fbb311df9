%% Every option of a handler, from the file to the one form that sessions and the engine get, in each generation.
-module(handler_options_tests).

-include_lib("eunit/include/eunit.hrl").
-include("../erl_src/host/http_pusher_handler_options.hrl").

-define(HOSTS, [{v5_0, "5.0.0"}, {v6_5, "6.8.0"}, {v6_9, "6.11.0"}]).

%% No option of ours: the handler as it has always been, and callback modules get the same options.
stock_options_test_() ->
    in_each_host(fun(Generation) ->
        Default = #{pool_name => http_pool, callback_module => mod_event_pusher_http_defaults, ask_callback => true,
                    rules => undefined, plan => #{}},
        {Empty, Path} = case host_ctl:layout(Generation) of
                            v5_0 -> {"", "/n"};
                            v6_5 -> {<<>>, <<"n">>}
                        end,
        ?assertMatch(#{plan := Plan} when map_size(Plan) =:= 0, handler(Generation, #{})),
        NoPath = maps:remove(path, handler(Generation, #{})),
        ?assertEqual(Default, NoPath),
        ?assert(lists:member(maps:get(path, handler(Generation, #{})), [Empty, <<>>])),
        Set = #{<<"pool_name">> => <<"other">>, <<"path">> => <<"/n">>, <<"wait">> => 5,
                <<"callback_module">> => <<"pusher_callback">>},
        ?assertEqual(Default#{pool_name => other, path => Path, callback_module => pusher_callback},
                     handler(Generation, Set)),
        [Options] = held(Generation, Set),
        Pairs = [{callback_module, pusher_callback}, {path, Path}, {pool_name, other}, {wait, 5}],
        ?assertEqual(case host_ctl:layout(Generation) of v5_0 -> Pairs; v6_5 -> maps:from_list(Pairs) end,
                     Options),
        ?assertEqual(5, http_pusher_host:wait(Options))
    end).

%% From 5.1 on the host fills in defaults of the three options of the stock module, and none of ours.
defaults_that_the_host_fills_in_test_() ->
    in_each_host(fun(Generation) ->
        ?assertEqual(case host_ctl:layout(Generation) of
                         v5_0 -> [];
                         v6_5 -> #{pool_name => http_pool, path => <<>>,
                                   callback_module => mod_event_pusher_http_defaults}
                     end, hd(held(Generation, #{})))
    end).

rules_test_() ->
    in_each_host(fun(Generation) ->
        Rule = fun(Action, Conditions) -> #{<<"action">> => Action, <<"conditions">> => Conditions} end,
        Rules = [Rule(<<"skip">>, [#{<<"own_copy">> => true}]),
                 Rule(<<"send">>, [#{<<"event">> => <<"msg">>, <<"type">> => <<"groupchat">>,
                                     <<"direction">> => <<"out">>, <<"user_status">> => <<"offline">>},
                                   #{<<"event">> => <<"user_status">>}, #{}]),
                 Rule(<<"send">>, [#{<<"body">> => <<"non_empty">>, <<"hint">> => <<"no_store">>,
                                     <<"jingle">> => false, <<"sender_domain">> => [<<"Example.COM">>, <<"b">>],
                                     <<"receiver_domain">> => [<<"c">>]}])],
        ?assertEqual([#{action => skip, conditions => [#{own_copy => true}]},
                      #{action => send, conditions => [#{event => msg, type => groupchat, direction => out,
                                                         user_status => offline},
                                                       #{event => user_status}, #{}]},
                      #{action => send, conditions => [#{body => non_empty, hint => no_store, jingle => false,
                                                         sender_domain => [<<"example.com">>, <<"b">>],
                                                         receiver_domain => [<<"c">>]}]}],
                     maps:get(rules, handler(Generation, #{<<"rules">> => Rules}))),
        ?assertEqual([], maps:get(rules, handler(Generation, #{<<"rules">> => []})))
    end).

%% Without a module rules decide alone; a module that is named is asked after them, also the default one.
the_module_that_rules_leave_out_test_() ->
    in_each_host(fun(Generation) ->
        Asks = fun(Options) ->
                       #{callback_module := Module, ask_callback := Ask} = handler(Generation, Options),
                       {Module, Ask}
               end,
        Rules = #{<<"rules">> => []},
        ?assertEqual({mod_event_pusher_http_defaults, true}, Asks(#{})),
        ?assertEqual({mod_event_pusher_http_defaults, false}, Asks(Rules)),
        [?assertEqual({Module, true}, Asks(Rules#{<<"callback_module">> => atom_to_binary(Module, utf8)}))
         || Module <- [pusher_callback, mod_event_pusher_http_defaults]]
    end).

client_state_needs_6_9_test_() ->
    in_each_host(fun(Generation) ->
        Options = #{<<"rules">> => [#{<<"action">> => <<"send">>,
                                      <<"conditions">> => [#{<<"client_state">> => <<"inactive">>}]}]},
        case Generation of
            v6_9 ->
                ?assertMatch(#{rules := [#{conditions := [#{client_state := inactive}]}]},
                             handler(Generation, Options));
            _ ->
                {error, [#{toml_path := Path, reason := not_in_this_release, text := Text}]} =
                    parse(Generation, Options),
                ?assertEqual("rules.conditions.client_state", within(Path)),
                ?assertEqual("client_state exists from MongooseIM 6.9 on", Text)
        end
    end).

plans_test_() ->
    in_each_host(fun(Generation) ->
        [?assertEqual(Plan, maps:get(plan, handler(Generation, Options))) || {Options, Plan} <- plans()]
    end).

plans() ->
    [{#{<<"format">> => <<"form">>}, #{format => form}},
     {#{<<"format">> => <<"json">>, <<"include">> => [<<"stanza">>, <<"unread">>], <<"omit">> => [<<"body">>]},
      #{format => json, include => [stanza, unread], omit => [body]}},
     {#{<<"format">> => <<"cloudevents">>,
        <<"cloudevents">> => #{<<"mode">> => <<"binary">>, <<"source">> => <<"urn:chat">>}},
      #{format => cloudevents, cloudevents_mode => binary, cloudevents_source => <<"urn:chat">>}},
     {#{<<"format">> => <<"template">>, <<"template_file">> => <<"etc/a.j2">>,
        <<"content_type">> => <<"text/plain; charset=utf-8">>},
      #{format => template, template_file => <<"etc/a.j2">>, content_type => <<"text/plain; charset=utf-8">>}},
     {#{<<"headers">> => [#{<<"name">> => <<"X-Tenant">>, <<"value">> => <<"acme">>},
                          #{<<"name">> => <<"x-empty">>, <<"value">> => <<>>},
                          #{<<"name">> => <<"x-key">>, <<"value_file">> => <<"etc/key">>},
                          #{<<"name">> => <<"x-env">>, <<"value_env">> => <<"KEY">>}]},
      #{headers => [{<<"X-Tenant">>, {value, <<"acme">>}}, {<<"x-empty">>, {value, <<>>}},
                    {<<"x-key">>, {file, <<"etc/key">>}}, {<<"x-env">>, {env, <<"KEY">>}}]}},
     {auth(#{<<"bearer_file">> => <<"t">>}), #{auth => {bearer, {file, <<"t">>}}}},
     {auth(#{<<"bearer_env">> => <<"T">>}), #{auth => {bearer, {env, <<"T">>}}}},
     {auth(#{<<"basic_user">> => <<"u">>, <<"basic_password_file">> => <<"p">>}),
      #{auth => {basic, <<"u">>, {file, <<"p">>}}}},
     {auth(#{<<"basic_user">> => <<"u">>, <<"basic_password_env">> => <<"P">>}),
      #{auth => {basic, <<"u">>, {env, <<"P">>}}}},
     {auth(#{<<"oauth2">> => oauth2()}),
      #{auth => {oauth2, #{token_url => <<"https://a.example/token">>, client_id => <<"id">>,
                           client_secret => {file, <<"s">>}}}}},
     {auth(#{<<"oauth2">> => maps:remove(<<"client_secret_file">>,
                                         (oauth2())#{<<"client_secret_env">> => <<"S">>, <<"scope">> => <<"a b">>})}),
      #{auth => {oauth2, #{token_url => <<"https://a.example/token">>, client_id => <<"id">>,
                           client_secret => {env, <<"S">>}, scope => <<"a b">>}}}},
     {auth(#{<<"google_service_account_file">> => <<"g.json">>}), #{auth => {google, <<"g.json">>}}},
     {#{<<"signing">> => #{<<"secret_file">> => <<"k">>}}, #{signing => {file, <<"k">>}}},
     {#{<<"signing">> => #{<<"secret_env">> => <<"K">>}}, #{signing => {env, <<"K">>}}},
     {#{<<"path">> => <<"/bot$SECRET/send">>, <<"path_secret_file">> => <<"k">>}, #{path_secret => {file, <<"k">>}}},
     {#{<<"path">> => <<"/$SECRET">>, <<"path_secret_env">> => <<"K">>}, #{path_secret => {env, <<"K">>}}},
     {#{<<"delivery">> => <<"at_least_once">>}, #{delivery => at_least_once}},
     {#{<<"delivery">> => <<"best_effort">>, <<"success">> => [<<"2xx">>, <<"409">>],
        <<"retry">> => #{<<"initial">> => 500, <<"factor">> => 3, <<"max">> => 60000, <<"give_up_after">> => 3600000,
                         <<"alone">> => 5, <<"on">> => [<<"503">>, <<"timeout">>]}},
      #{delivery => best_effort, success => [<<"2xx">>, <<"409">>],
        retry => #{initial => 500, factor => 3, max => 60000, give_up_after => 3600000, alone => 5,
                   on => [<<"503">>, <<"timeout">>]}}},
     {#{<<"retry">> => #{}}, #{retry => #{}}},
     {#{<<"format">> => <<"json">>,
        <<"batch">> => #{<<"max_events">> => 1, <<"max_bytes">> => 1024, <<"linger">> => 60000},
        <<"compress">> => <<"zstd">>, <<"rate">> => #{<<"per_second">> => 100, <<"burst">> => 200}},
      #{format => json, batch => #{max_events => 1, max_bytes => 1024, linger => 60000}, compress => zstd,
        rate => #{per_second => 100, burst => 200}}},
     {#{<<"format">> => <<"cloudevents">>, <<"batch">> => #{}}, #{format => cloudevents, batch => #{}}},
     {#{<<"compress">> => <<"gzip">>, <<"rate">> => #{<<"per_second">> => 1}},
      #{compress => gzip, rate => #{per_second => 1}}}].

%% The cases to which `http-pusher check' is held too.
cases_test_() ->
    {ok, Cases} = file:consult("test/data/handler_options.terms"),
    in_each_host(fun(Generation) -> lists:foreach(fun(Case) -> is_right(Generation, Case) end, Cases) end).

is_right(Generation, {accepted, Options}) ->
    ?assertMatch({_, {ok, [_]}}, {Options, parse(Generation, given(Options))});
is_right(Generation, {refused, Path, Part, Options}) ->
    {_, {error, [Problem | _]}} = {Options, parse(Generation, given(Options))},
    #{toml_path := At, reason := Reason, text := Text} = Problem,
    ?assertMatch({Options, At, true}, {Options, At, lists:prefix(within(At), Path)}),
    ?assert(Part =:= <<>> orelse
            lists:member(Reason, [wrong_value, missing_option, conflicting_options, empty_list])),
    ?assertMatch({Text, [_ | _]}, {Text, string:find(Text, unicode:characters_to_list(Part))}).

%% The path below the handler's section.
within("http.handlers." ++ Path) -> Path;
within("http.handlers") -> "";
within("http." ++ Path) -> Path;
within("http") -> "".

given({section, Options}) -> maps:from_list([{atom_to_binary(Key, utf8), given(Value)} || {Key, Value} <- Options]);
given(Values) when is_list(Values) -> [given(Value) || Value <- Values];
given(Value) -> Value.

%% Each row has what its readers expect, and names are unique in their section.
the_table_test() ->
    rows(?HANDLER_OPTIONS).

rows(Rows) ->
    Names = [Name || {Name, _, _, _, _} <- Rows],
    ?assertEqual(length(Rows), length(lists:usort(Names))),
    [begin
         ?assert(is_atom(Name)),
         ?assert(lists:member(Since, ["5.0", "6.9"])),
         ?assertNotEqual("", Meaning),
         case Type of
             {Sections, Below, Constraints} when Sections =:= section; Sections =:= sections;
                                                 Sections =:= filled_sections ->
                 [?assert(lists:keymember(Key, 1, Below)) || Constraint <- Constraints, Key <- keys(Constraint)],
                 rows(Below);
             _ ->
                 ok
         end
     end || {Name, Type, _Default, Since, Meaning} <- Rows].

keys({needs, Key, Keys}) -> [Key | Keys];
keys({needs_value, Key, {Other, _}}) -> [Key, Other];
keys({excludes, Key, {Section, _, _}}) -> [Key, Section];
keys({not_below, Key, Other}) -> [Key, Other];
keys({_, Keys}) -> Keys.

%%% Helpers

auth(Section) -> #{<<"auth">> => Section}.

oauth2() ->
    #{<<"token_url">> => <<"https://a.example/token">>, <<"client_id">> => <<"id">>,
      <<"client_secret_file">> => <<"s">>}.

handler(Generation, Options) ->
    [Held] = held(Generation, Options),
    http_pusher_host:handler(Held).

%% 5.0 has a table for one handler, and an array for several; both hold the same.
held(Generation, Options) ->
    {ok, Held} = parse(Generation, Options),
    Held.

parse(Generation, Options) ->
    case host_ctl:layout(Generation) of
        v5_0 -> host_parser:handlers(v5_0, Options);
        v6_5 -> host_parser:handlers(v6_5, [Options])
    end.

in_each_host(Test) ->
    [{atom_to_list(Generation),
      {timeout, 60, fun() ->
                        ok = host_ctl:start(Generation, #{vsn => Version, log => critical}),
                        try Test(Generation) after host_ctl:stop() end
                    end}} || {Generation, Version} <- ?HOSTS].
