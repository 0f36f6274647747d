//! The kernel that runs anywhere: the `sha2` crate's compression, which uses SHA instructions where it finds them.

use std::ops::RangeInclusive;

use super::template::Template;
use crate::pow::target::Target;

/// Hashes one header after the other, whole.
pub(super) fn scan(
    template: &Template,
    nonces: RangeInclusive<u32>,
    target: &Target,
    on_hit: &mut dyn FnMut(usize, u32),
) {
    for (index, version) in template.prepared().iter().enumerate() {
        for nonce in nonces.clone() {
            if target.is_met_by(&template.hash(version, nonce)) {
                on_hit(index, nonce);
            }
        }
    }
}
