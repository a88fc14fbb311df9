%% The module's section in the form that each release's parser accepts. The parser of 5.0 is not available
%% here; what it accepts was read and tried on a running node, and these tests hold the specification to it.
-module(host_config_tests).

-include_lib("eunit/include/eunit.hrl").
-include("../erl_src/host/http_pusher_handler_options.hrl").

-define(CONFIG, http_pusher_host_config).

a_table_in_5_0_test_() ->
    in_host(v5_0, "5.0.0", fun() ->
        {section, Items, any, [], any, CheckAll, default} = mod_event_pusher_http:config_spec(),
        ?assertEqual([{path, "/a"}], CheckAll([{path, "/a"}])),
        ?assertMatch(#{<<"pool_name">> := {option, atom, pool_name, undefined, default},
                       <<"path">> := {option, string, any, undefined, default},
                       <<"callback_module">> := {option, atom, module, Check, default}}
                     when is_function(Check, 1), Items),
        ours(Items)
    end).

%% Each table of an array becomes a backend of its own.
an_array_in_5_0_test_() ->
    in_host(v5_0, "5.0.0", fun() ->
        with_configuration(#{<<"modules">> => backend([#{<<"path">> => <<"/a">>}, #{}])}, fun() ->
            {list, Table, any, undefined, none} = mod_event_pusher_http:config_spec(),
            ?assertMatch({section, #{<<"path">> := _}, any, [], any, _, {kv, http}}, Table),
            Sections = [#{<<"path">> => <<"/a">>},
                        #{<<"format">> => <<"json">>, <<"headers">> => [#{<<"name">> => <<"x">>,
                                                                          <<"value">> => <<"y">>}]}],
            ?assertEqual({ok, [[{path, "/a"}],
                               [{format, json}, {headers, [[{name, <<"x">>}, {value, <<"y">>}]]}]]},
                         host_parser:handlers(v5_0, Sections))
        end)
    end).

where_an_array_is_looked_for_test_() ->
    Http = fun(Value) -> #{<<"modules">> => backend(Value)} end,
    [{Name, fun() ->
                with_configuration(Content, fun() ->
                    ?assertEqual(Expected, ?CONFIG:uses_array(os:getenv("EJABBERD_CONFIG_PATH")))
                end)
            end}
     || {Name, Content, Expected} <-
            [{"a table", Http(#{<<"path">> => <<"/a">>}), false},
             {"an array", Http([#{}]), true},
             {"an array of a host", #{<<"host_config">> => [#{<<"modules">> => backend([#{}])}]}, true},
             {"no such module", #{<<"modules">> => #{<<"mod_ping">> => #{}}}, false},
             {"another array", #{<<"listen">> => #{<<"http">> => [#{}]}}, false},
             {"nothing", #{}, false}]].

no_file_means_no_array_test() ->
    ?assertEqual(false, ?CONFIG:uses_array(false)).

handlers_from_5_1_on_test_() ->
    [{Version, in_host(v6_5, Version, fun() -> handlers(Process) end)}
     || {Version, Process} <- [{"6.11.0", []}, {"6.10.1", []}, {"6.5.0", []}, {"6.8.0", []}, {"6.3.1", []}, {"6.3.0", undefined},
                               {"6.2.1", undefined}, {"5.1.0", undefined}]].

handlers(Process) ->
    {section, #{<<"handlers">> := Handlers}, any, [], any, map, Process, #{<<"handlers">> := []},
     default, when_present} = mod_event_pusher_http:config_spec(),
    {list, Handler, unique, list, Process, default} = Handlers,
    {section, Items, any, [], any, map, Complete, Defaults, default, when_present} = Handler,
    ?assertEqual(#{<<"pool_name">> => http_pool, <<"path">> => <<>>}, Defaults),
    %% The default of the third option of the stock module depends on the others.
    ?assertEqual(#{callback_module => mod_event_pusher_http_defaults}, Complete(#{})),
    ?assertEqual(#{rules => []}, Complete(#{rules => []})),
    {option, atom, pool_name, Process, default} = maps:get(<<"pool_name">>, Items),
    {option, binary, any, Fix, default} = maps:get(<<"path">>, Items),
    {option, atom, module, Check, default} = maps:get(<<"callback_module">>, Items),
    ours(Items),
    ?assertEqual([<<"a/b">>, <<"a/b">>, <<"/a">>, <<>>, <<>>],
                 [Fix(Path) || Path <- [<<"/a/b">>, <<"a/b">>, <<"//a">>, <<"/">>, <<>>]]),
    ?assertEqual(pusher_callback, Check(pusher_callback)).

%% The options that the stock module does not have; handler_options_tests has their values.
ours(Items) ->
    {option, integer, any, CheckWait, default} = maps:get(<<"wait">>, Items),
    [?assertEqual(Wait, CheckWait(Wait)) || Wait <- [0, 1, 5000, 16#FFFFFFFF]],
    [?assertError(#{what := wrong_value, option := wait, text := _}, CheckWait(Wait))
     || Wait <- [-1, 16#100000000]],
    ?assertEqual(lists:sort([atom_to_binary(Name, utf8) || {Name, _, _, _, _} <- ?HANDLER_OPTIONS]),
                 lists:sort(maps:keys(Items))).

a_callback_module_that_lacks_functions_is_refused_test() ->
    ?assertEqual(mod_event_pusher_http_defaults,
                 http_pusher_host_option:callback_module(mod_event_pusher_http_defaults)),
    try http_pusher_host_option:callback_module(lists) of
        Taken -> error({taken, Taken})
    catch
        error:#{what := callback_module_lacks_functions, module := lists, text := Text} ->
            [?assertNotEqual(nomatch, string:find(Text, Name))
             || Name <- ["lists", "should_make_req/6", "prepare_headers/7", "prepare_body/7"]]
    end.

features_test_() ->
    [{Version, in_host(Generation, Version, fun() ->
                   ?assertEqual(Features, mod_event_pusher_http:supported_features())
               end)}
     || {Generation, Version, Features} <- [{v5_0, "5.0.0", []}, {v6_5, "6.5.0", []},
                                            {v6_5, "6.6.0", [dynamic_domains]},
                                            {v6_5, "6.8.0", [dynamic_domains]},
                                            {v6_9, "6.10.0", [dynamic_domains]},
                                            {v6_9, "6.11.0", [dynamic_domains]}]].

hooks_and_events_test_() ->
    [in_host(v5_0, "5.0.0", fun() -> ?assertEqual([], mod_event_pusher_http:hooks(<<"h">>)) end),
     in_host(v6_5, "6.8.0", fun() ->
        ?assertMatch([{push_event, <<"h">>, Fun, #{}, 50}] when is_function(Fun, 3),
                     mod_event_pusher_http:hooks(<<"h">>)),
        ?assertEqual([{mod_event_pusher_http_sent, #{host_type => <<"h">>},
                       #{metrics => #{count => spiral, failure_count => spiral,
                                      response_time => histogram}}}],
                     mod_event_pusher_http:instrumentation(<<"h">>))
    end)].

%%% Helpers

%% A test in a stand-in host, which is compiled for it, and this can take longer than EUnit's five seconds.
in_host(Generation, Version, Fun) ->
    {timeout, 60, fun() ->
                      ok = host_ctl:start(Generation, #{vsn => Version, log => critical}),
                      try Fun() after host_ctl:stop() end
                  end}.

%% What tomerl returns for a file: the parser belongs to MongooseIM and is not installed here.
with_configuration(Content, Fun) ->
    {ok, tomerl, Code} = compile:forms([{attribute, 1, module, tomerl},
                                        {attribute, 1, export, [{read_file, 1}]},
                                        {function, 1, read_file, 1,
                                         [{clause, 1, [{var, 1, '_File'}], [],
                                           [erl_parse:abstract({ok, Content})]}]}]),
    {module, tomerl} = code:load_binary(tomerl, "tomerl.erl", Code),
    os:putenv("EJABBERD_CONFIG_PATH", "/etc/mongooseim.toml"),
    try
        Fun()
    after
        os:unsetenv("EJABBERD_CONFIG_PATH"),
        code:purge(tomerl),
        code:delete(tomerl)
    end.

backend(Http) ->
    #{<<"mod_event_pusher">> => #{<<"backend">> => #{<<"http">> => Http}}}.
