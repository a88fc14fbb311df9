%% @doc Where notifications on disk are if `spool_dir' is not set.
%%
%% Not below the directory of the node's database: joining or leaving a cluster deletes all files in that. The
%% place beside it has its name, so that nodes that share a parent directory have places of their own. If the
%% node's user may not make that, as in a package that owns the database's directory alone, or if it would be on
%% another file system, as in a container with a volume for that directory alone, only the place below it is left.
-module(http_pusher_spool_dir).

-export([default/0, settle/0]).

-include_lib("kernel/include/file.hrl").

-define(NAME, "http_pusher_spool").


-spec default() -> file:filename().
default() ->
    case database_dir() of
        undefined -> filename:join(".", ?NAME);
        Dir -> choose(Dir, below(Dir), beside(Dir))
    end.


%% What is there goes before what could be.
choose(Dir, Below, Beside) ->
    case filelib:is_dir(Beside) orelse
         not holds_spools(Below) andalso may_make(Beside) andalso not is_mounted(Dir) of
        true -> Beside;
        false -> Below
    end.


%% @doc Moves what an earlier release has left below the database's directory, if it can be moved, and warns of
%% spools that a change of the cluster would delete. To be called while no spool is open.
-spec settle() -> ok.
settle() ->
    case database_dir() of
        undefined ->
            ok;
        Dir ->
            case application:get_env(mongoose_http_pusher, spool_dir) of
                undefined ->
                    move(below(Dir), beside(Dir)),
                    warn(Dir, below(Dir), default());
                {ok, Set} ->
                    warn_of(Dir, Set)
            end
    end.


%% A value that is no text is named when the settings are read.
warn_of(Dir, Set) ->
    try unicode:characters_to_list(Set) of
        [_ | _] = Text -> warn(Dir, below(Dir), filename:join([Text]));
        _Invalid -> ok
    catch
        error:badarg -> ok
    end.


move(Below, Beside) ->
    case holds_spools(Below) andalso not filelib:is_dir(Beside) andalso file:rename(Below, Beside) of
        ok -> http_pusher_log:spool_moved(Below, Beside);
        _ -> ok
    end.


warn(Dir, Below, InUse) ->
    case {is_below(Dir, InUse) andalso holds_spools(InUse), InUse =/= Below andalso holds_spools(Below)} of
        {true, _} -> http_pusher_log:spool_in_danger(InUse);
        {_, true} -> http_pusher_log:spool_left(Below);
        _ -> ok
    end.


is_below(Dir, Other) ->
    Parts = fun(Name) -> filename:split(unicode:characters_to_list(filename:absname(Name))) end,
    lists:prefix(Parts(Dir), Parts(Other)).


below(Dir) ->
    filename:join(Dir, ?NAME).


beside(Dir) ->
    unicode:characters_to_list([filename:join([Dir]), "." ?NAME]).


%% Packages of the system set it; MongooseIM's own default build does not, and uses the working directory.
database_dir() ->
    case application:get_env(mnesia, dir) of
        {ok, Dir} -> Dir;
        undefined -> undefined
    end.


holds_spools(Dir) ->
    filelib:wildcard("*.sqlite3", Dir) =/= [].


may_make(Dir) ->
    case file:read_file_info(filename:dirname(Dir)) of
        {ok, #file_info{type = directory, access = Access}} -> Access =:= read_write orelse Access =:= write;
        _ -> false
    end.


%% Whether a file system begins here, which may last longer than the one around it. Not in a directory that is not there
%% yet: a volume is mounted before the node starts.
is_mounted(Dir) ->
    case {file:read_file_info(Dir), file:read_file_info(filename:dirname(filename:absname(Dir)))} of
        {{ok, #file_info{major_device = Here}}, {ok, #file_info{major_device = Around}}} -> Here =/= Around;
        _ -> false
    end.
