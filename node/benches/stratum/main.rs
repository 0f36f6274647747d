//! Load on the seller's farm: thousands of connected miners, a new job for all of them, as many submits as they can make, and
//! hostile clients beside them.
//!
//! The farm runs in this process; the miners and the hostile clients run in processes of their own, which are this program
//! again. All traffic stays on loopback. Run it by `cargo bench -p hashlease-node --bench stratum`, for a quick look with
//! `-- --quick`.

mod arrival;
mod attack;
mod generator;
mod helper;
mod machine;
mod miner;
mod phases;
mod report;
mod server;
mod spread;

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;

/// Loads a farm with miners and measures how it bears them.
#[derive(Debug, Parser)]
struct Args {
    /// Connected miners; 10,000 unless it is to be quick.
    #[arg(long)]
    miners: Option<usize>,
    /// Submits a second; 20,000 unless it is to be quick.
    #[arg(long)]
    submits: Option<u32>,
    /// Fewer miners for a shorter time, to see that all is well.
    #[arg(long)]
    quick: bool,
    /// Set by `cargo bench`; without it nothing is measured, so that no run of the tests is.
    #[arg(long, hide = true)]
    bench: bool,
    /// Makes this process help another one that has this farm.
    #[arg(long, hide = true)]
    farm: Option<SocketAddr>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    if !args.bench {
        println!("nothing measured: run me by `cargo bench`");
        return ExitCode::SUCCESS;
    }
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the benchmark failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> io::Result<()> {
    let descriptors = machine::raise_descriptors()?;
    if let Some(farm) = args.farm {
        return helper::serve(farm);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let plan = phases::Plan::new(args.quick, args.miners, args.submits);
    // As a task: work that one of the runtime's own threads hands out is quicker, and in a node it does so.
    let report = runtime.block_on(runtime.spawn(phases::run(plan, descriptors))).map_err(io::Error::other)??;
    println!("{report}");
    Ok(())
}
