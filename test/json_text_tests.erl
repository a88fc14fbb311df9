%% @doc The JSON that the tools print.
-module(json_text_tests).

-include_lib("eunit/include/eunit.hrl").

kinds_of_values_test() ->
    Object = [{"integer", -1}, {float, 1.5}, {true, true}, {none, null}, {list, [1, [], {object, []}]},
              {<<"nested">>, {object, [{a, 1}]}}],
    ?assertEqual("{\"integer\":-1,\"float\":1.500,\"true\":true,\"none\":null,\"list\":[1,[],{}],"
                 "\"nested\":{\"a\":1}}", text(Object)).

strings_are_escaped_test() ->
    ?assertEqual("{\"a\\\"\":\"\\\\ \\u000a\\u001f é\x{1f600}\"}",
                 text([{"a\"", {string, [<<"\\ \n\x{1f}">>, " é\x{1f600}"]}}])).

text(Members) ->
    unicode:characters_to_list(json_text:object(Members)).
