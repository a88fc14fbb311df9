%% Stands for mod_mam_utils (src/mam/mod_mam_utils.erl at 5.0.0 and 6.8.0): the id of an archived message as
%% clients see it.
-module(mod_mam_utils).

-export([mess_id_to_external_binary/1]).

mess_id_to_external_binary(Id) when is_integer(Id) ->
    integer_to_binary(Id, 32).
