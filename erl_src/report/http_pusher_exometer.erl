%% @doc The figures in exometer, where the host runs that: always up to 6.2, later where it is
%% configured.
%%
%% Part of the host adapter. An entry's value is computed when it is read, so nothing is updated. Each
%% has the one data point `value', which is the form in which the host's own metrics API shows a gauge;
%% any other would make that API fail for all metrics. Names begin with `http_pusher', which no host
%% type and no metric of the host does. Exometer is called by name, because it is not there when this
%% is compiled.
-module(http_pusher_exometer).

-export([sync/0, remove/0]).
%% Called by exometer.
-export([value/2]).

-define(PREFIX, http_pusher).

%% @doc Makes the entries that are missing and deletes those whose pool is gone for good.
-spec sync() -> ok.
sync() ->
    case is_running() of
        true -> sync(maps:from_list(wanted()));
        false -> ok
    end.

sync(Wanted) ->
    There = names(),
    lists:foreach(fun delete/1, [Name || Name <- There, not is_map_key(Name, Wanted)]),
    maps:foreach(fun create/2, maps:without(There, Wanted)),
    lists:foreach(fun(Reporter) -> subscribe(Reporter, maps:keys(Wanted)) end, reporters()).

%% @doc Takes all entries away.
-spec remove() -> ok.
remove() ->
    case is_running() of
        true -> lists:foreach(fun delete/1, names());
        false -> ok
    end.

%% @doc The value of an entry. Never fails: one entry that does would spoil a look at all of them.
-spec value(http_pusher_metrics:pool_key() | http_pusher_metrics:rejected_key(),
            http_pusher_metrics:what()) -> [{value, non_neg_integer()}].
value(Key, What) ->
    [{value, http_pusher_metrics:number(Key, What)}].

%% A module that is on the path need not have been started.
is_running() ->
    whereis(exometer_admin) =/= undefined
        andalso http_pusher_host:exports(exometer, new, 3).

names() ->
    [Name || {Name, _Type, _Status} <- exometer:find_entries([?PREFIX])].

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

%% What a reporter (to Graphite) sends is what it was told for each name. It sends these as often as
%% the host's own; one that sends none of the host's sends none of these.
subscribe(Reporter, Names) ->
    Subscriptions = exometer_report:list_subscriptions(Reporter),
    There = [Name || {[?PREFIX | _] = Name, _, _, _} <- Subscriptions],
    case [Interval || {[First | _], _, Interval, _} <- Subscriptions, First =/= ?PREFIX] of
        [] ->
            ok;
        [Interval | _] ->
            lists:foreach(
              fun(Name) ->
                      exometer_report:subscribe(Reporter, Name, [value], Interval, [], false)
              end, Names -- There)
    end.

reporters() ->
    [Reporter || {Reporter, _Pid} <- exometer_report:list_reporters()].

wanted() ->
    [{name(Key, What), {Key, What}} || {Key, Whats} <- http_pusher_metrics:names(),
                                       What <- Whats].

name({pool, Pool}, What) ->
    [Scope, Tag] = string:split(Pool, "/"),
    [?PREFIX, scope(Scope), tag(Tag), What];
name({rejected, HostType, <<>>}, Reason) ->
    [?PREFIX, scope(HostType), rejected, Reason];
name({rejected, HostType, PoolName}, Reason) ->
    [?PREFIX, scope(HostType), tag(PoolName), rejected, Reason].

%% As the host writes a host type in the names of its metrics.
scope(<<"global">>) -> global;
scope(HostType) -> binary:replace(HostType, <<" ">>, <<"_">>, [global]).

tag(Tag) ->
    binary_to_atom(Tag, utf8).
