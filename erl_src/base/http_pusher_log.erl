%% @doc The product's log lines, all in one place.
%%
%% A line for a notification is built only if its level is on, and never holds a body, a header value or the
%% accumulator. However many notifications of a pool fail for the same reason, they become one line a second
%% with a count (http_pusher_storm).
-module(http_pusher_log).

-export([allowed/2, sent/5, failed/4, uncounted/3]).
-export([pool_opened/2, notices/1, spool_moved/2, spool_in_danger/1, spool_left/1]).
-export([handler_notice/3, endpoint/3, helper_crashed/3, handler_failed/3]).
-export([handlers_failed/2, gauges_failed/2, not_started/1]).
-export([engine_down/2, unknown_event/3]).
-export([started/1, module_started/2]).

-type info() :: {HostType :: binary(), PoolName :: binary(), Path :: binary()}.

-define(META, #{domain => [mongoose_http_pusher], mfa => {mod_event_pusher_http, push_event, 3}}).


%% @doc Whether the host's logger and this application's setting both let a level through.
-spec allowed(logger:level(), logger:level() | none) -> boolean().
allowed(_Level, none) ->
    false;
allowed(Level, Least) ->
    logger:compare_levels(Level, Least) =/= lt andalso logger:allow(Level, mod_event_pusher_http).


%% @doc A notification was sent.
-spec sent(info(),
           binary(),
           undefined | {in | out, binary(), binary()},
           pos_integer(),
           non_neg_integer()) -> ok.
sent({_HostType, PoolName, Path}, Sender, Details, Status, Micros) ->
    Report = #{
               what => event_pusher_http_req,
               text => <<"mod_event_pusher_http made an external HTTP call">>,
               pool_name => PoolName,
               path => Path,
               sender => Sender,
               response_code => Status,
               response_time => Micros
              },
    logger:info(maps:merge(Report, details(Details)), ?META).


%% @doc A notification failed or was rejected: the first of its kind is written at once, and those that
%% follow within a second as one line.
-spec failed(info(), atom(), pos_integer(), map()) -> ok.
failed({HostType, PoolName, Path}, Reason, Count, Failure) ->
    Line = fun() ->
                   #{sender := Sender, details := Details, text := Text, attempts := Attempts} = Failure,
                   Report = #{
                              what => event_pusher_http_req_failed,
                              text => Text,
                              reason => Reason,
                              pool_name => PoolName,
                              path => Path,
                              host_type => HostType,
                              sender => Sender,
                              attempts => Attempts
                             },
                   {maps:merge(Report, details(Details)), ?META}
           end,
    http_pusher_storm:add({failed, PoolName, Reason}, Count, Line).


%% @doc A metric could not be updated.
-spec uncounted(ok | {atom(), term()}, binary(), pos_integer()) -> ok.
uncounted(ok, _HostType, _Count) ->
    ok;
uncounted({Class, Reason}, HostType, Count) ->
    Line = fun() ->
                   {#{
                      what => http_pusher_metric_failed,
                      text => <<"An outcome could not be counted in the host's metrics: they are gone "
                                "once the module has stopped">>,
                      host_type => HostType,
                      class => Class,
                      reason => summary(Reason)
                     },
                    ?META}
           end,
    http_pusher_storm:add({uncounted, HostType}, Count, Line).


details(undefined) ->
    #{};
details({Direction, Server, Receiver}) ->
    #{direction => Direction, server => Server, receiver => Receiver}.


summary(Reason) ->
    http_pusher_utf8:format("~0tP", [Reason, 12]).


%% @doc A pool was opened, or could not be opened.
-spec pool_opened(binary(),
                  {opened, Options :: #{atom() => term()}, Warnings :: [binary()]} |
                  {not_opened, {Problem :: atom(), Text :: binary()}}) -> ok.
pool_opened(Pool, {opened, Options, Warnings}) ->
    logger:notice(#{
                    what => http_pusher_pool_opened,
                    pool => Pool,
                    host => maps:get(host, Options),
                    workers => maps:get(workers, Options),
                    request_timeout => maps:get(request_timeout, Options),
                    call_timeout => maps:get(call_timeout, Options),
                    http2 => maps:get(http2, Options)
                   },
                  ?META),
    notices([ {Pool, warning, Text} || Text <- Warnings ]);
pool_opened(Pool, {not_opened, {Problem, Text}}) ->
    notices([{Pool, Problem, Text}]).


%% @doc Notices about pools.
-spec notices([{Pool :: binary(), Kind :: atom(), Text :: binary()}]) -> ok.
notices(Notices) ->
    lists:foreach(fun notice/1, Notices).


notice({Pool, warning, Text}) ->
    logger:warning(#{what => http_pusher_pool_warning, pool => Pool, text => Text}, ?META);
notice({Pool, opened, Text}) ->
    logger:notice(#{what => http_pusher_pool_opened, pool => Pool, text => Text}, ?META);
notice({Pool, spool_fails, Text}) ->
    logger:critical(#{what => http_pusher_spool_failing, pool => Pool, text => Text}, ?META);
notice({Pool, spool_writes, Text}) ->
    logger:notice(#{what => http_pusher_spool_recovered, pool => Pool, text => Text}, ?META);
notice({Pool, spool_update, Text}) ->
    logger:notice(#{what => http_pusher_spool_update, pool => Pool, text => Text}, ?META);
notice({Pool, spool_unused, Text}) ->
    logger:warning(#{what => http_pusher_spool_unused, pool => Pool, text => Text}, ?META);
notice({Pool, spool_given_up, Text}) ->
    logger:warning(#{what => http_pusher_spool_given_up, pool => Pool, text => Text}, ?META);
notice({Pool, spool_damaged, Text}) ->
    logger:critical(#{what => http_pusher_spool_damaged, pool => Pool, text => Text}, ?META);
notice({Pool, Problem, Text}) ->
    logger:error(#{
                   what => http_pusher_pool_config,
                   pool => Pool,
                   reason => pool_config,
                   text => iolist_to_binary([consequence(Problem), Text])
                  },
                 ?META).


%% @doc What an earlier release had on disk is in another directory now.
-spec spool_moved(file:filename(), file:filename()) -> ok.
spool_moved(From, To) ->
    Text = http_pusher_utf8:format("what was on disk in ~ts is now in ~ts, which no change of the cluster deletes", [From, To]),
    logger:notice(#{what => http_pusher_spool_moved, text => Text}, ?META).


%% @doc Notifications are on disk where a change of the cluster deletes them.
-spec spool_in_danger(file:name_all()) -> ok.
spool_in_danger(Dir) ->
    Text = http_pusher_utf8:format("~ts is below the directory of the database, all files of which join_cluster and "
                                   "leave_cluster delete: stop the node, move it, and set spool_dir",
                                   [Dir]),
    logger:warning(#{what => http_pusher_spool_dir, text => Text}, ?META).


%% @doc Notifications are on disk where the node does not look for them.
-spec spool_left(file:filename()) -> ok.
spool_left(Dir) ->
    Text = http_pusher_utf8:format("~ts holds notifications and is not spool_dir: move its files there while the node is "
                                   "stopped, or use `http-pusher spool`",
                                   [Dir]),
    logger:warning(#{what => http_pusher_spool_dir, text => Text}, ?META).


%% @doc A handler's own file, template, secret or token.
-spec handler_notice(info(), warning | problem | mended, binary()) -> ok.
handler_notice({HostType, PoolName, Path}, Kind, Text) ->
    Report = #{host_type => HostType, pool_name => PoolName, path => Path, text => Text},
    case Kind of
        problem -> logger:error(Report#{what => http_pusher_handler_problem}, ?META);
        warning -> logger:warning(Report#{what => http_pusher_handler_warning}, ?META);
        mended -> logger:notice(Report#{what => http_pusher_handler_mended}, ?META)
    end.


%% @doc An endpoint is down, or back. `since' is in milliseconds since 1970; `waiting' is how many of its
%% notifications have no outcome.
-spec endpoint(endpoint_down | endpoint_up,
               #{pool := binary(), url := binary(), since := non_neg_integer(), waiting := non_neg_integer()},
               Text :: binary()) -> ok.
endpoint(Kind, Details = #{since := Since}, Text) ->
    Report = Details#{since => rfc3339(Since)},
    case Kind of
        endpoint_down ->
            logger:warning(Report#{what => http_pusher_endpoint_down, reason => Text}, ?META);
        endpoint_up ->
            Down = max(0, erlang:system_time(millisecond) - Since),
            logger:notice(Report#{what => http_pusher_endpoint_up, down_ms => Down}, ?META)
    end.


rfc3339(Milliseconds) ->
    list_to_binary(calendar:system_time_to_rfc3339(Milliseconds, [{unit, millisecond}, {offset, "Z"}])).


consequence(not_yet) ->
    "The pool cannot be opened yet, which is tried again until it can; its notifications wait for a few "
    "seconds, and are rejected after that: ";
consequence(file_refused) ->
    "The pool cannot be used; its notifications are rejected until the file is mended, which is checked "
    "every few seconds: ";
consequence(_) ->
    "The pool cannot be used; its notifications are rejected until it is restarted: ".


%% @doc A job that was to read a pool's options or to open the pool has crashed; it is tried again.
-spec helper_crashed(binary(), look | open, term()) -> ok.
helper_crashed(Pool, Job, Crash) ->
    logger:error(#{
                   what => http_pusher_pool_failed,
                   pool => Pool,
                   job => Job,
                   reason => summary(Crash)
                  },
                 ?META).


%% @doc A handler could not be registered. If the engine has ended, the engine's process logs that.
-spec handler_failed(binary(), http_pusher_host:handler(), term()) -> ok.
handler_failed(_HostType, _Handler, {exit, {shutdown, engine_down}}) ->
    ok;
handler_failed(HostType, #{pool_name := Tag, path := Path}, Problem) ->
    logger:error(#{
                   what => http_pusher_handler_failed,
                   host_type => HostType,
                   pool_name => Tag,
                   path => Path,
                   reason => summary(Problem),
                   text => <<"A handler could not be registered: its notifications are rejected, "
                             "those of other handlers are not; it is tried again every second">>
                  },
                 ?META).


%% @doc The gauges cannot be registered with exometer or Prometheus. Logged once, until it works again.
-spec gauges_failed(BackEnd :: module(), term()) -> ok.
gauges_failed(BackEnd, Problem) ->
    logger:warning(#{
                     what => http_pusher_gauges_failed,
                     back_end => BackEnd,
                     reason => summary(Problem),
                     text => <<"The gauges http_pusher could not be registered with exometer or "
                               "Prometheus; that is tried again every two seconds, delivery and "
                               "the stock metrics go on, and mongoose_http_pusher:pools() has the "
                               "numbers">>
                    },
                   ?META).


%% @doc An event that this module does not know was ignored.
-spec unknown_event(Tag :: atom(), Size :: non_neg_integer(), MongooseIM :: string()) -> ok.
unknown_event(Tag, Size, MongooseIM) ->
    logger:warning(#{
                     what => http_pusher_unknown_event,
                     tag => Tag,
                     size => Size,
                     mongooseim => MongooseIM,
                     text => <<"MongooseIM has events that this version of mongoose_http_pusher "
                               "does not know: they are ignored, and if messages are among them, "
                               "nothing is sent for those. Logged once for each tag and size">>
                    },
                   ?META).


%% @doc One owner of the pools after the other has crashed while it registered a host type's handlers.
-spec handlers_failed(binary(), term()) -> ok.
handlers_failed(HostType, Problem) ->
    logger:error(#{
                   what => http_pusher_handler_failed,
                   host_type => HostType,
                   reason => summary(Problem),
                   text => <<"The handlers of a host type could not be registered: their notifications are "
                             "rejected; it is tried again every two seconds">>
                  },
                 ?META).


%% @doc The application does not run.
-spec not_started(term()) -> ok.
not_started(Reason) ->
    logger:critical(#{
                      what => http_pusher_engine_down,
                      reason => summary(Reason),
                      text => <<"mongoose_http_pusher could not be started: notifications are "
                                "rejected with engine_down, the node goes on, and the start is "
                                "tried again, after a minute at the latest">>
                     },
                    ?META).


%% @doc Sessions' notifications were rejected because the application does not run.
-spec engine_down(binary(), pos_integer()) -> ok.
engine_down(HostType, Count) ->
    logger:warning(#{
                     what => event_pusher_http_req_failed,
                     reason => engine_down,
                     count => Count,
                     host_type => HostType,
                     text => <<"mongoose_http_pusher does not run">>
                    },
                   ?META).


%% @doc The application runs, after failed attempts.
-spec started(Tries :: pos_integer()) -> ok.
started(1) ->
    ok;
started(Tries) ->
    logger:notice(#{what => http_pusher_engine_up, tries => Tries}, ?META).


%% @doc The module was started for a host type.
-spec module_started(binary(), #{atom() => term()}) -> ok.
module_started(HostType, Details) ->
    logger:notice(Details#{what => http_pusher_started, host_type => HostType}, ?META).
