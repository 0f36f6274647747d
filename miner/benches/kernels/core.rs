//! Which core was measured on, and how much else it did meanwhile.

use std::fs;
use std::time::Instant;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Off the core for more than this part of the time, or a spread of the limit over that: the core was busy.
const QUIET: f64 = 0.05;

/// A look at the clocks when the measurement began.
pub(crate) struct Core {
    began: Instant,
    processor_s: f64,
}

impl Core {
    pub(crate) fn watch() -> Self {
        Self { began: Instant::now(), processor_s: processor_s() }
    }

    /// One line: the processor, and whether the core was quiet by the clocks and by samples that should all be the same.
    pub(crate) fn report(&self, mut samples: Vec<f64>) -> String {
        let elapsed = self.began.elapsed().as_secs_f64();
        let away = (1.0 - (processor_s() - self.processor_s) / elapsed).max(0.0);
        samples.sort_by(f64::total_cmp);
        let spread = samples[samples.len() * 9 / 10] / samples[samples.len() / 10] - 1.0;
        let state = if away < QUIET && spread < QUIET { "quiet" } else { "busy" };
        format!(
            "{}: core {state}, others had it {:.0} % of the time, spread of the limit {:.1} %",
            name(),
            100.0 * away,
            100.0 * spread
        )
    }
}

/// Processor time of this thread in seconds.
fn processor_s() -> f64 {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ThreadCPUTime);
    tv_sec as f64 + tv_nsec as f64 / 1e9
}

/// The processor's name as the system tells it.
fn name() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    format!("{} ({})", model.unwrap_or("unknown processor"), std::env::consts::ARCH)
}
