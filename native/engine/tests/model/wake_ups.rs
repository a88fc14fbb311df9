//! No wake-up is lost while sessions push, workers park and leave, and pools open, end and are handed over.

use std::sync::Arc;

use loom::thread;
use tokio::time::Instant;

use crate::model;
use crate::pool::{How, Pool, rules};

/// Two sessions push while the only worker comes, works, parks and is called again.
pub fn all_is_delivered(how: How) {
    model(Some(3), move || {
        let pool = Pool::new(1, 3, how);
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || assert!(pool.push(1, 1)))
        };
        assert!(pool.push(0, 1));
        assert!(pool.push(0, 2));
        other.join().unwrap();
        pool.wait();
        pool.close();
        pool.assert_over(3);
    });
}

#[test]
pub fn no_wake_up_is_lost() {
    all_is_delivered(How::Stay);
}

#[test]
pub fn no_wake_up_is_lost_by_workers_that_leave() {
    // One session: a worker that leaves is followed by another, and loom has five threads at most.
    model(Some(5), || {
        let pool = Pool::new(1, 2, How::Leave);
        assert!(pool.push(0, 1));
        assert!(pool.push(0, 2));
        pool.wait();
        pool.close();
        pool.assert_over(2);
    });
}

#[test]
pub fn two_workers_share_the_lanes() {
    model(Some(2), || {
        let pool = Pool::new(2, 3, How::Stay);
        assert!(pool.push(0, 1));
        assert!(pool.push(1, 1));
        assert!(pool.push(0, 2));
        pool.wait();
        pool.close();
        pool.assert_over(3);
    });
}

#[test]
pub fn a_push_meets_the_end_of_its_pool() {
    model(None, || {
        let pool = Pool::new(1, 0, How::Stay);
        let session = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || usize::from(pool.push(0, 1)) + usize::from(pool.push(1, 1)))
        };
        pool.close();
        let accepted = session.join().unwrap();
        pool.assert_over(accepted);
    });
}

#[test]
pub fn what_is_in_flight_is_cancelled() {
    model(None, || {
        let pool = Pool::new(1, 0, How::Stall);
        assert!(pool.push(0, 1));
        assert!(pool.push(0, 2));
        pool.close();
        pool.assert_over(2);
    });
}

#[test]
pub fn settings_come_while_a_session_pushes() {
    model(Some(4), || {
        let pool = Pool::opening(2, How::Stay);
        let session = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                assert!(pool.push(0, 1));
                assert!(pool.push(1, 1));
            })
        };
        let staff = pool.core.lock().open(rules(1), ());
        (0..staff.workers).for_each(|_| pool.start());
        session.join().unwrap();
        pool.wait();
        pool.close();
        pool.assert_over(2);
    });
}

#[test]
pub fn a_hand_over_meets_a_push() {
    model(None, || {
        let (from, to) = (Pool::opening(0, How::Stay), Pool::opening(0, How::Stay));
        assert!(from.push(0, 1));
        assert_eq!(from.core.lock().hand_over(()), Some(()));
        let session = {
            let (from, to) = (Arc::clone(&from), Arc::clone(&to));
            thread::spawn(move || {
                for number in [2, 3] {
                    // The heir of a pool that is handed over takes what comes for it.
                    assert!(from.push(0, number) || to.push(0, number));
                }
            })
        };
        loop {
            let mut core = from.core.lock();
            let Some((_, _, (lane, number))) = core.remove_next(Instant::now()) else {
                break;
            };
            assert!(to.push(lane, number));
        }
        session.join().unwrap();
        to.close();
        to.assert_over(3);
        assert_eq!(*to.ended.lock(), [(0, 1), (0, 2), (0, 3)]);
        from.assert_over(0);
    });
}
