//! What asks before it does what cannot be undone.

use super::Folder;

#[test]
fn without_a_terminal_nobody_is_asked() {
    let folder = Folder::with_account();
    let journal = folder.journal();
    // It was closed at once, and for good.
    assert_eq!(
        folder.refused("close acme --until 5"),
        "gpu-credit: closing the books of account \"acme\" before 5, which are at revision 4 now, cannot be \
         undone: repeat it with --yes"
    );
    let said = folder.refused("account delete acme");
    assert!(said.ends_with("repeat it with --yes"), "{said}");
    assert_eq!(folder.journal(), journal);
    folder.ok("close acme --until 5 -y");
    folder.ok("account delete acme -y");
}

#[cfg(target_os = "linux")]
mod on_a_terminal {
    use std::fs::{File, OpenOptions};
    use std::io::Write;
    use std::process::{Command, Output, Stdio};

    use super::*;

    /// What a command says to somebody who types this.
    fn typed(folder: &Folder, line: &str, answer: &str) -> Output {
        let controller =
            rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR | rustix::pty::OpenptFlags::NOCTTY)
                .unwrap();
        rustix::pty::grantpt(&controller).unwrap();
        rustix::pty::unlockpt(&controller).unwrap();
        let name = rustix::pty::ptsname(&controller, Vec::new()).unwrap();
        let terminal = OpenOptions::new()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        let child = Command::new(assert_cmd::cargo::cargo_bin!("gpu-credit"))
            .current_dir(folder.path())
            .env_remove("GPU_CREDIT_DB")
            .env_remove("GPU_CREDIT_UNIT")
            .args(line.split_whitespace())
            .stdin(terminal)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut controller = File::from(controller);
        controller.write_all(answer.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// `close` asked nothing, and `account delete` only wanted a flag.
    #[test]
    fn closing_and_deleting_ask() {
        let folder = Folder::with_account();
        let journal = folder.journal();
        for line in ["close acme --until 5", "account delete acme"] {
            for answer in ["n\n", "\n", "what?\n"] {
                let output = typed(&folder, line, answer);
                assert_eq!(output.status.code(), Some(2), "{line}");
                let said = crate::stderr(&output);
                assert!(said.contains("cannot be undone. [y/N] "), "{said}");
                assert!(
                    said.ends_with("not confirmed: nothing was changed\n"),
                    "{said}"
                );
            }
        }
        assert_eq!(folder.journal(), journal);
        for line in ["close acme --until 5", "account delete acme"] {
            let output = typed(&folder, line, "y\n");
            assert!(output.status.success(), "{}", crate::stderr(&output));
        }
        assert_eq!(folder.ok("accounts --format json"), "");
    }

    #[test]
    fn whoever_says_yes_beforehand_is_not_asked() {
        let folder = Folder::with_account();
        for line in [
            "close acme --until 5 --yes",
            "close acme --until 6 -n",
            "account delete acme -y",
        ] {
            let output = typed(&folder, line, "");
            assert!(output.status.success(), "{line}");
            assert_eq!(crate::stderr(&output), "", "{line}");
        }
    }
}
