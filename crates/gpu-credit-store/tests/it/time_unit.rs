//! The unit of time that a store remembers.

use std::thread;

use gpu_credit_store::{Error, Store, TimeUnit};

use crate::support::{store, store_in_memory};

#[test]
fn the_first_unit_stays() {
    let (folder, store) = store();
    let path = folder.path().join("credit.redb");
    assert_eq!(store.time_unit().unwrap(), None);
    store.set_time_unit(TimeUnit::Milliseconds).unwrap();
    store.set_time_unit(TimeUnit::Milliseconds).unwrap();
    let error = store.set_time_unit(TimeUnit::Seconds).unwrap_err();
    assert_eq!(error.to_string(), "the store's unit of time is ms, not s");
    let copy = folder.path().join("copy.redb");
    store.copy_to(&copy).unwrap();
    drop(store);
    for path in [path, copy] {
        let store = Store::open(path).unwrap();
        assert_eq!(store.time_unit().unwrap(), Some(TimeUnit::Milliseconds));
    }
}

#[test]
fn of_two_units_said_at_once_one_is_kept() {
    for _ in 0..50 {
        let (_disk, store) = store_in_memory();
        let units = [TimeUnit::Seconds, TimeUnit::Nanoseconds];
        let said = thread::scope(|scope| {
            let say = |unit| {
                let store = store.clone();
                scope.spawn(move || store.set_time_unit(unit))
            };
            units.map(say).map(|saying| saying.join().unwrap())
        });
        let kept = store.time_unit().unwrap();
        for (unit, said) in units.into_iter().zip(said) {
            match said {
                Ok(()) => assert_eq!(kept, Some(unit)),
                Err(Error::OtherTimeUnit { kept: other, .. }) => assert_eq!(kept, Some(other)),
                Err(error) => panic!("{error}"),
            }
        }
    }
}
