%% @doc The time that stops which follow one another share, so that a hundred host types with a dead
%% endpoint stop in no more time than one.
%%
%% What is shared is the time in which at least one of them waits for what it has pending. Time that
%% passes between two stops, while the host stops something else, is nobody's wait and costs nothing. A
%% host type that starts ends the burst: a host that goes down starts none, so the stops after it are
%% others, each of which may be the restart of a module.
%%
%% A value that the owner of the pools keeps; times are milliseconds of monotonic time, and come from
%% outside. Not here: what is done until the deadline and after it (http_pusher_drain).
-module(http_pusher_stop_budget).

-export([new/1, begins/4, ends/3, over/1, waits/2]).

-export_type([budget/0, stop/0]).

%% Which stop it is: the monitor of the process that waits, which may be killed meanwhile.
-type stop() :: reference().

%% `left' was left at the time `at': when the first of those that wait now began to, or the last one
%% ended.
-opaque budget() :: #{waiting := #{stop() => []}, left := non_neg_integer(), at := integer()}.

%% A stop that begins so long after the last one has the whole time again. Longer than the host needs
%% to stop the other modules of a host type.
-define(GAP, 10000).

%% @doc None yet.
-spec new(integer()) -> budget().
new(Now) ->
    #{waiting => #{}, left => 0, at => Now - ?GAP}.

%% @doc A host type begins to stop: until when it may wait. Allowed is the time for all of a burst.
-spec begins(budget(), stop(), integer(), non_neg_integer()) -> {Deadline :: integer(), budget()}.
begins(Budget = #{waiting := Waiting, left := Left0, at := At0}, Stop, Now, Allowed) ->
    {Left, At} = case map_size(Waiting) of
                     0 when Now - At0 >= ?GAP -> {Allowed, Now};
                     0 -> {Left0, Now};
                     _ -> {Left0, At0}
                 end,
    {At + Left, Budget#{waiting := Waiting#{Stop => []}, left := Left, at := At}}.

%% @doc It waits no longer: it has stopped, or its process has died. A second time changes nothing.
-spec ends(budget(), stop(), integer()) -> budget().
ends(Budget = #{waiting := Waiting0, left := Left, at := At}, Stop, Now) ->
    case maps:take(Stop, Waiting0) of
        {[], Waiting} when map_size(Waiting) =:= 0 ->
            Budget#{waiting := Waiting, left := max(0, Left - (Now - At)), at := Now};
        {[], Waiting} ->
            Budget#{waiting := Waiting};
        error ->
            Budget
    end.

%% @doc The next stop has the whole time again, unless one waits now.
-spec over(budget()) -> budget().
over(Budget = #{waiting := Waiting, at := At}) when map_size(Waiting) =:= 0 ->
    Budget#{at := At - ?GAP};
over(Budget) ->
    Budget.

%% @doc Whether this stop waits now.
-spec waits(budget(), stop()) -> boolean().
waits(#{waiting := Waiting}, Stop) ->
    is_map_key(Stop, Waiting).
