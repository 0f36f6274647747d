//! What a person, or another program, sees of the miner.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use hashlease_miner::client::{State, Stats};
use indicatif::{FormattedDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
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
    /// Hashes per second since the start, while there was a job.
    mean_hashrate_hs: f64,
    /// Hashes per second that accepted shares stand for, over the same time.
    accepted_hashrate_hs: f64,
    /// Relative standard error of the same; null before the first share.
    accepted_hashrate_error: Option<f64>,
    #[serde(flatten)]
    stats: &'a Stats,
}

impl<'a> Report<'a> {
    fn new(stats: &'a Stats, hashrate_hs: f64) -> Self {
        Self {
            hashrate_hs,
            mean_hashrate_hs: stats.mean_hashrate(),
            accepted_hashrate_hs: stats.accepted_hashrate(),
            accepted_hashrate_error: stats.accepted_error(),
            stats,
        }
    }
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
            Style::Live if last => {
                self.bar.finish_and_clear();
                drop(writeln!(io::stderr(), "{}", summarize(stats)));
            }
            Style::Live => {
                self.bar.set_message(describe(stats, hashrate));
                self.bar.tick();
            }
            // A reader that went away is no reason to stop mining.
            Style::Plain if last => drop(writeln!(io::stderr(), "{}", summarize(stats))),
            Style::Plain => drop(writeln!(io::stderr(), "{}", describe(stats, hashrate))),
            Style::Json => {
                let line = serde_json::to_string(&Report::new(stats, hashrate));
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
    let (hashrate, work, best) = (Si(hashrate), accepted_hashrate(stats), Si(*best_difficulty).to_string());
    let best = best.trim_end();
    format!(
        "{state} · {hashrate}H/s · accepted work {work} · accepted {accepted} · rejected {rejected} · stale {stale} · best {best} · difficulty {difficulty}"
    )
}

/// What was done, from the start to the end.
fn summarize(stats: &Stats) -> String {
    let Stats { kernel, hashes, accepted, accepted_work, rejected, stale, unanswered, .. } = stats;
    let time = FormattedDuration(Duration::from_millis(stats.mining_ms));
    let (hashes, mean) = (Si(*hashes as f64), Si(stats.mean_hashrate()));
    let (work, credited) = (Si(*accepted_work as f64), accepted_hashrate(stats));
    format!(
        "mined for {time} with the kernel {kernel}: {hashes}H at {mean}H/s\n\
         accepted {accepted} shares for {work}H of work: {credited}\n\
         rejected {rejected}, stale {stale}, unanswered {unanswered}"
    )
}

/// The hashrate that accepted shares stand for, with its standard error.
fn accepted_hashrate(stats: &Stats) -> String {
    match stats.accepted_error() {
        Some(error) => format!("{}H/s ± {:.1} %", Si(stats.accepted_hashrate()), 100.0 * error),
        None => "none yet".to_owned(),
    }
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

    /// Twelve shares of 2^20 hashes in two seconds.
    fn stats() -> Stats {
        Stats {
            state: State::Mining,
            kernel: "portable",
            hashes: 11_000_000,
            mining_ms: 2_000,
            accepted: 12,
            accepted_work: 12 << 20,
            accepted_work_squared: 12.0 * 1_048_576f64.powi(2),
            rejected: 3,
            stale: 1,
            difficulty: 0.5,
            best_difficulty: 1234.0,
            ..Stats::default()
        }
    }

    #[test]
    fn the_line_tells_both_hashrates_shares_and_difficulties() {
        assert_eq!(
            describe(&stats(), 5.25e6),
            "mining · 5.25 MH/s · accepted work 6.29 MH/s ± 28.9 % · accepted 12 · rejected 3 · stale 1 · best 1.23 k · difficulty 0.5"
        );
        assert!(describe(&Stats::default(), 0.0).contains("accepted work none yet"));
    }

    #[test]
    fn the_summary_tells_what_was_done_and_what_it_was_worth() {
        assert_eq!(
            summarize(&stats()),
            "mined for 00:00:02 with the kernel portable: 11.00 MH at 5.50 MH/s\n\
             accepted 12 shares for 12.58 MH of work: 6.29 MH/s ± 28.9 %\n\
             rejected 3, stale 1, unanswered 0"
        );
    }

    #[test]
    fn json_carries_every_statistic_beside_the_hashrates() {
        let value = serde_json::to_value(Report::new(&stats(), 2.5)).unwrap();
        assert_eq!(
            (&value["hashrate_hs"], &value["state"], &value["accepted"]),
            (&2.5.into(), &"mining".into(), &12.into())
        );
        assert_eq!(
            (&value["mean_hashrate_hs"], &value["accepted_hashrate_hs"], &value["accepted_work"]),
            (&5_500_000.0.into(), &6_291_456.0.into(), &12_582_912.into())
        );
        assert!((value["accepted_hashrate_error"].as_f64().unwrap() - 12f64.sqrt().recip()).abs() < 1e-9);
        assert!(value.get("accepted_work_squared").is_none());
        let before = serde_json::to_value(Report::new(&Stats::default(), 0.0)).unwrap();
        assert!(before["accepted_hashrate_error"].is_null());
    }
}
