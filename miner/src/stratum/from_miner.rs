//! What miners send, read by a server.

use serde_json::{Map, Value};

use super::field::{self, Malformed, ParseError};

/// The extension by which a miner says that it understands `mining.set_extranonce`.
pub const SUBSCRIBE_EXTRANONCE: &str = "subscribe-extranonce";
/// Most extensions of one `mining.configure` that are looked at.
const MAX_EXTENSIONS: usize = 16;

/// One line from a miner.
#[derive(Debug, Clone, PartialEq)]
pub enum FromMiner {
    /// A request, to be answered once unless its method says otherwise.
    Request(Request),
    /// A reply to something that the server sent (`pong`, a version). Nothing to do.
    Reply,
}

/// A request with its id, which is echoed as it came and never used as a key: some miners send a string, null, or the
/// same number each time.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The id, verbatim.
    pub id: Value,
    /// What is asked.
    pub method: Method,
}

/// What a miner asks.
#[derive(Debug, Clone, PartialEq)]
pub enum Method {
    /// `mining.configure` (BIP 310).
    Configure(Configure),
    /// `mining.subscribe`.
    Subscribe {
        /// Name and version of the device.
        user_agent: Option<String>,
        /// A session to resume; any text, often not hex.
        session: Option<String>,
    },
    /// `mining.authorize`; may come before `mining.subscribe`, and again for other users.
    Authorize {
        /// The worker's name.
        user: String,
        /// The password, which often carries options.
        password: Option<String>,
    },
    /// `mining.submit`.
    Submit(Submit),
    /// `mining.submit` with unusable parameters; a server asks first who sends it.
    MalformedSubmit {
        /// The worker's name, where there is one.
        user: Option<String>,
        /// What is wrong.
        malformed: Malformed,
    },
    /// `mining.suggest_difficulty`, `None` where it can't be read. Never to be answered: cgminer counts an unexpected reply as a
    /// rejected share.
    SuggestDifficulty(Option<f64>),
    /// `mining.extranonce.subscribe`: the miner understands `mining.set_extranonce`.
    ExtranonceSubscribe,
    /// A hint that a server may ignore (`mining.suggest_target`, `mining.capabilities`, `mining.hashes_done`, `mining.pong`);
    /// not to be answered where the id is null.
    Hint(String),
    /// A known method with unusable parameters; answered with code 20, and the connection stays.
    Malformed(Malformed),
    /// Anything else; answered with code 20, and the connection stays.
    Unknown(String),
}

/// The parameters of `mining.configure`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Configure {
    /// The extensions that were asked for: a reply must name these and no others.
    pub extensions: Vec<String>,
    /// The version bits that the miner can roll; all of them where it doesn't say.
    pub version_rolling_mask: u32,
    /// Fewest bits that the miner needs.
    pub version_rolling_min_bit_count: Option<u32>,
    /// Lowest difficulty that the miner wants.
    pub minimum_difficulty: Option<f64>,
}

impl Configure {
    /// Tells whether version rolling was asked for.
    pub fn wants_version_rolling(&self) -> bool {
        self.extensions.iter().any(|extension| extension == "version-rolling")
    }

    /// Tells whether the miner understands `mining.set_extranonce`.
    pub fn takes_extranonce(&self) -> bool {
        self.extensions.iter().any(|extension| extension == SUBSCRIBE_EXTRANONCE)
    }
}

/// The parameters of `mining.submit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submit {
    /// The worker's name.
    pub user: String,
    /// The job's id.
    pub job_id: String,
    /// The miner's part of the extranonce, of whatever length it sent.
    pub extranonce2: Vec<u8>,
    /// nTime in unix seconds.
    pub time: u32,
    /// The nonce.
    pub nonce: u32,
    /// The rolled bits, of a sixth parameter that isn't null or empty (BIP 310).
    pub version_bits: Option<u32>,
}

impl FromMiner {
    /// Reads a line; unknown keys and any order of keys are fine.
    pub fn parse(line: &str) -> Result<Self, ParseError> {
        let mut object = field::object(line)?;
        let Some(Value::String(name)) = object.remove("method") else {
            return Ok(Self::Reply);
        };
        let id = field::take_id(&mut object);
        let params = field::take_params(&mut object);
        let method = method(name, &params).unwrap_or_else(Method::Malformed);
        Ok(Self::Request(Request { id, method }))
    }
}

fn method(name: String, params: &[Value]) -> Result<Method, Malformed> {
    Ok(match name.as_str() {
        "mining.configure" => Method::Configure(configure(params)),
        "mining.subscribe" => {
            Method::Subscribe { user_agent: field::string(params.first()), session: field::string(params.get(1)) }
        }
        "mining.authorize" => Method::Authorize {
            user: field::string(params.first()).ok_or(Malformed("authorize needs a user name"))?,
            password: field::string(params.get(1)),
        },
        "mining.submit" => submit(params).map_or_else(
            |malformed| Method::MalformedSubmit { user: field::string(params.first()), malformed },
            Method::Submit,
        ),
        "mining.suggest_difficulty" => Method::SuggestDifficulty(field::difficulty(params.first()).ok()),
        "mining.extranonce.subscribe" => Method::ExtranonceSubscribe,
        "mining.suggest_target" | "mining.capabilities" | "mining.hashes_done" | "mining.pong" => Method::Hint(name),
        _ => Method::Unknown(name),
    })
}

fn configure(params: &[Value]) -> Configure {
    let asked = params.first().and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let extensions = asked.iter().filter_map(Value::as_str).take(MAX_EXTENSIONS).map(str::to_owned).collect();
    let no_options = Map::new();
    let options = params.get(1).and_then(Value::as_object).unwrap_or(&no_options);
    Configure {
        extensions,
        version_rolling_mask: field::hex_u32(options.get("version-rolling.mask"), "mask").unwrap_or(u32::MAX),
        version_rolling_min_bit_count: options.get("version-rolling.min-bit-count").and_then(bit_count),
        minimum_difficulty: field::difficulty(options.get("minimum-difficulty.value")).ok(),
    }
}

/// A count of bits: a number by BIP 310, a hex string by some devices.
fn bit_count(value: &Value) -> Option<u32> {
    match value {
        Value::Number(number) => u32::try_from(number.as_u64()?).ok(),
        Value::String(text) => field::parse_hex_u32(text),
        _ => None,
    }
}

fn submit(params: &[Value]) -> Result<Submit, Malformed> {
    let version_bits = match params.get(5) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.is_empty() => None,
        bits => Some(field::hex_u32(bits, "version bits must be up to 8 hex digits")?),
    };
    Ok(Submit {
        user: field::string(params.first()).ok_or(Malformed("submit needs a user name"))?,
        job_id: field::string(params.get(1)).ok_or(Malformed("submit needs a job id"))?,
        extranonce2: field::hex_bytes(params.get(2), "extranonce2 must be hex")?,
        time: field::hex_u32(params.get(3), "ntime must be up to 8 hex digits")?,
        nonce: field::hex_u32(params.get(4), "nonce must be up to 8 hex digits")?,
        version_bits,
    })
}

#[cfg(test)]
#[path = "from_miner_tests.rs"]
mod tests;
