%% Stands for exml_query (same functions in exml 3.0.5 and 4.2.1; attributes are a list in the one
%% and a map in the other). A first argument that is no element crashes attr/3 with function_clause
%% and gives path/3 its default, as there.
-module(exml_query).

-export([attr/2, attr/3, cdata/1, path/2, path/3, subelement/2, subelement/3, subelements/2,
         subelement_with_ns/2, subelement_with_name_and_ns/3]).

-include("host.hrl").

attr(Element, Name) ->
    attr(Element, Name, undefined).

-if(?GENERATION =:= v5_0).
attr(#xmlel{attrs = Attrs}, Name, Default) ->
    proplists:get_value(Name, Attrs, Default).
-else.
attr(#xmlel{attrs = Attrs}, Name, Default) ->
    maps:get(Name, Attrs, Default).
-endif.

cdata(#xmlel{children = Children}) ->
    list_to_binary([Child#xmlcdata.content || Child <- Children, is_record(Child, xmlcdata)]).

path(Element, Path) ->
    path(Element, Path, undefined).

path(#xmlel{} = Element, [], _Default) -> Element;
path(#xmlel{} = Element, [cdata], _Default) -> cdata(Element);
path(#xmlel{} = Element, [{attr, Name}], Default) -> attr(Element, Name, Default);
path(#xmlel{} = Element, [{element, Name} | Rest], Default) ->
    path(subelement(Element, Name), Rest, Default);
path(#xmlel{} = Element, [{element_with_ns, Ns} | Rest], Default) ->
    path(first([E || E <- elements(Element), attr(E, <<"xmlns">>) =:= Ns]), Rest, Default);
path(_Other, _Path, Default) -> Default.

subelement(Element, Name) ->
    subelement(Element, Name, undefined).

subelement(Element, Name, Default) ->
    case subelements(Element, Name) of
        [] -> Default;
        [First | _] -> First
    end.

subelement_with_ns(Element, Ns) ->
    first([E || E <- elements(Element), attr(E, <<"xmlns">>) =:= Ns]).

subelement_with_name_and_ns(Element, Name, Ns) ->
    first([E || E <- subelements(Element, Name), attr(E, <<"xmlns">>) =:= Ns]).

subelements(Element, Name) ->
    [E || #xmlel{name = N} = E <- elements(Element), N =:= Name].

elements(#xmlel{children = Children}) ->
    [Child || Child <- Children, is_record(Child, xmlel)].

first([]) -> undefined;
first([Element | _]) -> Element.
