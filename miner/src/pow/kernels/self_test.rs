//! What a kernel must show before anybody relies on it.

use std::num::NonZeroU128;
use std::ops::RangeInclusive;

use super::template::Template;
use super::{Kernel, Mode};
use crate::pow::header::Header;
use crate::pow::target::Target;

/// Headers of blocks 0, 170 and 125552 (version, previous hash, root, time, bits, nonce as on the wire).
const KNOWN: [&str; 3] = [
    "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c",
    "0100000055bd840a78798ad0da853f68974f3d183e2bd1db6a842c1feecf222a00000000ff104ccb05421ab93e63f8c3ce5c2c2e9dbb37de2764b3a3175c8166562cac7d51b96a49ffff001d283e9e70",
    "0100000081cd02ab7e569e8bcd9317e2fe99f2de44d49ab2b8851ba4a308000000000000e320b6c2fffc8d750423db8b1eb942ae710e951ed797f7affc8892b0f1fc122bc7f5d74df2b9441a42a14695",
];

/// Versions of a rolling kernel's test: no multiple of any number of lanes.
const VERSIONS: u32 = 11;

/// Scans around the nonces of real blocks, and expects those under their own targets and the same as the plain hash under
/// an easy one.
pub(super) fn self_test(kernel: &Kernel) -> bool {
    KNOWN.iter().zip([0, 3, 10]).all(|(text, place)| {
        let mut bytes = [0; Header::SIZE];
        if hex::decode_to_slice(text, &mut bytes).is_err() {
            return false;
        }
        let header = Header::from_bytes(&bytes);
        let Ok(target) = Target::from_compact(header.bits) else {
            return false;
        };
        let (versions, place) = match kernel.mode {
            Mode::Plain => (vec![header.version], 0),
            Mode::Rolling => ((0..VERSIONS).map(|other| header.version ^ other ^ place).collect(), place as usize),
        };
        let template = Template::rolling(&header, versions);
        let around = header.nonce - 512..=header.nonce + 511;
        let few = header.nonce - 50..=header.nonce + 49;
        hits(kernel, &template, around, &target) == [(place, header.nonce)] && agrees(kernel, &template, few)
    })
}

/// Scans a range and sorts the hits.
fn hits(kernel: &Kernel, template: &Template, nonces: RangeInclusive<u32>, target: &Target) -> Vec<(usize, u32)> {
    let mut found = Vec::new();
    (kernel.scan)(template, nonces, target, &mut |version, nonce| found.push((version, nonce)));
    found.sort_unstable();
    found
}

/// Tells whether a kernel finds what the plain hash finds, at one hit in 16.
fn agrees(kernel: &Kernel, template: &Template, nonces: RangeInclusive<u32>) -> bool {
    let target = Target::from_work(const { NonZeroU128::new(16).unwrap() });
    let mut expected = Vec::new();
    for (place, version) in template.prepared().iter().enumerate() {
        let met = nonces.clone().filter(|&nonce| target.is_met_by(&template.hash(version, nonce)));
        expected.extend(met.map(|nonce| (place, nonce)));
    }
    hits(kernel, template, nonces, &target) == expected
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pow::kernels::{KERNELS, reference};

    fn kernel(name: &'static str, scan: crate::pow::kernels::Scan) -> [Kernel; 2] {
        [Mode::Plain, Mode::Rolling].map(|mode| Kernel { name, mode, lanes: 1, supported: || true, scan })
    }

    #[test]
    fn every_supported_kernel_passes_its_self_test() {
        for kernel in KERNELS.iter().filter(|kernel| (kernel.supported)()).chain(reference()) {
            assert!(self_test(kernel), "{}", kernel.name);
        }
    }

    #[test]
    fn a_kernel_that_misses_or_invents_a_nonce_fails_the_self_test() {
        let portable = &KERNELS[KERNELS.len() - 1];
        assert!(kernel("right", portable.scan).iter().all(self_test));
        let wrong = [
            kernel("blind", |_, _, _, _| {}),
            kernel("eager", |_, nonces, _, hit| nonces.for_each(|nonce| hit(0, nonce))),
            kernel("blind to one nonce in 32", |template, nonces, target, hit| {
                let mut most = |version, nonce| {
                    if nonce % 32 != 7 {
                        hit(version, nonce)
                    }
                };
                (crate::pow::kernels::portable::KERNEL.scan)(template, nonces, target, &mut most);
            }),
            kernel("short by the last nonces", |template, nonces, target, hit| {
                (crate::pow::kernels::portable::KERNEL.scan)(
                    template,
                    *nonces.start()..=nonces.end() - 32,
                    target,
                    hit,
                );
            }),
        ];
        for kernel in wrong.iter().flatten() {
            assert!(!self_test(kernel), "{} {:?}", kernel.name, kernel.mode);
        }
    }
}
