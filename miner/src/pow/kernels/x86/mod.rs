//! The kernels of 64-bit x86.
//!
//! The SHA instructions take a hundred times as long while the upper halves of AVX registers are in use, so code with them
//! clears those first, whatever the compiler did before.
//!
//! Kernels with them are in assembly for cores that run a `sha256rnds2` every cycle (AMD, since Zen 3), and in Rust for
//! those that run one every second cycle (Intel), where few streams suffice.

use std::time::Duration;

use super::{Kernel, Mode, portable};

mod assembly;
mod avx2;
mod avx512;
mod plain;
mod rolling;
mod sha_ni;
mod vector;

/// Every kernel, the portable one last.
pub(super) static KERNELS: &[Kernel] = &[
    Kernel::new("avx512-rolling", Mode::Rolling, 16, avx512::supported, avx512::scan),
    Kernel::new("avx512", Mode::Plain, 16, avx512::supported, avx512::scan),
    Kernel::new("sha-ni-rolling-asm", Mode::Rolling, 6, sha_ni::supported, assembly::rolling::scan),
    Kernel::new("sha-ni-asm", Mode::Plain, 5, sha_ni::supported, assembly::plain::scan),
    Kernel::new("sha-ni-rolling-3", Mode::Rolling, 3, sha_ni::supported, rolling::scan::<3>),
    Kernel::new("sha-ni-2", Mode::Plain, 2, sha_ni::supported, plain::scan::<2, false>),
    Kernel::new("avx2-rolling", Mode::Rolling, 8, avx2::supported, avx2::scan),
    Kernel::new("avx2", Mode::Plain, 8, avx2::supported, avx2::scan),
    portable::KERNEL,
];

/// The shape of other fast miners.
static REFERENCE: Kernel = Kernel::new("reference", Mode::Plain, 2, sha_ni::supported, plain::scan::<2, true>);

/// See [`super::reference`].
pub(super) fn reference() -> Option<&'static Kernel> {
    sha_ni::supported().then_some(&REFERENCE)
}

/// `sha256rnds2` a second on this core, measured for about this long.
pub(super) fn double_rounds(time: Duration) -> Option<f64> {
    sha_ni::supported().then(|| sha_ni::double_rounds_per_second(time))
}
