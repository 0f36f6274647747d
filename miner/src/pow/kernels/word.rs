//! SHA-256 (FIPS 180-4, section 6.2.2) over words of one lane or of many: the vector kernels, and what scalars prepare.

use crate::pow::header::ROUND_CONSTANTS;

/// A 32-bit word in each of several lanes.
///
/// Every value comes from another one, so whoever makes the first has made sure that the processor has the instructions of
/// its type.
pub(super) trait Word: Copy {
    /// Number of lanes, at most 32.
    const LANES: usize;

    /// One word in every lane; the value that it is asked of doesn't matter.
    fn splat(self, word: u32) -> Self;
    /// Adds modulo 2^32.
    fn add(self, other: Self) -> Self;
    /// Rotates right.
    fn rotate<const BITS: i32>(self) -> Self;
    /// Shifts right.
    fn shift<const BITS: i32>(self) -> Self;
    /// Takes the exclusive or of three words.
    fn xor(self, b: Self, c: Self) -> Self;
    /// Takes bits from `yes` where this word has ones, from `no` elsewhere.
    fn choose(self, yes: Self, no: Self) -> Self;
    /// Takes the majority of three words, bit by bit.
    fn majority(self, b: Self, c: Self) -> Self;
    /// Reverses the four bytes.
    fn swap_bytes(self) -> Self;
    /// Gives one bit a lane, the first lane's lowest: set where the word is at most `limit`.
    fn at_most(self, limit: Self) -> u32;
}

impl Word for u32 {
    const LANES: usize = 1;

    #[inline(always)]
    fn splat(self, word: u32) -> Self {
        word
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    #[inline(always)]
    fn rotate<const BITS: i32>(self) -> Self {
        self.rotate_right(BITS.unsigned_abs())
    }

    #[inline(always)]
    fn shift<const BITS: i32>(self) -> Self {
        self >> BITS
    }

    #[inline(always)]
    fn xor(self, b: Self, c: Self) -> Self {
        self ^ b ^ c
    }

    #[inline(always)]
    fn choose(self, yes: Self, no: Self) -> Self {
        (self & yes) | (!self & no)
    }

    #[inline(always)]
    fn majority(self, b: Self, c: Self) -> Self {
        (self & b) | (self & c) | (b & c)
    }

    #[inline(always)]
    fn swap_bytes(self) -> Self {
        self.swap_bytes()
    }

    #[inline(always)]
    fn at_most(self, limit: Self) -> u32 {
        u32::from(self <= limit)
    }
}

/// The round constants.
pub(super) const K: [u32; 64] = ROUND_CONSTANTS;

/// The small sigma 0 of the message schedule.
#[inline(always)]
pub(super) fn sigma0<W: Word>(x: W) -> W {
    x.rotate::<7>().xor(x.rotate::<18>(), x.shift::<3>())
}

/// The small sigma 1 of the message schedule.
#[inline(always)]
pub(super) fn sigma1<W: Word>(x: W) -> W {
    x.rotate::<17>().xor(x.rotate::<19>(), x.shift::<10>())
}

/// The message word that follows: `w` are those 16, 15, 7 and 2 places before it.
#[inline(always)]
pub(super) fn next_word<W: Word>([w16, w15, w7, w2]: [W; 4]) -> W {
    sigma1(w2).add(w7).add(sigma0(w15).add(w16))
}

/// What a round adds to `d` for the new `e`; `kw` is the round constant and the message word together.
#[inline(always)]
fn addend<W: Word>([_, _, _, _, e, f, g, h]: [W; 8], kw: W) -> W {
    let big_sigma1 = e.rotate::<6>().xor(e.rotate::<11>(), e.rotate::<25>());
    h.add(kw).add(e.choose(f, g)).add(big_sigma1)
}

/// One round.
#[inline(always)]
pub(super) fn round<W: Word>(state: [W; 8], kw: W) -> [W; 8] {
    let [a, b, c, d, e, f, g, _] = state;
    let t1 = addend(state, kw);
    let big_sigma0 = a.rotate::<2>().xor(a.rotate::<13>(), a.rotate::<22>());
    [t1.add(big_sigma0.add(a.majority(b, c))), a, b, c, d.add(t1), e, f, g]
}

/// One round whose new `a` nobody will read: the word keeps the old one.
#[inline(always)]
pub(super) fn half_round<W: Word>(state: [W; 8], kw: W) -> [W; 8] {
    let [a, b, c, d, e, f, g, _] = state;
    [a, a, b, c, d.add(addend(state, kw)), e, f, g]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pow::header::INITIAL_STATE;

    /// The compression function, from the parts above.
    fn compress(mut state: [u32; 8], block: [u32; 16]) -> [u32; 8] {
        let (before, mut w) = (state, block.to_vec());
        for t in 16..64 {
            w.push(next_word([w[t - 16], w[t - 15], w[t - 7], w[t - 2]]));
        }
        for t in 0..64 {
            state = round(state, w[t].wrapping_add(K[t]));
        }
        std::array::from_fn(|i| state[i].wrapping_add(before[i]))
    }

    /// Messages and digests of NIST's CAVP (SHA256ShortMsg.rsp), the last one of two blocks.
    const CAVP: [(&str, &str); 7] = [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("d3", "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1"),
        ("11af", "5ca7133fa735326081558ac312c620eeca9970d1e70a4b95533d956f072d1f98"),
        ("b4190e", "dff2e73091f6c05e528896c4c831b9448653dc2ff043528f6769437bc7b975c2"),
        ("74ba2521", "b16aa56be3880d18cd41e68384cf1ec8c17680c45a02b1575dc1518923ae8b0e"),
        ("c299209682", "f0887fe961c9cd3beab957e8222494abb969b1ce4c6557976df8b0f6d20e9166"),
        (
            "5a86b737eaea8ee976a0a24da63e7ed7eefad18a101c1211e2b3650c5187c2a8\
             a650547208251f6d4237e661c7bf4c77f335390394c37fa1a9f9be836ac28509",
            "42e61e174fbb3897d6dd6cef3dd2802fe67b331953b06114a65c772859dfc1aa",
        ),
    ];

    #[test]
    fn the_rounds_and_the_portable_compression_make_the_digests_of_nist() {
        for (message, digest) in CAVP {
            let mut bytes = hex::decode(message).unwrap();
            let bits = 8 * bytes.len() as u64;
            bytes.push(0x80);
            bytes.resize((bytes.len() + 8).next_multiple_of(64) - 8, 0);
            bytes.extend(bits.to_be_bytes());
            let (mut own, mut portable) = (INITIAL_STATE, INITIAL_STATE);
            for block in bytes.as_chunks::<64>().0 {
                let words = block.as_chunks::<4>().0;
                own = compress(own, std::array::from_fn(|i| u32::from_be_bytes(words[i])));
                sha2::block_api::compress256(&mut portable, &[*block]);
            }
            for state in [own, portable] {
                assert_eq!(hex::encode(state.map(u32::to_be_bytes).as_flattened()), digest, "{message}");
            }
        }
    }

    #[test]
    fn a_half_round_makes_the_same_e() {
        let block: [u32; 8] = std::array::from_fn(|i| K[i + 8]);
        assert_eq!(half_round(block, 77)[4..], round(block, 77)[4..]);
    }
}
