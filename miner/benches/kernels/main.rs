//! Every kernel's speed, in one run and as ratios: against what the core's SHA instructions allow, against a two-stream
//! reference and against the portable kernel. The kernels take turns, so that what disturbs the core disturbs all.

mod core;

use std::time::Duration;

use hashlease_miner::pow::kernels::{KERNELS, Kernel, Mode, measure, port_limit, reference};

use crate::core::Core;

/// Length of one sample, and how many each kernel has.
const SAMPLE: Duration = Duration::from_millis(3);
const SAMPLES: usize = 101;

/// Parts of the port limit to reach with version rolling, and without: goal and stretch.
const ROLLING: (f64, f64) = (0.84, 0.92);
const PLAIN: (f64, f64) = (0.62, 0.67);

/// What is measured in one turn, each right after the other; zero where the core lacks the instructions.
struct Turn {
    limit: f64,
    reference: f64,
    /// Hashes per second of each kernel.
    kernels: Vec<f64>,
}

impl Turn {
    fn new(kernels: &[&Kernel]) -> Self {
        Self {
            limit: port_limit(SAMPLE).unwrap_or_default(),
            reference: reference().map_or(0.0, |kernel| measure(kernel, SAMPLE)),
            kernels: kernels.iter().map(|kernel| measure(kernel, SAMPLE)).collect(),
        }
    }

    fn portable(&self) -> f64 {
        self.kernels.last().copied().unwrap_or_default()
    }
}

fn main() {
    let kernels: Vec<_> = KERNELS.iter().filter(|kernel| (kernel.supported)()).collect();
    let core = Core::watch();
    let turns: Vec<_> = (0..SAMPLES).map(|_| Turn::new(&kernels)).collect();
    let limits: Vec<_> = turns.iter().map(|turn| turn.limit).collect();
    println!("{}", core.report(if limits[0] > 0.0 { limits } else { turns.iter().map(Turn::portable).collect() }));
    println!("medians of {SAMPLES} paired samples of {} ms of processor time\n", SAMPLE.as_millis());

    println!(
        "{:<18} {:>7} {:>5} {:>8} {:>10} {:>11} {:>10}",
        "kernel", "made for", "lanes", "MH/s", "port limit", "x reference", "x portable"
    );
    let row = |name: &str, mode: &str, lanes: &str, rate: fn(&Turn, usize) -> f64, index: usize| {
        let of = |part: fn(&Turn) -> f64| ratio(&turns, |turn| rate(turn, index) / part(turn));
        let (limit, reference, portable) = (of(|turn| turn.limit), of(|turn| turn.reference), of(Turn::portable));
        let speed = median(turns.iter().map(|turn| rate(turn, index) / 1e6).collect());
        println!(
            "{name:<18} {mode:>8} {lanes:>5} {speed:>8.2} {:>10} {:>11} {:>10}",
            percent(limit),
            times(reference),
            times(portable)
        );
        limit
    };
    if reference().is_some() {
        row("(port limit)", "", "", |turn, _| turn.limit, 0);
        row("(reference)", "plain", "2", |turn, _| turn.reference, 0);
    }
    let rows = kernels.iter().enumerate().map(|(index, kernel)| {
        let mode = match kernel.mode {
            Mode::Plain => "plain",
            Mode::Rolling => "rolling",
        };
        (kernel.mode, row(kernel.name, mode, &kernel.lanes.to_string(), |turn, index| turn.kernels[index], index))
    });
    let limits: Vec<_> = rows.collect();
    println!();
    for (name, mode, goal) in [("rolling", Mode::Rolling, ROLLING), ("plain", Mode::Plain, PLAIN)] {
        let best = limits.iter().filter(|(of, _)| *of == mode).filter_map(|(_, limit)| *limit).max_by(f64::total_cmp);
        verdict(name, best, goal);
    }
}

fn verdict(name: &str, best: Option<f64>, (goal, stretch): (f64, f64)) {
    let Some(best) = best else {
        println!("{name}: no port limit, since this processor lacks the SHA instructions");
        return;
    };
    let outcome = match best {
        best if best >= stretch => "stretch goal met",
        best if best >= goal => "goal met",
        _ => "MISS",
    };
    println!(
        "fastest {name} kernel: {:.1} % of the port limit; goal {:.0} %, stretch {:.0} %: {outcome}",
        100.0 * best,
        100.0 * goal,
        100.0 * stretch
    );
}

/// The median of a ratio over all turns; `None` where there is nothing to divide by.
fn ratio(turns: &[Turn], of: impl Fn(&Turn) -> f64) -> Option<f64> {
    Some(median(turns.iter().map(of).collect())).filter(|ratio| ratio.is_finite())
}

fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

fn percent(ratio: Option<f64>) -> String {
    ratio.map_or("-".into(), |ratio| format!("{:.1} %", 100.0 * ratio))
}

fn times(ratio: Option<f64>) -> String {
    ratio.map_or("-".into(), |ratio| format!("{ratio:.2}"))
}
