%% Stands for mongoose_acc (src/mongoose_acc.erl at 5.0.0 and 6.8.0): the accumulator's fields and
%% the functions around the event pusher. 5.0.0 keeps the stanza's text in origin_stanza; 6.8.0 has
%% statem_acc and origin instead.
-module(mongoose_acc).

-export([new/1, ref/1, timestamp/1, lserver/1, host_type/1, element/1, from_jid/1, to_jid/1,
         packet/1, stanza_name/1, stanza_type/1, stanza_ref/1,
         set/4, set_permanent/3, set_permanent/4, get/2, get/3, get/4, delete/3, strip/1]).

-include("host.hrl").

new(#{location := Location, lserver := LServer} = Params) ->
    generation_fields(Params,
                      #{mongoose_acc => true,
                        ref => make_ref(),
                        timestamp => os:system_time(microsecond),
                        origin_pid => self(),
                        origin_location => Location,
                        stanza => stanza(Params),
                        lserver => LServer,
                        host_type => maps:get(host_type, Params, undefined),
                        non_strippable => []}).

ref(#{mongoose_acc := true, ref := Ref}) -> Ref.
timestamp(#{mongoose_acc := true, timestamp := Timestamp}) -> Timestamp.
lserver(#{mongoose_acc := true, lserver := LServer}) -> LServer.
host_type(#{mongoose_acc := true, host_type := HostType}) -> HostType.

element(Acc) -> from_stanza(element, Acc).
from_jid(Acc) -> from_stanza(from_jid, Acc).
to_jid(Acc) -> from_stanza(to_jid, Acc).
stanza_name(Acc) -> from_stanza(name, Acc).
stanza_type(Acc) -> from_stanza(type, Acc).
stanza_ref(Acc) -> from_stanza(ref, Acc).

packet(#{mongoose_acc := true, stanza := #{from_jid := From, to_jid := To, element := El}}) ->
    {From, To, El};
packet(#{mongoose_acc := true}) ->
    undefined.

set(Ns, Key, Value, #{mongoose_acc := true} = Acc) ->
    Acc#{{Ns, Key} => Value}.

set_permanent(Ns, KeyValues, Acc) ->
    lists:foldl(fun({Key, Value}, In) -> set_permanent(Ns, Key, Value, In) end, Acc, KeyValues).

set_permanent(Ns, Key, Value, #{mongoose_acc := true, non_strippable := Kept} = Acc) ->
    Acc#{{Ns, Key} => Value, non_strippable := [{Ns, Key} | lists:delete({Ns, Key}, Kept)]}.

get(Ns, #{mongoose_acc := true} = Acc) ->
    [{Key, Value} || {{In, Key}, Value} <- maps:to_list(Acc), In =:= Ns].

get(Ns, Key, #{mongoose_acc := true} = Acc) ->
    maps:get({Ns, Key}, Acc).

get(Ns, Key, Default, #{mongoose_acc := true} = Acc) ->
    maps:get({Ns, Key}, Acc, Default).

delete(Ns, Key, #{mongoose_acc := true, non_strippable := Kept} = Acc) ->
    (maps:remove({Ns, Key}, Acc))#{non_strippable := lists:delete({Ns, Key}, Kept)}.

strip(#{mongoose_acc := true, non_strippable := Kept} = Acc) ->
    maps:filter(fun(Key, _) -> is_atom(Key) orelse lists:member(Key, Kept) end, Acc).

from_stanza(Field, #{mongoose_acc := true, stanza := #{} = Stanza}) -> maps:get(Field, Stanza);
from_stanza(_Field, #{mongoose_acc := true}) -> undefined.

stanza(#{element := #xmlel{name = Name} = Element} = Params) ->
    #{element => Element,
      from_jid => jid_of(from_jid, <<"from">>, Params),
      to_jid => jid_of(to_jid, <<"to">>, Params),
      name => Name,
      type => exml_query:attr(Element, <<"type">>),
      ref => make_ref()};
stanza(_Params) ->
    undefined.

jid_of(Field, Attr, #{element := Element} = Params) ->
    case Params of
        #{Field := Jid} -> Jid;
        _ -> #jid{} = jid:from_binary(exml_query:attr(Element, Attr))
    end.

-if(?GENERATION =:= v5_0).
generation_fields(#{element := #xmlel{} = Element}, Acc) ->
    Acc#{origin_stanza => exml:to_binary(Element)};
generation_fields(_Params, Acc) ->
    Acc#{origin_stanza => undefined}.
-else.
generation_fields(Params, Acc) ->
    Acc#{origin => maps:get(origin, Params, undefined),
         statem_acc => #{state_mod => #{}, actions => [], c2s_state => undefined,
                         c2s_data => undefined, hard_stop => undefined, socket_send => []}}.
-endif.
