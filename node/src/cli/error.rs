//! Why a command failed, and the exit code that says so to programs (BSD's sysexits).

use std::{error::Error as _, io};

use hashlease_domain::{order::OrderFault, units::UnitError};

use super::{client::ClientError, send::SendError, wallet::WalletError};
use crate::{
    app::AppError,
    config::{ConfigError, DataDirError, ProbeError, init::InitError},
    destination::DestinationError,
    keys::KeyError,
    settlement,
    store::StoreError,
};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line asks for what cannot be.
    #[error("{0}")]
    Usage(String),
    /// An amount or a rate.
    #[error(transparent)]
    Unit(#[from] UnitError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// A destination that is none, or that must not be looked at.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// Nothing to look at a destination with.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// Making the data directory.
    #[error(transparent)]
    Init(#[from] InitError),
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The wallet.
    #[error(transparent)]
    Wallet(Box<WalletError>),
    /// The chain.
    #[error(transparent)]
    Chain(Box<settlement::Error>),
    /// A transaction.
    #[error(transparent)]
    Send(Box<SendError>),
    /// The daemon.
    #[error(transparent)]
    App(Box<AppError>),
    /// The node's API.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The order by itself.
    #[error("the order cannot stand")]
    Order(#[source] OrderFault),
    /// The node is not the one that the configuration describes.
    #[error("the node at the API is for {node}, the configuration for {configured}: check --datadir and --api")]
    AnotherNode {
        /// Chain and escrow of the node.
        node: String,
        /// Chain and escrow of the configuration.
        configured: String,
    },
    /// The node at the API gives terms that do not make the lease's id.
    #[error("the node's terms are not those of lease {0}: check --api, nothing was signed")]
    WrongTerms(alloy_primitives::B256),
    /// Not enough in the escrow.
    #[error(
        "the bid may lock {needs}, and {has} are free in the escrow: deposit the rest first with `hashlease deposit`"
    )]
    Uncovered {
        /// What it may lock.
        needs: String,
        /// What is free.
        has: String,
    },
    /// The person said no.
    #[error("not agreed: nothing was signed")]
    Declined,
    /// The terminal, or the runtime.
    #[error("cannot use the terminal")]
    Terminal(#[source] io::Error),
}

macro_rules! boxed {
    ($($variant:ident($cause:ty)),*) => {$(
        impl From<$cause> for Error {
            fn from(cause: $cause) -> Self {
                Self::$variant(Box::new(cause))
            }
        }
    )*};
}
// They are large, and most results carry no error.
boxed!(Wallet(WalletError), Chain(settlement::Error), Send(SendError), App(AppError));

impl Error {
    /// Returns the code that the process ends with.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Unit(_) => 2,
            // EX_TEMPFAIL: another node runs on the folder.
            Self::App(error) if matches!(**error, AppError::Store(StoreError::Locked { .. })) => 75,
            // EX_CONFIG.
            Self::Config(_) => 78,
            Self::App(error) if error.is_configuration() => 78,
            _ => 1,
        }
    }

    /// Returns the error and its causes, one a line.
    pub(super) fn chain(&self) -> String {
        let mut text = format!("error: {self}");
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(&format!("\n  because: {error}"));
            cause = error.source();
        }
        text
    }
}
