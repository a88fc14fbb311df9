%% Stands for mongoose_wpool_http at 5.0.0 (src/wpool/mongoose_wpool_http.erl): the table
%% mongoose_wpool_http of {{HostType, Tag}, PathPrefix, RequestTimeout}. Connection options are a
%% proplist; server has to be there, path_prefix ("/") and request_timeout (2000) need not.
-module(mongoose_wpool_http).

-export([init/0, start/4, stop/2, get_params/2]).

init() ->
    case ets:info(?MODULE) of
        undefined ->
            Heir = [{heir, Pid, undefined} || Pid <- [whereis(ejabberd_sup)], is_pid(Pid)],
            ets:new(?MODULE, [named_table, public, {read_concurrency, true} | Heir]),
            ok;
        _ ->
            ok
    end.

start(HostType, Tag, PoolOpts, ConnOpts) ->
    Name = mongoose_wpool:make_pool_name(http, HostType, Tag),
    Worker = {fusco, {gen_mod:get_opt(server, ConnOpts), gen_mod:get_opt(http_opts, ConnOpts, [])}},
    PathPrefix = list_to_binary(gen_mod:get_opt(path_prefix, ConnOpts, "/")),
    RequestTimeout = gen_mod:get_opt(request_timeout, ConnOpts, 2000),
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
