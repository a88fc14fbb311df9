%% The options of a handler, one table for all readers: http_pusher_host_config describes the handler's
%% section to the host's parser with it, and `http-pusher check' (native/cli/src/handler_options.rs) reads
%% it too. docs/configuration.md describes the options, and tests hold the page and the table together.
%%
%% {Name, Type, Default, Since, Meaning}. Only literals, since a program without Erlang reads this too.
%% The stock module knows the first three options alone.
%%
%% Default: a string or an atom as it would be written in the file, `none' (not set), `required' (in its
%% section) or {computed, Text}. Since: the first release of MongooseIM that has what the option needs.
%%
%% Types: pool_name, module, path, boolean, {milliseconds, Lowest, Highest}, {integer, Lowest, Highest}, {one_of,
%% Atoms}; success (a status, a class of statuses, any), cause (the same without any, and timeout, connection); text (must
%% not be empty), value (of a header), header_name, media_type, file, variable (of the environment), user, url
%% (http or https), uri_reference, domain: strings; {list, Type}: a list that may be empty, {filled_list,
%% Type}: one that may not; {section, Options, Constraints}; {sections, Options, Constraints} and
%% {filled_sections, ...}: a list of sections.
%%
%% Constraints: {exactly_one, Names}; {at_most_one, Names}; {needs, Name, Names}: with the first at least
%% one of the others; {needs, {Name, Value}, Names}: the same if the first has that value; {needs_value, Name,
%% {Other, Values}}: with the first, the other is set to one of these; {excludes, Name, {Section, Other, Value}}:
%% with the first, this option in this section does not have that value; {not_below, Name, Other}: if both are
%% set, the first is not the smaller number.
-define(HANDLER_OPTIONS, [
    {pool_name, pool_name, "http_pool", "5.0",
     "the pool to POST with, a tag of outgoing_pools.http"},
    {path, path, "", "5.0",
     "the path of the URL, joined to the pool's path_prefix"},
    {callback_module, module, "mod_event_pusher_http_defaults", "5.0",
     "the Erlang module that decides what is sent and makes headers and body"},
    {wait, {milliseconds, 0, 4294967295}, {computed, "the node's own setting wait"}, "5.0",
     "how long the session waits for the outcome"},
    {rules, {sections, [
        {action, {one_of, [send, skip]}, required, "5.0",
         "what happens with an event for which this rule is the first that matches"},
        {conditions, {filled_sections, [
            {event, {one_of, [msg, unack_msg, user_status]}, none, "5.0",
             "a message, a message that a broken connection did not acknowledge, or a user's presence"},
            {type, {one_of, [chat, groupchat, headline, normal]}, none, "5.0",
             "the type of the message"},
            {direction, {one_of, [in, out]}, none, "5.0",
             "in: a user sends the message; out: it is about to be delivered"},
            {body, {one_of, [absent, empty, non_empty]}, none, "5.0",
             "the body of the message"},
            {hint, {one_of, [no_store, store]}, none, "5.0",
             "a processing hint (XEP-0334) in the message"},
            {jingle, boolean, none, "5.0",
             "whether the message belongs to a call (Jingle)"},
            {user_status, {one_of, [online, offline]}, none, "5.0",
             "the receiver's status; for a presence event the new status"},
            {client_state, {one_of, [active, inactive]}, none, "6.9",
             "the state of the receiver's client (XEP-0352)"},
            {own_copy, boolean, none, "5.0",
             "whether the message is a groupchat message's copy to its own sender"},
            {sender_domain, {filled_list, domain}, none, "5.0",
             "the sender's domain is one of these"},
            {receiver_domain, {filled_list, domain}, none, "5.0",
             "the receiver's domain is one of these"}
         ], []}, required, "5.0",
         "sections of which one must match, with all its conditions; an empty section matches every event"}
     ], []}, none, "5.0",
     "which events are sent: the first rule that matches decides, and nothing is sent if none does"},
    {format, {one_of, [form, json, cloudevents, template]}, form, "5.0",
     "the form of the payload"},
    {include, {list, {one_of, [stanza, unread]}}, none, "5.0",
     "what the payload has in addition: the stanza, the receiver's unread count"},
    {omit, {list, {one_of, [body]}}, none, "5.0",
     "what the payload leaves out: text (body, subject, attachments, stanza)"},
    {cloudevents, {section, [
        {mode, {one_of, [structured, binary]}, structured, "5.0",
         "structured: the event is the body; binary: its attributes are header fields, its data is the body"},
        {source, uri_reference, {computed, "xmpp://HOST"}, "5.0",
         "the attribute source, a URI reference"}
     ], []}, none, "5.0",
     "how the format cloudevents is sent"},
    {template_file, file, none, "5.0",
     "the template of the format template"},
    {content_type, media_type, none, "5.0",
     "the content-type of what the template makes"},
    {headers, {sections, [
        {name, header_name, required, "5.0",
         "the name of a header field"},
        {value, value, none, "5.0",
         "its value"},
        {value_file, file, none, "5.0",
         "a file that holds the value"},
        {value_env, variable, none, "5.0",
         "a variable of the environment that holds the value"}
     ], [{exactly_one, [value, value_file, value_env]}]}, none, "5.0",
     "header fields that are added to each request"},
    {auth, {section, [
        {bearer_file, file, none, "5.0",
         "a file that holds a bearer token"},
        {bearer_env, variable, none, "5.0",
         "a variable of the environment that holds a bearer token"},
        {basic_user, user, none, "5.0",
         "the user name of basic authentication"},
        {basic_password_file, file, none, "5.0",
         "a file that holds the password"},
        {basic_password_env, variable, none, "5.0",
         "a variable of the environment that holds the password"},
        {oauth2, {section, [
            {token_url, url, required, "5.0",
             "the token endpoint"},
            {client_id, text, required, "5.0",
             "the client's id there"},
            {client_secret_file, file, none, "5.0",
             "a file that holds the client's secret"},
            {client_secret_env, variable, none, "5.0",
             "a variable of the environment that holds the client's secret"},
            {scope, text, none, "5.0",
             "the scope to ask for"}
         ], [{exactly_one, [client_secret_file, client_secret_env]}]}, none, "5.0",
         "a token by the client credentials grant of OAuth 2.0"},
        {google_service_account_file, file, none, "5.0",
         "the JSON key file of a Google service account"}
     ], [{exactly_one, [bearer_file, bearer_env, basic_user, oauth2, google_service_account_file]},
         {at_most_one, [basic_password_file, basic_password_env]},
         {needs, basic_user, [basic_password_file, basic_password_env]},
         {needs, basic_password_file, [basic_user]},
         {needs, basic_password_env, [basic_user]}]}, none, "5.0",
     "how the request authenticates: the header field authorization"},
    {signing, {section, [
        {secret_file, file, none, "5.0",
         "a file with one secret in a line, whsec_ or whsk_"},
        {secret_env, variable, none, "5.0",
         "a variable of the environment with the same"}
     ], [{exactly_one, [secret_file, secret_env]}]}, none, "5.0",
     "the request is signed (Standard Webhooks)"},
    {path_secret_file, file, none, "5.0",
     "a file that holds the part of the path that is a secret: it takes the place of $SECRET in path"},
    {path_secret_env, variable, none, "5.0",
     "a variable of the environment with the same"},
    {delivery, {one_of, [best_effort, at_least_once]}, best_effort, "5.0",
     "best_effort: in memory, as the stock module; at_least_once: until delivered or given up"},
    {success, {filled_list, success}, {computed, "any; with at_least_once 2xx"}, "5.0",
     "which statuses mean that a notification was delivered"},
    {retry, {section, [
        {initial, {milliseconds, 1, 86400000}, {computed, "1000"}, "5.0",
         "the longest pause before the second attempt"},
        {factor, {integer, 1, 100}, {computed, "2"}, "5.0",
         "by how much the longest pause grows with each attempt"},
        {max, {milliseconds, 1, 86400000}, {computed, "900000"}, "5.0",
         "no pause is longer, whatever the endpoint asks for"},
        {give_up_after, {milliseconds, 1, 31536000000}, {computed, "259200000"}, "5.0",
         "how long after the event a notification is given up"},
        {alone, {integer, 1, 1000000}, {computed, "8"}, "5.0",
         "after how many attempts that fail while other lanes are delivered a notification is given up"},
        {on, {filled_list, cause}, {computed, "408, 425, 429, 5xx, timeout, connection"}, "5.0",
         "which failures are tried again"}
     ], [{not_below, max, initial}]}, none, "5.0",
     "failed deliveries are tried again; with at_least_once always, with these defaults"},
    {batch, {section, [
        {max_events, {integer, 1, 10000}, {computed, "500"}, "5.0",
         "the most notifications in a request"},
        {max_bytes, {integer, 1024, 67108864}, {computed, "1048576"}, "5.0",
         "the most bytes in a body, before compression"},
        {linger, {milliseconds, 0, 60000}, {computed, "50"}, "5.0",
         "how long a notification waits for others"}
     ], []}, none, "5.0",
     "several notifications share a request"},
    {compress, {one_of, [gzip, zstd]}, none, "5.0",
     "how bodies are compressed"},
    {rate, {section, [
        {per_second, {integer, 1, 1000000}, required, "5.0",
         "how many requests are sent in a second, in the long run"},
        {burst, {integer, 1, 1000000}, {computed, "per_second"}, "5.0",
         "how many are sent at once after a quiet time"}
     ], []}, none, "5.0",
     "how many requests are sent in a second; what is over it waits"}
]).
%% What must hold between the options of a handler.
-define(HANDLER_CONSTRAINTS, [
    {needs, {format, template}, [template_file]},
    {needs, {format, template}, [content_type]},
    {needs_value, batch, {format, [json, cloudevents, template]}},
    {excludes, batch, {cloudevents, mode, binary}},
    {at_most_one, [path_secret_file, path_secret_env]}
]).
%% Header fields that no handler may set: the client, the format or the signature sets them.
-define(HANDLER_RESERVED_HEADERS, [
    "connection", "content-length", "content-type", "transfer-encoding", "upgrade",
    "webhook-id", "webhook-signature", "webhook-timestamp"
]).
