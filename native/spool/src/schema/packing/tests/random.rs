//! Files of version 1 with any rows.

use bytes::Bytes;
use notification::Direction;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;

use super::{file_of_version_1, has, letter, record, waiting};
use crate::record::{History, Kind, Record};

fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..300).prop_map(Bytes::from)
}

prop_compose! {
    fn histories()(
        numbers in any::<(u32, Option<i64>, Option<i64>, Option<u16>)>(),
        error in ".{0,20}",
        answer in ".{0,20}",
    ) -> History {
        let (attempts, first, last, status) = numbers;
        History { attempts, first, last, status, error, answer }
    }
}

prop_compose! {
    fn records()(
        parts in proptest::array::uniform6(bytes()),
        message_id in ".{0,20}",
        created in any::<i64>(),
        out in any::<bool>(),
        kind in 0..3_u8,
        handler in 0..2_i64,
    ) -> Record {
        let [lane, sender, server, receiver, text, extra] = parts;
        Record {
            lane,
            sender,
            server,
            receiver,
            text,
            extra,
            message_id: message_id.into(),
            created,
            direction: if out { Direction::Out } else { Direction::In },
            kind: Kind::from_number(kind).unwrap(),
            ..record(handler)
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 12, ..Config::default() })]

    #[test]
    fn whatever_a_file_of_version_1_holds_stays(
        waits in vec((records(), histories()), 0..12),
        dead in vec((records(), histories()), 0..12),
    ) {
        let path = tempfile::tempdir().unwrap();
        let waits: Vec<_> = (100..).zip(waits).map(|(id, (record, history))| waiting(id, record, history)).collect();
        let dead: Vec<_> = (1..)
            .zip(dead)
            .map(|(id, (record, history))| letter(waiting(id, record, history), i64::MAX))
            .collect();
        let file = file_of_version_1(path.path(), &waits, &dead);
        has(&file, &waits, &dead);
    }
}
