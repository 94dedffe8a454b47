//! Pictures of accounts.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod amounts;
mod drawn;

use gpu_credit::Overdraft;
use gpu_credit_plot::{Marks, Picture, extent};
use gpu_credit_store::{Posting, Store};

/// A store with one account, `acme`, and these postings.
fn store(postings: Vec<Posting>) -> Store {
    let store = Store::in_memory().unwrap();
    store.open_account("acme", Overdraft::Carry).unwrap();
    store.post_all(postings).unwrap();
    store
}

fn marks(store: &Store) -> Marks {
    let mut marks = Marks::default();
    for entry in store.history("acme").unwrap() {
        marks.see(&entry);
    }
    marks.resolve(|of| store.entry("acme", of)).unwrap();
    marks
}

/// All of the account, with its marks.
fn picture(store: &Store) -> Picture {
    let marks = marks(store);
    let look = |account: &_| Picture::new(account, extent(account).unwrap()).with_marks(&marks);
    store.with_account("acme", look).unwrap()
}

/// The points of all elements of a name and a class.
fn points(svg: &str, element: &str, class: &str) -> Vec<(f64, f64)> {
    let start = format!("<{element} class=\"{class}\"");
    let of_kind = svg.lines().filter(|line| line.starts_with(&start));
    let listed = of_kind.filter_map(|line| line.split("points=\"").nth(1)?.split('"').next());
    let points = listed.flat_map(|points| points.split(' '));
    let point = |point: &str| {
        let (x, y) = point.split_once(',').unwrap();
        (x.parse().unwrap(), y.parse().unwrap())
    };
    points.map(point).collect()
}
