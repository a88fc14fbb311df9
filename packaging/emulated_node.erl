%% @doc What a node does with the library, without a host: two notifications to ENDPOINT, one as a form, and one as JSON,
%% signed with the key in WEBHOOK_SECRET and kept on disk (SPOOL) until it is delivered.
%%
%% Run by packaging/emulated-node in an Erlang of another machine, and of another OTP than the one that compiles this: OTP 29
%% lacks the instructions that build binaries for OTP 24 (packaging/beams_load.escript), so this builds none with `<<...>>'.
-module(emulated_node).

-export([main/0]).

-define(HOST_TYPE, <<"localhost">>).
-define(POOL, <<"global/http_pool">>).
%% An emulator takes its time.
-define(PATIENCE, 120000).

-spec main() -> no_return().
main() ->
    ok = http_pusher_nif:start_engine(settings()),
    true = http_pusher_nif:ping(),
    ok = http_pusher_nif:open_host_type(?HOST_TYPE),
    ok = http_pusher_nif:attach(0),
    ok = http_pusher_nif:open_spool(?POOL, true),
    {ok, Pool} = http_pusher_nif:create_pool(?POOL),
    ok = http_pusher_nif:configure_pool(Pool, pool()),
    ok = open(Pool, http_pusher_nif:open_pool(Pool), deadline()),
    Form = handler(#{}),
    Json = handler(#{format => json, signing => {env, <<"WEBHOOK_SECRET">>}, delivery => at_least_once}),
    Names = {<<"alice">>, <<"localhost">>, <<"bob">>, <<"localhost">>},
    ok = http_pusher_nif:push_form(Pool, Form, in, Names, <<"Hi">>),
    ok = kept(fun() -> http_pusher_nif:push_event(Pool, Json, in, Names, facts(), stanza()) end, deadline()),
    Outcomes = outcomes(2, deadline()),
    [{Form, 200}, {Json, 200}] = lists:sort([{Handler, Status} || {Handler, _, {sent, Status, _}, _, _} <- Outcomes]),
    ok = http_pusher_nif:stop_engine(),
    io:format("two notifications sent, by OTP ~ts on ~ts~n",
              [erlang:system_info(otp_release), erlang:system_info(system_architecture)]),
    halt(0).

settings() ->
    #{tokio_threads => 2, reporters => 1, max_pending => 100, max_pending_bytes => 1 bsl 20,
      max_node_bytes => 1 bsl 24, max_lane_percent => 10, max_connection_age => 0, escapes_in_groups => true,
      spool_dir => list_to_binary(os:getenv("SPOOL")), node => <<"nonode@nohost">>, spool_max_bytes => 1 bsl 30,
      spool_sync => normal, dead_letters_max_bytes => 1 bsl 20, dead_letters_max_age => ?PATIENCE}.

pool() ->
    #{host => list_to_binary(os:getenv("ENDPOINT")), path_prefix => <<"/">>, request_timeout => ?PATIENCE,
      call_timeout => 2 * ?PATIENCE, workers => 2, strategy => <<"best_worker">>}.

handler(Plan) ->
    http_pusher_nif:handler(?HOST_TYPE, <<"http_pool">>, <<"/notifications">>, Plan).

facts() ->
    {<<"msg">>, <<"chat">>, erlang:system_time(microsecond), <<"online">>, <<"phone">>, <<>>, []}.

stanza() ->
    <<"<message type='chat' id='s01'><body>Hi</body></message>">>.

open(_Pool, {ok, []}, _Deadline) ->
    ok;
open(Pool, opening, Deadline) ->
    ok = wait(Deadline),
    open(Pool, http_pusher_nif:opening(Pool), Deadline).

%% The disk is opened beside the pool.
kept(Push, Deadline) ->
    case Push() of
        ok ->
            ok;
        {rejected, Reason} ->
            io:format("rejected: ~p~n", [Reason]),
            ok = wait(Deadline),
            kept(Push, Deadline)
    end.

outcomes(Missing, Deadline) ->
    Outcomes = http_pusher_nif:take_outcomes(0, true),
    [ok = http_pusher_nif:outcome_counted(0) || _ <- Outcomes],
    case Missing - length(Outcomes) of
        0 ->
            Outcomes;
        Still ->
            ok = wait(Deadline),
            Outcomes ++ outcomes(Still, Deadline)
    end.

deadline() ->
    erlang:monotonic_time(millisecond) + ?PATIENCE.

wait(Deadline) ->
    true = erlang:monotonic_time(millisecond) < Deadline,
    timer:sleep(100).
