//! The comparison runner: the engine and its peers on the same workloads, interleaved in one
//! process, every answer checked.
//!
//! `cargo run --release -p gpu-credit-benches --bin compare` measures, keeps the raw figures under
//! `benches/record` and renders `docs/benchmarks.md` from them.

mod arguments;
mod front;
mod machine;
mod measure;
mod memory;
mod names;
mod outcome;
mod paths;
mod plot;
mod plots;
mod printed;
mod record;
mod report;
mod rows;
mod runner;
mod table;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command, KeepArguments, RecordArguments, RunArguments};
use paths::Places;
use printed::Printed;
use record::Record;
use runner::Runner;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.command {
        None => measure(&arguments.run),
        Some(Command::Render) => render(&Places::kept()),
        Some(Command::Keep(arguments)) => keep(arguments),
        Some(Command::Record(arguments)) => keep_record(arguments),
        Some(Command::PeerParse(peer)) => rows::program::run_peer(peer),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &RunArguments) -> anyhow::Result<()> {
    let mut runner = Runner::new(arguments);
    rows::run(&mut runner)?;
    let record = Record::new(arguments, runner.finish())?;
    let places = match arguments.keeps_record() {
        true => Places::kept(),
        false => Places::passing()?,
    };
    println!("raw figures: {}", record.write(&places.records)?.display());
    render(&places)
}

fn keep(arguments: &KeepArguments) -> anyhow::Result<()> {
    let places = Places::kept();
    let printed = Printed::by(arguments)?;
    printed.write(&places.printed(), &arguments.name)?;
    render(&places)
}

fn keep_record(arguments: &RecordArguments) -> anyhow::Result<()> {
    let places = Places::kept();
    let record = Record::printed(arguments)?;
    println!("raw figures: {}", record.write(&places.records)?.display());
    render(&places)
}

fn render(places: &Places) -> anyhow::Result<()> {
    let records = record::read_all(&places.records)?;
    let printed = printed::read_all(&places.printed())?;
    let page = report::write(&records, &printed, &places.docs)?;
    println!("rendered: {}", page.display());
    Ok(())
}
