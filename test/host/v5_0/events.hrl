%% include/mod_event_pusher_events.hrl of MongooseIM 5.0.0.
-record(chat_event, {type, direction, from, to, packet}).
-record(user_status_event, {jid, status}).
-record(unack_msg_event, {to}).
