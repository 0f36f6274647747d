use super::*;
use crate::testing::Rng;

const USDC: TokenUnit<'_> = TokenUnit { symbol: "USDC", decimals: 6 };
const DAI: TokenUnit<'_> = TokenUnit { symbol: "DAI", decimals: 18 };

fn message<T: std::fmt::Debug>(result: Result<T, UnitError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn hashrates_are_read_with_any_prefix() {
    let readings = [
        ("12 PH/s", 12_000_000_000_000_000),
        ("3 MH/s", 3_000_000),
        ("1.5TH/s", 1_500_000_000_000),
        (" .5 kH/s ", 500),
        ("7 H/s", 7),
        ("1.000000000000000001 EH/s", 1_000_000_000_000_000_001),
        ("0.001 ZH/s", 1_000_000_000_000_000_000),
        ("1.5000000000000000000000 kH/s", 1_500),
        ("18446744073709551615 H/s", u64::MAX),
    ];
    for (text, hashrate) in readings {
        assert_eq!(parse_hashrate(text), Ok(hashrate), "{text}");
    }
}

#[test]
fn hashrates_are_written_with_the_prefix_that_people_choose() {
    let writings = [
        (0, "0 H/s"),
        (999, "999 H/s"),
        (1_000, "1 kH/s"),
        (3_200_000, "3.2 MH/s"),
        (12_000_000_000_000_000, "12 PH/s"),
        (999_999_999_999, "999.999999999 GH/s"),
        (u64::MAX, "18.446744073709551615 EH/s"),
    ];
    for (hashrate, text) in writings {
        assert_eq!(format_hashrate(hashrate), text);
    }
}

#[test]
fn amounts_are_read_to_the_last_unit_and_written_trimmed() {
    assert_eq!(parse_amount("100 USDC", USDC), Ok(100_000_000));
    assert_eq!(parse_amount("0.000001USDC", USDC), Ok(1));
    assert_eq!(parse_amount("1.2300000000 USDC", USDC), Ok(1_230_000));
    assert_eq!(parse_amount("340282366920938463463.374607431768211455 DAI", DAI), Ok(u128::MAX));
    assert_eq!(format_amount(1_230_000, USDC), "1.23 USDC");
    assert_eq!(format_amount(1, USDC), "0.000001 USDC");
    assert_eq!(format_amount(0, USDC), "0 USDC");
    assert_eq!(format_amount(5, TokenUnit { symbol: "PTS", decimals: 0 }), "5 PTS");
}

#[test]
fn prices_are_brought_to_a_petahash() {
    assert_eq!(parse_price("0.05 USDC/PH/day", USDC), Ok(50_000));
    assert_eq!(parse_price("0.05 USDC/TH/day", USDC), Ok(50_000_000));
    assert_eq!(parse_price("50 USDC/EH/day", USDC), Ok(50_000));
    assert_eq!(parse_price("1 DAI/H/day", DAI), Ok(10_u128.pow(33)));
    assert_eq!(parse_price("0.00000005 USDC/TH/day", USDC), Ok(50), "finer than the token, not finer than the price");
    assert_eq!(parse_price("3 A/B/PH/day", TokenUnit { symbol: "A/B", decimals: 0 }), Ok(3));
    assert_eq!(format_price(50_000, USDC), "0.05 USDC/PH/day");
}

#[test]
fn durations_are_read_in_parts_and_written_back() {
    let readings =
        [("90s", 90), ("30m", 1_800), ("6h", 21_600), ("2d", 172_800), ("1h30m", 5_400), (" 1d 2h 3m 4s ", 93_784)];
    for (text, seconds) in readings {
        assert_eq!(parse_duration(text), Ok(seconds), "{text}");
    }
    for (seconds, text) in [(0, "0s"), (90, "1m30s"), (5_400, "1h30m"), (172_800, "2d"), (93_784, "1d2h3m4s")] {
        assert_eq!(format_duration(seconds), text);
    }
    assert_eq!(parse_duration("49710d6h28m15s"), Ok(u32::MAX));
}

#[test]
fn percentages_are_basis_points() {
    for (text, bps) in [("50%", 5_000), ("12.5 %", 1_250), ("0.01%", 1), ("100%", 10_000), ("0%", 0)] {
        assert_eq!(parse_percent(text), Ok(bps), "{text}");
    }
    assert_eq!((format_percent(1_250), format_percent(10_000)), ("12.5%".to_owned(), "100%".to_owned()));
}

#[test]
fn what_is_written_reads_back_the_same() {
    let mut rng = Rng(5);
    for _ in 0..5_000 {
        let hashrate = u64::try_from(rng.wide(64)).unwrap();
        assert_eq!(parse_hashrate(&format_hashrate(hashrate)), Ok(hashrate));
        let amount = rng.wide(128);
        let token = TokenUnit { symbol: "T0K", decimals: u8::try_from(rng.below(40)).unwrap() };
        assert_eq!(parse_amount(&format_amount(amount, token), token), Ok(amount));
        assert_eq!(parse_price(&format_price(amount, token), token), Ok(amount));
        let seconds = u32::try_from(rng.wide(32)).unwrap();
        assert_eq!(parse_duration(&format_duration(seconds)), Ok(seconds));
        let bps = u16::try_from(rng.below(10_001)).unwrap();
        assert_eq!(parse_percent(&format_percent(bps)), Ok(bps));
    }
}

#[test]
fn too_many_decimals_are_refused_with_the_number_that_fits() {
    assert!(message(parse_amount("0.0000001 USDC", USDC)).contains("at most 6 digits"));
    assert!(message(parse_hashrate("1.0005 kH/s")).contains("at most 3 digits"));
    assert!(message(parse_hashrate("1.5 H/s")).contains("at most 0 digits"));
    assert!(message(parse_percent("1.005%")).contains("at most 2 digits"));
    assert!(message(parse_duration("1.5h")).contains("at most 0 digits"));
    assert!(message(parse_price("0.0000000001 USDC/TH/day", USDC)).contains("at most 9 digits"));
    assert!(
        message(parse_price("5 PTS/EH/day", TokenUnit { symbol: "PTS", decimals: 0 })).contains("multiple of 1000 ")
    );
}

#[test]
fn too_much_is_refused_with_the_largest_value() {
    assert!(message(parse_hashrate("18446744073709551616 H/s")).contains("at most 18.446744073709551615 EH/s"));
    assert!(message(parse_hashrate("999999999999999999999999999 YH/s")).contains("at most 18.4467"));
    assert!(message(parse_amount("340282366920938463464 DAI", DAI)).contains("at most 340282366920938463463.37"));
    assert!(message(parse_price("9999999999999999999999999999999 DAI/PH/day", DAI)).contains("at most"));
    assert!(message(parse_amount("1 X", TokenUnit { symbol: "X", decimals: 255 })).contains("too large"));
    assert!(message(parse_duration("49710d6h28m16s")).contains("at most 49710d6h28m15s"));
    assert!(message(parse_percent("100.01%")).contains("at most 100%"));
}

#[test]
fn what_isnt_a_quantity_is_answered_with_an_example() {
    for text in ["", "PH/s", "-1 PH/s", "1.2.3 PH/s", ". PH/s", "1,000 PH/s", "١ PH/s"] {
        assert!(
            message(parse_hashrate(text)).contains("doesn't start with a number: write a hashrate such as 12 PH/s"),
            "{text}"
        );
    }
    for text in ["12", "12 PH", "12 mH/s", "12 PHs", "12 ph/s", "1e3 H/s"] {
        assert!(message(parse_hashrate(text)).contains("write a hashrate such as 12 PH/s"), "{text}");
    }
    assert!(message(parse_amount("100 USDT", USDC)).contains("\"USDT\""));
    assert!(message(parse_amount("100", USDC)).contains("100 USDC"));
    for text in ["1 USDC", "1 USDC/PH", "1 USDT/PH/day", "1 USDC/PH/h", "1 USDC//day"] {
        assert!(message(parse_price(text, USDC)).contains("0.05 USDC/PH/day"), "{text}");
    }
    for text in ["", "6", "6w", "h", "6h30", "6hours"] {
        assert!(message(parse_duration(text)).contains("1h30m"), "{text}");
    }
    for text in ["1m1h", "1h1h", "5s 1m"] {
        assert!(matches!(parse_duration(text), Err(UnitError::DurationOrder { .. })), "{text}");
    }
    assert!(message(parse_percent("50")).contains("12.5%"));
}

#[test]
fn long_texts_are_not_read() {
    let text = "1".repeat(MAX_TEXT_BYTES + 1);
    for result in
        [parse_hashrate(&text).map(drop), parse_amount(&text, USDC).map(drop), parse_duration(&text).map(drop)]
    {
        assert_eq!(result, Err(UnitError::TooLong { bytes: MAX_TEXT_BYTES + 1 }));
    }
}
