//! Lanes that wait for a time, a token, company or an expired item go on.

use std::sync::Arc;

use loom::thread;
use queue::Expiry;
use tokio::time::Instant;

use crate::model;
use crate::pool::{CALL_TIMEOUT, How, Pool};

#[test]
pub fn a_lane_goes_on_behind_an_expired_item() {
    model(Some(3), || {
        let pool = Pool::new(1, 3, How::Stay);
        assert!(pool.push(0, 1));
        assert!(pool.push(1, 1));
        assert!(pool.push(1, 2));
        let timer = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                // It looks once, when the time of whatever waits is over.
                let expiry = pool.core.lock().expire(Instant::now() + 2 * CALL_TIMEOUT);
                if let Expiry::Expired(taken) = expiry {
                    pool.end(taken.item);
                    let step = pool.core.lock().expired(taken.ticket, Instant::now());
                    pool.follow(step);
                }
            })
        };
        timer.join().unwrap();
        pool.wait();
        pool.close();
        pool.assert_over(3);
    });
}

/// Postponed lanes and held ones go on when their time has come, and no wake-up is lost: neither the
/// alarm's nor a worker's.
#[test]
pub fn what_was_postponed_goes_on() {
    for how in [How::Retry, How::Break] {
        model(Some(2), move || {
            let pool = Pool::new(1, 1, how);
            assert!(pool.push(0, 1));
            pool.wait();
            pool.close();
            pool.assert_over(1);
        });
        // More threads meet here, so fewer orders are tried.
        model(Some(1), move || {
            let pool = Pool::new(1, 2, how);
            assert!(pool.push(0, 1));
            assert!(pool.push(1, 1));
            pool.wait();
            pool.close();
            pool.assert_over(2);
        });
    }
}

/// What waits for a token is taken when there is one: no wake-up of the alarm is lost, whether the last token is
/// taken or the next lane comes first.
#[test]
pub fn what_waits_for_a_token_goes() {
    model(Some(2), || {
        let pool = Pool::new(1, 2, How::Limit);
        assert!(pool.push(0, 1));
        assert!(pool.push(1, 1));
        pool.wait();
        pool.close();
        pool.assert_over(2);
    });
    // A lane that goes on waits for its next token; two workers.
    model(Some(1), || {
        let pool = Pool::new(2, 3, How::Limit);
        assert!(pool.push(0, 1));
        assert!(pool.push(0, 2));
        assert!(pool.push(1, 1));
        pool.wait();
        pool.close();
        pool.assert_over(3);
    });
}

/// What waits for company is taken with it, or when it has waited long enough: neither the alarm's wake-up nor
/// a worker's is lost, whichever comes while a batch is collected.
#[test]
pub fn what_waits_for_company_goes() {
    model(Some(3), || {
        let pool = Pool::new(1, 2, How::Batch);
        assert!(pool.push(0, 1));
        assert!(pool.push(0, 2));
        pool.wait();
        pool.close();
        pool.assert_over(2);
    });
    // More threads meet here, so fewer orders are tried.
    model(Some(1), || {
        let pool = Pool::new(1, 2, How::Batch);
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || assert!(pool.push(1, 1)))
        };
        assert!(pool.push(0, 1));
        other.join().unwrap();
        pool.wait();
        pool.close();
        pool.assert_over(2);
    });
}

#[test]
pub fn a_batch_is_collected_while_its_pool_ends() {
    model(Some(3), || {
        let pool = Pool::new(1, 0, How::Batch);
        assert!(pool.push(0, 1));
        assert!(pool.push(1, 1));
        pool.close();
        pool.assert_over(2);
    });
}

#[test]
pub fn an_item_is_put_back_while_its_pool_ends() {
    for how in [How::Retry, How::Break] {
        model(Some(3), move || {
            let pool = Pool::new(1, 0, how);
            assert!(pool.push(0, 1));
            assert!(pool.push(0, 2));
            pool.close();
            pool.assert_over(2);
        });
    }
}
