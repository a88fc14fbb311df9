%% @doc What the owner of the pools writes down: a row for each of the host's pools, and the routes of all
%% handlers that may use that pool.
%%
%% The rows are in the table of the routes, which outlives the owner, so that its successor can read them
%% (http_pusher_pool_recovery).
-module(http_pusher_pool_rows).

-export([new/1, store/2, note/2, forget/1, all/0, candidates/1, used/0]).
-export([put_handlers/2, delete_handlers/1, delete_strays/0, host_types/0]).

-export_type([row/0]).

-type pool_key() :: http_pusher_pool_key:pool_key().
-type handler() :: http_pusher_host:handler().
%% The engine's pool that stands for the host's.
-type current() :: #{
                     id := http_pusher_nif:pool_id(),
                     %% Of the options that it was opened with, not the options themselves: they hold passwords,
                     %% and crash reports print the owner's state. Undefined if they are invalid or unknown.
                     digest := binary() | undefined,
                     %% Of what the host was given for it.
                     given := binary() | undefined
                    }.
%% What the owner of the pools knows of one of the host's pools. Each key is always there. A map, because
%% the update of a record compiles to an instruction that OTP 24 does not have.
-type row() :: #{
                 %% Takes notifications for a host's process whose options are not known yet.
                 spare := http_pusher_nif:pool_id(),
                 current := none | current(),
                 %% The host's process that `current' was opened for.
                 pid := pid() | undefined,
                 %% Digest of the options that the spare pool is about to be given.
                 next := none | binary(),
                 %% The host has stopped the pool: it is closed at this time, in milliseconds of monotonic time.
                 stopping := no | {until, integer()},
                 %% It is not in the log yet that `current' is open, or why not.
                 announce := boolean(),

                 %% The rest is the owner's alone, and is not written down.
                 monitor := none | reference(),
                 %% Fires when a pool that is stopping is to be closed.
                 timer := none | reference(),
                 %% A job that works for it. `again': a session has asked for a look since it began.
                 job := none | {running | again, reference()},
                 %% The host has, or may have had, a process whose options the owner had not read in time, so that
                 %% notifications may wait in the spare pool.
                 spare_used := boolean(),
                 %% Why the host's present process could not be read.
                 trouble := http_pusher_pool_trouble:trouble()
                }.

-define(TABLE, http_pusher_routes).


%% @doc The row of a pool of the host's that is not known yet.
-spec new(http_pusher_nif:pool_id()) -> row().
new(Spare) ->
    #{
      spare => Spare,
      current => none,
      pid => undefined,
      next => none,
      stopping => no,
      monitor => none,
      timer => none,
      job => none,
      spare_used => false,
      trouble => none,
      announce => false
     }.


%% @doc Writes the row and then the routes, each in one step.
-spec store(pool_key(), row()) -> ok.
store(Key = {_, Tag}, Row) ->
    note(Key, Row),
    New = candidate(Key, Row),
    lists:foreach(
      fun({{_, RowTag, _, _} = RowKey, Handler, Candidates}) when RowTag =:= Tag ->
              Replaced = [ case C of {Key, _, _, _, _} -> New; _ -> C end || C <- Candidates ],
              case Replaced of
                  Candidates -> ok;
                  _ -> http_pusher_routes:put(RowKey, {Handler, Replaced})
              end;
         (_) ->
              ok
      end,
      http_pusher_routes:all()).


%% @doc Writes the row only: sessions go on as before.
-spec note(pool_key(), row()) -> ok.
note(Key, Row) ->
    true = ets:insert(?TABLE, {{pool, Key}, for_a_successor(Row)}),
    ok.


for_a_successor(Row = #{spare := Spare}) ->
    maps:merge(new(Spare), maps:with([current, pid, next, stopping, announce], Row)).


-spec forget(pool_key()) -> ok.
forget(Key) ->
    true = ets:delete(?TABLE, {pool, Key}),
    ok.


-spec all() -> [{pool_key(), row()}].
all() ->
    [ {Key, Row} || {{pool, Key}, Row} <- ets:match_object(?TABLE, {{pool, '_'}, '_'}) ].


%% @doc The pools that may serve a handler, as they are in its route.
-spec candidates([{pool_key(), row()}]) -> [http_pusher_routes:candidate()].
candidates(Rows) ->
    [ candidate(Key, Row) || {Key, Row} <- Rows ].


candidate(Key, #{spare := Spare, current := Current, pid := Pid}) ->
    Pool = case Current of
               none -> undefined;
               #{id := Id} -> Id
           end,
    {Key, http_pusher_pool_key:process_name(Key), Pid, Pool, Spare}.


%% @doc The pools that at least one route names.
-spec used() -> [pool_key()].
used() ->
    lists:usort([ Key || {_, _, Candidates} <- http_pusher_routes:all(),
                         {Key, _, _, _, _} <- Candidates ]).


%%% Host types


-spec put_handlers(binary(), [handler()]) -> ok.
put_handlers(HostType, Handlers) ->
    true = ets:insert(?TABLE, {{handlers, HostType}, Handlers}),
    ok.


%% @doc Deletes the host type's handlers and their routes.
-spec delete_handlers(binary()) -> ok.
delete_handlers(HostType) ->
    true = ets:delete(?TABLE, {handlers, HostType}),
    delete_strays().


%% @doc Deletes the routes of host types that have no handlers any more.
-spec delete_strays() -> ok.
delete_strays() ->
    HostTypes = host_types(),
    lists:foreach(fun({{HostType, _, _, _}, _, _}) when is_map_key(HostType, HostTypes) -> ok;
                     ({Key, _, _}) -> http_pusher_routes:delete(Key)
                  end,
                  http_pusher_routes:all()).


%% @doc The handlers of each host type; none while the application is down.
-spec host_types() -> #{binary() => [handler()]}.
host_types() ->
    try ets:match_object(?TABLE, {{handlers, '_'}, '_'}) of
        Rows -> maps:from_list([ {HostType, Handlers} || {{handlers, HostType}, Handlers} <- Rows ])
    catch
        error:badarg -> #{}
    end.
