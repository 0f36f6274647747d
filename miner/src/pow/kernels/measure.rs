//! How fast kernels are: the only part of this room that looks at a clock.

use std::num::{NonZeroU128, NonZeroUsize};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::template::Template;
use super::{Kernel, Mode, VERSIONS};
use crate::pow::header::Header;
use crate::pow::target::Target;

/// Hashes between two looks at the clock: about as many as the worker scans at a time.
const STEP: u32 = 1 << 14;

/// Scans for about this long, in the kernel's own mode, and gives the hashes per second.
///
/// Both count processor time, so that other programs on the core disturb little.
///
/// # Panics
/// Where this host lacks the kernel's instructions.
pub fn measure(kernel: &Kernel, time: Duration) -> f64 {
    scan_for(kernel, time, processor_time)
}

/// Scans on so many threads at once and gives the hashes per second of all together, by the clock on the wall: what else
/// the machine does takes its part.
///
/// # Panics
/// Where this host lacks the kernel's instructions.
pub fn measure_threads(kernel: &Kernel, threads: NonZeroUsize, time: Duration) -> f64 {
    let start = Barrier::new(threads.get());
    let one = || {
        start.wait();
        let began = Instant::now();
        scan_for(kernel, time, || began.elapsed())
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads.get()).map(|_| scope.spawn(one)).collect();
        // A kernel that panics has no rate.
        running.into_iter().map(|thread| thread.join().unwrap_or(0.0)).sum()
    })
}

fn scan_for(kernel: &Kernel, time: Duration, clock: impl Fn() -> Duration) -> f64 {
    let versions = match kernel.mode {
        Mode::Plain => 1,
        Mode::Rolling => VERSIONS,
    };
    let header =
        Header { version: 0x2000_0000, prev_hash: [1; 32], merkle_root: [2; 32], time: 3, bits: 0x1d00_ffff, nonce: 0 };
    let template = Template::rolling(&header, (0..versions).map(|version| header.version | version << 13));
    let impossible = Target::from_work(NonZeroU128::MAX);
    let nonces = STEP.div_ceil(versions).next_multiple_of(u32::from(kernel.lanes));
    let (began, mut first, mut hashes) = (clock(), 0_u32, 0.0);
    loop {
        (kernel.scan)(&template, first..=first.saturating_add(nonces - 1), &impossible, &mut |_, _| {});
        first = first.checked_add(nonces).filter(|first| first.checked_add(nonces).is_some()).unwrap_or(0);
        hashes += f64::from(nonces) * f64::from(versions);
        let elapsed = clock().saturating_sub(began);
        if elapsed >= time {
            return hashes / elapsed.as_secs_f64();
        }
    }
}

/// The shape of other fast miners, to measure against; `None` where this host lacks the instructions.
///
/// Two streams of SHA instructions with the first block and four rounds of the second computed beforehand and zero words
/// left out, but every hash computed to its end.
pub fn reference() -> Option<&'static Kernel> {
    #[cfg(target_arch = "x86_64")]
    return super::x86::reference();
    #[cfg(not(target_arch = "x86_64"))]
    None
}

/// Processor time that the calling thread has used.
pub(crate) fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// Measures for about this long how many hashes per second this core's `sha256rnds2` allows; `None` where it has none.
///
/// A nonce takes 61 of them: 30 in the second block, whose first four rounds need none, and 31 in the outer hash.
pub fn port_limit(time: Duration) -> Option<f64> {
    #[cfg(target_arch = "x86_64")]
    return super::x86::double_rounds(time).map(|per_second| per_second / 61.0);
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = time;
        None
    }
}
