//! `hashlease-miner`: mines with CPU threads for any Stratum V1 pool, a seller's Hashlease node among them.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod args;
mod progress;
mod rate;

use std::io;

use clap::Parser;
use hashlease_miner::client::Client;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use args::Args;
use progress::Progress;

/// The runtime needs no thread of its own: it only moves lines, and the cores are for mining.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let progress = Progress::new(args.json);
    progress.log_beside();
    let (client, stats) = Client::new(args.config()?);
    let shutdown = CancellationToken::new();
    let running = async { tokio::join!(client.run(shutdown.clone()), progress.show(stats)) };
    tokio::pin!(running);
    let (outcome, ()) = tokio::select! {
        ended = &mut running => ended,
        signalled = interrupted() => {
            signalled?;
            shutdown.cancel();
            running.await
        }
    };
    Ok(outcome?)
}

/// Waits for SIGINT or SIGTERM.
async fn interrupted() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupt = tokio::signal::ctrl_c() => interrupt,
        _ = terminate.recv() => Ok(()),
    }
}
