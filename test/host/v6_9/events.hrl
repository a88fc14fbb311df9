%% include/mod_event_pusher_events.hrl of MongooseIM 6.9 and later.
-record(msg_event, {type, direction, from, to, packet, user_status}).
-record(user_status_event, {jid, status}).
-record(unack_msg_event, {type, to, packet}).
