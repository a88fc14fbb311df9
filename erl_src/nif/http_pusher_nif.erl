%% @doc The engine's functions: stubs that the library replaces.
%%
%% This module holds nothing else, so that it never has to be loaded again: the VM refuses a second load,
%% and the loaded code goes on. If the library could not be loaded, all functions fail with `undef'.
%% native/nif documents what each function does.
-module(http_pusher_nif).

-export([start_engine/1, stop_engine/0, engine_runs/0, ping/0, measure_calls/1, measured_calls/0]).
-export([open_host_type/1, close_host_type/1, abort_host_type/1, host_type_info/1, host_types/0]).
-export([create_pool/1, configure_pool/2, open_pool/1, opening/1, hand_over/2, drain_pool/1, resume_pool/1]).
-export([close_pool/2, pools/0, metrics/0]).
-export([handler/4, handler_info/1, describe_url/2, open_spool/2, spools/0]).
-export([push_form/5, push_form_dirty/5, push_custom/6, push_custom_dirty/6]).
-export([push_event/6, push_event_dirty/6, reject/5]).
-export([attach/1, take_outcomes/2, outcome_counted/1, unacknowledged/0]).
-export([rejections/0, rejections_counted/3, notices/0]).

-export_type([pool_id/0, handler_id/0, reporter/0, names/0, way/0, facts/0, fact/0, pushed/0]).
-export_type([outcome/0, verdict/0, rejected/0, problem/0, not_opened/0, notice/0]).
-export_type([pool/0, spool/0, settings/0, metrics/0, last_failure/0]).

-on_load(load/0).

-define(NOT_LOADED, erlang:nif_error(not_loaded)).

-type pool_id() :: non_neg_integer().
-type handler_id() :: non_neg_integer().
%% The number of a reporter; the first is 0.
-type reporter() :: 0..31.
-type names() :: {Sender :: binary(),
                  Server :: binary(),
                  Receiver :: binary(),
                  ReceiverServer :: binary()}.
%% `in' or `out', and the session that waits until the notification has been counted: bytes that come back
%% with its outcome.
-type way() :: in | out | {in | out, http_pusher_wait:waiter()}.
%% What a session knows of an event beside the names and the stanza. Empty is not known. A resource belongs to
%% the sender or the receiver of the stanza; for a presence it is the user's.
-type facts() :: {Event :: binary(),
                  Type :: binary(),
                  Timestamp :: integer(),
                  UserStatus :: binary(),
                  FromResource :: binary(),
                  ToResource :: binary(),
                  Others :: [fact()]}.
%% An integer has at most 64 bits.
-type fact() :: {Key :: binary(), binary() | integer() | float() | boolean()}.
-type pushed() :: ok | not_open | {rejected, Reason :: atom()}.
%% `not_open': the pool was replaced or stopped a moment ago; nothing is counted.
-type verdict() :: {sent, Status :: 100..999, Microseconds :: non_neg_integer()} |
                   {failed, Reason :: atom(), Text :: binary(), Attempts :: non_neg_integer()}.
-type outcome() :: {handler_id(),
                    Sender :: binary(),
                    verdict(),
                    undefined | {in | out, Server :: binary(), Receiver :: binary()},
                    undefined | http_pusher_wait:waiter()}.
-type rejected() :: {handler_id(),
                     Reason :: atom(),
                     Count :: pos_integer(),
                     Sender :: binary(),
                     Text :: binary(),
                     [waiting()]}.
%% Who waits until that many of the row's rejections are in the metrics.
-type waiting() :: {Number :: pos_integer(), http_pusher_wait:waiter()}.
-type problem() :: {engine_down | pool_not_started | wrong_phase | not_opened(), Text :: binary()}.
%% Why a pool is not open: `pool_config', until it gets other options; `file_refused', until a file changes;
%% `not_yet', a condition that may pass and is tried again.
-type not_opened() :: pool_config | file_refused | not_yet.
-type notice() :: {Pool :: binary(), warning | opened | not_opened() | spool_notice(), Text :: binary()} |
                  {handler_id(), warning | problem | mended, Text :: binary()} |
                  {{Pool :: binary(),
                    Url :: binary(),
                    Since :: Milliseconds :: non_neg_integer(),
                    Waiting :: non_neg_integer()},
                   endpoint_down | endpoint_up,
                   Reason :: binary()}.
-type spool_notice() :: spool_fails |
                        spool_writes |
                        spool_update |
                        spool_damaged |
                        spool_unused |
                        spool_given_up.
%% One incarnation. `closing': it can no longer be found by its id, and comes to its end.
-type pool() :: #{
                  id := pool_id(),
                  name := binary(),
                  phase := spare | opening | leaving | open | draining | broken | closed,
                  closing := boolean(),
                  accepted := non_neg_integer(),
                  rejected := non_neg_integer(),
                  sent := non_neg_integer(),
                  failed := non_neg_integer(),
                  waiting := non_neg_integer(),
                  postponed := non_neg_integer(),
                  in_flight := non_neg_integer(),
                  pending := non_neg_integer(),
                  pending_bytes := non_neg_integer(),
                  workers := non_neg_integer(),
                  parked := non_neg_integer(),
                  oldest_waiting := undefined | Milliseconds :: non_neg_integer(),
                  settings := undefined | settings(),
                  defect := undefined | binary()
                 }.
-type settings() :: #{
                      host := binary(),
                      path_prefix := binary(),
                      workers := pos_integer(),
                      when_busy := wait | reject,
                      max_waiting := undefined | non_neg_integer(),
                      request_timeout := non_neg_integer(),
                      call_timeout := pos_integer(),
                      http2 := boolean(),
                      tls := boolean()
                     }.
-type spool() :: #{
                   pool := binary(),
                   open := boolean(),
                   failing := boolean(),
                   why := undefined | binary(),
                   waiting := non_neg_integer(),
                   waiting_bytes := non_neg_integer(),
                   max_bytes := non_neg_integer(),
                   oldest := undefined | Milliseconds :: non_neg_integer(),
                   %% Of those that wait, how many are in no queue.
                   on_disk_alone := non_neg_integer(),
                   dead_letters := non_neg_integer(),
                   dead_letter_bytes := non_neg_integer(),
                   %% Some seconds behind the number of all.
                   reasons := [{Reason :: binary(), non_neg_integer()}],
                   commits := non_neg_integer(),
                   errors := non_neg_integer(),
                   slowest_commit := Microseconds :: non_neg_integer()
                  }.
%% Of all pools of one name, including those that are closed.
-type metrics() :: #{
                     name := binary(),
                     waiting := non_neg_integer(),
                     postponed := non_neg_integer(),
                     %% Without an outcome, of handlers whose limit is reached.
                     limited := non_neg_integer(),
                     in_flight := non_neg_integer(),
                     pending := non_neg_integer(),
                     pending_bytes := non_neg_integer(),
                     workers := non_neg_integer(),
                     oldest_waiting := undefined | Milliseconds :: non_neg_integer(),
                     sent := non_neg_integer(),
                     failed := non_neg_integer(),
                     retries := non_neg_integer(),
                     %% How often an endpoint went down.
                     outages := non_neg_integer(),
                     %% Endpoints whose deliveries are tried again: for how long each has been down, and how many of its
                     %% notifications have no outcome.
                     endpoints := [{Url :: binary(),
                                    Down :: undefined | Milliseconds :: non_neg_integer(),
                                    Pending :: non_neg_integer()}],
                     rejected := [{Reason :: atom(), non_neg_integer()}],
                     %% How many requests waited up to that long for their start, the sum of all, and the longest.
                     queue_time := {[{UpTo :: Microseconds :: pos_integer() | infinity, non_neg_integer()}],
                                    Sum :: Microseconds :: non_neg_integer(),
                                    Longest :: Microseconds :: non_neg_integer()},
                     last_failure := undefined | last_failure()
                    }.
-type last_failure() :: {Age :: Milliseconds :: non_neg_integer(),
                         Reason :: atom(),
                         Text :: binary(),
                         Attempts :: non_neg_integer()}.


-spec load() -> ok | {error, term()}.
load() ->
    erlang:load_nif(http_pusher_library:path(), 0).


-spec start_engine(map()) -> ok | {error, Text :: binary()}.
start_engine(_Settings) -> ?NOT_LOADED.


-spec stop_engine() -> ok.
stop_engine() -> ?NOT_LOADED.


-spec engine_runs() -> boolean().
engine_runs() -> ?NOT_LOADED.


-spec ping() -> boolean().
ping() -> ?NOT_LOADED.


%% Begins or ends measuring how long calls occupy a scheduler. Off unless a test turns it on.
-spec measure_calls(boolean()) -> ok.
measure_calls(_On) -> ?NOT_LOADED.


%% Each function called since then: how often, and its longest call in nanoseconds of CPU time.
-spec measured_calls() -> [{Function :: binary(),
                            Calls :: non_neg_integer(),
                            Longest :: non_neg_integer()}].
measured_calls() -> ?NOT_LOADED.


-spec open_host_type(binary()) -> ok.
open_host_type(_Name) -> ?NOT_LOADED.


-spec close_host_type(binary()) -> ok.
close_host_type(_Name) -> ?NOT_LOADED.


-spec abort_host_type(binary()) -> ok.
abort_host_type(_Name) -> ?NOT_LOADED.


-spec host_type_info(binary()) -> undefined | #{atom() => term()}.
host_type_info(_Name) -> ?NOT_LOADED.


-spec host_types() -> [binary()].
host_types() -> ?NOT_LOADED.


-spec create_pool(binary()) -> {ok, pool_id()} | {error, problem()}.
create_pool(_Name) -> ?NOT_LOADED.


%% Sets the options of a pool; from then on any process that knows the pool can open it.
-spec configure_pool(pool_id(), map()) -> ok | {error, problem()}.
configure_pool(_Pool, _Options) -> ?NOT_LOADED.


%% Begins to open a pool; never waits. `ok' means that it is open. A second call makes an attempt that the
%% pool is waiting for at once.
-spec open_pool(pool_id()) -> {ok, Warnings :: [binary()]} | opening | {error, problem()}.
open_pool(_Pool) -> ?NOT_LOADED.


%% The state of the opening.
-spec opening(pool_id()) -> {ok, Warnings :: [binary()]} | opening | {error, problem()}.
opening(_Pool) -> ?NOT_LOADED.


-spec hand_over(pool_id(), pool_id()) -> ok | {error, problem()}.
hand_over(_From, _To) -> ?NOT_LOADED.


-spec drain_pool(pool_id()) -> ok | {error, problem()}.
drain_pool(_Pool) -> ?NOT_LOADED.


-spec resume_pool(pool_id()) -> {ok, boolean()} | {error, problem()}.
resume_pool(_Pool) -> ?NOT_LOADED.


-spec close_pool(pool_id(), Milliseconds :: non_neg_integer()) -> ok | {error, problem()}.
close_pool(_Pool, _Allowed) -> ?NOT_LOADED.


%% Every pool there is.
-spec pools() -> [pool()].
pools() -> ?NOT_LOADED.


%% The counters and gauges of every pool name, and what was rejected by host type, `pool_name' and reason.
-spec metrics() -> {[metrics()],
                    [{HostType :: binary(),
                      PoolName :: binary(),
                      Reason :: atom(),
                      non_neg_integer()}]}.
metrics() -> ?NOT_LOADED.


%% A handler with another plan is another handler. What is wrong with a plan comes as a notice.
%% Begins to open the spool of a pool, if one of its handlers needs it or an earlier run has left one behind.
-spec open_spool(Pool :: binary(), Needed :: boolean()) -> ok.
open_spool(_Pool, _Needed) -> ?NOT_LOADED.


%% Every spool that is open, or cannot be opened.
-spec spools() -> [spool()].
spools() -> ?NOT_LOADED.


-spec handler(binary(), binary(), binary(), Plan :: #{atom() => term()}) -> handler_id().
handler(_HostType, _PoolName, _Path, _Plan) -> ?NOT_LOADED.


-spec handler_info(handler_id()) -> {HostType :: binary(), PoolName :: binary(), Path :: binary()}.
handler_info(_Handler) -> ?NOT_LOADED.


-spec describe_url(binary(), binary()) ->
          {ok, {Path :: binary(), StockPath :: binary()}} | {error, Text :: binary()}.
describe_url(_PathPrefix, _Path) -> ?NOT_LOADED.


-spec push_form(pool_id(), handler_id(), way(), names(), binary()) -> pushed().
push_form(_Pool, _Handler, _Way, _Names, _Message) -> ?NOT_LOADED.


-spec push_form_dirty(pool_id(), handler_id(), way(), names(), binary()) -> pushed().
push_form_dirty(_Pool, _Handler, _Way, _Names, _Message) -> ?NOT_LOADED.


-spec push_custom(pool_id(), handler_id(), way(), names(), [{binary(), binary()}], binary()) ->
          pushed().
push_custom(_Pool, _Handler, _Way, _Names, _Headers, _Body) -> ?NOT_LOADED.


-spec push_custom_dirty(pool_id(),
                        handler_id(),
                        way(),
                        names(),
                        [{binary(), binary()}],
                        binary()) -> pushed().
push_custom_dirty(_Pool, _Handler, _Way, _Names, _Headers, _Body) -> ?NOT_LOADED.


-spec push_event(pool_id(), handler_id(), way(), names(), facts(), Stanza :: binary()) -> pushed().
push_event(_Pool, _Handler, _Way, _Names, _Facts, _Stanza) -> ?NOT_LOADED.


-spec push_event_dirty(pool_id(), handler_id(), way(), names(), facts(), Stanza :: binary()) ->
          pushed().
push_event_dirty(_Pool, _Handler, _Way, _Names, _Facts, _Stanza) -> ?NOT_LOADED.


-spec reject(handler_id(),
             Reason :: atom(),
             Sender :: binary(),
             Text :: binary(),
             http_pusher_wait:waiter()) -> ok.
reject(_Handler, _Reason, _Sender, _Text, _Waiter) -> ?NOT_LOADED.


-spec attach(reporter()) -> ok.
attach(_Number) -> ?NOT_LOADED.


-spec take_outcomes(reporter(), Verbose :: boolean()) -> [outcome()].
take_outcomes(_Number, _Verbose) -> ?NOT_LOADED.


-spec outcome_counted(reporter()) -> ok.
outcome_counted(_Number) -> ?NOT_LOADED.


-spec unacknowledged() -> non_neg_integer().
unacknowledged() -> ?NOT_LOADED.


-spec rejections() -> [rejected()].
rejections() -> ?NOT_LOADED.


%% Once these are in the metrics and those who wait for them are told.
-spec rejections_counted(handler_id(), atom(), pos_integer()) -> ok.
rejections_counted(_Handler, _Reason, _Count) -> ?NOT_LOADED.


-spec notices() -> [notice()].
notices() -> ?NOT_LOADED.
