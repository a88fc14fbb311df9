%% @doc What users of the tested node do.
-module(http_pusher_user_helper).

-export([story/2, log_in/2, log_in/3, chat/3, chat_to_absent/2, chat_is_notified_first/1, create_room/2]).
-export([user/1, short_jid/1]).

-include_lib("stdlib/include/assert.hrl").

-import(http_pusher_endpoint_helper, [answer/2, requests/0]).
-import(http_pusher_node_helper, [counts/0]).

%% @doc Two new users, alice and bob, and what they do.
-spec story(escalus:config(), fun((escalus:client(), escalus:client()) -> any())) -> any().
story(Config, Fun) ->
    escalus:fresh_story(Config, [{alice, 1}, {bob, 1}], Fun).

-spec log_in(escalus:config(), escalus_users:user_name()) -> escalus:client().
log_in(Config, User) ->
    log_in(Config, User, <<"res1">>).

%% @doc A created user connects, and is available.
-spec log_in(escalus:config(), escalus_users:user_name(), Resource :: binary()) -> escalus:client().
log_in(Config, User, Resource) ->
    {ok, Client} = escalus_client:start(Config, User, Resource),
    escalus:send(Client, escalus_stanza:presence(<<"available">>)),
    escalus:assert(is_presence, escalus:wait_for_stanza(Client)),
    Client.

%% @doc Returns when the message has been received.
-spec chat(escalus:client(), escalus:client(), binary()) -> ok.
chat(From, To, Text) ->
    escalus:send(From, escalus_stanza:chat_to(To, Text)),
    escalus:assert(is_chat_message, [Text], escalus:wait_for_stanza(To)).

%% @doc A new alice writes to a new bob, who is not connected.
-spec chat_to_absent(escalus:config(), binary()) -> {escalus:config(), Alice :: escalus:client(), Bob :: binary()}.
chat_to_absent(Config0, Text) ->
    Config = escalus_fresh:create_users(Config0, [{alice, 1}, {bob, 1}]),
    {ok, Alice} = escalus_client:start(Config, alice, <<"res1">>),
    escalus:send(Alice, escalus_stanza:presence(<<"available">>)),
    BobJid = escalus_users:get_jid(Config, bob),
    escalus:send(Alice, escalus_stanza:chat_to(BobJid, Text)),
    {Config, Alice, BobJid}.

%% @doc The order of the stock module: it has been notified and counted when the receiver has the message.
-spec chat_is_notified_first(escalus:config()) -> any().
chat_is_notified_first(Config) ->
    answer(default, #{delay => 300}),
    #{sent := Sent} = counts(),
    story(Config, fun(Alice, Bob) ->
        [begin
             chat(Alice, Bob, integer_to_binary(N)),
             ?assertEqual(N, length(requests())),
             ?assertMatch(#{sent := Now} when Now =:= Sent + N, counts())
         end || N <- lists:seq(1, 3)]
    end).

%% @doc A new room of MUC light; its name, when all members know of it.
-spec create_room(Owner :: escalus:client(), Members :: [escalus:client()]) -> binary().
create_room(Owner, Members) ->
    Name = <<"room", (integer_to_binary(erlang:system_time()))/binary>>,
    escalus:send(Owner, muc_light_helper:stanza_create_room(Name, [], [{Member, member} || Member <- Members])),
    %% Who is in the room now, and the answer, in any order.
    escalus:wait_for_stanzas(Owner, 2),
    [escalus:wait_for_stanza(Member) || Member <- Members],
    Name.

%% @doc The user as a notification names them.
-spec user(escalus:client()) -> binary().
user(Client) ->
    escalus_utils:jid_to_lower(escalus_client:username(Client)).

-spec short_jid(escalus:client()) -> binary().
short_jid(Client) ->
    escalus_utils:jid_to_lower(escalus_client:short_jid(Client)).
