//! The nine parameters of `mining.notify`, and the job they stand for.

use serde_json::{Value, json};

use super::field::{self, Malformed};
use crate::pow::Job;

/// Most hashes in a merkle branch: a block can't hold the 2^32 transactions of a longer one.
pub const MAX_BRANCH: usize = 32;

/// Bytes of the parameters' JSON without coinbase and branch, and with an id of usual length.
const PARAMS_BYTES: usize = 160;
/// Bytes of a hash in JSON, its quotes and comma included.
const HASH_PARAM_BYTES: usize = 67;

/// The parameters of `mining.notify`, hashes in internal order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// The job's id, unique on its connection.
    pub job_id: String,
    /// Hash of the previous block in internal order; on the wire the bytes of each 4-byte word are swapped.
    pub prev_hash: [u8; 32],
    /// Coinbase up to the extranonce (coinb1).
    pub coinbase_prefix: Vec<u8>,
    /// Coinbase after the extranonce (coinb2).
    pub coinbase_suffix: Vec<u8>,
    /// Merkle branch of the coinbase.
    pub branch: Vec<[u8; 32]>,
    /// Header version before rolling.
    pub version: u32,
    /// nBits.
    pub bits: u32,
    /// nTime in unix seconds.
    pub time: u32,
    /// Whether work on earlier jobs is to be dropped (clean_jobs).
    pub clean: bool,
}

impl Notify {
    /// Announces a job as it stands; a server that fixes more bytes before the miner's extranonce appends them to
    /// [`Notify::coinbase_prefix`].
    pub fn of_job(job_id: String, job: &Job, time: u32, clean: bool) -> Self {
        Self {
            job_id,
            prev_hash: job.prev_hash,
            coinbase_prefix: job.coinbase_prefix.clone(),
            coinbase_suffix: job.coinbase_suffix.clone(),
            branch: job.branch.clone(),
            version: job.version,
            bits: job.bits,
            time,
            clean,
        }
    }

    /// The job, given the size of the whole extranonce and the granted version mask; its earliest time is the notify's.
    pub fn to_job(&self, extranonce_size: u8, version_mask: u32) -> Job {
        Job {
            version: self.version,
            version_mask,
            prev_hash: self.prev_hash,
            coinbase_prefix: self.coinbase_prefix.clone(),
            coinbase_suffix: self.coinbase_suffix.clone(),
            extranonce_size,
            branch: self.branch.clone(),
            bits: self.bits,
            min_time: self.time,
        }
    }

    /// Reads the parameters: at least eight, the last one being clean_jobs where it's a boolean.
    pub fn parse(params: &[Value]) -> Result<Self, Malformed> {
        let branch = params.get(4).and_then(Value::as_array).ok_or(Malformed("notify needs a merkle branch"))?;
        if branch.len() > MAX_BRANCH {
            return Err(Malformed("notify has a merkle branch over 32 hashes"));
        }
        let hash = |item| field::hex_hash(Some(item), "a merkle branch is made of 32-byte hashes");
        Ok(Self {
            job_id: field::string(params.first()).ok_or(Malformed("notify needs a job id"))?,
            prev_hash: swap_words(field::hex_hash(params.get(1), "prevhash must be 64 hex digits")?),
            coinbase_prefix: field::hex_bytes(params.get(2), "coinb1 must be hex")?,
            coinbase_suffix: field::hex_bytes(params.get(3), "coinb2 must be hex")?,
            branch: branch.iter().map(hash).collect::<Result<_, _>>()?,
            version: field::hex_u32(params.get(5), "version must be up to 8 hex digits")?,
            bits: field::hex_u32(params.get(6), "nbits must be up to 8 hex digits")?,
            time: field::hex_u32(params.get(7), "ntime must be up to 8 hex digits")?,
            clean: params.last().and_then(Value::as_bool).unwrap_or(false),
        })
    }

    /// Writes the nine parameters as JSON: lower-case hex, numbers of exactly eight digits.
    ///
    /// Straight into one text, without a [`Value`] between: a farm's new job goes to thousands of miners at once, to each with an
    /// id of its own.
    pub fn to_params(&self) -> String {
        let mut text = Vec::with_capacity(
            PARAMS_BYTES
                + 2 * (self.coinbase_prefix.len() + self.coinbase_suffix.len())
                + HASH_PARAM_BYTES * self.branch.len(),
        );
        text.extend(format!("[{},", json!(self.job_id)).bytes());
        push_hex(&mut text, &swap_words(self.prev_hash));
        push_hex(&mut text, &self.coinbase_prefix);
        push_hex(&mut text, &self.coinbase_suffix);
        text.push(b'[');
        self.branch.iter().for_each(|hash| push_hex(&mut text, hash));
        text.pop_if(|last| *last == b',');
        text.extend(b"],");
        [self.version, self.bits, self.time].iter().for_each(|number| push_hex(&mut text, &number.to_be_bytes()));
        text.extend(format!("{}]", self.clean).bytes());
        // The id was text, and all the rest is ASCII.
        String::from_utf8(text).unwrap_or_default()
    }
}

/// Appends bytes as a JSON string of hex, and a comma.
fn push_hex(text: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    text.push(b'"');
    for byte in bytes {
        text.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
    text.extend(b"\",");
}

/// Swaps the bytes of each 4-byte word, as Stratum writes the previous block's hash. Its own inverse.
fn swap_words(mut hash: [u8; 32]) -> [u8; 32] {
    hash.chunks_exact_mut(4).for_each(<[u8]>::reverse);
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pow::{Hash256, Header};

    fn vectors() -> Vec<Value> {
        serde_json::from_str(include_str!("../../vectors/stratum_v1.json")).unwrap()
    }

    #[test]
    fn notify_params_survive_a_round_trip_to_the_letter() {
        for vector in vectors() {
            let params = vector["notify"].as_array().unwrap();
            let notify = Notify::parse(params).unwrap();
            let written: Value = serde_json::from_str(&notify.to_params()).unwrap();
            assert_eq!(written, vector["notify"], "{}", vector["name"]);
            let job = notify.to_job(8, 0x1fff_e000);
            assert_eq!(Notify::of_job(notify.job_id.clone(), &job, notify.time, notify.clean), notify);
            assert_eq!((job.extranonce_size, job.version_mask, job.min_time), (8, 0x1fff_e000, notify.time));
        }
    }

    #[test]
    fn any_id_and_any_number_of_branches_make_well_formed_json() {
        let notify = Notify::parse(vectors()[0]["notify"].as_array().unwrap()).unwrap();
        for branch in [0, 1, 2, MAX_BRANCH] {
            let odd = Notify { job_id: "\"\n\u{e4}".into(), branch: vec![[7; 32]; branch], ..notify.clone() };
            let params: Value = serde_json::from_str(&odd.to_params()).unwrap();
            assert_eq!(Notify::parse(params.as_array().unwrap()), Ok(odd));
        }
    }

    #[test]
    fn the_previous_hash_lies_in_the_header_as_the_literal_has_it() {
        for vector in vectors() {
            let notify = Notify::parse(vector["notify"].as_array().unwrap()).unwrap();
            let header: [u8; 80] = hex::decode(vector["header"].as_str().unwrap()).unwrap().try_into().unwrap();
            assert_eq!(notify.prev_hash, Header::from_bytes(&header).prev_hash, "{}", vector["name"]);
        }
        let slush = Notify::parse(vectors()[0]["notify"].as_array().unwrap()).unwrap();
        assert!(Hash256::from_bytes(slush.prev_hash).to_string().starts_with("00000000440b921e"));
    }

    #[test]
    fn each_malformed_parameter_is_refused() {
        let good = vectors()[2]["notify"].clone();
        let spoiled = [
            (0, json!({})),
            (1, json!("00")),
            (2, json!("0")),
            (3, json!(null)),
            (4, json!(["00"])),
            (4, json!("")),
            (5, json!("123456789")),
            (6, json!(1)),
            (7, json!("+1")),
        ];
        for (index, bad) in spoiled {
            let mut params = good.as_array().unwrap().clone();
            params[index] = bad;
            assert!(Notify::parse(&params).is_err(), "parameter {index}");
        }
        assert!(Notify::parse(&[]).is_err());
        let mut long = good.as_array().unwrap().clone();
        long[4] = json!(vec!["00".repeat(32); MAX_BRANCH + 1]);
        assert!(Notify::parse(&long).is_err());
    }
}
