%% Term shapes of MongooseIM 6.8.0: exml 4.2.1 (include/exml.hrl), mongoose_jid 2.2.3
%% (include/jid.hrl), and the events of include/mod_event_pusher_events.hrl.
-define(GENERATION, d).

-record(xmlel, {name, attrs = #{}, children = []}).
-record(xmlcdata, {content = [], style = escaped}).

-record(jid, {luser = <<>>, lserver = <<>>, lresource = <<>>}).

-record(chat_event, {type, direction, from, to, packet}).
-record(user_status_event, {jid, status}).
-record(unack_msg_event, {to}).

%% include/mongoose.hrl
-define(MYHOSTS, mongoose_config:get_opt(hosts)).
-define(ALL_HOST_TYPES, (mongoose_config:get_opt(hosts) ++ mongoose_config:get_opt(host_types))).
