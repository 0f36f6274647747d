//! What is wrong with a configuration, and where to change it.

use std::{io, path::PathBuf};

/// Why there is no configuration to run with.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no file.
    #[error("no configuration at {path}: run `hashlease init`, or name the data directory with --datadir", path = path.display())]
    NotInitialised {
        /// Where it should be.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read {path}", path = path.display())]
    Io {
        /// Configuration file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Nobody writes that much by hand.
    #[error("{path} is larger than {limit} bytes: is it a configuration file?", path = path.display())]
    TooLarge {
        /// Configuration file.
        path: PathBuf,
        /// Most bytes that are read.
        limit: u64,
    },
    /// Not TOML, an unknown key, or a value of another type.
    #[error("{place} is not a valid configuration: {fault}; compare it with `config.sample.toml`")]
    Malformed {
        /// File or variable, with the line where there are lines.
        place: String,
        /// What is wrong, without the text itself: it may hold a secret.
        fault: String,
    },
    /// A variable of the environment that names no key.
    #[error("the environment variable {name} names no key of the configuration: correct or unset it")]
    UnknownVariable {
        /// Its name.
        name: String,
    },
    /// A variable of the environment with a value of another type.
    #[error("the environment variable {name} must be {expected}")]
    Variable {
        /// Its name.
        name: String,
        /// What is wanted.
        expected: &'static str,
    },
    /// A key without a default is missing.
    #[error("{key} is missing: set it in the configuration file, or as {variable} in the environment")]
    Missing {
        /// Section and name.
        key: String,
        /// Its name in the environment.
        variable: String,
    },
    /// A value that cannot be right.
    #[error("{key} must be {expected}")]
    Invalid {
        /// Section and name.
        key: String,
        /// What is wanted.
        expected: String,
    },
    /// Two sections that say what to mine.
    #[error(
        "both [bitcoin] and [pool] say what to mine: remove [pool] to mine solo, or [bitcoin] to mine for the pool"
    )]
    TwoDestinations,
}

impl ConfigError {
    pub(super) fn missing(section: &str, name: &str) -> Self {
        let variable = format!("{}{}_{}", super::env::PREFIX, section.replace('.', "_"), name).to_uppercase();
        Self::Missing { key: format!("{section}.{name}"), variable }
    }

    pub(super) fn invalid(key: impl Into<String>, expected: impl Into<String>) -> Self {
        Self::Invalid { key: key.into(), expected: expected.into() }
    }
}
