%% @doc Checks the host's pools for their owner (http_pusher_pools), and applies the results of the jobs that
%% look at them. Each function returns the owner's state as it is afterwards.
-module(http_pusher_pool_checks).

-export([eager/1, look_again/1, all/1, told/2, put_row/3, ended/4]).

-export_type([state/0]).

-type pool_key() :: http_pusher_pool_key:pool_key().

%% The state of the owner.
-type state() :: #{
                   settings := http_pusher_settings:settings(),
                   pools := #{pool_key() => http_pusher_pool_rows:row()},
                   %% By the monitor of their process.
                   jobs := #{reference() => {http_pusher_pool_job:kind(), pool_key()}},
                   %% Until when pools are checked more often.
                   eager := integer() | undefined,
                   %% Handlers that could not be registered: tried again with each check.
                   unrouted := [http_pusher_handlers:one()],
                   stop_budget := http_pusher_stop_budget:budget()
                  }.

%% Pools are started right after a module has started or another pool has stopped. For a while they are
%% checked more often, so that the first notification to a new pool finds it open.
-define(BETWEEN_EAGER_LOOKS, 50).
-define(EAGER,               10000).


%% @doc From now on, for a while, pools are checked more often.
-spec eager(state()) -> state().
eager(State = #{eager := Until}) ->
    _ = [ erlang:send_after(?BETWEEN_EAGER_LOOKS, self(), look_again) || Until =:= undefined ],
    State#{eager := now_ms() + ?EAGER}.


%% @doc The time between two of those checks is over.
-spec look_again(state()) -> state().
look_again(State = #{eager := Until}) ->
    case now_ms() < Until of
        true ->
            _ = erlang:send_after(?BETWEEN_EAGER_LOOKS, self(), look_again),
            all(State);
        false ->
            State#{eager := undefined}
    end.


%% @doc Checks every pool. A session that was killed between its two steps has asked for a check, but has not
%% sent the message, and no other session would ask again.
-spec all(state()) -> state().
all(State = #{pools := Pools}) ->
    lists:foldl(fun(Key, S) ->
                        case http_pusher_routes:asked(Key) of
                            true -> told(Key, S);
                            false -> look(Key, S)
                        end
                end,
                State,
                maps:keys(Pools)).


%% @doc A session has met a process of the host that is not known: something waits in the spare pool, or is
%% about to. A look that is under way may have read the options before that, so another one follows.
-spec told(pool_key(), state()) -> state().
told(Key, State) ->
    case State of
        #{pools := #{Key := Row = #{job := {_, Ref}}}} ->
            put_row(Key, Row#{spare_used := true, job := {again, Ref}}, State);
        #{pools := #{Key := Row}} ->
            look(Key, put_row(Key, Row#{spare_used := true}, State));
        _ ->
            State
    end.


%% Compares the host's process with the known one; a job reads the rest.
look(Key, State = #{settings := #{drain_timeout := Drain}}) ->
    case State of
        #{pools := #{Key := Row = #{job := none, pid := Known, trouble := Trouble}}} ->
            case whereis(http_pusher_pool_key:process_name(Key)) of
                undefined -> put_row(Key, http_pusher_pool:gone(Key, Row, Drain), State);
                Known -> State;
                New ->
                    case http_pusher_pool_trouble:is_held_back(New, Trouble) of
                        true -> State;
                        false -> started(look, http_pusher_pool_job:look(Key), Key, Row#{spare_used := true}, State)
                    end
            end;
        _ ->
            State
    end.


-spec put_row(pool_key(), http_pusher_pool_rows:row(), state()) -> state().
put_row(Key, Row, State = #{pools := Pools}) ->
    State#{pools := Pools#{Key := Row}}.


%%% Jobs


started(Kind, Ref, Key, Row, State = #{jobs := Jobs}) ->
    put_row(Key, Row#{job := {running, Ref}}, State#{jobs := Jobs#{Ref => {Kind, Key}}}).


%% @doc A job of the pool has ended with this result.
-spec ended(pool_key(), reference(), http_pusher_pool_job:result(), state()) -> state().
ended(Key, Ref, Result, State) ->
    case State of
        #{pools := #{Key := Row = #{job := {Since, Ref}}}} ->
            Idle = Row#{job := none},
            State1 = on_result(Result, Key, Idle, put_row(Key, Idle, State)),
            case Since of
                again -> told(Key, State1);
                running -> State1
            end;
        %% The job worked for a row that has been forgotten since.
        _ ->
            State
    end.


on_result({found, Found}, Key, Row, State = #{settings := Settings}) ->
    case http_pusher_pool:found(Key, Row, Found, Settings) of
        {opened, Options, More, New} -> opened(Key, New, Options, Found, More, State);
        {open, Options, New} -> open(Key, New, Options, Found, State);
        {kept, Kept} -> put_row(Key, Kept, State);
        %% This process ends with the engine, which is about to be replaced.
        {unusable, {engine_down, _}} -> State;
        {unusable, Problem} -> on_result({crashed, open, Problem}, Key, Row, State)
    end;
on_result(not_started, _Key, _Row, State) ->
    State;
%% It was closed before it was open, or the engine is about to be replaced.
on_result({not_opened, {Ended, _}}, Key, _Row, State)
  when Ended =:= pool_not_started; Ended =:= engine_down ->
    look(Key, State);
on_result({unreadable, _} = Problem, Key, Row, State) ->
    trouble(Problem, Key, Row, State);
on_result({crashed, _, _} = Problem, Key, Row, State) ->
    trouble(Problem, Key, Row, State);
on_result(Result, Key, Row, State) ->
    http_pusher_log:pool_opened(http_pusher_pool_key:name(Key), Result),
    New = case Result of
              {not_opened, {pool_config, _}} -> http_pusher_pool:not_opened(Key, Row);
              %% It is open, or opens when it can.
              _ -> Row
          end,
    look(Key, put_row(Key, http_pusher_pool:announced(Key, New), State)).


trouble(Problem, Key, Row = #{trouble := Before}, State) ->
    put_row(Key, Row#{trouble := http_pusher_pool_trouble:noted(Key, Problem, Before)}, State).


opened(Key = {_, Tag}, Row, Options, #{warnings := Warnings}, More, State) ->
    Paths = http_pusher_pool_opening:paths(Tag),
    Result = http_pusher_pool_opening:opened(Options, Warnings ++ More, Paths),
    on_result(Result, Key, Row, State).


open(Key = {_, Tag}, Row = #{current := #{id := Id}}, Options, #{warnings := Warnings}, State) ->
    Paths = http_pusher_pool_opening:paths(Tag),
    started(open, http_pusher_pool_job:open(Id, Options, Warnings, Paths), Key, Row, State).


now_ms() ->
    erlang:monotonic_time(millisecond).
