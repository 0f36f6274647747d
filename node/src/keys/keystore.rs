//! Writes Web3 Secret Storage with a scrypt that is hard to guess (N = 2^17); the library that reads it
//! would write N = 2^13.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use aes::cipher::{KeyIvInit, StreamCipher};
use alloy_primitives::{Address, keccak256};
use rand::RngCore;
use serde_json::{Value, json};
use zeroize::Zeroizing;

type Aes128Ctr = ctr::Ctr128BE<aes::Aes128>;

const LOG_N: u8 = 17;
/// Longest key file that is read, bytes; one has about 500.
const MAX_FILE_BYTES: u64 = 16 * 1024;

/// Encrypts the bytes of a key and returns the JSON document.
pub(super) fn encrypt(secret: &[u8], address: Address, passphrase: &str) -> String {
    let mut salt = [0; 32];
    let mut iv = [0; 16];
    let mut id = [0; 16];
    for random in [&mut salt[..], &mut iv, &mut id] {
        rand::rng().fill_bytes(random);
    }
    let mut derived = Zeroizing::new([0; 32]);
    let params = scrypt::Params::new(LOG_N, 8, 1).expect("the parameters are constants in range");
    scrypt::scrypt(passphrase.as_bytes(), &salt, &params, derived.as_mut_slice())
        .expect("32 bytes is a length that scrypt gives");
    let mut ciphertext = secret.to_vec();
    let cipher_key: [u8; 16] = derived[..16].try_into().expect("16 of 32 bytes");
    Aes128Ctr::new(&cipher_key.into(), &iv.into()).apply_keystream(&mut ciphertext);
    let mac = keccak256([&derived[16..], &ciphertext].concat());
    json!({
        "version": 3,
        "id": uuid(id),
        "address": hex::encode(address),
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": { "iv": hex::encode(iv) },
            "ciphertext": hex::encode(&ciphertext),
            "kdf": "scrypt",
            "kdfparams": { "dklen": 32, "n": 1_u32 << LOG_N, "r": 8, "p": 1, "salt": hex::encode(salt) },
            "mac": hex::encode(mac),
        },
    })
    .to_string()
}

/// Tells whether a key file is small, and asks for a key of 32 bytes by no more work than a machine does in
/// seconds: the library that decrypts it checks neither.
pub(super) fn is_sound(path: &Path) -> io::Result<bool> {
    let mut text = String::new();
    File::open(path)?.take(MAX_FILE_BYTES).read_to_string(&mut text)?;
    let Ok(document) = serde_json::from_str::<Value>(&text) else { return Ok(false) };
    let params = &document["crypto"]["kdfparams"];
    let at_most = |name: &str, limit: u64| params[name].as_u64().is_none_or(|value| value <= limit);
    Ok(params["dklen"] == 32
        && at_most("n", 1 << 20)
        && at_most("r", 32)
        && at_most("p", 32)
        && at_most("c", 10_000_000))
}

/// Formats random bytes as a version 4 UUID.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hex::encode(bytes);
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}
