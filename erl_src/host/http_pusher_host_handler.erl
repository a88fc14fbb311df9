%% @doc A handler's options, from the form in which a host holds them (a list of pairs in 5.0, a map
%% later) to one form for sessions, pools and the engine.
%%
%% Part of the host adapter. Options that no parser has checked (some tests of the host start a module
%% with options that no file can have) are tolerated as long as they are not ours.
-module(http_pusher_host_handler).

-export([normal/1, find/2]).

-export_type([handler/0, rule/0, plan/0, source/0]).

-type handler() :: #{
                     pool_name := atom(),
                     path := binary() | string(),
                     callback_module := module(),
                     ask_callback := boolean(),
                     rules := undefined | [rule()],
                     plan := plan()
                    }.
%% The conditions of each map are joined by AND, the maps by OR.
-type rule() :: #{action := send | skip, conditions := [#{atom() => atom() | [binary()]}]}.
%% What the engine has to know of the payload and the header fields. Empty if no option asks for more than
%% the stock module does. A callback module makes body and header fields if there is no `format'.
-type plan() :: #{
                  format => form | json | cloudevents | template,
                  include => [stanza | unread],
                  omit => [body],
                  cloudevents_mode => structured | binary,
                  cloudevents_source => binary(),
                  template_file => binary(),
                  content_type => binary(),
                  headers => [{Name :: binary(), source()}],
                  auth => {bearer, source()} |
                          {basic, User :: binary(), source()} |
                          {oauth2, #{
                                     token_url := binary(),
                                     client_id := binary(),
                                     client_secret := source(),
                                     scope => binary()
                                    }} |
                          {google, File :: binary()},
                  signing => source(),
                  path_secret => source(),
                  delivery => best_effort | at_least_once,
                  success => [binary()],
                  retry => #{
                             initial => pos_integer(),
                             factor => pos_integer(),
                             max => pos_integer(),
                             give_up_after => pos_integer(),
                             alone => pos_integer(),
                             on => [binary()]
                            },
                  batch => #{
                             max_events => pos_integer(),
                             max_bytes => pos_integer(),
                             linger => non_neg_integer()
                            },
                  compress => gzip | zstd,
                  rate => #{per_second := pos_integer(), burst => pos_integer()}
                 }.
-type source() :: {value | file | env, binary()}.

-define(DEFAULT_MODULE, mod_event_pusher_http_defaults).


%% @doc A handler, with the documented defaults.
-spec normal(http_pusher_host:options()) -> handler().
normal(Options) ->
    Rules = rules(Options),
    Module = get(callback_module, Options, undefined),
    #{
      pool_name => get(pool_name, Options, http_pool),
      path => get(path, Options, <<>>),
      callback_module => case Module of undefined -> ?DEFAULT_MODULE; _ -> Module end,
      %% Without a module, rules alone decide.
      ask_callback => Rules =:= undefined orelse Module =/= undefined,
      rules => Rules,
      plan => plan(Options)
     }.


rules(Options) ->
    case find(rules, Options) of
        {ok, Rules} -> [ rule(Rule) || Rule <- Rules ];
        error -> undefined
    end.


rule(Rule) ->
    {ok, Action} = find(action, Rule),
    {ok, Conditions} = find(conditions, Rule),
    #{action => Action, conditions => [ to_map(Condition) || Condition <- Conditions ]}.


plan(Options) ->
    Steps = [fun format/1,
             fun cloudevents/1,
             fun headers/1,
             fun auth/1,
             fun signing/1,
             fun path_secret/1,
             fun delivery/1],
    maps:from_list(lists:flatmap(fun(Step) -> Step(Options) end, Steps)).


format(Options) ->
    [ {Key, Value} || Key <- [format, include, omit, template_file, content_type],
                      {ok, Value} <- [find(Key, Options)] ].


cloudevents(Options) ->
    [ {PlanKey, Value} || {ok, Section} <- [find(cloudevents, Options)],
                          {Key, PlanKey} <- [{mode, cloudevents_mode}, {source, cloudevents_source}],
                          {ok, Value} <- [find(Key, Section)] ].


headers(Options) ->
    [ {headers, [ header(Header) || Header <- Headers ]} || {ok, Headers} <- [find(headers, Options)] ].


header(Header) ->
    {ok, Name} = find(name, Header),
    {Name, source(Header, [{value, value}, {file, value_file}, {env, value_env}])}.


auth(Options) ->
    [ {auth, auth_of(to_map(Auth))} || {ok, Auth} <- [find(auth, Options)] ].


auth_of(#{basic_user := User} = Auth) ->
    {basic, User, source(Auth, [{file, basic_password_file}, {env, basic_password_env}])};
auth_of(#{oauth2 := Section}) ->
    OAuth2 = to_map(Section),
    Secret = source(OAuth2, [{file, client_secret_file}, {env, client_secret_env}]),
    {oauth2, (maps:with([token_url, client_id, scope], OAuth2))#{client_secret => Secret}};
auth_of(#{google_service_account_file := File}) ->
    {google, File};
auth_of(Auth) ->
    {bearer, source(Auth, [{file, bearer_file}, {env, bearer_env}])}.


signing(Options) ->
    [ {signing, source(Signing, [{file, secret_file}, {env, secret_env}])}
      || {ok, Signing} <- [find(signing, Options)] ].


path_secret(Options) ->
    [ {path_secret, {Kind, Value}} || {Kind, Key} <- [{file, path_secret_file}, {env, path_secret_env}],
                                      {ok, Value} <- [find(Key, Options)] ].


delivery(Options) ->
    [ {Key, Value} || Key <- [delivery, success, compress], {ok, Value} <- [find(Key, Options)] ] ++
    [ {Key, to_map(Section)} || Key <- [retry, batch, rate], {ok, Section} <- [find(Key, Options)] ].


source(Section, [{Kind, Key} | Rest]) ->
    case find(Key, Section) of
        {ok, Value} -> {Kind, Value};
        error -> source(Section, Rest)
    end.


get(Key, Options, Default) ->
    case find(Key, Options) of
        {ok, Value} -> Value;
        error -> Default
    end.


to_map(Section) when is_map(Section) -> Section;
to_map(Section) -> maps:from_list(Section).


%% @doc An option of a section: a list of pairs in 5.0, a map later.
-spec find(atom(), http_pusher_host:options()) -> {ok, term()} | error.
find(Key, Options) when is_map(Options) ->
    maps:find(Key, Options);
find(Key, Options) ->
    case lists:keyfind(Key, 1, Options) of
        {_, Value} -> {ok, Value};
        false -> error
    end.
