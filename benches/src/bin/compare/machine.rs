//! What it ran on, and from what.

use std::process::Command;

/// The name of the processor, or what is known of it.
pub(crate) fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let names = text
        .lines()
        .filter_map(|line| line.strip_prefix("model name"));
    let name = names.filter_map(|rest| rest.split_once(':')).next();
    match name {
        Some((_, name)) => format!("{} ({})", name.trim(), std::env::consts::ARCH),
        None => std::env::consts::ARCH.to_owned(),
    }
}

pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The commit, with a mark if the measured code has changed since.
pub(crate) fn commit() -> String {
    let Some(commit) = git(&["rev-parse", "--short=10", "HEAD"]) else {
        return "unknown".to_owned();
    };
    let measured = [
        "status",
        "--porcelain",
        "--",
        "crates",
        "benches/src",
        "Cargo.lock",
    ];
    match git(&measured).as_deref() {
        Some("") => commit,
        _ => format!("{commit}-changed"),
    }
}

fn git(arguments: &[&str]) -> Option<String> {
    let root = crate::paths::workspace();
    let output = Command::new("git")
        .current_dir(root)
        .args(arguments)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
