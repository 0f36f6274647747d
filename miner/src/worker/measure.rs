//! How fast a kernel is on this machine, without anything around it.

use std::num::NonZeroUsize;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use crate::pow::scan::{BATCH, Kernel, Template};
use crate::pow::{Header, Target};

/// Hashes per second of a kernel on the calling thread, from batches over at least this time.
pub fn measure(kernel: &Kernel, time: Duration) -> u64 {
    let header = Header { version: 0x2000_0000, prev_hash: [1; 32], merkle_root: [2; 32], time: 3, bits: 4, nonce: 0 };
    let (template, never) = (Template::new(&header), Target::from_be_bytes([0; 32]));
    let (began, mut hashes, mut nonce) = (Instant::now(), 0u128, 0u32);
    while began.elapsed() < time {
        (kernel.scan)(&template, nonce..=nonce.saturating_add(BATCH - 1), &never, &mut |_| ());
        nonce = nonce.wrapping_add(BATCH);
        hashes += u128::from(BATCH);
    }
    let per_second = hashes * 1_000_000_000 / began.elapsed().as_nanos().max(1);
    u64::try_from(per_second).unwrap_or(u64::MAX)
}

/// Hashes per second of a kernel on so many threads at once.
pub fn measure_threads(kernel: &Kernel, threads: NonZeroUsize, time: Duration) -> u64 {
    let start = Barrier::new(threads.get());
    let one = || {
        start.wait();
        measure(kernel, time)
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads.get()).map(|_| scope.spawn(one)).collect();
        // A kernel that panics has no rate.
        running.into_iter().map(|thread| thread.join().unwrap_or(0)).sum()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pow::scan;

    #[test]
    fn every_kernel_of_this_host_has_a_rate_alone_and_beside_itself() {
        for kernel in scan::KERNELS.iter().filter(|kernel| (kernel.supported)()) {
            assert!(measure(kernel, Duration::from_millis(1)) > 0, "{}", kernel.name);
            assert!(measure_threads(kernel, NonZeroUsize::MIN, Duration::from_millis(1)) > 0, "{}", kernel.name);
        }
    }
}
