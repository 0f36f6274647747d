//! How a job's extranonce is divided: zeros in front, then the connection's part, then the miner's.
//!
//! The zeros are folded into what the miner takes for the coinbase's first half, so a miner moves between jobs of different
//! sizes and never knows. Only a job that is too small for the present division needs another.

/// Bytes of the extranonce that a lease's job may have (PROTOCOL.md, section 4): the fewest, and the most.
pub(super) const MIN_SIZE: u8 = 4;
pub(super) const MAX_SIZE: u8 = 16;
/// Connections that have numbers of their own at a time. As long as there are fewer, one is left that clashes with none.
pub(super) const MAX_NUMBERS: usize = 0x8000;
/// Bytes of the connection's and the miner's part together from which two bytes are written as [`Number::brief`].
const BRIEF_FROM: u8 = 8;

/// The number of a connection, or of a channel of one; no two live ones are written alike in any form of two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number(pub(super) u32);

impl Number {
    /// Whether the two are written alike in any form. Those that differ in two bytes differ in four.
    #[cfg(test)]
    fn clashes(self, other: Self) -> bool {
        self.narrow() == other.narrow() || self.brief() == other.brief()
    }

    /// Two bytes, the first of which isn't zero.
    pub(super) fn narrow(self) -> [u8; 2] {
        let [_, _, high, low] = (0x0100 + self.0 % 0xff00).to_be_bytes();
        [high, low]
    }

    /// Two bytes with the first bit set, so that they never begin four.
    pub(super) fn brief(self) -> [u8; 2] {
        let [_, _, high, low] = (0x8000 + self.0 % 0x8000).to_be_bytes();
        [high, low]
    }

    /// Four bytes with the first bit clear, the first of which isn't zero.
    fn wide(self) -> [u8; 4] {
        (0x0100_0000 + self.0 % 0x7f00_0000).to_be_bytes()
    }
}

/// What a connection was told of its extranonce.
///
/// The zeros in front end where the connection's part begins, since that begins with no zero; how many bytes follow, and whether the
/// first bit is set, says how the part is written. So two connections never mine over the same extranonce, even where their parts have
/// different sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Division {
    number: Number,
    /// Bytes of the connection's part, two or four.
    size1: u8,
    /// Bytes of the miner's part. By Stratum V1 two to four: every device can do four, some assume them.
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

    /// The division for a miner that wants exactly `size2` bytes, in a job of `size` bytes; `None` where there is no room.
    pub(super) fn for_channel(number: Number, size: u8, size2: u8) -> Option<Self> {
        // Four bytes with less after them could be taken for two.
        let sizes = [4, 2].into_iter().filter(|size1| *size1 == 2 || size2 >= 4);
        let mut divisions = sizes.map(|size1| Self { number, size1, size2 });
        divisions.find(|division| division.fits(size))
    }

    /// Whether a job of `size` bytes has room for it.
    pub(super) fn fits(self, size: u8) -> bool {
        self.size1.saturating_add(self.size2) <= size
    }

    /// extranonce1.
    pub(super) fn part1(self) -> Vec<u8> {
        match self.size1 {
            4 => self.number.wide().to_vec(),
            _ if self.size1 + self.size2 < BRIEF_FROM => self.number.narrow().to_vec(),
            _ => self.number.brief().to_vec(),
        }
    }

    /// How many zeros stand in front, in a job of `size` bytes.
    pub(super) fn padding(self, size: u8) -> usize {
        size.saturating_sub(self.size1 + self.size2).into()
    }

    /// The whole extranonce of a job of `size` bytes.
    pub(super) fn whole(self, size: u8, part2: &[u8]) -> Vec<u8> {
        [&vec![0; self.padding(size)][..], &self.part1(), part2].concat()
    }
}

#[cfg(test)]
mod tests {
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

    /// Every division that is ever made for a job of `size` bytes.
    fn divisions(number: Number, size: u8) -> Vec<Division> {
        let by_v1 = (MIN_SIZE..=size).map(|own_size| Division::for_job(number, own_size));
        let by_v2 = (2..=size).flat_map(|size2| {
            (MIN_SIZE..=size).filter_map(move |own_size| Division::for_channel(number, own_size, size2))
        });
        by_v1.chain(by_v2).collect()
    }

    #[test]
    fn a_channel_gets_the_bytes_that_it_asks_for_and_its_number_in_four_or_two() {
        let sizes = |size, size2| {
            let division = Division::for_channel(Number(7), size, size2)?;
            Some((division.part1().len(), usize::from(division.size2)))
        };
        for (size, size2, expected) in [
            (8, 4, Some((4, 4))),
            (7, 4, Some((2, 4))),
            (8, 6, Some((2, 6))),
            (10, 6, Some((4, 6))),
            (16, 14, Some((2, 14))),
            (16, 2, Some((2, 2))),
            (4, 2, Some((2, 2))),
            (8, 7, None),
            (4, 3, None),
            (16, 15, None),
            (16, u8::MAX, None),
        ] {
            assert_eq!(sizes(size, size2), expected, "{size2} in {size}");
        }
    }

    #[test]
    fn no_two_connections_share_an_extranonce_whatever_their_divisions() {
        let numbers = [0, 1, 2, 0xfeff, 0x7fff, 0x8101, 0xff00 - 2, 0x7f00_0000 - 1, 0x7fff_ffff, u32::MAX].map(Number);
        for (index, one) in numbers.iter().enumerate() {
            for other in &numbers[..index] {
                assert!(one.clashes(*other) || one.wide() != other.wide());
            }
        }
        let distinct: Vec<_> = numbers
            .iter()
            .enumerate()
            .filter(|(index, number)| !numbers[..*index].iter().any(|before| before.clashes(**number)))
            .map(|(_, number)| *number)
            .collect();
        assert!(distinct.len() > 5);
        for size in MIN_SIZE..=MAX_SIZE {
            // What is fixed of an extranonce: two miners can meet where one's part begins with the other's.
            let mut parts: Vec<(u32, Vec<u8>)> = Vec::new();
            for number in &distinct {
                for division in divisions(*number, size) {
                    let whole = division.whole(size, &vec![0xff; usize::from(division.size2)]);
                    let begin = whole.iter().position(|byte| *byte != 0).unwrap();
                    assert_eq!(begin, division.padding(size));
                    parts.push((number.0, whole[..begin + division.part1().len()].to_vec()));
                }
            }
            for (one, part) in &parts {
                let met = parts.iter().find(|(other, longer)| other != one && longer.starts_with(part));
                assert_eq!(met, None, "{one} in {size} bytes: {part:02x?}");
            }
        }
    }

    #[test]
    fn numbers_that_clash_in_no_short_form_differ_in_the_wide_one() {
        for (one, other) in [(0, 0x7f00_0000), (5, 0xff00 + 5), (5, 0x8000 + 5), (0, 1), (u32::MAX, 0)] {
            let (one, other) = (Number(one), Number(other));
            assert!(one.clashes(other) || one.wide() != other.wide());
            assert!(
                one.narrow()[0] != 0 && one.wide()[0] != 0 && one.wide()[0] & 0x80 == 0 && one.brief()[0] & 0x80 != 0
            );
        }
    }
}
