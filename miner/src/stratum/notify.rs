//! The nine parameters of `mining.notify`, and the job they stand for.

use std::iter;

use serde_json::{Value, json};

use super::field::{self, Malformed};
use crate::pow::Job;

/// Most hashes in a merkle branch: a block can't hold the 2^32 transactions of a longer one.
pub const MAX_BRANCH: usize = 32;

/// Bytes of a notify's line beside the job's text, with an id of usual length.
const REST_BYTES: usize = 96;

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
}

/// What every `mining.notify` of a job says, as JSON: lower-case hex, numbers of exactly eight digits.
///
/// Written once for all connections: a farm's new job goes to thousands of miners at once, to each with an id and a padding of its own.
#[derive(Debug)]
pub struct JobText {
    /// The parameters between the id and the end of coinb1.
    front: String,
    /// Those between there and the time.
    back: String,
}

impl JobText {
    /// Writes a job down.
    pub fn new(job: &Job) -> Self {
        let hashes: Vec<String> = job.branch.iter().map(|hash| format!("\"{}\"", hex::encode(hash))).collect();
        let (prev_hash, prefix) = (hex::encode(swap_words(job.prev_hash)), hex::encode(&job.coinbase_prefix));
        let (suffix, branch) = (hex::encode(&job.coinbase_suffix), hashes.join(","));
        Self {
            front: format!(",\"{prev_hash}\",\"{prefix}"),
            back: format!("\",\"{suffix}\",[{branch}],\"{:08x}\",\"{:08x}\"", job.version, job.bits),
        }
    }

    /// The whole line for a connection, with `padding` zero bytes between the coinbase's prefix and the connection's extranonce1.
    pub fn line(&self, job_id: &str, padding: usize, time: u32, clean: bool) -> String {
        let mut line = String::with_capacity(REST_BYTES + self.front.len() + 2 * padding + self.back.len());
        line += r#"{"id":null,"method":"mining.notify","params":["#;
        line += &json!(job_id).to_string();
        line += &self.front;
        line.extend(iter::repeat_n("00", padding));
        line += &self.back;
        line += &format!(",\"{time:08x}\",{clean}]}}\n");
        line
    }
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
            let job = notify.to_job(8, 0x1fff_e000);
            let line = JobText::new(&job).line(&notify.job_id, 0, notify.time, notify.clean);
            let written: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(written["params"], vector["notify"], "{}", vector["name"]);
            assert_eq!((job.extranonce_size, job.version_mask, job.min_time), (8, 0x1fff_e000, notify.time));
        }
    }

    #[test]
    fn any_id_and_any_number_of_branches_make_well_formed_json() {
        let notify = Notify::parse(vectors()[0]["notify"].as_array().unwrap()).unwrap();
        for branch in [0, 1, 2, MAX_BRANCH] {
            let odd = Notify { job_id: "\"\n\u{e4}".into(), branch: vec![[7; 32]; branch], ..notify.clone() };
            let text = JobText::new(&odd.to_job(8, 0));
            for padding in [0, 1, 8] {
                let line = text.line(&odd.job_id, padding, odd.time, odd.clean);
                assert!(line.ends_with('\n') && line.lines().count() == 1);
                let message: Value = serde_json::from_str(&line).unwrap();
                let padded = [&odd.coinbase_prefix[..], &vec![0; padding]].concat();
                let expected = Notify { coinbase_prefix: padded, ..odd.clone() };
                assert_eq!(Notify::parse(message["params"].as_array().unwrap()), Ok(expected));
            }
        }
    }

    #[test]
    fn numbers_have_eight_digits_and_everything_has_its_place() {
        let job = Job {
            version: 0x20,
            version_mask: 0,
            prev_hash: std::array::from_fn(|index| u8::try_from(index).unwrap()),
            coinbase_prefix: vec![1, 2],
            coinbase_suffix: vec![3],
            extranonce_size: 8,
            branch: vec![[0xab; 32], [0xcd; 32]],
            bits: 0x1d,
            min_time: 5,
        };
        let (ab, cd) = ("ab".repeat(32), "cd".repeat(32));
        let expected = format!(
            "{{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"1f\",\
             \"03020100070605040b0a09080f0e0d0c13121110171615141b1a19181f1e1d1c\",\
             \"0102000000\",\"03\",[\"{ab}\",\"{cd}\"],\"00000020\",\"0000001d\",\"00000007\",true]}}\n"
        );
        assert_eq!(JobText::new(&job).line("1f", 3, 7, true), expected);
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
