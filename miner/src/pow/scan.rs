//! Kernels that look for nonces, in a static table from which the host's is selected once.

use std::ops::RangeInclusive;

use sha2::block_api::compress256;

use super::hash::Hash256;
use super::header::{Header, INITIAL_STATE, Midstate};
use super::target::Target;

/// Nonces in one call of a kernel, as workers should ask for them: half a millisecond, so that new work isn't kept waiting.
pub const BATCH: u32 = 1 << 11;

/// Scans a range of nonces: template, nonces, target, and what to call for each hit.
pub type Scan = fn(&Template, RangeInclusive<u32>, &Target, &mut dyn FnMut(u32));

/// One way to scan nonces.
#[derive(Debug)]
pub struct Kernel {
    /// Name for people and for overrides.
    pub name: &'static str,
    /// Hashes that run side by side.
    pub lanes: u8,
    /// Tells whether this host has the instructions.
    pub supported: fn() -> bool,
    /// Calls `on_hit` for each nonce of the range whose header meets the target, in ascending order.
    pub scan: Scan,
}

/// Every kernel that was built in, best first; the last one runs anywhere.
pub static KERNELS: &[Kernel] = &[Kernel { name: "portable", lanes: 1, supported: || true, scan: scan_portable }];

/// A kernel that missed a known nonce or found one that isn't there.
#[derive(Debug, thiserror::Error)]
#[error("kernel {kernel} failed its self-test: this host or this build computes SHA-256 wrongly")]
pub struct SelfTestError {
    /// The kernel's name.
    pub kernel: &'static str,
}

/// Selects the first kernel that this host supports, and tests it on real headers before anybody relies on it.
pub fn select() -> Result<&'static Kernel, SelfTestError> {
    let portable = &KERNELS[KERNELS.len() - 1];
    let kernel = KERNELS.iter().find(|kernel| (kernel.supported)()).unwrap_or(portable);
    if self_test(kernel) { Ok(kernel) } else { Err(SelfTestError { kernel: kernel.name }) }
}

/// A header prepared for scanning: all that doesn't depend on the nonce.
#[derive(Debug, Clone)]
pub struct Template {
    midstate: Midstate,
    /// The last 16 bytes of the header with SHA-256's padding; bytes 12 to 16 take the nonce.
    tail: [u8; 64],
}

impl Template {
    /// Prepares a header; its nonce doesn't matter.
    pub fn new(header: &Header) -> Self {
        let mut tail = [0; 64];
        tail[..16].copy_from_slice(&header.to_bytes()[64..]);
        pad(&mut tail, 16, 80);
        Self { midstate: header.midstate(), tail }
    }

    fn hash(&self, tail: &[u8; 64]) -> Hash256 {
        let mut inner = self.midstate;
        compress256(&mut inner, std::slice::from_ref(tail));
        let mut block = [0; 64];
        for (bytes, word) in block.chunks_exact_mut(4).zip(inner) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        pad(&mut block, 32, 32);
        let mut outer = INITIAL_STATE;
        compress256(&mut outer, &[block]);
        let mut hash = [0; 32];
        for (bytes, word) in hash.chunks_exact_mut(4).zip(outer) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        Hash256::from_bytes(hash)
    }
}

/// Writes SHA-256's padding after `used` bytes of a message's last block.
fn pad(block: &mut [u8; 64], used: usize, message_bytes: u64) {
    block[used] = 0x80;
    block[56..].copy_from_slice(&(message_bytes * 8).to_be_bytes());
}

/// The portable kernel: the `sha2` crate's compression (which uses SHA instructions where it finds them), twice a nonce.
fn scan_portable(template: &Template, nonces: RangeInclusive<u32>, target: &Target, on_hit: &mut dyn FnMut(u32)) {
    let mut tail = template.tail;
    for nonce in nonces {
        tail[12..16].copy_from_slice(&nonce.to_le_bytes());
        if target.is_met_by(&template.hash(&tail)) {
            on_hit(nonce);
        }
    }
}

/// Headers of blocks 0, 170 and 125552 (version, previous hash, root, time, bits, nonce as on the wire).
const KNOWN: [&str; 3] = [
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c",
    "0100000055bd840a78798ad0da853f68974f3d183e2bd1db6a842c1feecf222a00000000ff104ccb05421ab93e63f8c3ce5c2c2e9dbb37de2764b3a3175c8166562cac7d51b96a49ffff001d283e9e70",
    "0100000081cd02ab7e569e8bcd9317e2fe99f2de44d49ab2b8851ba4a308000000000000e320b6c2fffc8d750423db8b1eb942ae710e951ed797f7affc8892b0f1fc122bc7f5d74df2b9441a42a14695",
];

/// Scans around the nonces of real blocks and expects those and no others.
fn self_test(kernel: &Kernel) -> bool {
    KNOWN.iter().all(|text| {
        let mut bytes = [0; Header::SIZE];
        if hex::decode_to_slice(text, &mut bytes).is_err() {
            return false;
        }
        let header = Header::from_bytes(&bytes);
        let Ok(target) = Target::from_compact(header.bits) else {
            return false;
        };
        let mut found = Vec::new();
        let around = header.nonce - 2_048..=header.nonce + 2_047;
        (kernel.scan)(&Template::new(&header), around, &target, &mut |nonce| found.push(nonce));
        found == [header.nonce]
    })
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU128;

    use super::*;

    fn header(seed: u8) -> Header {
        Header { version: 0x2000_0000, prev_hash: [seed; 32], merkle_root: [!seed; 32], time: 1, bits: 2, nonce: 3 }
    }

    fn hits(kernel: &Kernel, header: &Header, nonces: RangeInclusive<u32>, target: &Target) -> Vec<u32> {
        let mut found = Vec::new();
        (kernel.scan)(&Template::new(header), nonces, target, &mut |nonce| found.push(nonce));
        found
    }

    #[test]
    fn every_supported_kernel_passes_its_self_test() {
        for kernel in KERNELS.iter().filter(|kernel| (kernel.supported)()) {
            assert!(self_test(kernel), "{}", kernel.name);
        }
        assert!(select().is_ok());
    }

    #[test]
    fn a_kernel_that_misses_or_invents_a_nonce_fails_the_self_test() {
        let blind = Kernel { name: "blind", lanes: 1, supported: || true, scan: |_, _, _, _| {} };
        let eager =
            Kernel { name: "eager", lanes: 1, supported: || true, scan: |_, nonces, _, hit| nonces.for_each(hit) };
        assert!(!self_test(&blind));
        assert!(!self_test(&eager));
    }

    #[test]
    fn every_kernel_agrees_with_the_plain_hash_at_one_hit_in_4096() {
        const NONCES: RangeInclusive<u32> = 0..=1 << 15;
        let target = Target::from_work(NonZeroU128::new(1 << 12).unwrap());
        for kernel in KERNELS.iter().filter(|kernel| (kernel.supported)()) {
            for seed in 0..4 {
                let base = header(seed);
                let expected: Vec<u32> =
                    NONCES.filter(|&nonce| target.is_met_by(&Header { nonce, ..base }.hash())).collect();
                assert!(!expected.is_empty());
                assert_eq!(hits(kernel, &base, NONCES, &target), expected, "{} seed {seed}", kernel.name);
            }
        }
    }

    #[test]
    fn the_last_nonce_is_scanned_and_nothing_wraps() {
        for kernel in KERNELS.iter().filter(|kernel| (kernel.supported)()) {
            let found = hits(kernel, &header(0), u32::MAX - 2..=u32::MAX, &Target::MAX);
            assert_eq!(found, [u32::MAX - 2, u32::MAX - 1, u32::MAX], "{}", kernel.name);
        }
    }
}
