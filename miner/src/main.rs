//! `hashlease-miner`: mines with CPU threads for any Stratum V1 pool, a seller's Hashlease node among them.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod args;
mod bench;
mod chart;
mod progress;
mod rate;

use std::{io, process};

use clap::Parser;
use hashlease_miner::client::Client;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use args::{Args, Command, MineArgs};
use progress::Progress;

/// What a shell reports of a program that SIGINT ended.
const INTERRUPTED: i32 = 130;

fn main() -> anyhow::Result<()> {
    match Args::parse().into_command()? {
        Command::Bench(args) => bench::run(&args),
        Command::Mine(args) => mine(args),
    }
}

/// The runtime needs no thread of its own: it only moves lines, and the cores are for mining.
#[tokio::main(flavor = "current_thread")]
async fn mine(args: MineArgs) -> anyhow::Result<()> {
    let progress = Progress::new(args.json);
    progress.log_beside();
    let (client, stats) = Client::new(args.config()?);
    let shutdown = CancellationToken::new();
    let mut signals = Signals::listen()?;
    let running = async { tokio::join!(client.run(shutdown.clone()), progress.show(stats)) };
    tokio::pin!(running);
    let (outcome, ()) = tokio::select! {
        ended = &mut running => ended,
        () = signals.next() => {
            shutdown.cancel();
            tokio::select! {
                ended = &mut running => ended,
                () = signals.next() => process::exit(INTERRUPTED),
            }
        }
    };
    Ok(outcome?)
}

/// SIGINT and SIGTERM, from the first to the last.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next one.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
