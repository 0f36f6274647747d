//! What the configuration says of destinations, as the destination room takes it.

use super::{Bitcoin, Config, DataDirError, Pool, datadir::read_secret};
use crate::destination::{DestinationError, DestinationUrl, Password, Patience, PoolConfig, Probe, RpcConfig};

/// What pools take for no password.
const NO_PASSWORD: &str = "x";

/// Who looks at a destination; what is left out is taken from the configuration, for a destination that stands there.
#[derive(Debug, Default)]
pub struct ProbeArgs {
    /// Account at the pool, or user of the RPC.
    pub user: Option<String>,
    /// Its password.
    pub password: Option<Password>,
    /// Where found blocks would pay.
    pub payout: Option<String>,
}

/// Why there is nothing to look with.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// Nobody to look as.
    #[error("the destination doesn't stand in the configuration: name the user to look as")]
    NoUser,
    /// No password for a Bitcoin node.
    #[error("the Bitcoin node doesn't stand in the configuration: give the password of its RPC user")]
    NoPassword,
    /// A password file.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The payout address.
    #[error(transparent)]
    Destination(#[from] DestinationError),
}

impl Config {
    /// Prepares a look at a destination. It may lie in a private network where the configuration names it.
    ///
    /// # Errors
    /// Where a user, a password or a file with it is missing, and where the payout address is none.
    pub fn probe(&self, url: DestinationUrl, args: ProbeArgs) -> Result<Probe, ProbeError> {
        let configured = self.configured(&url);
        let private = configured.is_some() || self.allow_private.iter().any(|allowed| allowed.is_same_place(&url));
        // The configured password goes with the configured user, and to its own destination alone.
        let (user, password) = match (args.user, configured) {
            (Some(user), _) => (user, args.password),
            (None, Some(configured)) => {
                let (user, password) = configured.credentials()?;
                (user, args.password.or(Some(password)))
            }
            (None, None) => return Err(ProbeError::NoUser),
        };
        let password = match (password, &url) {
            (Some(password), _) => password,
            (None, DestinationUrl::Pool(_)) => Password::new(NO_PASSWORD.to_owned()),
            (None, DestinationUrl::Bitcoin(_)) => return Err(ProbeError::NoPassword),
        };
        let payout = args.payout.or_else(|| self.bitcoin.as_ref().map(|bitcoin| bitcoin.payout.clone()));
        let payout = payout.map(|payout| payout.parse()).transpose()?;
        Ok(Probe { url, user, password, payout, private })
    }

    fn configured(&self, url: &DestinationUrl) -> Option<Configured<'_>> {
        let is_it = |own: DestinationUrl| own.is_same_place(url);
        match url {
            DestinationUrl::Pool(_) => {
                let idle = self.farm.as_ref().and_then(|farm| farm.idle.as_ref());
                let stands = |pool: &&Pool| pool.urls.iter().any(|own| is_it(DestinationUrl::Pool(own.clone())));
                self.pool.iter().chain(idle).find(stands).map(Configured::Pool)
            }
            DestinationUrl::Bitcoin(_) => {
                let bitcoin = self.bitcoin.as_ref()?;
                is_it(DestinationUrl::Bitcoin(bitcoin.rpc.clone())).then_some(Configured::Bitcoin(bitcoin))
            }
        }
    }
}

enum Configured<'a> {
    Pool(&'a Pool),
    Bitcoin(&'a Bitcoin),
}

impl Configured<'_> {
    fn credentials(self) -> Result<(String, Password), DataDirError> {
        match self {
            Self::Pool(pool) => Ok((pool.user.clone(), pool.password()?)),
            Self::Bitcoin(bitcoin) => Ok((bitcoin.user.clone(), bitcoin.password()?)),
        }
    }
}

impl Pool {
    /// The same for the destination room, the password read from its file; `section` is where it stands.
    ///
    /// # Errors
    /// Where the file can't be read, or others may.
    pub fn destination(&self, section: &'static str) -> Result<PoolConfig, DataDirError> {
        Ok(PoolConfig {
            section,
            urls: self.urls.clone(),
            user: self.user.clone(),
            password: self.password()?,
            patience: Patience { stale_after: self.stale_after, ..Patience::default() },
        })
    }

    fn password(&self) -> Result<Password, DataDirError> {
        let password = self.password_file.as_deref().map(read_secret).transpose()?;
        Ok(Password::new(password.map_or_else(|| NO_PASSWORD.to_owned(), |password| password.to_string())))
    }
}

impl Bitcoin {
    /// The RPC server for the destination room, the password read from its file.
    ///
    /// # Errors
    /// Where the file can't be read, or others may.
    pub fn destination(&self) -> Result<RpcConfig, DataDirError> {
        Ok(RpcConfig { url: self.rpc.to_string(), user: self.user.clone(), password: self.password()? })
    }

    fn password(&self) -> Result<Password, DataDirError> {
        Ok(Password::new(read_secret(&self.password_file)?.to_string()))
    }
}
