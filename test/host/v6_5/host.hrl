%% Term shapes of MongooseIM 6.8.0: exml 4.2.1 (include/exml.hrl), mongoose_jid 2.2.3
%% (include/jid.hrl). The events are in events.hrl.
-define(GENERATION, v6_5).

-record(xmlel, {name, attrs = #{}, children = []}).
-record(xmlcdata, {content = [], style = escaped}).

-record(jid, {luser = <<>>, lserver = <<>>, lresource = <<>>}).

%% include/mongoose.hrl
-define(MYHOSTS, mongoose_config:get_opt(hosts)).
-define(ALL_HOST_TYPES, (mongoose_config:get_opt(hosts) ++ mongoose_config:get_opt(host_types))).
