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
            for policy in ["carry", "forfeit"] {
                let agreed = stdout(&run(&["verify", "-", "--policy", policy], events.clone()));
                let expected = "indexed, list and heap agree on 150 questions to 5 accounts";
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
        "indexed, list and heap agree on 2 questions to 1 account, keyed on 1 of them\n"
    );
    assert_eq!(
        stdout(&run(&["verify", "-"], rows)),
        "indexed, list and heap agree on 2 questions to 1 account\n"
    );
}
