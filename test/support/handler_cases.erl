%% What the suites of handlers with rules share: handlers, stanzas, and what arrived.
-module(handler_cases).

-export([start/1, finish/1]).
-export([handler/3, offline_groupchat/0, stanza/2, element/1]).
-export([bodies/2, events/1, data/1, values/2, asked/2]).

-include_lib("stdlib/include/assert.hrl").

%% @doc A host like a node that has just started, with a pool.
-spec start(pusher_case:config()) -> pusher_case:config().
start(Config) ->
    persistent_term:erase(http_pusher_host_event),
    Started = pusher_case:start(Config),
    {ok, _} = pusher_case:pool(Started, #{}),
    host_users:reset(),
    Started.

-spec finish(pusher_case:config()) -> term().
finish(Config) ->
    erase(http_pusher_host_room),
    pusher_case:finish(Config).

%% @doc A handler with rules, each with its sections of conditions.
-spec handler(string(), map(), [{send | skip, [map()]}]) -> map().
handler(Path, Options, Rules) ->
    Options#{path => Path, rules => [#{action => Action, conditions => Tables} || {Action, Tables} <- Rules]}.

%% @doc The example of the documentation.
-spec offline_groupchat() -> [{send | skip, [map()]}].
offline_groupchat() ->
    [{skip, [#{own_copy => true}]},
     {send, [#{event => msg, type => groupchat, direction => out, user_status => offline},
             #{event => user_status}]}].

%% @doc A message, as the host has it.
-spec stanza(atom(), iodata()) -> term().
stanza(Type, Children) ->
    element(["<message type='", atom_to_list(Type), "'>", Children, "</message>"]).

%% @doc An element of this XML, as the host has it.
-spec element(iodata()) -> term().
element(Xml) ->
    host_session:element({xml, Xml}, []).

%% @doc What arrived at a path.
-spec bodies(binary(), pusher_case:config()) -> [binary()].
bodies(Path, Config) ->
    [Body || #{path := P, body := Body} <- pusher_case:received(Config), P =:= Path].

%% @doc What arrived, as JSON.
-spec events(pusher_case:config()) -> [term()].
events(Config) ->
    [json_value:parse(Body) || #{body := Body} <- pusher_case:received(Config)].

%% @doc The place of a key in an event's data.
-spec data(binary()) -> [binary()].
data(Key) ->
    [<<"data">>, Key].

%% @doc What is at these places of an event.
-spec values([[binary()]], term()) -> [term()].
values(Paths, Event) ->
    [json_value:at(Path, Event) || Path <- Paths].

%% @doc How often the host was asked for sessions and users. From 6.9 on, never.
-spec asked(pusher_case:config(), map()) -> ok.
asked(Config, Expected) ->
    Asked = maps:with([sessions, users], host_users:counts()),
    case proplists:get_value(generation, Config) of
        v6_9 -> ?assertEqual(#{sessions => 0, users => 0}, Asked);
        _ -> ?assertEqual(Expected, Asked)
    end.
