//! Kernels that look for nonces: one static table, from which the host's fastest are chosen.
//!
//! A kernel scans a [`Template`], one or more versions of a header, over a range of nonces. Versions share the second
//! block's message, so with several of them its schedule is computed once a nonce (version rolling, BIP 320). Every kernel
//! takes any number of versions, and differs from the others only in speed: `plain` ones are made for one version,
//! `rolling` ones for many.
//!
//! What they have in common: the first block's state and four rounds of the second are computed once a template, the
//! outer hash ends with its last word, and a hash that may be a hit is computed again whole.
// Only the kernels of x86 use every part that is made for all.
#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code, unused_imports))]

use std::ops::RangeInclusive;

use super::target::Target;

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod measure;
mod portable;
mod select;
mod self_test;
mod sieve;
mod template;
mod word;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use measure::processor_time;
pub use measure::{measure, measure_threads, port_limit, reference};
pub use select::{Choice, KernelError, OVERRIDE, Tuned, choose, select};
pub use template::Template;

/// Versions that a search scans side by side where it may roll them: many lanes' worth, so that a remainder hardly counts,
/// and the schedule's share of a hash is small.
pub const VERSIONS: u32 = 120;

/// Scans a range of nonces: template, nonces, target, and what to call for each hit with the version's place in the
/// template and the nonce. The order of hits is the kernel's own.
pub type Scan = fn(&Template, RangeInclusive<u32>, &Target, &mut dyn FnMut(usize, u32));

/// What a kernel is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// One version: lanes hold nonces.
    Plain,
    /// Many versions, which share a message schedule.
    Rolling,
}

/// One way to scan.
#[derive(Debug)]
pub struct Kernel {
    /// Name for people and for overrides.
    pub name: &'static str,
    /// What it is made for.
    pub mode: Mode,
    /// Hashes that run side by side.
    pub lanes: u8,
    /// Tells whether this host has the instructions.
    pub supported: fn() -> bool,
    /// Calls `on_hit` for each version and nonce whose header meets the target.
    ///
    /// # Panics
    /// Where this host lacks the instructions.
    pub scan: Scan,
}

/// Every kernel that was built in; the last one runs anywhere.
#[cfg(target_arch = "x86_64")]
pub static KERNELS: &[Kernel] = x86::KERNELS;
/// Every kernel that was built in; the last one runs anywhere.
#[cfg(target_arch = "aarch64")]
pub static KERNELS: &[Kernel] = aarch64::KERNELS;
/// Every kernel that was built in; the last one runs anywhere.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub static KERNELS: &[Kernel] = &[portable::KERNEL];

impl Kernel {
    const fn new(name: &'static str, mode: Mode, lanes: u8, supported: fn() -> bool, scan: Scan) -> Self {
        Self { name, mode, lanes, supported, scan }
    }
}

#[cfg(test)]
mod tests;
