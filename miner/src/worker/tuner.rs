//! Which kernel a thread runs: looked at again now and then, on real work, since it depends on what else the core does.

use std::time::{Duration, Instant};

use crate::pow::kernels::{Choice, Kernel, Mode, Tuned};

/// How long a result stands.
const STANDS: Duration = Duration::from_secs(180);

/// When the first race begins: the tuning at start didn't know the load that the threads are to each other.
const FIRST: Duration = Duration::from_secs(5);

/// Batches of each kernel in a race; odd, for a median.
const TURNS: usize = 9;

/// Kernels that were slower than this part of the fastest at start don't race: no load turns that around.
const CONTENDER: f64 = 0.6;

/// Hashing time of a batch: new work waits no longer for a thread.
const BATCH_S: f64 = 0.000_4;

/// Fewest hashes of a batch, so that what surrounds it hardly counts.
const BATCH_MIN: f64 = 4_096.0;

/// Most hashes of a batch.
const BATCH_MAX: f64 = 1_048_576.0;

/// The kernels that one thread runs in either mode.
#[derive(Debug)]
pub(super) struct Tuner {
    plain: Race,
    rolling: Race,
}

impl Tuner {
    pub(super) fn new(choice: &Choice, now: Instant) -> Self {
        Self { plain: Race::new(choice.of(Mode::Plain), now), rolling: Race::new(choice.of(Mode::Rolling), now) }
    }

    pub(super) fn race(&mut self, mode: Mode) -> &mut Race {
        match mode {
            Mode::Plain => &mut self.plain,
            Mode::Rolling => &mut self.rolling,
        }
    }
}

/// Kernels of one mode, the fastest first, and the race among them while there is one.
#[derive(Debug)]
pub(super) struct Race {
    contenders: Vec<Contender>,
    /// When the next race begins.
    due: Instant,
    /// Batches run in the current race; `None` between races.
    batches: Option<usize>,
}

#[derive(Debug)]
struct Contender {
    tuned: Tuned,
    /// Hashes per second of each batch in the current race.
    rates: Vec<f64>,
}

impl Race {
    fn new(tuned: &[Tuned], now: Instant) -> Self {
        let least = tuned.first().map_or(0.0, |fastest| fastest.rate * CONTENDER);
        let contenders = tuned.iter().filter(|tuned| tuned.rate >= least);
        let contenders = contenders.map(|&tuned| Contender { tuned, rates: Vec::with_capacity(TURNS) }).collect();
        Self { contenders, due: now + FIRST, batches: None }
    }

    /// The kernel for the next batch, and the batch's number of hashes.
    pub(super) fn next(&self) -> (&'static Kernel, u32) {
        let Tuned { kernel, rate } = self.contenders[self.batches.unwrap_or(0) % self.contenders.len()].tuned;
        (kernel, batch_hashes(rate))
    }

    /// Takes the hashes and the processor time of the batch that [`Race::next`] asked for.
    pub(super) fn ran(&mut self, hashes: u64, elapsed: Duration, now: Instant) {
        let Some(batches) = self.batches else {
            if self.contenders.len() > 1 && now >= self.due {
                self.batches = Some(0);
            }
            return;
        };
        let racing = self.contenders.len();
        self.contenders[batches % racing].rates.push(hashes as f64 / elapsed.as_secs_f64().max(1e-9));
        self.batches = Some(batches + 1);
        if batches + 1 == TURNS * racing {
            self.finish(now);
        }
    }

    /// Ends a race: every kernel's rate is its median's, and the fastest goes first.
    fn finish(&mut self, now: Instant) {
        for Contender { tuned, rates } in &mut self.contenders {
            rates.sort_by(f64::total_cmp);
            tuned.rate = rates[rates.len() / 2];
            rates.clear();
        }
        self.contenders.sort_by(|a, b| b.tuned.rate.total_cmp(&a.tuned.rate));
        self.batches = None;
        self.due = now + STANDS;
    }
}

/// Hashes of one batch at a rate.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
fn batch_hashes(rate: f64) -> u32 {
    (rate * BATCH_S).clamp(BATCH_MIN, BATCH_MAX) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pow::kernels::KERNELS;

    fn kernel(name: &'static str) -> &'static Kernel {
        let portable = &KERNELS[KERNELS.len() - 1];
        Box::leak(Box::new(Kernel { name, ..*portable }))
    }

    fn race(rates: &[(&'static str, f64)], now: Instant) -> Race {
        Race::new(&rates.iter().map(|&(name, rate)| Tuned { kernel: kernel(name), rate }).collect::<Vec<_>>(), now)
    }

    /// Runs batches, each kernel at the given rate, until a race is over; gives how many batches each ran in it.
    fn run_race(race: &mut Race, mut now: Instant, rates: &[(&'static str, f64)]) -> Vec<usize> {
        race.ran(1, Duration::ZERO, now);
        let mut batches = vec![0; rates.len()];
        while race.batches.is_some() {
            let (kernel, hashes) = race.next();
            let place = rates.iter().position(|(name, _)| *name == kernel.name).unwrap();
            let elapsed = Duration::from_secs_f64(f64::from(hashes) / rates[place].1);
            now += elapsed;
            race.ran(hashes.into(), elapsed, now);
            batches[place] += 1;
        }
        batches
    }

    #[test]
    fn the_fastest_runs_until_a_race_turns_the_order_around() {
        let (now, start) = (Instant::now(), [("a", 30e6), ("b", 25e6)]);
        let mut race = race(&start, now);
        race.ran(10_000, Duration::ZERO, now + FIRST - Duration::from_millis(1));
        assert_eq!(race.next().0.name, "a");
        assert_eq!(run_race(&mut race, now + FIRST, &[("a", 10e6), ("b", 20e6)]), [TURNS, TURNS]);
        assert_eq!((race.next().0.name, race.next().1), ("b", 8_000));
        race.ran(8_000, Duration::ZERO, now + STANDS);
        assert!(race.batches.is_none(), "the next race is due only later");
        run_race(&mut race, now + 3 * STANDS, &start);
        assert_eq!(race.next().0.name, "a");
    }

    #[test]
    fn a_disturbed_batch_decides_nothing() {
        let now = Instant::now();
        let mut race = race(&[("a", 30e6), ("b", 25e6)], now);
        race.ran(1, Duration::ZERO, now + FIRST);
        for batch in 0..2 * TURNS {
            let (kernel, hashes) = race.next();
            let rate = if kernel.name == "a" { 30e6 } else { 25e6 };
            let disturbed = if batch == 4 { 100.0 } else { 1.0 };
            race.ran(hashes.into(), Duration::from_secs_f64(f64::from(hashes) / rate * disturbed), now);
        }
        assert!(race.batches.is_none());
        assert_eq!(race.next().0.name, "a");
    }

    #[test]
    fn hopeless_kernels_and_lone_ones_never_race() {
        let now = Instant::now();
        let mut race = race(&[("a", 30e6), ("b", 10e6)], now);
        race.ran(1, Duration::ZERO, now + FIRST);
        assert_eq!((race.batches, race.next().0.name), (None, "a"));
    }

    #[test]
    fn a_batch_takes_less_than_half_a_millisecond_unless_the_kernel_is_slow() {
        assert_eq!([1.0, 20e6, 1e9, 1e15].map(batch_hashes), [4_096, 8_000, 400_000, 1_048_576]);
    }
}
