//! How a job's extranonce is divided: zeros in front, then the connection's part, then the miner's.
//!
//! The zeros are folded into what the miner takes for the coinbase's first half, so a miner moves between jobs of different
//! sizes and never knows. Only a job that is too small for the present division needs another.

/// Bytes of the extranonce that a lease's job may have (PROTOCOL.md, section 4): the fewest, and the most.
pub(super) const MIN_SIZE: u8 = 4;
pub(super) const MAX_SIZE: u8 = 16;
/// Connections that have numbers of their own at a time.
pub(super) const MAX_NUMBERS: usize = 0xff00;

/// A connection's number, distinct from every other live connection's by [`Number::narrow`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number(pub(super) u32);

impl Number {
    /// Two bytes, the first of which isn't zero.
    pub(super) fn narrow(self) -> [u8; 2] {
        let [_, _, high, low] = (0x0100 + self.0 % 0xff00).to_be_bytes();
        [high, low]
    }

    /// Four bytes, the first of which isn't zero.
    fn wide(self) -> [u8; 4] {
        (0x0100_0000 + self.0 % 0xff00_0000).to_be_bytes()
    }
}

/// What a connection was told of its extranonce.
///
/// The zeros in front end where the connection's part begins, since that begins with no zero: two connections never mine over the same
/// extranonce, even where their parts have different sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Division {
    number: Number,
    /// Bytes of the connection's part, two or four.
    size1: u8,
    /// Bytes of the miner's part, two to four: every device can do four, some assume them.
    pub(super) size2: u8,
}

impl Division {
    /// The usual four and four bytes, or the largest that fit a job of `size` bytes.
    pub(super) fn for_job(number: Number, size: u8) -> Self {
        match size {
            8.. => Self { number, size1: 4, size2: 4 },
            _ => Self { number, size1: 2, size2: size.saturating_sub(2).clamp(2, 4) },
        }
    }

    /// Whether a job of `size` bytes has room for it.
    pub(super) fn fits(self, size: u8) -> bool {
        self.size1 + self.size2 <= size
    }

    /// extranonce1.
    pub(super) fn part1(self) -> Vec<u8> {
        if self.size1 == 4 { self.number.wide().to_vec() } else { self.number.narrow().to_vec() }
    }

    /// The zeros in front, for a job of `size` bytes.
    pub(super) fn padding(self, size: u8) -> Vec<u8> {
        vec![0; usize::from(size.saturating_sub(self.size1 + self.size2))]
    }

    /// The whole extranonce of a job of `size` bytes.
    pub(super) fn whole(self, size: u8, part2: &[u8]) -> Vec<u8> {
        [&self.padding(size), &self.part1(), part2].concat()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_size_that_is_allowed_has_a_division_that_devices_can_do() {
        for size in MIN_SIZE..=MAX_SIZE {
            let division = Division::for_job(Number(7), size);
            assert!(division.fits(size), "{size}");
            assert!((2..=4).contains(&division.size2) && division.part1().len() >= 2, "{size}");
            let part2 = vec![0; usize::from(division.size2)];
            assert_eq!(division.whole(size, &part2).len(), usize::from(size));
            for larger in size..=MAX_SIZE {
                assert!(division.fits(larger), "{size} in {larger}");
            }
        }
    }

    #[test]
    fn no_two_connections_share_an_extranonce_whatever_their_divisions() {
        // Within the connection's part and what surrounds it, the first byte that isn't zero says where it begins.
        for size in MIN_SIZE..=MAX_SIZE {
            let mut seen = HashSet::new();
            let numbers = [0, 1, 2, 0xfeff, 0xff00 - 2].map(Number);
            for number in numbers {
                for own_size in MIN_SIZE..=size {
                    let division = Division::for_job(number, own_size);
                    let whole = division.whole(size, &vec![0xff; usize::from(division.size2)]);
                    let begin = whole.iter().position(|byte| *byte != 0).unwrap();
                    assert_eq!(begin, division.padding(size).len());
                    let end = begin + division.part1().len();
                    seen.insert((number.0, whole[..end].to_vec()));
                }
            }
            let parts: HashSet<_> = seen.iter().map(|(_, part)| part).collect();
            assert_eq!(parts.len(), seen.len(), "a part belongs to one number only");
        }
    }

    #[test]
    fn numbers_that_differ_in_their_narrow_form_differ_in_the_wide_one() {
        for (one, other) in [(0, 0xff00_0000), (5, 0xff00 + 5), (0, 1), (u32::MAX, 0)] {
            let (one, other) = (Number(one), Number(other));
            assert!(one.narrow() == other.narrow() || one.wide() != other.wide());
            assert!(one.narrow()[0] != 0 && one.wide()[0] != 0);
        }
    }
}
