%% @doc The deadline that stops which follow one another share, so that a hundred host types stop in no
%% more time than one.
%%
%% A value that the owner of the pools keeps. Not here: what is done until the deadline and after it
%% (mongoose_http_pusher_drain).
-module(mongoose_http_pusher_burst).

-export([new/1, begins/3, ends/2]).

-export_type([burst/0]).

-opaque burst() :: {Active :: non_neg_integer(), Deadline :: integer(), LastEnd :: integer()}.

%% Milliseconds between two stops of one burst, at most.
-define(GAP, 1000).

%% @doc None yet. Times are milliseconds of monotonic time.
-spec new(integer()) -> burst().
new(Now) ->
    {0, Now, Now - ?GAP}.

%% @doc A host type begins to stop: when it has to be done.
-spec begins(burst(), integer(), non_neg_integer()) -> {integer(), burst()}.
begins({0, _, LastEnd}, Now, Allowed) when Now - LastEnd >= ?GAP ->
    {Now + Allowed, {1, Now + Allowed, Now}};
begins({Active, Deadline, _}, Now, _Allowed) ->
    {Deadline, {Active + 1, Deadline, Now}}.

%% @doc It has stopped.
-spec ends(burst(), integer()) -> burst().
ends({Active, Deadline, _}, Now) ->
    {max(0, Active - 1), Deadline, Now}.
