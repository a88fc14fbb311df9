%% include/mod_event_pusher_events.hrl of MongooseIM 6.8.0.
-record(chat_event, {type, direction, from, to, packet}).
-record(user_status_event, {jid, status}).
-record(unack_msg_event, {to}).
