//! The kernel that runs anywhere: the `sha2` crate's compression, which uses SHA instructions where it finds them.

use std::ops::RangeInclusive;

use super::template::Template;
use super::{Kernel, Mode};
use crate::pow::target::Target;

/// The kernel.
pub(super) const KERNEL: Kernel = Kernel::new("portable", Mode::Plain, 1, || true, scan);

/// Hashes one header after the other, whole.
fn scan(template: &Template, nonces: RangeInclusive<u32>, target: &Target, on_hit: &mut dyn FnMut(usize, u32)) {
    for (index, version) in template.prepared().iter().enumerate() {
        for nonce in nonces.clone() {
            if target.is_met_by(&template.hash(version, nonce)) {
                on_hit(index, nonce);
            }
        }
    }
}
