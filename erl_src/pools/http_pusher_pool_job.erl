%% @doc Work for a pool that can take long, in a process of its own: reading the host's options, and opening
%% a pool whose files have to be read. One pool must not wait for another.
%%
%% The result is the reason for which the process ends, redacted, because it holds the pool's options.
-module(http_pusher_pool_job).

-export([look/1, open/4, result/2]).
-export([run/1]).

-export_type([kind/0, result/0]).

-type kind() :: look | open.
-type result() :: {found, http_pusher_host_pool:pool()} |
                  not_started |
                  {unreadable, Missing :: [atom()]} |
                  {opened, http_pusher_host_pool:options(), Warnings :: [binary()]} |
                  {not_opened, http_pusher_nif:problem()} |
                  {crashed, kind(), term()}.


%% @doc Reads the host's options of a pool. Returns the monitor of the process.
-spec look(http_pusher_pool_key:pool_key()) -> reference().
look(Key) ->
    start(fun() ->
                  case http_pusher_host_pool:find(Key) of
                      {ok, Found} -> {found, Found};
                      Other -> Other
                  end
          end).


%% @doc Opens a pool that has its options.
-spec open(http_pusher_nif:pool_id(),
           http_pusher_host_pool:options(),
           Warnings :: [binary()],
           Paths :: [binary() | string()]) -> reference().
open(Id, Options, Warnings, Paths) ->
    start(fun() -> http_pusher_pool_opening:open(Id, Options, Warnings, Paths) end).


%% @doc What came of a job, from the reason for which its process ended.
-spec result(kind(), Reason :: term()) -> result().
result(Kind, Reason) ->
    case http_pusher_redacted:open(Reason) of
        {found, _} = Result -> Result;
        not_started -> not_started;
        {unreadable, _} = Result -> Result;
        {opened, _, _} = Result -> Result;
        {not_opened, _} = Result -> Result;
        Crash -> {crashed, Kind, Crash}
    end.


start(Fun) ->
    {_, Ref} = spawn_opt(?MODULE, run, [Fun], [monitor, {priority, high}]),
    Ref.


%% @private
-spec run(fun(() -> result())) -> no_return().
run(Fun) ->
    exit(http_pusher_redacted:run(Fun)).
