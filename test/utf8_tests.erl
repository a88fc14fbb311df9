%% Every text is a UTF-8 binary, whatever characters a name has.
-module(utf8_tests).

-include_lib("eunit/include/eunit.hrl").

-import(http_pusher_utf8, [format/2, text/1]).

names() ->
    ["plain", "größe", "日本", "größe/日本", "\x{1F600}"].

format_test_() ->
    [?_assertEqual(<<"a ", (utf8(Name))/binary, "!">>, format("a ~ts!", [Given]))
     || Name <- names(), Given <- [Name, utf8(Name), list_to_atom(Name)]].

%% As in MongooseIM's configuration: a binary, a string, or a string of the binary's bytes.
text_test_() ->
    [?_assertEqual(utf8(Name), text(Given))
     || Name <- names(), Given <- [Name, utf8(Name), binary_to_list(utf8(Name)), [utf8(Name)]]].

latin_1_test_() ->
    [?_assertEqual(<<"größe"/utf8>>, text(Given)) || Given <- [<<"gr", 246, 223, "e">>, [$g, $r, 246, 223, $e]]].

%% Texts that other modules build from names.
pool_name_test_() ->
    [?_assertEqual(<<"global/", (utf8(Name))/binary>>,
                   http_pusher_pool_key:name({global, list_to_atom(Name)}))
     || Name <- names()].

problem_of_a_setting_test_() ->
    [fun() ->
             {_, [Problem]} = http_pusher_settings:check([{list_to_atom(Name), Name}]),
             ?assertMatch(Text when is_list(Text), unicode:characters_to_list(Problem)),
             ?assertMatch({_, _}, binary:match(Problem, utf8(Name)))
     end || Name <- ["größe", "日本"]].

utf8(Name) ->
    unicode:characters_to_binary(Name).
