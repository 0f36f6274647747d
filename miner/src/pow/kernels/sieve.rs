//! From a hash's last word to a hit: what a kernel computes early, and what is then looked at whole.

use std::ops::RangeInclusive;

use super::template::Template;
use crate::pow::target::Target;

/// Sorts out hits among hashes of which a kernel has computed the last word, which is the most significant one.
pub(super) struct Sieve<'a> {
    template: &'a Template,
    target: &'a Target,
    /// The target's most significant word: no hash whose own is above it can be a hit.
    limit: u32,
    on_hit: &'a mut dyn FnMut(usize, u32),
}

impl<'a> Sieve<'a> {
    pub(super) fn new(template: &'a Template, target: &'a Target, on_hit: &'a mut dyn FnMut(usize, u32)) -> Self {
        let [a, b, c, d, ..] = target.to_be_bytes();
        Self { template, target, limit: u32::from_be_bytes([a, b, c, d]), on_hit }
    }

    /// The most that the last word may be, its bytes reversed, in a hit.
    #[inline(always)]
    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    /// Tells whether one of these last words may be a hit's: of many words quicker than to look at each.
    #[inline(always)]
    pub(super) fn any(&self, last_words: &[u32]) -> bool {
        last_words.iter().fold(false, |any, word| any | (word.swap_bytes() <= self.limit))
    }

    /// Looks at the last words of a version's hashes with consecutive nonces from `nonce` on.
    #[inline(always)]
    pub(super) fn nonces(&mut self, version: usize, nonce: u32, last_words: &[u32]) {
        for (&word, nonce) in last_words.iter().zip(nonce..=u32::MAX) {
            self.one(version, nonce, word);
        }
    }

    /// Looks at the last words of the hashes of consecutive versions from `version` on with one nonce.
    #[inline(always)]
    pub(super) fn versions(&mut self, version: usize, nonce: u32, last_words: &[u32]) {
        for (&word, version) in last_words.iter().zip(version..) {
            self.one(version, nonce, word);
        }
    }

    #[inline(always)]
    fn one(&mut self, version: usize, nonce: u32, last_word: u32) {
        if last_word.swap_bytes() <= self.limit {
            self.candidate(version, nonce);
        }
    }

    /// Hashes a candidate whole, and calls for a hit where it meets the target.
    #[cold]
    pub(super) fn candidate(&mut self, version: usize, nonce: u32) {
        let Some(prepared) = self.template.prepared().get(version) else { return };
        if self.target.is_met_by(&self.template.hash(prepared, nonce)) {
            (self.on_hit)(version, nonce);
        }
    }
}

/// Cuts a range of nonces into blocks for `lanes` nonces: the first nonce of each, and how many of its lanes count.
pub(super) fn blocks(nonces: RangeInclusive<u32>, lanes: usize) -> impl Iterator<Item = (u32, usize)> {
    let end = *nonces.end();
    nonces.step_by(lanes).map(move |first| (first, ((end - first) as usize).saturating_add(1).min(lanes)))
}
