use tokio::time::advance;

use super::*;

const MILLISECOND: Duration = Duration::from_millis(1);

fn watch() -> Watch {
    Watch::new(vec![None])
}

fn seen(failures: u32) -> Seen {
    let stamps = vec![None];
    Seen { stamps, failures }
}

#[tokio::test(start_paused = true)]
async fn one_check_at_a_time_until_it_has_hung_for_long() {
    let watch = watch();
    let first = watch.begin().unwrap();
    advance(GIVEN_UP_AFTER.saturating_sub(MILLISECOND)).await;
    assert!(!watch.is_due());
    assert!(watch.begin().is_none());
    advance(MILLISECOND).await;
    assert!(watch.is_due());
    let second = watch.begin().unwrap();
    assert!(!watch.is_due());
    assert!(watch.begin().is_none());
    assert!(!watch.end(&first));
    assert!(watch.end(&second));
    assert!(!watch.is_looking());
}

#[tokio::test(start_paused = true)]
async fn what_a_check_that_was_given_up_finds_is_not_used() {
    let watch = watch();
    let first = watch.begin().unwrap();
    advance(GIVEN_UP_AFTER).await;
    let second = watch.begin().unwrap();
    assert!(!watch.saw(&first, seen(7), || panic!("it was given up")));
    assert!(!watch.end(&first));
    assert!(watch.is_looking(), "the second is under way");
    assert!(!watch.is_due());
    let mut applied = false;
    assert!(watch.saw(&second, seen(0), || applied = true));
    assert!(applied);
    assert!(watch.end(&second));
    assert_eq!(watch.seen().failures, 0);
    assert!(!watch.is_looking());
    advance(CHECK_EVERY).await;
    assert!(watch.is_due());
}

#[tokio::test(start_paused = true)]
async fn few_checks_hang_and_the_next_begins_once_one_of_them_has_ended() {
    let watch = watch();
    let mut hanging = vec![watch.begin().unwrap()];
    for _ in 0..HANGING_AT_MOST {
        advance(GIVEN_UP_AFTER).await;
        hanging.push(watch.begin().unwrap());
    }
    advance(100 * GIVEN_UP_AFTER).await;
    assert!(!watch.is_due());
    assert!(watch.begin().is_none());
    assert!(!watch.end(&hanging.remove(0)));
    assert!(watch.is_due());
    let last = watch.begin().unwrap();
    assert!(watch.end(&last));
    for turn in hanging {
        assert!(!watch.end(&turn));
    }
    assert!(!watch.is_looking());
    assert_eq!(watch.turns.lock().hanging, 0);
}
