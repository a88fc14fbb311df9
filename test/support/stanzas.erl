%% The stanzas of test/data/stanzas.xml, for the demo and for tests that want real-looking traffic.
-module(stanzas).

-export([file/0, all/0, all/1, pushed/1]).

-type stanza() :: {From :: binary(), To :: binary(), Type :: atom(), {xml, binary()}}.

-spec file() -> file:filename_all().
file() ->
    filename:join([host_code:test_dir(), "data", "stanzas.xml"]).

-spec all() -> [stanza()].
all() ->
    all(file()).

%% @doc In the order of the file, in the form host_session:send/5 takes.
-spec all(file:filename_all()) -> [stanza()].
all(File) ->
    {ok, _} = application:ensure_all_started(fast_xml),
    {ok, Text} = file:read_file(File),
    {xmlel, <<"stanzas">>, _, Children} = fxml_stream:parse_element(Text),
    [stanza(Message) || {xmlel, <<"message">>, _, _} = Message <- Children].

%% @doc How many of them the default callback module lets through: sent by a user, of type chat,
%% with something in the first body.
-spec pushed([stanza()]) -> non_neg_integer().
pushed(Stanzas) ->
    length([chat || {_From, _To, chat, {xml, Text}} <- Stanzas, has_body(Text)]).

stanza({xmlel, _, Attrs, _} = Message) ->
    Value = fun(Name, Default) -> proplists:get_value(Name, Attrs, Default) end,
    {Value(<<"from">>, <<>>), Value(<<"to">>, <<>>), binary_to_atom(Value(<<"type">>, <<"none">>)),
     {xml, fxml:element_to_binary(Message)}}.

%% White space alone is not a body: the host's parser drops it.
has_body(Text) ->
    Message = fxml_stream:parse_element(Text),
    string:trim(fxml:get_path_s(Message, [{elem, <<"body">>}, cdata])) =/= <<>>.
