%% @doc The time that stops in succession share, so that a hundred host types with a dead endpoint stop in
%% no more time than one.
%%
%% Only the time during which at least one of them waits for what it has pending is used up. Time that
%% passes between two stops, while the host stops other modules, costs nothing. When a host type starts, the
%% budget is renewed: a host that shuts down starts none, so each later stop may be the restart of a module.
%%
%% A value that the owner of the pools keeps; times are milliseconds of monotonic time, and the caller
%% supplies them. http_pusher_drain waits.
-module(http_pusher_stop_budget).

-export([new/1, begins/4, ends/3, over/1, waits/2]).

-export_type([budget/0, stop/0]).

%% Identifies a stop: the monitor of the process that waits, which may be killed meanwhile.
-type stop() :: reference().

%% `left' is what was left at the time `at': when the first of the stops that wait now began, or when the
%% last one ended.
-opaque budget() :: #{waiting := #{stop() => []}, left := non_neg_integer(), at := integer()}.

%% A stop that begins so long after the last one has the whole time again. Longer than the host takes to
%% stop the other modules of a host type.
-define(GAP, 10000).


%% @doc No stop yet.
-spec new(integer()) -> budget().
new(Now) ->
    #{waiting => #{}, left => 0, at => Now - ?GAP}.


%% @doc A host type begins to stop. Returns until when it may wait. Allowed is the time for all stops in
%% succession.
-spec begins(budget(), stop(), integer(), non_neg_integer()) -> {Deadline :: integer(), budget()}.
begins(Budget = #{waiting := Waiting, left := Left0, at := At0}, Stop, Now, Allowed) ->
    {Left, At} = case map_size(Waiting) of
                     0 when Now - At0 >= ?GAP -> {Allowed, Now};
                     0 -> {Left0, Now};
                     _ -> {Left0, At0}
                 end,
    {At + Left, Budget#{waiting := Waiting#{Stop => []}, left := Left, at := At}}.


%% @doc The stop waits no longer: it has ended, or its process has died. A second call changes nothing.
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
