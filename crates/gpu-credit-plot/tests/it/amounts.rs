//! What pictures of large accounts show, and how large they are.

use std::time::Instant;

use gpu_credit::Overdraft;
use gpu_credit_plot::{Marks, Picture, extent};
use gpu_credit_store::{Posting, Store};

use super::{picture, points, store};

/// With more changes than pixels, one instant for each was shown: a deficit between two of them was not.
#[test]
fn what_lasts_less_than_a_pixel_is_seen() {
    let mut postings = vec![Posting::grant("acme", "all", "", 1_000_000, 0, 1_000_000)];
    postings.extend((0..2_000).map(|at| Posting::usage("acme", format!("u{at}"), 1, at * 500)));
    // A tick of a great deal, and a moment without anything: both within a pixel.
    postings.push(Posting::grant("acme", "spike", "", 5_000_000, 300_001, 1));
    let store = store(postings);
    let svg = picture(&store).to_svg(None);
    let line = points(&svg, "polyline", "stroke ink");
    let highest = line.iter().map(|(_, y)| *y).fold(f64::INFINITY, f64::min);
    let usual = line[0].1;
    assert!(highest < usual - 200.0, "{highest} {usual}");
}

/// Under thinning the line stays between the lowest and the highest balance of each pixel.
#[test]
fn thinned_and_drawn_whole_are_alike() {
    let mut postings = vec![Posting::grant("acme", "all", "", 3_000, 0, 3_000_000)];
    postings.extend((0..3_000).map(|at| Posting::usage("acme", format!("u{at}"), 1, at * 1_000)));
    let store = store(postings);
    let line = points(&picture(&store).to_svg(None), "polyline", "stroke ink");
    // The balance is a straight line of 3,000 steps.
    let (first, last) = (line[0], line[line.len() - 1]);
    for (x, y) in &line {
        let straight = first.1 + (last.1 - first.1) * (x - first.0) / (last.0 - first.0);
        assert!((y - straight).abs() < 1.0, "{x},{y}: {straight}");
    }
    assert!(line.len() > 800, "{}", line.len());
}

#[test]
fn many_grants_are_put_together() {
    let grant = |place: i64| Posting::grant("acme", format!("g{place}"), "", 10, place * 10, 300);
    let svg = picture(&store((0..3_000).map(grant).collect())).to_svg(None);
    assert!(svg.contains("3000 grants"), "{}", svg.len());
    assert!(svg.len() < 1_000_000, "{}", svg.len());
}

/// `GPU_CREDIT_PLOT_RECORDS=1000000` and `--release` for the figure of the documents.
#[test]
fn a_large_account_is_drawn_soon() {
    let records = std::env::var("GPU_CREDIT_PLOT_RECORDS").ok();
    let records: i64 = records.map_or(50_000, |records| records.parse().unwrap());
    let store = Store::in_memory().unwrap();
    store.open_account("acme", Overdraft::Carry).unwrap();
    let usage =
        |place: i64| Posting::usage("acme", format!("u{place}"), 3, place * 7_919 % 9_999_991);
    let grants = (0..records / 1_000).map(|place| {
        let id = format!("g{place}");
        Posting::grant(
            "acme",
            id,
            "",
            3_000,
            place * 10_000_000_000 / (records.max(1)),
            900_000,
        )
    });
    for chunk in grants
        .chain((0..records).map(usage))
        .collect::<Vec<_>>()
        .chunks(100_000)
    {
        store.post_all(chunk.to_vec()).unwrap();
    }
    store.get_balance("acme", 0).unwrap();
    let began = Instant::now();
    let mut marks = Marks::default();
    store
        .visit_history("acme", gpu_credit_store::Revision::START, |entry| {
            marks.see(&entry);
            std::ops::ControlFlow::Continue(())
        })
        .unwrap();
    let marked = began.elapsed();
    let svg = store
        .with_account("acme", |account| {
            let picture = Picture::new(account, extent(account).unwrap());
            picture.with_marks(&marks).to_svg(None)
        })
        .unwrap();
    let drawn = began.elapsed() - marked;
    eprintln!(
        "{records} records: marks {marked:?}, picture {drawn:?}, {} bytes",
        svg.len()
    );
    assert!(svg.len() < 1_000_000, "{}", svg.len());
}
