%% The node's own settings, one table for both readers: http_pusher_settings applies them, and
%% `http-pusher check' (native/cli/src/own_settings.rs) checks a file for them. docs/configuration.md describes them.
%%
%% {Name, Type, Default, Meaning}. Types: {integer | milliseconds | zero_or_milliseconds, Lowest, Highest}, pool_tags, {one_of, Atoms}.
%% {computed, Text}: the default depends on the machine. Only literals, since a program without Erlang reads this too.
%% 281474976710655 (2^48 - 1) is more than any machine has; 4294967295 is the longest timeout of the VM.
-define(OWN_SETTINGS, [
    {max_pending, {integer, 1, 281474976710655}, 100000,
     "the most notifications that may be pending in a pool"},
    {max_pending_bytes, {integer, 1, 281474976710655}, 67108864,
     "the most memory that the pending notifications of a pool may take, in bytes"},
    {max_node_bytes, {integer, 1, 281474976710655}, 536870912,
     "the most memory that the pending notifications of all pools may take, in bytes"},
    {max_lane_percent, {integer, 1, 100}, 10,
     "how much of a pool's bounds one lane may take, in percent"},
    {drain_timeout, {milliseconds, 0, 4294967295}, 5000,
     "how long stopping waits for pending notifications"},
    {max_connection_age, {zero_or_milliseconds, 1000, 4294967295}, 300000,
     "the age at which a connection accepts no more requests; 0: never"},
    {wait, {milliseconds, 0, 4294967295}, 0,
     "how long a session waits for the outcome"},
    {spool_dir, directory, {computed, "beside the directory of the node's database: its name with .http_pusher_spool"},
     "the directory for notifications of handlers with delivery = \"at_least_once\""},
    {spool_max_bytes, {integer, 1048576, 281474976710655}, 1073741824,
     "the most bytes that the notifications of a pool may take on disk"},
    {spool_sync, {one_of, [normal, full]}, normal,
     "what a commit survives: the end of the VM (normal), or of the machine too (full)"},
    {dead_letters_max_bytes, {integer, 0, 281474976710655}, 268435456,
     "the most bytes that the dead letters of a pool may take on disk; the oldest go first"},
    {dead_letters_max_age, {milliseconds, 0, 281474976710655}, 2592000000,
     "how long a dead letter is kept"},
    {tokio_threads, {integer, 1, 1024}, {computed, "the number of online cores up to 8, then half of them, at least 8"},
     "threads that do the HTTP work"},
    {reporters, {integer, 1, 32}, {computed, "one for each four online cores, at least 1 and at most 8"},
     "processes that count outcomes in the metrics"},
    {http2_pools, pool_tags, [],
     "tags of the pools that speak HTTP/2 (over https only)"},
    {log_level, {one_of, [debug, info, notice, warning, error, none]}, info,
     "the least severe level at which single notifications are logged"}
]).
