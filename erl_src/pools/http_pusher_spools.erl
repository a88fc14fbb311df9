%% @doc Which pools have their notifications on disk too: those of handlers with `delivery = "at_least_once"',
%% and those of which an earlier run of the node has left some.
%%
%% The engine opens the files, and keeps trying if it cannot.
-module(http_pusher_spools).

-export([open_for/2, open/1]).


%% @doc A handler is registered that may use one of these pools.
-spec open_for(http_pusher_host:handler(), [http_pusher_pool_key:pool_key()]) -> ok.
open_for(Handler, Keys) ->
    case needs_spool(Handler) of
        true -> lists:foreach(fun open_listed/1, Keys);
        false -> ok
    end.


%% A pool that is not there gets no file; it is opened when it is found.
open_listed(Key) ->
    case http_pusher_host_pool:is_listed(Key) of
        true -> http_pusher_nif:open_spool(http_pusher_pool_key:name(Key), true);
        false -> ok
    end.


%% @doc The host has this pool.
-spec open(http_pusher_pool_key:pool_key()) -> ok.
open(Key = {_Scope, Tag}) ->
    Needed = lists:any(fun(Handler = #{pool_name := Name}) -> Name =:= Tag andalso needs_spool(Handler) end,
                       lists:append(maps:values(http_pusher_pool_rows:host_types()))),
    http_pusher_nif:open_spool(http_pusher_pool_key:name(Key), Needed).


needs_spool(#{plan := #{delivery := at_least_once}}) -> true;
needs_spool(_Handler) -> false.
