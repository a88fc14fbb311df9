%% @doc The callback module that is used if none is configured: chat messages with a body that a user sends,
%% as a form.
%%
%% The results are the same as those of the module of the same name in MongooseIM, for custom modules that
%% call it. The engine builds the same form itself and does not call {@link prepare_body/7}.
-module(mod_event_pusher_http_defaults).
-behaviour(mod_event_pusher_http).

-export([should_make_req/6, prepare_headers/7, prepare_body/7]).


%% @doc Whether an event is a chat message with a non-empty body that a user sends.
-spec should_make_req(Acc :: term(),
                      in | out,
                      Packet :: term(),
                      From :: term(),
                      To :: term(),
                      mod_event_pusher_http:options()) -> boolean().
should_make_req(_Acc, in, Packet, _From, _To, _Options) ->
    exml_query:attr(Packet, <<"type">>, <<>>) =:= <<"chat">> andalso
    http_pusher_host:body(Packet) =/= <<>>;
should_make_req(_Acc, out, _Packet, _From, _To, _Options) ->
    false.


%% @doc The content type of a form.
-spec prepare_headers(Acc :: term(),
                      in | out,
                      Host :: binary(),
                      Message :: binary(),
                      Sender :: binary(),
                      Receiver :: binary(),
                      mod_event_pusher_http:options()) ->
          [{binary(), binary()}].
prepare_headers(_Acc, _Direction, _Host, _Message, _Sender, _Receiver, _Options) ->
    [{<<"content-type">>, <<"application/x-www-form-urlencoded">>}].


%% @doc The form of author, server, receiver and message.
-spec prepare_body(Acc :: term(),
                   in | out,
                   Host :: binary(),
                   Message :: binary(),
                   Sender :: binary(),
                   Receiver :: binary(),
                   mod_event_pusher_http:options()) ->
          binary().
prepare_body(_Acc, _Direction, Host, Message, Sender, Receiver, _Options) ->
    cow_qs:qs([{<<"author">>, Sender},
               {<<"server">>, Host},
               {<<"receiver">>, Receiver},
               {<<"message">>, Message}]).
