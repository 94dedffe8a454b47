//! `gpu-credit verify`: agreement. What happens without it is tested beside the code, with wrong
//! engines.

use gpu_credit_workload::Shape;

use crate::{file, run, stdout};

#[test]
fn engines_agree_on_every_shape() {
    for shape in Shape::ALL {
        for seed in ["1", "2", "3"] {
            let arguments = [
                &["generate", "--shape", shape.as_str(), "--seed", seed][..],
                &[
                    "--accounts",
                    "5",
                    "--usage",
                    "600",
                    "--grants",
                    "60",
                    "--queries",
                    "150",
                ],
            ];
            let events = run(&arguments.concat(), "").stdout;
            for policy in ["carry", "forfeit", "carry:0", "carry:1000000"] {
                let agreed = stdout(&run(&["verify", "-", "--policy", policy], events.clone()));
                let expected = "indexed, list and heap agree on 150 queries of 5 accounts";
                assert!(
                    agreed.starts_with(expected),
                    "{shape}, seed {seed}: {agreed}"
                );
            }
        }
    }
}

#[test]
fn the_keyed_calculator_joins_under_forfeit() {
    let rows = file("grant,a,,5,0,9\nusage,a,,2,3,\nbalance,a,,,3,\nbalance,a,,,2,\n");
    assert_eq!(
        stdout(&run(&["verify", "-", "--policy", "forfeit"], rows.clone())),
        "indexed, list and heap agree on 2 queries of 1 account, keyed on 1 of them\n"
    );
    assert_eq!(
        stdout(&run(&["verify", "-"], rows)),
        "indexed, list and heap agree on 2 queries of 1 account\n"
    );
}

/// It agreed "on 0 questions" and ended with exit code 0.
#[test]
fn a_file_without_questions_is_asked_about() {
    let rows = file("grant,a,,5,0,9\nusage,a,,2,3,\nusage,b,,2,3,\nbalance,b,,,3,\n");
    assert_eq!(
        stdout(&run(&["verify", "-"], rows.clone())),
        "indexed, list and heap agree on 10 queries of 2 accounts; 9 of the queries are not in the file, \
         which has none of 1 account\n"
    );
    let agreed = stdout(&run(&["verify", "-", "--policy", "forfeit"], rows));
    assert!(agreed.contains(", keyed on 6 of them; 9 of"), "{agreed}");
}

#[test]
fn a_file_in_which_nothing_is_to_be_compared_is_not_verified() {
    let output = run(&["verify", "-"], file(""));
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        said,
        "nothing was compared: the file has no records and no queries\n"
    );
}

/// What it asks by itself reaches the ends of time.
#[test]
fn windows_and_usage_at_the_ends_of_time_are_asked_about() {
    let rows = file(
        "grant,a,,9223372036854775807,-9223372036854775808,9223372036854775807\n\
         grant,b,,1,9223372036854775807,0\nusage,b,,9223372036854775807,-9223372036854775808,\n",
    );
    for policy in ["carry", "forfeit"] {
        let agreed = stdout(&run(&["verify", "-", "--policy", policy], rows.clone()));
        assert!(
            agreed.starts_with("indexed, list and heap agree on 8 queries"),
            "{agreed}"
        );
    }
}
