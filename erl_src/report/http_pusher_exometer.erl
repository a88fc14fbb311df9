%% @doc The metrics in exometer, if the host runs that: always up to 6.2, later if it is configured.
%%
%% An entry's value is computed when it is read, so nothing is updated. Each entry has the single data point
%% `value', the form in which the host's own metrics API shows a gauge; any other would make that API fail
%% for all metrics. Names begin with `http_pusher', unlike any host type or metric of the host.
-module(http_pusher_exometer).

-export([sync/0, remove/0]).
%% Called by exometer.
-export([value/2]).

-define(PREFIX, http_pusher).


%% @doc Creates missing entries and deletes those whose pool is gone for good.
-spec sync() -> ok.
sync() ->
    case is_running() of
        true -> sync(maps:from_list(wanted()));
        false -> ok
    end.


sync(Wanted) ->
    There = names(),
    lists:foreach(fun delete/1, [ Name || Name <- There, not is_map_key(Name, Wanted) ]),
    maps:foreach(fun create/2, maps:without(There, Wanted)),
    lists:foreach(fun(Reporter) -> subscribe(Reporter, maps:keys(Wanted)) end, reporters()).


%% @doc Deletes all entries.
-spec remove() -> ok.
remove() ->
    case is_running() of
        true -> lists:foreach(fun delete/1, names());
        false -> ok
    end.


%% @doc The value of an entry. Never fails: one failure would spoil a read of all entries.
-spec value(http_pusher_metrics:pool_key() | http_pusher_metrics:rejected_key(),
            http_pusher_metrics:what()) -> [{value, non_neg_integer()}].
value(Key, What) ->
    [{value, http_pusher_metrics:number(Key, What)}].


%% A library on the code path need not have been started.
is_running() ->
    whereis(exometer_admin) =/= undefined andalso
    http_pusher_host:exports(exometer, new, 3).


names() ->
    [ Name || {Name, _Type, _Status} <- exometer:find_entries([?PREFIX]) ].


create(Name, {Key, What}) ->
    Type = {function, ?MODULE, value, [Key, What], proplist, [value]},
    try
        ok = exometer:new(Name, Type, [])
    catch
        error:exists -> ok
    end.


delete(Name) ->
    lists:foreach(fun(Reporter) -> exometer_report:unsubscribe_all(Reporter, Name) end, reporters()),
    exometer:delete(Name).


%% A reporter (to Graphite) sends the metrics that it is subscribed to. It sends these as often as the
%% host's own, and none of these if it sends none of the host's.
subscribe(Reporter, Names) ->
    Subscriptions = exometer_report:list_subscriptions(Reporter),
    There = [ Name || {[?PREFIX | _] = Name, _, _, _} <- Subscriptions ],
    case [ Interval || {[First | _], _, Interval, _} <- Subscriptions, First =/= ?PREFIX ] of
        [] ->
            ok;
        [Interval | _] ->
            lists:foreach(
              fun(Name) ->
                      exometer_report:subscribe(Reporter, Name, [value], Interval, [], false)
              end,
              Names -- There)
    end.


reporters() ->
    [ Reporter || {Reporter, _Pid} <- exometer_report:list_reporters() ].


wanted() ->
    [ {name(Key, What), {Key, What}} || {Key, Whats} <- http_pusher_metrics:names(),
                                        What <- Whats ].


name({pool, Pool}, What) ->
    [Scope, Tag] = string:split(Pool, "/"),
    [?PREFIX, scope(Scope), tag(Tag), What];
name({rejected, HostType, <<>>}, Reason) ->
    [?PREFIX, scope(HostType), rejected, Reason];
name({rejected, HostType, PoolName}, Reason) ->
    [?PREFIX, scope(HostType), tag(PoolName), rejected, Reason].


%% The way the host writes a host type in the names of its metrics.
scope(<<"global">>) -> global;
scope(HostType) -> binary:replace(HostType, <<" ">>, <<"_">>, [global]).


tag(Tag) ->
    binary_to_atom(Tag, utf8).
