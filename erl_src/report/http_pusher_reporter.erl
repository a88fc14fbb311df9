%% @doc Counts outcomes in the host's metrics and logs them.
%%
%% The engine sends one message when there is something to take and this process waits; it then takes
%% batches until there is nothing left. It acknowledges each outcome that it has counted, so that a
%% successor goes on from there if it is killed. Rejections come as rows of counts, and are counted in
%% parts: a successor may count at most one outcome, or one part, a second time. A session that waits for an
%% outcome is told once that is counted.
%%
%% There may be several reporters (http_pusher_reporters), each with its own batch in the engine. The first
%% takes whatever there is, also the rejections and the notices, and writes the lines of a storm that are
%% due. The others take outcomes, and only if the first one falls behind.
%%
%% http_pusher_host knows the host's metrics, and http_pusher_log writes the lines.
-module(http_pusher_reporter).
-behaviour(gen_server).

-export([start_link/2, name/1, registered/0]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-type state() :: #{
                   number := http_pusher_nif:reporter(),
                   generation := http_pusher_host:generation(),
                   log_level := logger:level() | none,
                   handlers := #{http_pusher_nif:handler_id() => {binary(), binary(), binary()}}
                  }.

-define(FIRST, 0).

%% Take outcomes even without a message: the engine's threads may have ended with outcomes left.
-define(IDLE, 1000).
%% A row of rejections is counted in at most this many updates of the host's metrics: one by one up to this
%% number, and a million cost no more than that.
-define(PARTS, 64).


-spec start_link(http_pusher_nif:reporter(), http_pusher_settings:settings()) -> {ok, pid()} | {error, term()}.
start_link(Number, Settings) ->
    gen_server:start_link({local, name(Number)}, ?MODULE, {Number, Settings}, []).


%% @doc The registered name of a reporter; those after the first are counted from two.
-spec name(http_pusher_nif:reporter()) -> atom().
name(?FIRST) -> ?MODULE;
name(Number) -> list_to_atom(atom_to_list(?MODULE) ++ "_" ++ integer_to_list(Number + 1)).


%% @doc The names of the reporters that there are, also of those whose supervisor was killed.
-spec registered() -> [atom()].
registered() ->
    First = atom_to_list(?MODULE),
    [ Name || Name <- erlang:registered(),
              Text <- [atom_to_list(Name)],
              Text =:= First orelse lists:prefix(First ++ "_", Text) ].


-spec init({http_pusher_nif:reporter(), http_pusher_settings:settings()}) -> {ok, state(), 0}.
init({Number, #{log_level := LogLevel}}) ->
    process_flag(trap_exit, true),
    %% It must keep up with the engine's threads while sessions keep the schedulers busy.
    process_flag(priority, high),
    http_pusher_nif:attach(Number),
    {ok, #{
           number => Number,
           generation => http_pusher_host:generation(),
           log_level => LogLevel,
           handlers => #{}
          },
         0}.


-spec handle_call(term(), gen_server:from(), state()) ->
          {reply, {error, unknown_call}, state(), 0}.
handle_call(_Request, _From, State) ->
    {reply, {error, unknown_call}, State, 0}.


-spec handle_cast(term(), state()) -> {noreply, state(), 0}.
handle_cast(_Request, State) ->
    {noreply, State, 0}.


%% `outcomes_ready', or the timeout that follows a batch.
-spec handle_info(term(), state()) -> {noreply, state(), timeout()}.
handle_info(_Info, State) ->
    {noreply, State1, Wait} = report(State),
    {noreply, State1, Wait}.


-spec terminate(term(), state()) -> ok.
terminate(_Reason, State) ->
    _ = report_all(State, 100),
    ok.


report_all(State, 0) ->
    State;
report_all(State, Batches) ->
    case report(State) of
        {noreply, State1, 0} -> report_all(State1, Batches - 1);
        {noreply, State1, _} -> State1
    end.


report(State = #{number := Number, log_level := LogLevel}) ->
    Verbose = http_pusher_log:allowed(info, LogLevel),
    Outcomes = http_pusher_nif:take_outcomes(Number, Verbose),
    State1 = lists:foldl(fun(Outcome, S) -> outcome(Outcome, Verbose, S) end, State, Outcomes),
    case {Number, Outcomes} of
        {?FIRST, _} -> report_others(Outcomes, State1);
        {_, []} -> {noreply, State1, infinity};
        {_, _} -> {noreply, State1, 0}
    end.


%% What the first reporter does beside its outcomes.
report_others(Outcomes, State) ->
    Rejections = http_pusher_nif:rejections(),
    State1 = lists:foldl(fun rejected/2, State, Rejections),
    Notices = http_pusher_nif:notices(),
    State2 = lists:foldl(fun notice/2, State1, Notices),
    NextLine = http_pusher_storm:due(),
    %% Each is one batch, and there may be more.
    Wait = case {Outcomes, Rejections, Notices} of
               {[], [], []} -> min(NextLine, ?IDLE);
               _ -> 0
           end,
    {noreply, State2, Wait}.


outcome({Handler, Sender, Verdict, Details, Waiter}, Verbose, State0) ->
    {{HostType, _, _} = Info, State} = handler(Handler, State0),
    #{number := Number, generation := Generation} = State,
    Counted = count(fun() -> count(Generation, HostType, Sender, Verdict) end),
    http_pusher_log:uncounted(Counted, HostType, 1),
    %% Before the engine forgets the outcome: killed in between, the successor tells the session again, and
    %% its alias drops what comes twice.
    http_pusher_wait:counted(Waiter),
    http_pusher_nif:outcome_counted(Number),
    case Verdict of
        {sent, Status, Micros} when Verbose ->
            http_pusher_log:sent(Info, Sender, Details, Status, Micros);
        {sent, _, _} ->
            ok;
        {failed, Reason, Text, Attempts} ->
            Failure = #{sender => Sender, details => Details, text => Text, attempts => Attempts},
            failed(Info, Reason, 1, Failure, State)
    end,
    State.


rejected({Handler, Reason, Count, Sender, Text, Waiting}, State0) ->
    {{HostType, _, _} = Info, State} = handler(Handler, State0),
    #{generation := Generation} = State,
    Update = fun(Part, Done, Waiting1) ->
                     Counted = count(fun() ->
                                             http_pusher_host:count_failed(
                                               Generation, HostType, {Sender, Part})
                                     end),
                     http_pusher_log:uncounted(Counted, HostType, Part),
                     %% Before the engine forgets them, as for an outcome.
                     Waiting2 = tell(Waiting1, Done),
                     http_pusher_nif:rejections_counted(Handler, Reason, Part),
                     Waiting2
             end,
    [] = in_parts(Count, Update, Waiting),
    Failure = #{sender => Sender, details => undefined, text => Text, attempts => 0},
    failed(Info, Reason, Count, Failure, State),
    State.


tell([{Number, Waiter} | Waiting], Done) when Number =< Done ->
    http_pusher_wait:counted(Waiter),
    tell(Waiting, Done);
tell(Waiting, _Done) ->
    Waiting.


notice({Id, Kind, Text}, State) when is_integer(Id) ->
    {Info, State1} = handler(Id, State),
    http_pusher_log:handler_notice(Info, Kind, Text),
    State1;
notice({{Pool, Url, Since, Waiting}, Kind, Text}, State) ->
    http_pusher_log:endpoint(Kind, #{pool => Pool, url => Url, since => Since, waiting => Waiting}, Text),
    State;
notice(AboutAPool, State) ->
    http_pusher_log:notices([AboutAPool]),
    State.


%% Calls Update for each part, with how many are done after it.
in_parts(Count, Update, Acc) ->
    in_parts(0, Count, (Count + ?PARTS - 1) div ?PARTS, Update, Acc).


in_parts(Count, Count, _Most, _Update, Acc) ->
    Acc;
in_parts(Before, Count, Most, Update, Acc) ->
    Part = min(Count - Before, Most),
    in_parts(Before + Part, Count, Most, Update, Update(Part, Before + Part, Acc)).


failed(Info, Reason, Count, Failure, #{log_level := LogLevel}) ->
    case http_pusher_log:allowed(warning, LogLevel) of
        true -> http_pusher_log:failed(Info, Reason, Count, Failure);
        false -> ok
    end.


count(Generation, HostType, Sender, {sent, Status, Micros}) ->
    http_pusher_host:count_sent(Generation, HostType, Sender, {Status, Micros});
count(Generation, HostType, Sender, {failed, _, _, _}) ->
    http_pusher_host:count_failed(Generation, HostType, {Sender, 1}).


%% The host removes a module's metrics right after it has stopped the module.
count(Update) ->
    try Update() of
        ok -> ok
    catch
        Class:Reason -> {Class, Reason}
    end.


handler(Id, State = #{handlers := Handlers}) ->
    case Handlers of
        #{Id := Info} ->
            {Info, State};
        _ ->
            Info = http_pusher_nif:handler_info(Id),
            {Info, State#{handlers := Handlers#{Id => Info}}}
    end.
