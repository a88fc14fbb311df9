%% Stands for exometer_report (esl/exometer_core): reporters and what each is told to send. Nothing is
%% sent. A subscription to a metric that is not there gives not_found.
-module(exometer_report).

-export([add_reporter/1, remove_reporter/1, list_reporters/0, subscribe/6, unsubscribe_all/2,
         list_subscriptions/1]).

-define(TABLE, exometer_report_subscriptions).

add_reporter(Reporter) ->
    table(),
    true = ets:insert(?TABLE, {Reporter, reporter}),
    ok.

remove_reporter(Reporter) ->
    ets:delete(?TABLE, Reporter),
    ok.

list_reporters() ->
    table(),
    [{Reporter, self()} || {Reporter, reporter} <- ets:tab2list(?TABLE)].

subscribe(Reporter, Metric, DataPoints, Interval, Extra, false) ->
    case {lists:keymember(Reporter, 1, list_reporters()), exometer:info(Metric, type)} of
        {false, _} -> unknown_reporter;
        {true, undefined} -> not_found;
        {true, _} ->
            true = ets:insert(?TABLE, {Reporter, {Metric, DataPoints, Interval, Extra}}),
            ok
    end.

unsubscribe_all(Reporter, Metric) ->
    ets:match_delete(?TABLE, {Reporter, {Metric, '_', '_', '_'}}),
    ok.

list_subscriptions(Reporter) ->
    [Subscription || {_, Subscription} <- ets:lookup(?TABLE, Reporter), Subscription =/= reporter].

table() ->
    ok = host_owner:table(?TABLE, [bag]).
