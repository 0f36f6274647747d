//! The set-up of a V2 connection: protocol, version and features (Stratum V2, section 3.6).

use common_messages_sv2::{
    ERROR_CODE_SETUP_CONNECTION_PROTOCOL_VERSION_MISMATCH, ERROR_CODE_SETUP_CONNECTION_UNSUPPORTED_FEATURE_FLAGS,
    ERROR_CODE_SETUP_CONNECTION_UNSUPPORTED_PROTOCOL, Protocol, SetupConnectionErrorOwned, SetupConnectionOwned,
    SetupConnectionSuccess,
};

use super::super::session::shown;

/// The one version of the protocol that there is.
const VERSION: u16 = 2;
/// The miner takes headers alone and opens no extended channels (section 5.3.1).
const REQUIRES_STANDARD_JOBS: u32 = 1;
/// The miner rolls version bits; every work that the farm has of its own allows it, and leases' jobs as a rule.
const REQUIRES_VERSION_ROLLING: u32 = 1 << 2;

/// What was agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setup {
    /// Name and version of the device.
    pub(super) user_agent: String,
    /// Whether the miner takes standard jobs alone.
    pub(super) only_standard: bool,
}

/// Answers a set-up. Work selection isn't supported: what is mined is the buyer's.
pub(super) fn answer(asked: &SetupConnectionOwned) -> Result<(Setup, SetupConnectionSuccess), Refusal> {
    if asked.protocol != Protocol::MiningProtocol {
        return Err(Refusal { code: ERROR_CODE_SETUP_CONNECTION_UNSUPPORTED_PROTOCOL, flags: 0 });
    }
    if asked.get_version(VERSION, VERSION).is_none() {
        return Err(Refusal { code: ERROR_CODE_SETUP_CONNECTION_PROTOCOL_VERSION_MISMATCH, flags: 0 });
    }
    let unsupported = asked.flags & !(REQUIRES_STANDARD_JOBS | REQUIRES_VERSION_ROLLING);
    if unsupported != 0 {
        return Err(Refusal { code: ERROR_CODE_SETUP_CONNECTION_UNSUPPORTED_FEATURE_FLAGS, flags: unsupported });
    }
    let names = [&asked.vendor, &asked.hardware_version, &asked.firmware].map(|name| name.as_utf8_or_hex());
    let names: Vec<String> = names.into_iter().filter(|name| !name.is_empty()).collect();
    let setup = Setup { user_agent: shown(&names.join(" ")), only_standard: asked.flags & REQUIRES_STANDARD_JOBS != 0 };
    Ok((setup, SetupConnectionSuccess { used_version: VERSION, flags: 0 }))
}

/// Why a set-up is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    /// Features that aren't supported.
    flags: u32,
}

impl Refusal {
    pub(super) fn message(self) -> SetupConnectionErrorOwned {
        SetupConnectionErrorOwned { flags: self.flags, error_code: super::message::text(self.code) }
    }
}
