//! What is in a picture.

use gpu_credit::MeteredUsage;
use gpu_credit_store::{Authorise, Posting, Settle, TimeUnit};

use super::{picture, points, store};

#[test]
fn jobs_holds_and_corrections_are_drawn() {
    let store = store(vec![
        Posting::grant("acme", "g", "march", 1_000, 0, 100),
        Posting::metered_usage(
            "acme",
            "job",
            MeteredUsage {
                rate: 2,
                from: 10,
                until: 50,
            },
        ),
        Posting::usage("acme", "u", 100, 60),
        Posting::usage("acme", "late", 5, 5),
        Posting::change_usage("acme", "fix", "u", 80),
    ]);
    store
        .authorise(Authorise::new("kept", ["acme"], 100, 70..90))
        .unwrap();
    store
        .authorise(Authorise::new("settled", ["acme"], 100, 70..90))
        .unwrap();
    store
        .settle(Settle::new("acme", "settled/end", "settled", 10))
        .unwrap();
    let svg = picture(&store).to_svg(None);
    for word in [
        "1 job",
        "1 hold",
        "1 late record",
        "1 corrected record",
        "march",
    ] {
        assert!(svg.lines().any(|line| line == word), "{word}: {svg}");
    }
    assert!(
        svg.contains("<title>job: 2 a tick, 10 until 50</title>"),
        "{svg}"
    );
    assert!(
        svg.contains("<title>hold kept: 100, 70 until 90</title>"),
        "{svg}"
    );
}

#[test]
fn where_it_shows_what_is_said() {
    let store = store(vec![Posting::grant("acme", "g", "", 10, 0, 99)]);
    let mut picture = picture(&store);
    assert_eq!(picture.range(), (0, 100));
    let unnamed = picture.unnamed_grants();
    assert_eq!(unnamed.len(), 1);
    picture.name_grant(unnamed[0], "invoice-7");
    let svg = picture.with_now(50).to_svg(Some(TimeUnit::Seconds));
    for attribute in [
        "data-from=\"0\"",
        "data-to=\"100\"",
        "data-left=\"110\"",
        "data-right=\"1000\"",
        "data-revision=\"2\"",
        "aria-label=\"Balance of acme from 1970-01-01T00:00:00Z to 1970-01-01T00:01:40Z, revision 2\"",
    ] {
        assert!(svg.contains(attribute), "{attribute}: {svg}");
    }
    assert!(svg.contains("invoice-7") && svg.contains("time (UTC)"));
    // Half way from left to right.
    assert!(
        points(&svg, "polyline", "stroke now")
            .iter()
            .all(|(x, _)| *x == 555.0)
    );
}

#[test]
fn what_others_wrote_is_text() {
    let hostile = "</text><script>alert(1)</script>\u{1}\u{202e}\n\"'&";
    let store = store(vec![Posting::grant("acme", "g", hostile, 10, 0, 99)]);
    store
        .authorise(Authorise::new(hostile, ["acme"], 1, 7..9))
        .unwrap();
    let svg = picture(&store).to_svg(None);
    assert!(
        !svg.contains("<script") && svg.contains("&lt;script&gt;"),
        "{svg}"
    );
    let is_plain = |character: char| character == '\n' || !character.is_control();
    assert!(
        svg.chars()
            .all(|character| is_plain(character) && character != '\u{202e}')
    );
}

#[test]
fn two_revisions_have_one_scale() {
    let store = store(vec![
        Posting::grant("acme", "g", "", 100, 0, 99),
        Posting::grant("acme", "h", "", 900, 0, 99),
    ]);
    let [before, after] = [2, 3].map(|revision| {
        store
            .as_recorded("acme", gpu_credit_store::Revision::new(revision))
            .unwrap()
    });
    let look = |one, other| {
        gpu_credit_plot::Picture::new(one, (0, 100))
            .beside(other)
            .to_svg(None)
    };
    let (before, after) = (look(&before, &after), look(&after, &before));
    assert!(before.contains("dashed: revision 3") && after.contains("dashed: revision 2"));
    let solid = |svg: &str| points(svg, "polyline", "stroke ink");
    let dashed = |svg: &str| points(svg, "polyline", "stroke other");
    assert_eq!(solid(&before), dashed(&after));
    assert_eq!(dashed(&before), solid(&after));
    assert_ne!(solid(&before), solid(&after));
}
