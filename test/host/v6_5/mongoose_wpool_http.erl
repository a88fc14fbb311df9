%% Stands for mongoose_wpool_http at 6.8.0 (src/wpool/mongoose_wpool_http.erl): the table
%% mongoose_wpool_http of {{HostType, Tag}, PathPrefix, RequestTimeout}. Connection options are a
%% map in which host, path_prefix and request_timeout have to be there.
-module(mongoose_wpool_http).

-export([init/0, start/4, stop/2, get_params/2]).

init() ->
    ejabberd_sup:create_ets_table(?MODULE, [named_table, public, {read_concurrency, true}]).

start(HostType, Tag, PoolOpts, #{host := Host} = ConnOpts) ->
    Name = mongoose_wpool:make_pool_name(http, HostType, Tag),
    Worker = {fusco, {Host, [{connect_options, []}]}},
    #{path_prefix := PathPrefix, request_timeout := RequestTimeout} = ConnOpts,
    case mongoose_wpool:start_sup_pool(http, Name, [{worker, Worker} | PoolOpts]) of
        {ok, Pid} ->
            ets:insert(?MODULE, {{HostType, Tag}, PathPrefix, RequestTimeout}),
            {ok, Pid};
        Other ->
            Other
    end.

stop(HostType, Tag) ->
    true = ets:delete(?MODULE, {HostType, Tag}),
    ok.

get_params(HostType, Tag) ->
    case ets:lookup(?MODULE, {HostType, Tag}) of
        [{_, PathPrefix, RequestTimeout}] -> {ok, PathPrefix, RequestTimeout};
        [] when HostType =:= global -> {error, pool_not_started};
        [] -> get_params(global, Tag)
    end.
