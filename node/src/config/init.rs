//! Makes a data directory: key, token, and a configuration in which every key is explained.

use std::{iter, path::PathBuf};

use hashlease_domain::Address;
use rand::RngCore;

use super::{
    Config, DataDir, DataDirError, Overrides, check,
    datadir::{read_secret, write_new},
    error::ConfigError,
    raw,
};
use crate::keys::{KeyError, SecretKey};

/// Every key with its default and what it does; `#key` is a key that is not set.
pub const SAMPLE: &str = include_str!("../../config.sample.toml");

/// What a new configuration says; what is left out stays commented.
#[derive(Clone, Debug, Default)]
pub struct Init {
    /// `chain.rpc`.
    pub rpc: Option<String>,
    /// `chain.chain_id`.
    pub chain_id: Option<u64>,
    /// `chain.escrow`.
    pub escrow: Option<String>,
    /// `chain.from_block`.
    pub from_block: Option<u64>,
    /// Symbol, address and decimals of each token.
    pub tokens: Vec<(String, String, u8)>,
}

/// Why a data directory could not be made.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// A value that the node would not start with.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A file could not be written.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The key could not be written.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// There is one.
    #[error("{} is initialised already: nothing was changed; edit its config.toml, or choose another folder with --datadir", datadir.display())]
    AlreadyInitialised {
        /// The folder.
        datadir: PathBuf,
    },
}

/// Makes what is missing of `datadir` and returns the address of the node's key. The configuration is written last, so an
/// interrupted run is completed by the next; nothing is ever overwritten.
///
/// # Errors
/// Where the folder is initialised already, a value is wrong, or the system refuses.
pub fn init(datadir: &DataDir, init: &Init) -> Result<Address, InitError> {
    let config = init.document()?;
    match Config::read(datadir.clone(), &config, iter::empty(), Overrides::default()) {
        Ok(_) | Err(ConfigError::Missing { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    if datadir.config().exists() {
        return Err(InitError::AlreadyInitialised { datadir: datadir.root().to_owned() });
    }
    datadir.create()?;
    let address = node_key(datadir)?;
    write_new(&datadir.api_token(), &format!("{}\n", random_hex()))?;
    if !write_new(&datadir.config(), &config)? {
        return Err(InitError::AlreadyInitialised { datadir: datadir.root().to_owned() });
    }
    Ok(address)
}

/// Makes the node's key and its passphrase, or opens those that an interrupted run left.
fn node_key(datadir: &DataDir) -> Result<Address, InitError> {
    if !datadir.node_key().exists() {
        write_new(&datadir.passphrase(), &format!("{}\n", random_hex()))?;
        let key = SecretKey::random();
        key.store(&datadir.node_key(), &read_secret(&datadir.passphrase())?)?;
    }
    Ok(SecretKey::open(&datadir.node_key(), &read_secret(&datadir.passphrase())?)?.address())
}

/// 256 bits of the system's randomness.
fn random_hex() -> String {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    hex::encode(bytes)
}

impl Init {
    /// Returns the sample with the given keys set.
    fn document(&self) -> Result<String, ConfigError> {
        let mut document = SAMPLE.to_owned();
        let mut set = |line: &str, value: Option<String>| {
            if let Some(value) = value {
                let key = line.split_once(" = ").map_or(line, |(key, _)| key);
                document = document.replacen(&format!("\n{line}\n"), &format!("\n{} = {value}\n", &key[1..]), 1);
            }
        };
        if let Some(rpc) = &self.rpc {
            check::url("chain.rpc", rpc)?;
        }
        if let Some(escrow) = &self.escrow {
            check::address("chain.escrow", escrow)?;
        }
        set(RPC_LINE, self.rpc.as_deref().map(quoted));
        set(CHAIN_ID_LINE, self.chain_id.map(|id| id.to_string()));
        set(ESCROW_LINE, self.escrow.as_deref().map(quoted));
        set(FROM_BLOCK_LINE, self.from_block.map(|number| number.to_string()));
        for (symbol, address, decimals) in &self.tokens {
            check::token(symbol, raw::Token { address: Some(address.clone()), decimals: Some((*decimals).into()) })?;
            document.push_str(&format!("\n[tokens.{symbol}]\naddress = {}\ndecimals = {decimals}\n", quoted(address)));
        }
        Ok(document)
    }
}

/// The lines of the sample that `init` can set; a test finds each of them.
pub(super) const RPC_LINE: &str = "#rpc = \"http://127.0.0.1:8545\"";
pub(super) const CHAIN_ID_LINE: &str = "#chain_id = 31337";
pub(super) const ESCROW_LINE: &str = "#escrow = \"0x5FbDB2315678afecb367f032d93F642f64180aa3\"";
pub(super) const FROM_BLOCK_LINE: &str = "#from_block = 0";

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
