%% @doc What rules ask of a stanza.
%%
%% Part of the host adapter. Elements have other records in other releases, so this uses the functions of
%% exml_query that all of them have. Only the record's tag and its first field, the name, are the same in all.
-module(http_pusher_host_stanza).

-export([is_message/1, body/1, has_hint/2, is_jingle/1, is_own_copy/1, archive_id/2, bytes/1]).

-export_type([body/0, hint/0]).

-type body() :: absent | empty | non_empty.
-type hint() :: no_store | store.

-define(NS_HINTS,          <<"urn:xmpp:hints">>).
-define(NS_JINGLE_MESSAGE, <<"urn:xmpp:jingle-message:0">>).


%% @doc Whether it is a message, as far as can be told. The host hands presence that is about to be delivered over as
%% messages of type normal, because it looks at their type alone (mod_event_pusher_hook_translator, up to 6.8 at least).
-spec is_message(Packet :: term()) -> boolean().
is_message(Packet) when element(1, Packet) =:= xmlel ->
    element(2, Packet) =:= <<"message">>;
is_message(_Packet) ->
    true.


%% @doc What the first body of a message is.
-spec body(Packet :: term()) -> body().
body(Packet) ->
    case exml_query:path(Packet, [{element, <<"body">>}, cdata], undefined) of
        undefined -> absent;
        <<>> -> empty;
        _ -> non_empty
    end.


%% @doc Whether a message has a processing hint (XEP-0334).
-spec has_hint(hint(), Packet :: term()) -> boolean().
has_hint(Hint, Packet) ->
    exml_query:subelement_with_name_and_ns(Packet, element_name(Hint), ?NS_HINTS) =/= undefined.


element_name(no_store) -> <<"no-store">>;
element_name(store) -> <<"store">>.


%% @doc Whether a message is part of the signalling of a call (XEP-0353).
-spec is_jingle(Packet :: term()) -> boolean().
is_jingle(Packet) ->
    exml_query:subelement_with_ns(Packet, ?NS_JINGLE_MESSAGE) =/= undefined.


%% @doc Whether a groupchat message goes to the user who has sent it. A MUC light room has the sender as the
%% resource of its jid. A classic room only has the nickname there; http_pusher_host_room knows whose it is.
-spec is_own_copy(http_pusher_host_event:event()) -> boolean().
is_own_copy(#{type := groupchat, direction := Direction, from := From, to := To}) when Direction =/= in ->
    Receiver = jid:to_lus(To),
    {RoomName, RoomServer, Resource} = jid:to_lower(From),
    Resource =:= jid:to_binary(Receiver) orelse
    http_pusher_host_room:sender(RoomName, RoomServer, Resource) =:= Receiver;
is_own_copy(_Event) ->
    false.


%% @doc The stanza as text.
-spec bytes(Packet :: term()) -> binary().
bytes(Packet) ->
    exml:to_binary(Packet).


%% @doc The id of a message in the archive. An accumulator has that of the sender's archive while the sender
%% sends (`in'); with mod_stanzaid (6.6 and later) it has one id for all archives. Otherwise the stanza of a
%% delivery has it, which the engine reads.
-spec archive_id(in | out | undefined, Acc :: term()) -> binary() | undefined.
archive_id(Direction, Acc) ->
    case mongoose_acc:get(stable_stanza_id, value, undefined, Acc) of
        undefined when Direction =:= in -> external(mongoose_acc:get(mam, mam_id, undefined, Acc));
        Stable -> external(Stable)
    end.


external(Id) when is_binary(Id) -> Id;
%% As clients see it.
external(Id) when is_integer(Id) -> mod_mam_utils:mess_id_to_external_binary(Id);
external(_None) -> undefined.
