//! Row E1: the program on a file of real events, against parsing that file and nothing more.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use gpu_credit_benches::check::Checksum;
use gpu_credit_benches::peers::events_file;

use crate::arguments::PeerArguments;
use crate::measure::{Entrant, Turn, take_turns, timed};
use crate::outcome::Case;
use crate::runner::Runner;

/// Names the folder of the real files.
const DATA: &str = "GPU_CREDIT_DATA";
const EVENTS: &str = "servegen_tokens.events.csv.gz";
const ANSWERS: &str = "servegen_tokens.answers.carry.csv.gz";

pub(crate) fn run(runner: &mut Runner) -> Result<()> {
    if !runner.wants("E1") {
        return Ok(());
    }
    let Some(folder) = env::var_os(DATA).map(PathBuf::from) else {
        let why = format!("{DATA} does not name the folder of the real files");
        runner.skip("E1", &why);
        return Ok(());
    };
    let events = folder.join(EVENTS);
    ensure!(events.is_file(), "{} is not there", events.display());
    runner.doing("E1: building the program");
    let Some(program) = program()? else {
        let why = "build the program beside it: cargo build --release -p gpu-credit-cli";
        runner.skip("E1", why);
        return Ok(());
    };
    runner.doing("E1: real events");
    verify(&program, &events, &folder.join(ANSWERS))?;
    let parties = take_turns(runner.rounds() * 3, entrants(program, &events)?)?;
    let (lines, _) = events_file::split(&events)?;
    let series = "servegen_tokens, whole process";
    runner.add(Case::new("E1", series, (lines, "events"), "ns a file", parties).at_most(1.5));
    Ok(())
}

/// Each has run once without being measured, so that all find the file in memory.
fn entrants(program: PathBuf, events: &Path) -> Result<Vec<Entrant<'static>>> {
    let compare = env::current_exe()?;
    let parties = [
        ("gpu-credit replay", program, vec!["replay"]),
        ("csv into fields", compare.clone(), vec!["peer-parse"]),
        (
            "csv into typed lines",
            compare,
            vec!["peer-parse", "--typed"],
        ),
    ];
    let entrant = |(name, program, arguments): (_, PathBuf, Vec<&'static str>)| {
        let events = events.to_owned();
        let turn = move || spawn(Command::new(&program).args(&arguments).arg(&events));
        turn()?;
        Ok(Entrant::new(name, turn))
    };
    parties.into_iter().map(entrant).collect()
}

/// The peer, in a process of its own.
pub(crate) fn run_peer(arguments: &PeerArguments) -> Result<()> {
    let (lines, sum) = match arguments.typed {
        true => events_file::parse(&arguments.file)?,
        false => events_file::split(&arguments.file)?,
    };
    println!("{lines} lines, {sum}");
    Ok(())
}

/// The program beside this one, freshly built if cargo is known.
fn program() -> Result<Option<PathBuf>> {
    let own = env::current_exe()?;
    let folder = own.parent().context("this program lies in a folder")?;
    if let Some(cargo) = env::var_os("CARGO") {
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--release", "-p", "gpu-credit-cli"]);
        build.current_dir(crate::paths::workspace());
        ensure!(build.status()?.success(), "the program could not be built");
    }
    let program = folder.join(format!("gpu-credit{}", env::consts::EXE_SUFFIX));
    Ok(program.is_file().then_some(program))
}

/// The answers of the program are those that are known to be right.
fn verify(program: &Path, events: &Path, answers: &Path) -> Result<()> {
    let output = Command::new(program).arg("replay").arg(events).output()?;
    ensure!(output.status.success(), "gpu-credit replay failed");
    let mut given = csv::Reader::from_reader(output.stdout.as_slice());
    let file = flate2::read::MultiGzDecoder::new(std::fs::File::open(answers)?);
    let mut right = csv::Reader::from_reader(file);
    let mut count = 0;
    let mut given = given.records();
    for right in right.records() {
        let right = right?;
        let given = given.next().context("an answer is missing")??;
        let same = (0..3).all(|field| given.get(field) == right.get(field));
        ensure!(same, "answer {count} is {given:?}, and should be {right:?}");
        count += 1;
    }
    ensure!(
        given.next().is_none() && count > 0,
        "an answer for each question"
    );
    Ok(())
}

fn spawn(command: &mut Command) -> Result<Turn> {
    command.stdout(Stdio::null()).stdin(Stdio::null());
    let (status, time) = timed(|| command.status());
    ensure!(status?.success(), "{command:?} failed");
    Ok(Turn {
        time,
        operations: 1,
        checksum: Checksum::default(),
    })
}
