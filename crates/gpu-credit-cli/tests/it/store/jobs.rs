//! Jobs: `run`, `stop`, and what corrects and tells of them.

use super::Folder;

/// With an account `acme`: 200 live at 0 to 99, and a job of 8 a tick from 10 until 20.
fn with_job() -> Folder {
    let folder = Folder::new();
    folder.ok("account create acme");
    folder.ok("grant acme 200 --at 0 --for 100 --credit-id march --id g1");
    folder.ok("run acme --rate 8 --from 10 --until 20 --id job-17");
    folder
}

fn balance(folder: &Folder, at: i64) -> i64 {
    let rows = folder.json(&format!("balance acme --at {at}"));
    rows[0]["balance"].as_i64().unwrap()
}

#[test]
fn a_job_is_posted_once_and_its_end_is_required() {
    let folder = with_job();
    assert_eq!(
        [9, 10, 19, 20].map(|at| balance(&folder, at)),
        [200, 192, 120, 120]
    );
    let journal = folder.journal();
    let said = folder.ok("run acme --rate 8 --from 10 --until 20 --id job-17");
    assert_eq!(
        said,
        "was posted already as revision 3, id job-17: nothing was done\n"
    );
    let said = folder.refused("run acme --rate 8 --from 10 --until 21 --id job-17");
    assert!(
        said.contains(
            "it is metered usage of 8 a tick from 10 until 20, and not metered usage of 8 a tick \
             from 10 until 21"
        ),
        "{said}"
    );
    let output = folder.run("run acme --rate 8 --from 10 --id job-18");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--until <TIME>"));
    assert_eq!(folder.journal(), journal);
}

#[test]
fn a_stopped_job_stays_as_it_is() {
    let folder = with_job();
    let said = folder.ok("stop acme job-17 --at 30");
    assert_eq!(said, "job-17 has its end at 20 already: nothing was done\n");
    let said = folder.ok("stop acme job-17 --at 15");
    assert_eq!(
        said,
        "job-17 ends at 15, posted as revision 4, id job-17/stop; the balance at 15 is 160\n"
    );
    let journal = folder.journal();
    for at in [14, 15, 16, 1_000, 5] {
        let said = folder.ok(&format!("stop acme job-17 --at {at}"));
        assert_eq!(
            said,
            match at {
                15 =>
                    "job-17 was stopped already by revision 4, and ends at 15: nothing was done\n"
                        .to_owned(),
                _ => format!(
                    "job-17 was stopped already by revision 4, and ends at 15: nothing was done; `gpu-credit \
                     change acme job-17 --until {at}` gives it that end\n"
                ),
            }
        );
    }
    assert_eq!(folder.journal(), journal);
    assert_eq!(balance(&folder, 99), 160);
    let stopped = folder.json("stop acme job-17 --at 16");
    assert_eq!(stopped[0]["revision"], 4);
    assert_eq!(stopped[0]["until"], 15);
    assert_eq!(stopped[0]["is_new"], false);
    let said = folder.refused("stop acme g1 --at 5");
    assert!(
        said.contains("\"g1\" is a grant, not a job: `gpu-credit change` takes"),
        "{said}"
    );
}

#[test]
fn a_job_is_corrected() {
    let folder = with_job();
    folder.ok("change acme job-17 --until 12 --id c1");
    assert_eq!(balance(&folder, 99), 184);
    folder.ok("change acme job-17 --rate 1 --from 0 --id c2");
    assert_eq!(balance(&folder, 99), 188);
    folder.ok("retract acme job-17 --id c3");
    assert_eq!(balance(&folder, 99), 200);
    for mixed in ["--rate 1 --amount 2", "--until 5 --for 3"] {
        let output = folder.run(&format!("change acme job-17 {mixed}"));
        assert_eq!(output.status.code(), Some(2), "{mixed}");
    }
    let said = folder.refused("change acme job-17");
    assert!(said.contains("expected --amount, --rate"), "{said}");
    folder.ok("check");
}

#[test]
fn a_job_is_in_the_history_and_its_draws_have_ticks() {
    let folder = with_job();
    folder.ok("grant acme 20 --at 0 --for 12 --credit-id gift --id g2");
    folder.ok("change acme job-17 --until 15 --id c1");
    let rows = folder.json("history acme");
    let of = |change: &str| {
        let row = rows.iter().find(|row| row["change"] == change).unwrap();
        ["amount", "timestamp", "until"].map(|column| row[column].as_i64())
    };
    assert_eq!(of("metered_usage"), [Some(8), Some(10), Some(20)]);
    assert_eq!(of("change_metered_usage"), [None, None, Some(15)]);
    let (_, rows) = folder.csv("draws acme job-17");
    let rows: Vec<Vec<&str>> = rows.iter().map(|row| row.iter().collect()).collect();
    assert_eq!(
        rows,
        [
            [
                "acme", "job-17", "drawn", "16", "g2", "gift", "10", "11", "10", "0", "11"
            ],
            [
                "acme", "job-17", "drawn", "24", "g1", "march", "12", "14", "12", "0", "99"
            ],
        ]
    );
    let accounts = folder.json("accounts");
    assert_eq!(accounts[0]["usage_records"], 1);
    assert_eq!(accounts[0]["used"], 40);
}

#[test]
fn a_job_that_runs_goes_on_after_a_close() {
    let folder = with_job();
    folder.ok("close acme --until 15 --yes");
    folder.ok("change acme job-17 --until 18");
    assert_eq!(balance(&folder, 99), 136);
    let said = folder.refused("change acme job-17 --rate 4");
    assert!(said.contains("the books are closed up to 15"), "{said}");
    folder.ok("check");
}
