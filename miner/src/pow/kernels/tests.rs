use std::num::NonZeroU128;

use super::*;
use crate::pow::header::Header;

fn header(seed: u8) -> Header {
    Header { version: 0x2000_0000, prev_hash: [seed; 32], merkle_root: [!seed; 32], time: 1, bits: 2, nonce: 3 }
}

fn versions(header: &Header, count: u32) -> Vec<u32> {
    (0..count).map(|counter| header.version | counter << 13).collect()
}

fn supported() -> impl Iterator<Item = &'static Kernel> {
    KERNELS.iter().filter(|kernel| (kernel.supported)())
}

/// One hit in `hashes`.
fn one_in(hashes: u128) -> Target {
    Target::from_work(NonZeroU128::new(hashes).unwrap())
}

/// What a kernel finds, as versions and nonces, sorted.
fn hits(
    kernel: &Kernel,
    header: &Header,
    versions: &[u32],
    nonces: RangeInclusive<u32>,
    target: &Target,
) -> Vec<(u32, u32)> {
    let mut found = Vec::new();
    let template = Template::rolling(header, versions.iter().copied());
    (kernel.scan)(&template, nonces, target, &mut |version, nonce| found.push((versions[version], nonce)));
    found.sort_unstable();
    found
}

/// What there is to find, by the plain hash of whole headers.
fn expected(header: &Header, versions: &[u32], nonces: RangeInclusive<u32>, target: &Target) -> Vec<(u32, u32)> {
    let mut found = Vec::new();
    for &version in versions {
        let met = nonces.clone().filter(|&nonce| target.is_met_by(&Header { version, nonce, ..*header }.hash()));
        found.extend(met.map(|nonce| (version, nonce)));
    }
    found
}

#[test]
fn every_kernel_agrees_with_the_plain_hash_at_one_hit_in_4096() {
    let target = one_in(1 << 12);
    for seed in 0..3 {
        let base = header(seed);
        for (count, nonces) in [(1, 5..=60_000), (16, 0..=4_000)] {
            let versions = versions(&base, count);
            let expected = expected(&base, &versions, nonces.clone(), &target);
            assert!(expected.len() > 5);
            for kernel in supported() {
                assert_eq!(hits(kernel, &base, &versions, nonces.clone(), &target), expected, "{} {seed}", kernel.name);
            }
        }
    }
}

/// Takes some hash's own value as the target, and one less, so that every word of the comparison decides once.
#[test]
fn a_hash_meets_itself_and_no_smaller_target() {
    let base = header(9);
    for kernel in supported() {
        for nonce in [0, 1, 7, 15, 16, 100] {
            let mut own = Header { nonce, ..base }.hash().to_bytes();
            own.reverse();
            let mut smaller = own;
            for byte in smaller.iter_mut().rev() {
                let borrow;
                (*byte, borrow) = byte.overflowing_sub(1);
                if !borrow {
                    break;
                }
            }
            for (target, met) in [(own, true), (smaller, false)] {
                let found = hits(kernel, &base, &[base.version], 0..=200, &Target::from_be_bytes(target));
                assert_eq!(found.contains(&(base.version, nonce)), met, "{} {nonce}", kernel.name);
            }
        }
    }
}

/// Each hit is the only one of its scan, which begins so that the hit falls on each lane in turn.
#[test]
fn the_winning_nonce_is_found_in_every_lane_and_version_slot() {
    let (base, target) = (header(3), one_in(1 << 14));
    let versions = versions(&base, 64);
    let winners = expected(&base, &versions, 10_000..=10_600, &target);
    let (version, nonce) = winners[0];
    let others: Vec<_> =
        versions.into_iter().filter(|other| !winners.iter().any(|(winner, _)| winner == other)).collect();
    for kernel in supported() {
        for lane in 0..2 * u32::from(kernel.lanes) {
            let found = hits(kernel, &base, &[version], nonce - lane..=nonce + 40, &target);
            assert!(found.contains(&(version, nonce)), "{} lane {lane}", kernel.name);
        }
        for slot in 0..12 {
            let mut versions = others[..11].to_vec();
            versions.insert(slot, version);
            let found = hits(kernel, &base, &versions, nonce - 20..=nonce + 20, &target);
            assert_eq!(found, [(version, nonce)], "{} slot {slot}", kernel.name);
        }
    }
}

#[test]
fn every_number_of_versions_and_nonces_is_scanned_whole_and_no_more() {
    let base = header(4);
    for kernel in supported() {
        // The last two are more than a kernel is given at a time.
        for count in (1..=12).chain([120, 121, 250]) {
            let versions = versions(&base, count);
            for (first, last) in [(0, 0), (3, 3), (1, 2), (5, 20), (7, 40)] {
                let found = hits(kernel, &base, &versions, first..=last, &Target::MAX);
                let all = versions.iter().flat_map(|&version| (first..=last).map(move |nonce| (version, nonce)));
                assert_eq!(found, all.collect::<Vec<_>>(), "{} {count} {first}", kernel.name);
            }
        }
    }
}

#[test]
fn the_last_nonce_is_scanned_and_nothing_wraps() {
    let base = header(0);
    for kernel in supported() {
        for first in u32::MAX - 33..=u32::MAX {
            let found = hits(kernel, &base, &[base.version], first..=u32::MAX, &Target::MAX);
            assert!(found.into_iter().map(|(_, nonce)| nonce).eq(first..=u32::MAX), "{}", kernel.name);
        }
    }
}

#[test]
#[expect(clippy::reversed_empty_ranges, reason = "the point of the test")]
fn an_empty_range_or_template_has_no_hit() {
    let base = header(0);
    for kernel in supported() {
        assert_eq!(hits(kernel, &base, &[base.version], 5..=4, &Target::MAX), []);
        assert_eq!(hits(kernel, &base, &[], 0..=99, &Target::MAX), []);
    }
}

#[test]
fn targets_whose_first_word_is_partly_zero_wholly_zero_or_full_are_met_as_by_the_plain_hash() {
    let base = header(7);
    let versions = versions(&base, 4);
    for zeros in [0_u32, 1, 7, 8, 9, 12] {
        let mut bytes = [0xff; 32];
        bytes[..4].copy_from_slice(&(u32::MAX >> zeros).to_be_bytes());
        for target in [bytes, {
            bytes[4..].fill(0);
            bytes
        }]
        .map(Target::from_be_bytes)
        {
            let expected = expected(&base, &versions, 0..=999, &target);
            for kernel in supported() {
                assert_eq!(hits(kernel, &base, &versions, 0..=999, &target), expected, "{} {zeros}", kernel.name);
            }
        }
    }
}

#[derive(serde::Deserialize)]
struct Block {
    nonce: u32,
    header: String,
}

#[test]
fn real_blocks_are_found_under_their_own_targets_among_other_versions() {
    let blocks: Vec<Block> = serde_json::from_str(include_str!("../../../vectors/bitcoin_headers.json")).unwrap();
    assert!(blocks.len() >= 8);
    for block in blocks {
        let header = Header::from_bytes(&hex::decode(block.header).unwrap().try_into().unwrap());
        let target = Target::from_compact(header.bits).unwrap();
        let around = block.nonce.saturating_sub(200)..=block.nonce.saturating_add(200);
        for kernel in supported() {
            for versions in [vec![header.version], (0..7).map(|other| header.version ^ other).collect()] {
                let found = hits(kernel, &header, &versions, around.clone(), &target);
                assert_eq!(found, [(header.version, block.nonce)], "{}", kernel.name);
            }
        }
    }
}

#[test]
fn names_are_unique_and_the_last_kernel_runs_anywhere() {
    let mut names: Vec<_> = KERNELS.iter().map(|kernel| kernel.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), KERNELS.len());
    assert_eq!(KERNELS.last().map(|kernel| (kernel.name, (kernel.supported)())), Some(("portable", true)));
}
