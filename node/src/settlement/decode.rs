//! Reverts in words: custom errors of the escrow and of tokens, as their ABIs name them.

use ethers::abi::{Abi, Param, ParamType, Token, decode, ethabi::AbiError};

use super::{
    bindings::{lease_escrow::LEASEESCROW_ABI, test_token::TESTTOKEN_ABI},
    port::Refusal,
};

/// Selector of `Error(string)`, which `require` with a message makes.
const ERROR_STRING: [u8; 4] = [0x08, 0xc3, 0x79, 0xa0];

/// Selector of `Panic(uint256)`, which a failed check of the compiler makes.
const PANIC: [u8; 4] = [0x4e, 0x48, 0x7b, 0x71];

/// Longest message or hex of a contract that is passed on, in characters.
const MESSAGE_CHARS: usize = 200;

/// Returns what a revert says.
pub(super) fn refusal(data: &[u8]) -> Refusal {
    let Some((selector, arguments)) = data.split_first_chunk::<4>() else {
        return unnamed("the contract gives no reason".to_owned());
    };
    custom(*selector, arguments).or_else(|| standard(*selector, arguments)).unwrap_or_else(|| unknown(data))
}

fn custom(selector: [u8; 4], arguments: &[u8]) -> Option<Refusal> {
    let abis: [&Abi; 2] = [&LEASEESCROW_ABI, &TESTTOKEN_ABI];
    let mut errors = abis.into_iter().flat_map(Abi::errors);
    let error: &AbiError = errors.find(|error| error.signature().0[..4] == selector)?;
    let values = error.decode(arguments).ok()?;
    let named: Vec<String> = error.inputs.iter().zip(&values).map(|(input, value)| argument(input, value)).collect();
    let mut reason = words(&error.name);
    if !named.is_empty() {
        reason = format!("{reason} ({})", named.join(", "));
    }
    Some(Refusal { error: Some(error.name.clone()), reason })
}

fn standard(selector: [u8; 4], arguments: &[u8]) -> Option<Refusal> {
    let (kind, says) = match selector {
        ERROR_STRING => (ParamType::String, "the contract says"),
        PANIC => (ParamType::Uint(256), "the contract failed with panic code"),
        _ => return None,
    };
    let value = decode(&[kind], arguments).ok()?.pop()?;
    Some(unnamed(format!("{says} {}", text(&value))))
}

fn unknown(data: &[u8]) -> Refusal {
    unnamed(format!("unknown error 0x{}", cut(&hex::encode(data))))
}

fn unnamed(reason: String) -> Refusal {
    Refusal { error: None, reason }
}

fn argument(input: &Param, value: &Token) -> String {
    let value = match (input.internal_type.as_deref(), value) {
        (Some("enum Side"), Token::Uint(side)) => if side.is_zero() { "ask" } else { "bid" }.to_owned(),
        _ => text(value),
    };
    format!("{} {value}", words(&input.name))
}

fn text(value: &Token) -> String {
    match value {
        Token::Address(address) => format!("{address:?}"),
        Token::Uint(number) | Token::Int(number) => number.to_string(),
        Token::Bool(flag) => flag.to_string(),
        Token::String(message) => cut(message),
        Token::Bytes(bytes) | Token::FixedBytes(bytes) => format!("0x{}", cut(&hex::encode(bytes))),
        Token::Array(_) | Token::FixedArray(_) | Token::Tuple(_) => cut(&value.to_string()),
    }
}

fn cut(message: &str) -> String {
    message.chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS).collect()
}

/// `ReceiptNotNewer` and `settledThrough` become "receipt not newer" and "settled through".
fn words(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 8);
    let mut after_lower = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && after_lower {
            words.push(' ');
        }
        after_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        words.push(c.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use ethers::abi::AbiEncode;

    use super::*;
    use crate::settlement::bindings::lease_escrow as escrow;

    #[test]
    fn a_custom_error_becomes_a_sentence_with_its_arguments() {
        let data = escrow::LeaseEscrowErrors::PriceTooHigh(escrow::PriceTooHigh { price: 10, max_price: 5 }).encode();
        let expected = Refusal {
            error: Some("PriceTooHigh".to_owned()),
            reason: "price too high (price 10, max price 5)".to_owned(),
        };
        assert_eq!(refusal(&data), expected);
    }

    #[test]
    fn the_side_of_an_order_is_named() {
        let error = escrow::OrderExpired { side: 1, expiry: 1_700_000_000 };
        let data = escrow::LeaseEscrowErrors::OrderExpired(error).encode();
        assert_eq!(refusal(&data).reason, "order expired (side bid, expiry 1700000000)");
    }

    #[test]
    fn errors_of_the_token_and_of_the_compiler_are_read_too() {
        let allowance = hex::decode(concat!(
            "fb8f41b2",
            "00000000000000000000000070997970c51812dc3a010c7d01b50e0d17dc79c8",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "000000000000000000000000000000000000000000000000000000000000000a",
        ));
        let read = refusal(&allowance.unwrap());
        assert_eq!(read.error.as_deref(), Some("ERC20InsufficientAllowance"));
        assert!(read.reason.ends_with("allowance 0, needed 10)"), "{}", read.reason);

        let overflow = hex::decode(format!("4e487b71{:064x}", 0x11)).unwrap();
        assert_eq!(refusal(&overflow).reason, "the contract failed with panic code 17");
    }

    #[test]
    fn a_message_of_require_is_passed_on_without_control_characters() {
        let message = format!("08c379a0{:064x}{:064x}{}", 32, 5, hex::encode("no\x1b[m").to_string() + &"0".repeat(54));
        assert_eq!(refusal(&hex::decode(message).unwrap()).reason, "the contract says no[m");
    }

    #[test]
    fn an_unknown_or_broken_error_is_shown_as_hex() {
        assert_eq!(refusal(&[0xde, 0xad, 0xbe, 0xef, 0x01]).reason, "unknown error 0xdeadbeef01");
        let mut cut_short = escrow::LeaseEscrowErrors::WrongLease(escrow::WrongLease::default()).encode();
        cut_short.truncate(20);
        assert!(refusal(&cut_short).reason.starts_with("unknown error 0x"));
        assert_eq!(refusal(&[]).reason, "the contract gives no reason");
    }
}
