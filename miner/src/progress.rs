//! What a person, or another program, sees of the miner.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use hashlease_miner::client::{State, Stats};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::interval;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::rate::{Rate, Si};

/// Between two lines where there is no terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);

/// Between two frames on a terminal.
const FRAME_INTERVAL: Duration = Duration::from_millis(500);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// One line that is drawn over, on a terminal's standard error.
    Live,
    /// A line now and then, on standard error.
    Plain,
    /// A line of JSON now and then, on standard output.
    Json,
}

/// Shows statistics until the client has stopped.
pub(crate) struct Progress {
    style: Style,
    bar: ProgressBar,
}

/// One line of JSON.
#[derive(Serialize)]
struct Report<'a> {
    /// Hashes per second over the last ten seconds.
    hashrate_hs: f64,
    #[serde(flatten)]
    stats: &'a Stats,
}

impl Progress {
    /// Chooses how to show: JSON where asked for, else live on a terminal and plain elsewhere.
    pub(crate) fn new(json: bool) -> Self {
        let style = match (json, io::stderr().is_terminal()) {
            (true, _) => Style::Json,
            (false, true) => Style::Live,
            (false, false) => Style::Plain,
        };
        let target = if style == Style::Live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        // The template is a literal without placeholders that could be wrong; the default style would do as well.
        let spinner = ProgressStyle::with_template("{spinner} {wide_msg}");
        bar.set_style(spinner.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Self { style, bar }
    }

    /// Sends log lines to standard error, above the live line.
    pub(crate) fn log_beside(&self) {
        let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
        let bar = self.bar.clone();
        let writer = move || Beside(bar.clone());
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(writer)
            .with_ansi(self.style == Style::Live)
            .init();
    }

    /// Shows until the client has stopped, and once more then.
    pub(crate) async fn show(&self, stats: watch::Receiver<Stats>) {
        let mut ticks = interval(if self.style == Style::Live { FRAME_INTERVAL } else { LINE_INTERVAL });
        // The first tick comes at once, when there is nothing to tell.
        ticks.tick().await;
        let mut rate = Rate::default();
        rate.sample(Instant::now(), 0);
        let mut stopping = stats.clone();
        loop {
            let stopped = tokio::select! {
                _ = stopping.wait_for(|stats| stats.state == State::Stopped) => true,
                _ = ticks.tick() => false,
            };
            let snapshot = stats.borrow().clone();
            let hashrate = rate.sample(Instant::now(), snapshot.hashes);
            self.print(&snapshot, hashrate, stopped);
            if stopped {
                return;
            }
        }
    }

    fn print(&self, stats: &Stats, hashrate: f64, last: bool) {
        match self.style {
            Style::Live if last => self.bar.finish_with_message(describe(stats, hashrate)),
            Style::Live => {
                self.bar.set_message(describe(stats, hashrate));
                self.bar.tick();
            }
            // A reader that went away is no reason to stop mining.
            Style::Plain => drop(writeln!(io::stderr(), "{}", describe(stats, hashrate))),
            Style::Json => {
                let line = serde_json::to_string(&Report { hashrate_hs: hashrate, stats });
                drop(line.map(|line| writeln!(io::stdout(), "{line}")));
            }
        }
    }
}

fn describe(stats: &Stats, hashrate: f64) -> String {
    let state = match stats.state {
        State::Connecting => "connecting",
        State::Mining => "mining",
        State::Waiting => "waiting to reconnect",
        State::Stopped => "stopped",
    };
    let Stats { accepted, rejected, stale, best_difficulty, difficulty, .. } = stats;
    let (hashrate, best) = (Si(hashrate), Si(*best_difficulty).to_string());
    let best = best.trim_end();
    format!(
        "{state} · {hashrate}H/s · accepted {accepted} · rejected {rejected} · stale {stale} · best {best} · difficulty {difficulty}"
    )
}

/// Standard error beside the live line, which makes room while somebody else writes.
struct Beside(ProgressBar);

impl Write for Beside {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats() -> Stats {
        Stats {
            state: State::Mining,
            hashes: 1,
            accepted: 12,
            rejected: 3,
            stale: 1,
            difficulty: 0.5,
            best_difficulty: 1234.0,
            ..Stats::default()
        }
    }

    #[test]
    fn the_line_tells_hashrate_shares_and_difficulties() {
        let line = describe(&stats(), 5.25e6);
        assert_eq!(line, "mining · 5.25 MH/s · accepted 12 · rejected 3 · stale 1 · best 1.23 k · difficulty 0.5");
    }

    #[test]
    fn json_carries_every_statistic_beside_the_hashrate() {
        let value = serde_json::to_value(Report { hashrate_hs: 2.5, stats: &stats() }).unwrap();
        assert_eq!(
            (&value["hashrate_hs"], &value["state"], &value["accepted"]),
            (&2.5.into(), &"mining".into(), &12.into())
        );
    }
}
