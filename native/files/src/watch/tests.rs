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
async fn the_more_checks_hang_the_longer_it_takes_until_the_next() {
    let watch = watch();
    let mut hanging = vec![watch.begin().unwrap()];
    for minutes in [5, 10, 20, 40, 80, 160, 320, 640, 1280, 24 * 60, 24 * 60] {
        advance(Duration::from_mins(minutes).saturating_sub(MILLISECOND)).await;
        assert!(!watch.is_due());
        assert!(watch.begin().is_none());
        advance(MILLISECOND).await;
        assert!(watch.is_due());
        hanging.push(watch.begin().unwrap());
    }
    let last = hanging.pop().unwrap();
    for turn in hanging {
        assert!(!watch.end(&turn));
    }
    assert!(!watch.is_due());
    advance(GIVEN_UP_AFTER).await;
    assert!(watch.is_due(), "no other hangs any more");
    assert!(watch.end(&last));
    assert!(!watch.is_looking());
    assert_eq!(watch.turns.lock().hanging, 0);
}
