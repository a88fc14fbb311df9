%% Stands for mongoose_domain_api (src/domain/mongoose_domain_api.erl at 5.0.0 and 6.8.0): the host type of a
%% domain. Those of rooms are subdomains, which it does not know.
-module(mongoose_domain_api).

-export([get_domain_host_type/1]).

get_domain_host_type(Domain) ->
    host_users:host_type(Domain).
