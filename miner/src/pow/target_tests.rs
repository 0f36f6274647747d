use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;

fn target(hex_digits: &str) -> Target {
    let mut bytes = [0; 32];
    hex::decode_to_slice(format!("{hex_digits:0>64}"), &mut bytes).unwrap();
    Target::from_be_bytes(bytes)
}

fn work(work: u128) -> Target {
    Target::from_work(NonZeroU128::new(work).unwrap())
}

#[test]
fn a_target_is_the_whole_range_divided_by_its_work() {
    assert_eq!(work(1), Target::MAX);
    assert_eq!(work(2), target(&format!("7{}", "f".repeat(63))));
    assert_eq!(work(1 << 32), target(&"f".repeat(56)));
    assert_eq!(work(u128::MAX), target("0100000000000000000000000000000001"));
    assert_eq!(work(3), target(&"5".repeat(64)));
}

#[test]
fn work_is_recovered_from_its_target() {
    let mut rng = StdRng::seed_from_u64(1);
    for _ in 0..10_000 {
        // Below 2^128 the quotient's quotient is exact: the remainder can't reach the divisor.
        let expected = (rng.random::<u128>() >> rng.random_range(0..128u32)).max(1);
        assert_eq!(work(expected).work(), expected);
    }
    assert_eq!(target("0").work(), u128::MAX);
    assert_eq!(target("1").work(), u128::MAX);
}

#[test]
fn compact_targets_read_as_bitcoin_core_reads_them() {
    let cases = [
        (0x1d00_ffff, "ffff0000000000000000000000000000000000000000000000000000"),
        (0x1b04_864c, "4864c000000000000000000000000000000000000000000000000"),
        (0x207f_ffff, "7fffff0000000000000000000000000000000000000000000000000000000000"),
        (0x0412_3456, "12345600"),
        (0x0312_3456, "123456"),
        (0x0212_3456, "1234"),
        (0x0112_3456, "12"),
        (0x0012_3456, "0"),
        (0x0180_3456, "0"),
        (0x0000_0000, "0"),
        (0xff00_0000, "0"),
    ];
    for (bits, number) in cases {
        assert_eq!(Target::from_compact(bits), Ok(target(number)), "{bits:08x}");
    }
}

#[test]
fn negative_and_oversized_compact_targets_are_refused() {
    for bits in [0x0492_3456, 0x01fe_dcba, 0x1d80_ffff] {
        assert_eq!(Target::from_compact(bits), Err(TargetError::Negative(bits)), "{bits:08x}");
    }
    for bits in [0xff12_3456, 0x2300_0001, 0x2200_0100, 0x2101_0000] {
        assert_eq!(Target::from_compact(bits), Err(TargetError::Overflow(bits)), "{bits:08x}");
    }
    assert!(Target::from_compact(0x2200_00ff).is_ok());
}

#[test]
fn compact_targets_write_as_bitcoin_core_writes_them() {
    let cases = [
        ("0", 0x0000_0000),
        ("12", 0x0112_0000),
        ("80", 0x0200_8000),
        ("123456", 0x0312_3456),
        ("12345600", 0x0412_3456),
        ("92340000", 0x0500_9234),
    ];
    for (number, bits) in cases {
        assert_eq!(target(number).to_compact(), bits, "{number}");
    }
    assert_eq!(Target::MAX.to_compact(), 0x2100_ffff);
}

#[test]
fn a_compact_target_survives_a_round_trip() {
    let mut rng = StdRng::seed_from_u64(2);
    for _ in 0..10_000 {
        let bits = (rng.random_range(4..=32u32) << 24) | rng.random_range(0x8000..=0x7f_ffffu32);
        assert_eq!(Target::from_compact(bits).unwrap().to_compact(), bits, "{bits:08x}");
    }
}

#[test]
fn a_difficulty_is_a_fraction_of_the_target_of_difficulty_one() {
    let one = target("ffff0000000000000000000000000000000000000000000000000000");
    assert_eq!(Target::from_difficulty(1.0), Ok(one));
    assert_eq!(Target::from_difficulty(0.5), Ok(target("1fffe0000000000000000000000000000000000000000000000000000")));
    assert_eq!(Target::from_difficulty(65_535.0), Ok(target("10000000000000000000000000000000000000000000000000000")));
    assert_eq!(Target::from_difficulty(2.0), Ok(target("7fff8000000000000000000000000000000000000000000000000000")));
    assert_eq!(Target::from_difficulty(1e-12), Ok(Target::MAX));
    assert_eq!(Target::from_difficulty(f64::MIN_POSITIVE / 2.0), Ok(Target::MAX));
    assert_eq!(Target::from_difficulty(f64::MAX), Ok(target("0")));
}

#[test]
fn a_difficulty_that_is_no_positive_number_is_refused() {
    for difficulty in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(Target::from_difficulty(difficulty).is_err(), "{difficulty}");
    }
}

#[test]
fn a_difficulty_survives_a_round_trip_within_a_floats_precision() {
    let mut rng = StdRng::seed_from_u64(3);
    for _ in 0..10_000 {
        let difficulty = rng.random_range(1.0..2.0) * 2f64.powi(rng.random_range(-30..=64));
        let back = Target::from_difficulty(difficulty).unwrap().difficulty();
        assert!((back / difficulty - 1.0).abs() < 1e-14, "{difficulty} became {back}");
    }
}

#[test]
fn a_hash_equal_to_the_target_meets_it_and_the_next_one_does_not() {
    let limit = target("ff00");
    let mut bytes = [0; 32];
    bytes[1] = 0xff;
    assert!(limit.is_met_by(&Hash256::from_bytes(bytes)));
    bytes[0] = 1;
    assert!(!limit.is_met_by(&Hash256::from_bytes(bytes)));
    // The last byte is the most significant one.
    let mut high = [0; 32];
    high[31] = 1;
    assert!(!limit.is_met_by(&Hash256::from_bytes(high)));
}

#[test]
fn serde_writes_the_number_most_significant_digit_first() {
    let json = serde_json::to_string(&work(1 << 32)).unwrap();
    assert_eq!(json, format!("\"00000000{}\"", "f".repeat(56)));
    assert_eq!(serde_json::from_str::<Target>(&json).unwrap(), work(1 << 32));
    assert!(serde_json::from_str::<Target>("\"ff\"").is_err());
}
