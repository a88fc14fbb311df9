%% Term shapes of MongooseIM 5.0.0: exml 3.0.5 (include/exml.hrl), mongoose_jid 1.0.0
%% (include/jid.hrl). The events are in events.hrl.
-define(GENERATION, v5_0).

-record(xmlel, {name, attrs = [], children = []}).
-record(xmlcdata, {content = []}).

-record(jid, {user = <<>>, server = <<>>, resource = <<>>,
              luser = <<>>, lserver = <<>>, lresource = <<>>}).

%% include/mongoose.hrl
-define(MYHOSTS, ejabberd_config:get_global_option_or_default(hosts, [])).
-define(ALL_HOST_TYPES, (ejabberd_config:get_global_option_or_default(hosts, []) ++
                         ejabberd_config:get_global_option_or_default(host_types, []))).
