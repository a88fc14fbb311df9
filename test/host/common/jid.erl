%% Stands for jid of mongoose_jid: 1.0.0 (MongooseIM 5.0.0; six fields, no accessors) and 2.2.3
%% (6.8.0; three fields, luser/1 and its kin). Preparation is stringprep's (Debian's p1_stringprep
%% and MongooseIM's are the same code), so like the hosts it refuses code points that Unicode 3.2
%% does not have, emoji among them; make_noprep takes anything.
-module(jid).

-export([make/1, make/3, make_bare/2, make_noprep/1, make_noprep/3,
         from_binary/1, from_binary_noprep/1, to_binary/1, binary_to_bare/1,
         are_equal/2, are_bare_equal/2, is_nodename/1,
         nodeprep/1, nameprep/1, resourceprep/1,
         to_lower/1, to_lus/1, to_bare/1, replace_resource/2, replace_resource_noprep/2,
         str_tolower/1]).

-include("host.hrl").

-if(?GENERATION =:= v6_5).
-export([luser/1, lserver/1, lresource/1, to_bare_binary/1]).
-endif.

-define(PART_LIMIT, 1024).
-define(JID_LIMIT, 3071).

make({User, Server, Resource}) ->
    make(User, Server, Resource).

make(User, Server, Resource) ->
    Prepared = {nodeprep(User), nameprep(Server), resourceprep(Resource)},
    case lists:member(error, tuple_to_list(Prepared)) of
        true -> error;
        false -> record({User, Server, Resource}, Prepared)
    end.

make_bare(User, Server) ->
    make(User, Server, <<>>).

make_noprep({LUser, LServer, LResource}) ->
    make_noprep(LUser, LServer, LResource).

make_noprep(LUser, LServer, LResource) ->
    record({LUser, LServer, LResource}, {LUser, LServer, LResource}).

from_binary(Jid) ->
    with_parts(fun make/1, Jid).

from_binary_noprep(Jid) ->
    with_parts(fun make_noprep/1, Jid).

binary_to_bare(Jid) ->
    to_bare(from_binary(Jid)).

are_equal(#jid{luser = U, lserver = S, lresource = R}, #jid{luser = U, lserver = S, lresource = R}) ->
    true;
are_equal(_, _) ->
    false.

are_bare_equal(One, Other) ->
    to_lus(One) =:= to_lus(Other).

is_nodename(<<>>) -> false;
is_nodename(Name) -> nodeprep(Name) =/= error.

nodeprep(User) -> prepare(fun stringprep:nodeprep/1, User).
resourceprep(Resource) -> prepare(fun stringprep:resourceprep/1, Resource).

to_lower(#jid{luser = U, lserver = S, lresource = R}) ->
    {U, S, R};
to_lower({U, S, R}) ->
    case {nodeprep(U), nameprep(S), resourceprep(R)} of
        {LU, LS, LR} when LU =/= error, LS =/= error, LR =/= error -> {LU, LS, LR};
        _ -> error
    end.

to_lus(#jid{luser = U, lserver = S}) -> {U, S};
to_lus({U, S, _}) -> {U, S};
to_lus(error) -> error;
to_lus(Other) -> to_lus_of_pair(Other).

to_bare(error) -> error;
to_bare({U, S, _}) -> {U, S, <<>>};
to_bare(#jid{} = Jid) -> set_resource(Jid, <<>>, <<>>).

replace_resource(#jid{} = Jid, Resource) ->
    case resourceprep(Resource) of
        error -> error;
        LResource -> set_resource(Jid, Resource, LResource)
    end.

replace_resource_noprep(#jid{} = Jid, LResource) ->
    set_resource(Jid, LResource, LResource).

to_binary({<<>>, Server}) -> Server;
to_binary({User, Server}) -> <<User/binary, "@", Server/binary>>;
to_binary({User, Server, <<>>}) -> to_binary({User, Server});
to_binary({User, Server, Resource}) ->
    <<(to_binary({User, Server}))/binary, "/", Resource/binary>>;
to_binary(#jid{} = Jid) -> to_binary(shown(Jid));
to_binary(Jid) when is_binary(Jid) -> Jid.

str_tolower(Value) ->
    stringprep:tolower(Value).

prepare(Prep, Part) when is_binary(Part), byte_size(Part) < ?PART_LIMIT ->
    case Prep(Part) of
        Prepared when is_binary(Prepared), byte_size(Prepared) < ?PART_LIMIT -> Prepared;
        _ -> error
    end;
prepare(_Prep, _Part) ->
    error.

with_parts(Fun, Jid) when is_binary(Jid), byte_size(Jid) < ?JID_LIMIT ->
    case parts(Jid) of
        error -> error;
        Parts -> Fun(Parts)
    end;
with_parts(_Fun, _Jid) ->
    error.

parts(Jid) ->
    {Bare, Resource} = case binary:split(Jid, <<"/">>) of
                           [Only] -> {Only, <<>>};
                           [Before, After] -> {Before, After}
                       end,
    case binary:split(Bare, <<"@">>, [global]) of
        [Server] when Server =/= <<>> -> {<<>>, Server, Resource};
        [User, Server] when User =/= <<>>, Server =/= <<>> -> {User, Server, Resource};
        _ -> error
    end.

-if(?GENERATION =:= v5_0).
nameprep(Server) -> prepare(fun stringprep:nameprep/1, Server).

record({User, Server, Resource}, {LUser, LServer, LResource}) ->
    #jid{user = User, server = Server, resource = Resource,
         luser = LUser, lserver = LServer, lresource = LResource}.

shown(#jid{user = User, server = Server, resource = Resource}) -> {User, Server, Resource}.

set_resource(Jid, Resource, LResource) -> Jid#jid{resource = Resource, lresource = LResource}.

to_lus_of_pair(Other) -> error(function_clause, [Other]).
-else.
nameprep(<<>>) -> error;
nameprep(Server) -> prepare(fun stringprep:nameprep/1, Server).

luser(#jid{luser = User}) -> User;
luser({User, _, _}) -> User;
luser({User, _}) -> User.

lserver(#jid{lserver = Server}) -> Server;
lserver({_, Server, _}) -> Server;
lserver({_, Server}) -> Server.

lresource(#jid{lresource = Resource}) -> Resource;
lresource({_, _, Resource}) -> Resource;
lresource({_, _}) -> <<>>.

to_bare_binary(Jid) when is_binary(Jid) ->
    case binary_to_bare(Jid) of
        error -> error;
        Bare -> to_binary(Bare)
    end;
to_bare_binary(Jid) ->
    to_binary(to_lus(Jid)).

record(_Given, {LUser, LServer, LResource}) ->
    #jid{luser = LUser, lserver = LServer, lresource = LResource}.

shown(#jid{luser = LUser, lserver = LServer, lresource = LResource}) -> {LUser, LServer, LResource}.

set_resource(Jid, _Resource, LResource) -> Jid#jid{lresource = LResource}.

to_lus_of_pair({U, S}) -> {U, S}.
-endif.
