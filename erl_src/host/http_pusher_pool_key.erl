%% @doc One of the host's pools, as the host names it: what sessions, the owner of the pools and the engine
%% know it by.
-module(http_pusher_pool_key).

-export([process_name/1, name/1]).

-export_type([pool_key/0]).

-type pool_key() :: {Scope :: binary() | global, Tag :: atom()}.


%% @doc The registered name of the host's pool process.
-spec process_name(pool_key()) -> atom().
process_name({global, Tag}) ->
    process_name({<<"global">>, Tag});
process_name({HostType, Tag}) ->
    %% Not `<<...>>': the compiler's code for that, made for OTP 24, does not load on OTP 29.
    Name = ["mongoose_wpool$http$", HostType, $$, atom_to_binary(Tag, utf8)],
    binary_to_atom(iolist_to_binary(Name), utf8).


%% @doc The name of the pool in the engine, in metrics and in the log.
-spec name(pool_key()) -> binary().
name({Scope, Tag}) ->
    http_pusher_utf8:format("~ts/~ts", [Scope, Tag]).
