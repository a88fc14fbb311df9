%% What the owner of the pools knows of one of the host's pools. http_pusher_pool_rows writes it down
%% without the fields that a successor finds out for itself.

%% The engine's pool that stands for the host's.
-record(current, {
    id :: http_pusher_nif:pool_id(),
    %% Of the options that it was opened with, not the options themselves: they hold passwords, and crash
    %% reports print the owner's state. Undefined if they are invalid or unknown.
    digest :: binary() | undefined,
    %% Of what the host was given for it.
    given :: binary() | undefined
}).

-record(row, {
    %% Takes notifications for a host's process whose options are not known yet.
    spare :: http_pusher_nif:pool_id(),
    current = none :: none | #current{},
    %% The host's process that `current' was opened for.
    pid = undefined :: pid() | undefined,
    %% Digest of the options that the spare pool is about to be given.
    next = none :: none | binary(),
    %% The host has stopped the pool: it is closed at this time, in milliseconds of monotonic time.
    stopping = no :: no | {until, integer()},

    %% The rest is the owner's alone.
    monitor = none :: none | reference(),
    %% Fires when a pool that is stopping is to be closed.
    timer = none :: none | reference(),
    %% A job that works for it. `again': a session has asked for a look since it began.
    job = none :: none | {running | again, reference()},
    %% The host has, or may have had, a process whose options the owner had not read in time, so that
    %% notifications may wait in the spare pool.
    spare_used = false :: boolean(),
    %% Recovered while it was not open: its opening is logged, because the owner before may not have.
    announce = false :: boolean()
}).
