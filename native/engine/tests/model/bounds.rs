//! Bounds hold while sessions reserve at the same time.

use std::sync::Arc;

use loom::thread;
use queue::Budget;

use crate::model;

#[test]
pub fn bounds_hold_and_refuse_nobody_else() {
    model(Some(3), || {
        let budget = Arc::new(Budget::new(2, 10));
        let threads: Vec<_> = [11, 6, 5]
            .into_iter()
            .map(|bytes| {
                let budget = Arc::clone(&budget);
                thread::spawn(move || {
                    let reserved = budget.reserve(bytes);
                    let (items, used) = budget.used();
                    assert!(items <= 2 && used <= 10, "{items} items, {used} bytes");
                    reserved
                })
            })
            .collect();
        let reserved: Vec<bool> = threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect();
        assert!(!reserved[0]);
        assert!(reserved[1] != reserved[2], "one of them fits: {reserved:?}");
        budget.release(if reserved[1] { 6 } else { 5 });
        assert_eq!(budget.used(), (0, 0));
    });
}
