//! `hashlease-miner bench`: what this machine can do.

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::time::Duration;

use hashlease_miner::pow::kernels::{self, KERNELS, Kernel, Mode, measure_threads};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use terminal_size::{Width, terminal_size_of};

use crate::args::BenchArgs;
use crate::chart::{self, Bar};
use crate::rate::Si;

/// Columns where there is no terminal.
const COLUMNS: u16 = 80;

/// Hashes that a share of difficulty 1 takes on average.
const DIFFICULTY_ONE: f64 = 4_295_032_833.0;

/// What was measured; one line of JSON for programs.
#[derive(Debug, Serialize)]
struct Report {
    /// Seconds of each measurement.
    seconds: f64,
    /// Threads of `all_hs`.
    threads: NonZeroUsize,
    /// The kernel that mining would use where the pool lets versions be rolled.
    rolling: &'static str,
    /// The kernel that it would use elsewhere.
    plain: &'static str,
    kernels: Vec<Measured>,
}

/// One kernel's rates.
#[derive(Debug, Serialize)]
struct Measured {
    name: &'static str,
    /// Hashes that it computes side by side.
    lanes: u8,
    /// Hashes per second on one thread.
    single_hs: u64,
    /// Hashes per second on all threads together.
    all_hs: u64,
}

/// Measures every kernel that this machine supports, and prints.
pub(crate) fn run(args: &BenchArgs) -> anyhow::Result<()> {
    let threads = args.threads();
    let choice = kernels::choose()?;
    let [rolling, plain] = [Mode::Rolling, Mode::Plain].map(|mode| choice.of(mode)[0].kernel.name);
    let kernels = measure_all(threads, args.time);
    let report = Report { seconds: args.time.as_secs_f64(), threads, rolling, plain, kernels };
    let text = if args.json { serde_json::to_string(&report)? + "\n" } else { describe(&report, columns()) };
    Ok(io::stdout().write_all(text.as_bytes())?)
}

fn measure_all(threads: NonZeroUsize, time: Duration) -> Vec<Measured> {
    let supported: Vec<&Kernel> = KERNELS.iter().filter(|kernel| (kernel.supported)()).collect();
    let progress = ProgressBar::new(2 * supported.len() as u64);
    // The template is a literal; the default style would do as well.
    let style = ProgressStyle::with_template("{spinner} measuring {msg} ({pos} of {len})");
    progress.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let measured = supported.into_iter().map(|kernel| {
        progress.set_message(format!("{} on one thread", kernel.name));
        let single_hs = whole(measure_threads(kernel, NonZeroUsize::MIN, time));
        progress.inc(1);
        progress.set_message(format!("{} on all threads", kernel.name));
        let all_hs = whole(measure_threads(kernel, threads, time));
        progress.inc(1);
        Measured { name: kernel.name, lanes: kernel.lanes, single_hs, all_hs }
    });
    let measured = measured.collect();
    progress.finish_and_clear();
    measured
}

/// Whole hashes per second.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is positive and far below the limit"
)]
fn whole(rate: f64) -> u64 {
    rate as u64
}

fn columns() -> usize {
    terminal_size_of(io::stdout()).map_or(COLUMNS, |(Width(columns), _)| columns).into()
}

fn describe(report: &Report, columns: usize) -> String {
    let Report { seconds, threads, rolling, plain, kernels } = report;
    let chart = chart::draw(&kernels.iter().flat_map(|kernel| bars(kernel, *threads)).collect::<Vec<_>>(), columns);
    let best = kernels.iter().find(|kernel| kernel.name == *rolling).map_or(0, |kernel| kernel.all_hs);
    format!(
        "Kernels that this machine supports, each measured for {seconds} s on one thread and\n\
         on {threads}:\n\n\
         {chart}\n\
         Mining uses {rolling} where the pool lets versions be rolled, at {rate}H/s on\n\
         all threads, and {plain} elsewhere. At that rate a share of difficulty 1 takes\n\
         {one} on average, one of difficulty 0.01 takes {hundredth}.\n\n\
         One hash is SHA-256 twice over a block header. The last column tells how many\n\
         single threads all of them together are worth: threads that share a core add\n\
         less than one each, and other programs that run meanwhile take their part.\n",
        rate = Si(best as f64),
        one = expected(DIFFICULTY_ONE, best),
        hundredth = expected(DIFFICULTY_ONE / 100.0, best),
    )
}

/// A bar for one thread and one for all of them; one alone where that is all there are.
fn bars(kernel: &Measured, threads: NonZeroUsize) -> Vec<Bar> {
    let Measured { name, single_hs, all_hs, .. } = kernel;
    let single = Bar { label: format!("{name}, 1 thread"), rate: *single_hs, note: String::new() };
    if threads == NonZeroUsize::MIN {
        return vec![single];
    }
    let times = *all_hs as f64 / (*single_hs).max(1) as f64;
    let all = Bar { label: format!("{name}, {threads} threads"), rate: *all_hs, note: format!("{times:.2} ×") };
    vec![single, all]
}

/// The time that so many hashes take, for people.
fn expected(hashes: f64, rate: u64) -> String {
    let seconds = hashes / rate.max(1) as f64;
    match seconds {
        ..120.0 => format!("{seconds:.1} s"),
        120.0..7_200.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3_600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(threads: usize) -> Report {
        let kernels = vec![
            Measured { name: "fast", lanes: 4, single_hs: 20_000_000, all_hs: 38_000_000 },
            Measured { name: "portable", lanes: 1, single_hs: 5_000_000, all_hs: 10_000_000 },
        ];
        Report {
            seconds: 1.0,
            threads: NonZeroUsize::new(threads).unwrap(),
            rolling: "fast",
            plain: "portable",
            kernels,
        }
    }

    #[test]
    fn every_kernel_has_a_bar_for_one_thread_and_for_all_and_the_chosen_one_is_named() {
        let text = describe(&report(2), 80);
        let rows: Vec<&str> = text.lines().filter(|line| line.contains('█')).collect();
        assert_eq!(rows.len(), 4);
        assert!(rows[0].starts_with("fast, 1 thread ") && rows[0].ends_with("20.00 MH/s"));
        assert!(rows[1].starts_with("fast, 2 threads ") && rows[1].ends_with("38.00 MH/s 1.90 ×"));
        assert!(text.contains("Mining uses fast where the pool lets versions be rolled, at 38.00 MH/s"), "{text}");
        assert!(text.contains("and portable elsewhere"));
        assert!(text.contains("difficulty 1 takes\n113.0 s"), "{text}");
    }

    #[test]
    fn a_single_thread_is_shown_once() {
        assert_eq!(describe(&report(1), 80).lines().filter(|line| line.contains('█')).count(), 2);
    }

    #[test]
    fn programs_get_the_plain_figures() {
        let value = serde_json::to_value(report(2)).unwrap();
        assert_eq!((&value["rolling"], &value["plain"]), (&"fast".into(), &"portable".into()));
        assert_eq!(value["threads"], 2);
        assert_eq!(
            (&value["kernels"][1]["name"], &value["kernels"][1]["all_hs"]),
            (&"portable".into(), &10_000_000.into())
        );
    }

    #[test]
    fn times_are_in_the_unit_that_people_would_choose() {
        for (hashes, text) in [(1.0, "1.0 s"), (119.0, "119.0 s"), (600.0, "10 min"), (9_000.0, "2.5 h")] {
            assert_eq!(expected(hashes, 1), text);
        }
    }
}
