%% The default body is byte for byte what cow_qs:qs/1 returns: generated names and messages, through the
%% real library and a real endpoint, compared in the same run. HTTP_PUSHER_SEED=N repeats a failed case with
%% the seed that it has printed.
-module(form_SUITE).


-define(HOST, <<"localhost">>).

-include("support/pusher_case.hrl").

all() ->
    pusher_case:all().

groups() ->
    pusher_case:groups([every_byte_alone_and_in_company,
                        every_length,
                        random_bytes_in_every_field,
                        random_text_of_every_script,
                        messages_longer_than_what_a_session_copies_itself]).

init_per_testcase(_Case, Config) ->
    Seed = case os:getenv("HTTP_PUSHER_SEED") of
               false -> erlang:phash2(make_ref());
               Text -> list_to_integer(Text)
           end,
    ct:pal("HTTP_PUSHER_SEED=~b", [Seed]),
    _ = rand:seed(exsss, Seed),
    Started = pusher_case:start(Config),
    pusher_case:module(Started, #{}),
    Started.

end_per_testcase(_Case, Config) ->
    pusher_case:finish(Config).

every_byte_alone_and_in_company(Config) ->
    Bytes = [<<B>> || B <- lists:seq(0, 255)],
    Pairs = [<<B, C>> || B <- "%&=+ *~-._ aZ09", C <- lists:seq(0, 255, 3)],
    same(Config, [{<<"alice">>, <<"bob">>, Text}
                  || Text <- [list_to_binary(lists:seq(0, 255)) | Bytes ++ Pairs]]).

every_length(Config) ->
    Lengths = lists:seq(1, 66) ++ [N + D || N <- [127, 255, 511, 1023, 2047, 4095], D <- [-1, 0, 1, 2]]
        ++ [5000],
    same(Config, [{<<"alice">>, <<"bob">>, random_bytes(Length)} || Length <- Lengths]).

%% Names arrive as the host has prepared them; not a byte of them changes.
random_bytes_in_every_field(Config) ->
    same(Config, [{random_bytes(rand:uniform(20) - 1), random_bytes(rand:uniform(20) - 1),
                   random_bytes(rand:uniform(5000))} || _ <- lists:seq(1, 400)]).

random_text_of_every_script(Config) ->
    same(Config, [{random_text(10), random_text(10), random_text(200)} || _ <- lists:seq(1, 400)]).

messages_longer_than_what_a_session_copies_itself(Config) ->
    same(Config, [{<<"alice">>, <<"bob">>, random_bytes(Length)}
                  || Length <- [65535, 65536, 65537, 200000]]).

%% One sender's notifications come in order, so each is compared with its own; different senders are
%% compared as sets.
same(Config, Fields) ->
    [host_session:send({Sender, ?HOST, <<"phone">>}, {Receiver, ?HOST, <<>>}, Message)
     || {Sender, Receiver, Message} <- Fields],
    pusher_case:wait_sent(length(Fields)),
    Received = [Body || #{body := Body} <- pusher_case:received(Config)],
    Expected = [cow_qs:qs([{<<"author">>, Sender}, {<<"server">>, ?HOST}, {<<"receiver">>, Receiver},
                           {<<"message">>, Message}]) || {Sender, Receiver, Message} <- Fields],
    case lists:sort(Expected) -- lists:sort(Received) of
        [] -> ?assertEqual(length(Expected), length(Received));
        [Missing | _] -> ct:fail({not_received, Missing})
    end.

random_bytes(Length) ->
    case rand:uniform(3) of
        1 -> rand:bytes(Length);
        2 -> << <<(pick("%&=+ *~-._/;:@aZ0\r\n\t\0"))>> || _ <- lists:seq(1, Length) >>;
        3 -> << <<(31 + rand:uniform(95))>> || _ <- lists:seq(1, Length) >>
    end.

random_text(Most) ->
    unicode:characters_to_binary([random_char() || _ <- lists:seq(1, rand:uniform(Most))]).

random_char() ->
    {From, To} = pick([{32, 126}, {16#C0, 16#24F}, {16#370, 16#3FF}, {16#5D0, 16#5EA},
                       {16#621, 16#64A}, {16#4E00, 16#9FFF}, {16#1F300, 16#1FAFF},
                       {16#200B, 16#200F}, {16#E0100, 16#E01EF}]),
    From + rand:uniform(To - From + 1) - 1.

pick(List) ->
    lists:nth(rand:uniform(length(List)), List).
