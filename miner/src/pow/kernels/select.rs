//! The choice of kernels: what this host supports, computes rightly, and runs fastest.

use std::sync::OnceLock;
use std::time::Duration;

use super::measure::measure;
use super::self_test::self_test;
use super::{KERNELS, Kernel, Mode};

/// Environment variable that names the only kernel to use.
pub const OVERRIDE: &str = "HASHLEASE_KERNEL";

/// Samples of each kernel in the tuning at start, and how long one takes.
const SAMPLES: usize = 5;
const SAMPLE: Duration = Duration::from_micros(500);

/// Why there is no kernel to mine with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KernelError {
    /// A kernel missed a known nonce or found one that isn't there.
    #[error("kernel {kernel} failed its self-test: this host or this build computes SHA-256 wrongly")]
    SelfTest {
        /// The kernel's name.
        kernel: &'static str,
    },
    /// The override names no kernel of this host.
    #[error("{OVERRIDE} names {asked:?}, which this host doesn't have; it has {available}")]
    Unknown {
        /// What the override says.
        asked: String,
        /// The names that it could say.
        available: String,
    },
}

/// A kernel with its measured speed.
#[derive(Debug, Clone, Copy)]
pub struct Tuned {
    /// The kernel.
    pub kernel: &'static Kernel,
    /// Hashes per second of one thread.
    pub rate: f64,
}

/// The kernels of this host that passed their self-test, fastest first; never empty in either mode.
#[derive(Debug, Clone)]
pub struct Choice {
    plain: Vec<Tuned>,
    rolling: Vec<Tuned>,
}

impl Choice {
    /// The kernels for a mode, fastest first.
    pub fn of(&self, mode: Mode) -> &[Tuned] {
        match mode {
            Mode::Plain => &self.plain,
            Mode::Rolling => &self.rolling,
        }
    }

    /// One kernel for both modes, with its self-test.
    pub fn only(kernel: &'static Kernel) -> Result<Self, KernelError> {
        if !self_test(kernel) {
            return Err(KernelError::SelfTest { kernel: kernel.name });
        }
        let tuned = tune(vec![kernel]);
        Ok(Self { plain: tuned.clone(), rolling: tuned })
    }

    /// One kernel for both modes, whatever it computes.
    #[cfg(test)]
    pub(crate) fn untested(kernel: &'static Kernel) -> Self {
        let tuned = vec![Tuned { kernel, rate: 1.0 }];
        Self { plain: tuned.clone(), rolling: tuned }
    }

    /// All kernels of a table that this host supports; those that fail their self-test are left out with a warning.
    fn all(kernels: &'static [Kernel]) -> Result<Self, KernelError> {
        let (right, wrong): (Vec<_>, Vec<_>) =
            kernels.iter().filter(|kernel| (kernel.supported)()).partition(|kernel| self_test(kernel));
        for kernel in &wrong {
            tracing::warn!(kernel = kernel.name, "the kernel failed its self-test and isn't used");
        }
        // The last kernel is the measure of the others: where it is wrong, nothing is right.
        if let Some(kernel) = wrong.iter().find(|kernel| kernel.name == kernels[kernels.len() - 1].name) {
            return Err(KernelError::SelfTest { kernel: kernel.name });
        }
        // A plain kernel is as fast with many versions as with one.
        let rolling = tune(right);
        let plain = rolling.iter().filter(|tuned| tuned.kernel.mode == Mode::Plain).copied().collect();
        Ok(Self { plain, rolling })
    }
}

/// Chooses once a process, by measurement or as [`OVERRIDE`] says.
pub fn choose() -> Result<Choice, KernelError> {
    static CHOICE: OnceLock<Result<Choice, KernelError>> = OnceLock::new();
    CHOICE
        .get_or_init(|| by_name(std::env::var_os(OVERRIDE).as_deref().map(|name| name.to_string_lossy()).as_deref()))
        .clone()
}

/// The fastest kernel for a header whose version isn't rolled.
pub fn select() -> Result<&'static Kernel, KernelError> {
    Ok(choose()?.plain[0].kernel)
}

fn by_name(name: Option<&str>) -> Result<Choice, KernelError> {
    let Some(name) = name else { return Choice::all(KERNELS) };
    let supported = || KERNELS.iter().filter(|kernel| (kernel.supported)());
    match supported().find(|kernel| kernel.name == name) {
        Some(kernel) => Choice::only(kernel),
        None => {
            let available = supported().map(|kernel| kernel.name).collect::<Vec<_>>().join(", ");
            Err(KernelError::Unknown { asked: name.to_owned(), available })
        }
    }
}

/// Measures kernels in turns, so that a disturbance hits all of them, and sorts them by their median.
fn tune(kernels: Vec<&'static Kernel>) -> Vec<Tuned> {
    let mut samples = vec![[0.0; SAMPLES]; kernels.len()];
    for turn in 0..SAMPLES {
        for (kernel, samples) in kernels.iter().zip(&mut samples) {
            samples[turn] = measure(kernel, SAMPLE);
        }
    }
    let medians = samples.into_iter().map(|mut samples| {
        samples.sort_by(f64::total_cmp);
        samples[SAMPLES / 2]
    });
    let mut tuned: Vec<_> = kernels.into_iter().zip(medians).map(|(kernel, rate)| Tuned { kernel, rate }).collect();
    tuned.sort_by(|a, b| b.rate.total_cmp(&a.rate));
    tuned
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pow::kernels::Scan;

    const BLIND: Scan = |_, _, _, _| {};

    fn leak(kernels: Vec<Kernel>) -> &'static [Kernel] {
        kernels.leak()
    }

    fn portable() -> Kernel {
        Kernel { ..KERNELS[KERNELS.len() - 1] }
    }

    #[test]
    fn the_choice_has_every_supported_kernel_fastest_first() {
        let choice = Choice::all(KERNELS).unwrap();
        for (mode, tuned) in [(Mode::Plain, &choice.plain), (Mode::Rolling, &choice.rolling)] {
            assert!(tuned.is_sorted_by(|a, b| a.rate >= b.rate) && tuned.iter().all(|tuned| tuned.rate > 0.0));
            let fitting = |kernel: &&Kernel| mode == Mode::Rolling || kernel.mode == Mode::Plain;
            let supported = KERNELS.iter().filter(fitting).filter(|kernel| (kernel.supported)()).count();
            assert_eq!(tuned.len(), supported, "{mode:?}");
        }
    }

    #[test]
    fn the_override_takes_each_kernel_of_this_host_and_none_else() {
        for kernel in KERNELS {
            match by_name(Some(kernel.name)) {
                Ok(choice) => {
                    assert!((kernel.supported)());
                    assert_eq!([choice.plain[0].kernel.name, choice.rolling[0].kernel.name], [kernel.name; 2]);
                    assert_eq!((choice.plain.len(), choice.rolling.len()), (1, 1));
                }
                Err(error) => assert!(!(kernel.supported)(), "{error}"),
            }
        }
        let error = by_name(Some("fast")).unwrap_err().to_string();
        assert!(error.starts_with("HASHLEASE_KERNEL names \"fast\", which this host doesn't have; it has "), "{error}");
        assert!(error.ends_with("portable"), "{error}");
    }

    #[test]
    fn a_wrong_kernel_is_left_out_and_a_wrong_last_one_is_an_error() {
        let blind = |mode| Kernel { name: "blind", mode, scan: BLIND, ..portable() };
        let choice = Choice::all(leak(vec![blind(Mode::Rolling), blind(Mode::Plain), portable()])).unwrap();
        for tuned in [choice.plain, choice.rolling] {
            assert_eq!(tuned.iter().map(|tuned| tuned.kernel.name).collect::<Vec<_>>(), ["portable"]);
        }
        let wrong = Err(KernelError::SelfTest { kernel: "blind" });
        assert_eq!(Choice::all(leak(vec![portable(), blind(Mode::Plain)])).map(|_| ()), wrong);
        assert_eq!(Choice::only(&leak(vec![blind(Mode::Plain)])[0]).map(|_| ()), wrong);
    }

    #[test]
    fn a_kernel_that_this_host_lacks_is_never_run() {
        let foreign = Kernel { name: "foreign", supported: || false, scan: |_, _, _, _| panic!("run"), ..portable() };
        assert_eq!(Choice::all(leak(vec![foreign, portable()])).unwrap().plain.len(), 1);
    }
}
