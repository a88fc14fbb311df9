//! Who is woken, and that nothing is lost, whatever becomes of the consumers.

use proptest::prelude::*;

use super::{FIRST, Mailbox};

const BACKLOG: usize = 4;

fn mailbox(consumers: usize) -> Mailbox<usize> {
    let mailbox = Mailbox::new(consumers, BACKLOG, |_| 0, 0);
    mailbox.employ(consumers, |_| ());
    for consumer in 0..consumers {
        assert_eq!(shown(&mailbox, consumer), 0);
    }
    mailbox
}

/// How many items a consumer gets.
fn shown(mailbox: &Mailbox<usize>, consumer: usize) -> usize {
    mailbox.take(consumer, BACKLOG, |_| (), |item| *item).len()
}

#[test]
fn only_the_first_is_woken_if_there_is_little_to_do() {
    let mailbox = mailbox(3);
    for item in 0..100 {
        assert_eq!(mailbox.push(item), Some(FIRST));
        assert_eq!(shown(&mailbox, FIRST), 1);
        mailbox.counted(FIRST);
        assert_eq!(shown(&mailbox, FIRST), 0);
    }
}

#[test]
fn each_further_batch_wakes_another_one() {
    let mailbox = mailbox(3);
    let woken: Vec<_> = (0..20).filter_map(|item| mailbox.push(item)).collect();
    assert_eq!(woken, [FIRST, 1, 2]);
}

#[test]
fn one_that_was_woken_in_vain_sleeps_again() {
    let mailbox = mailbox(2);
    let woken: Vec<_> = (0..BACKLOG).filter_map(|item| mailbox.push(item)).collect();
    assert_eq!(woken, [FIRST, 1]);
    assert_eq!(shown(&mailbox, FIRST), BACKLOG);
    assert_eq!(mailbox.push(100), None);
    assert_eq!(
        shown(&mailbox, 1),
        0,
        "less than a batch is the first one's"
    );
    let woken: Vec<_> = (0..BACKLOG).filter_map(|item| mailbox.push(item)).collect();
    assert_eq!(woken, [1]);
    assert_eq!(shown(&mailbox, 1), BACKLOG);
}

#[test]
fn the_backlog_of_one_consumer_wakes_no_other() {
    let mailbox = mailbox(1);
    let woken: Vec<_> = (0..100).filter_map(|item| mailbox.push(item)).collect();
    assert_eq!(woken, [FIRST]);
    mailbox.counted(7);
    assert_eq!(shown(&mailbox, 7), 0, "there is no such consumer");
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Push(usize),
    /// A consumer takes a batch and counts so many of it.
    Take(usize, usize),
    /// It dies and has a successor.
    Attach(usize),
    Employ(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (1usize..12).prop_map(Act::Push),
        6 => (0usize..4, 0usize..8).prop_map(|(consumer, most)| Act::Take(consumer, most)),
        1 => (0usize..4).prop_map(Act::Attach),
        1 => (1usize..5).prop_map(Act::Employ),
    ]
}

proptest! {
    /// Each item is handed back once, after it was counted, whichever consumers count, die or are dismissed.
    #[test]
    fn each_item_is_handed_back_once(acts in proptest::collection::vec(act(), 1..60)) {
        let mailbox = Mailbox::new(4, BACKLOG, |_| 0, 0);
        let (mut pushed, mut counted, mut back) = (0, 0, Vec::new());
        let mut employed = 1;
        for act in acts {
            match act {
                Act::Push(count) => {
                    for item in pushed..pushed + count {
                        let _ = mailbox.push(item);
                    }
                    pushed += count;
                }
                Act::Take(consumer, most) if consumer < employed => {
                    let batch = mailbox.take(consumer, BACKLOG, |item| back.push(item), |_| ());
                    let done = batch.len().min(most);
                    (0..done).for_each(|_| mailbox.counted(consumer));
                    counted += done;
                }
                Act::Take(..) => {}
                Act::Attach(consumer) => mailbox.attach(consumer, |item| back.push(item)),
                Act::Employ(consumers) => {
                    mailbox.employ(consumers, |item| back.push(item));
                    employed = consumers;
                }
            }
            prop_assert!(back.len() <= counted);
            prop_assert_eq!(mailbox.len() + back.len(), pushed);
        }
        mailbox.employ(1, |item| back.push(item));
        loop {
            let batch = mailbox.take(FIRST, BACKLOG, |item| back.push(item), |_| ());
            if batch.is_empty() {
                break;
            }
            for () in &batch {
                mailbox.counted(FIRST);
            }
            counted += batch.len();
        }
        prop_assert_eq!(counted, pushed);
        back.sort_unstable();
        prop_assert_eq!(back, (0..pushed).collect::<Vec<_>>());
    }
}
