%% @doc Opens a pool of the engine whose files have to be read, which can be slow, so that it runs in a
%% process of its own (http_pusher_pool_job). Also finds the warnings about a pool that was opened.
%%
%% Waits for the first attempt only: the engine tells the reporter what comes of later ones.
-module(http_pusher_pool_opening).

-export([open/4, opened/3, paths/1]).

-type result() :: {opened, http_pusher_host_pool:options(), Warnings :: [binary()]} |
                  {not_opened, http_pusher_nif:problem()}.

%% Pauses between two checks, in milliseconds. The engine itself reports after five seconds that the files
%% take long, so the rest is for an engine that does not run well.
-define(FIRST_PAUSE, 1).
-define(LAST_PAUSE,  50).
-define(AT_MOST,     10000).


%% @doc Opens a pool that has its options. Returns the options, and Warnings with those that the opening has
%% added. Does nothing else if the pool is open already.
-spec open(http_pusher_nif:pool_id(),
           http_pusher_host_pool:options(),
           [binary()],
           [binary() | string()]) -> result().
open(Id, Options, Warnings, Paths) ->
    Deadline = erlang:monotonic_time(millisecond) + ?AT_MOST,
    case first_try(Id, http_pusher_nif:open_pool(Id), ?FIRST_PAUSE, Deadline) of
        {ok, More} ->
            opened(Options, Warnings ++ More, Paths);
        {error, Problem} ->
            {not_opened, Problem}
    end.


first_try(Id, opening, Pause, Deadline) ->
    case erlang:monotonic_time(millisecond) < Deadline of
        true ->
            timer:sleep(Pause),
            first_try(Id, http_pusher_nif:opening(Id), min(2 * Pause, ?LAST_PAUSE), Deadline);
        false ->
            {error, {not_yet, <<"its files are still being read">>}}
    end;
first_try(_Id, Result, _Pause, _Deadline) ->
    Result.


%% @doc The result for a pool that was opened.
-spec opened(http_pusher_host_pool:options(), [binary()], [binary() | string()]) -> result().
opened(Options, Warnings, Paths) ->
    {opened, Options, Warnings ++ url_warnings(Options, lists:usort(Paths))}.


%% @doc Paths of the handlers that use pools of this tag. A path that is a template is not known yet.
-spec paths(atom()) -> [binary() | string()].
paths(Tag) ->
    [ Path || {{_, RowTag, Path, Plan}, _, _} <- http_pusher_routes:all(),
              RowTag =:= Tag,
              Plan =:= <<>> orelse not is_template(Path) ].


is_template(Path) ->
    lists:any(fun(Mark) -> string:find(Path, Mark) =/= nomatch end, ["{{", "{%", "{#"]).


url_warnings(#{path_prefix := Prefix}, Paths) ->
    lists:flatmap(
      fun(Path0) ->
              Path = http_pusher_utf8:text(Path0),
              case http_pusher_nif:describe_url(Prefix, Path) of
                  {ok, {Same, Same}} ->
                      [];
                  {ok, {Ours, Stock}} ->
                      [iolist_to_binary(["notifications go to ",
                                         Ours,
                                         " as documented; the stock "
                                         "module sent them to ",
                                         Stock])];
                  {error, Text} ->
                      [Text]
              end
      end,
      Paths).
