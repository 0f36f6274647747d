//! A look at a destination, before anything is leased for it: what a buyer wants to know of it, and what to change.

use std::net::SocketAddr;
use std::time::Duration;

use bitcoin::Network;
use hashlease_miner::client::{Event, SessionError, Upstream, UpstreamError};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::bitcoin_rpc::{BitcoinRpc, RpcConfig};
use super::pool::{Patience, PoolError, PoolJob};
use super::reach::DestinationUrl;
use super::template::Template;
use super::{DestinationError, Password, Payout};
use crate::clock;

/// Time for the whole look, name resolution included.
const DEADLINE: Duration = Duration::from_secs(20);
/// Most bytes of a pool's that are read: a job has 3 KiB.
const MAX_POOL_BYTES: u64 = 1 << 20;

/// What to look at, and as whom.
#[derive(Clone, Debug)]
pub struct Probe {
    /// The destination.
    pub url: DestinationUrl,
    /// Account at the pool, or user of the RPC.
    pub user: String,
    /// Its password.
    pub password: Password,
    /// Where found blocks would pay, for a Bitcoin node.
    pub payout: Option<Payout>,
    /// Whether it may lie in a private network.
    pub private: bool,
}

/// What a destination showed of itself, as far as it went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Findings {
    /// Whether a connection was made, or the RPC answered.
    pub reachable: bool,
    /// Where the host's name leads; the connection went there.
    pub address: Option<SocketAddr>,
    /// Whether it takes the user.
    pub authorized: Option<bool>,
    /// Bytes of extranonce that a pool leaves to its miners.
    pub extranonce_size: Option<u8>,
    /// Stratum difficulty of a pool's shares at first.
    pub difficulty: Option<f64>,
    /// Version bits that may be rolled.
    pub version_mask: Option<u32>,
    /// Age of the newest job by its own nTime, seconds.
    pub job_age_s: Option<u64>,
    /// The chain of a Bitcoin node.
    pub chain: Option<Network>,
    /// Its height.
    pub height: Option<u32>,
    /// Whether the payout address belongs to that chain, where one was given.
    pub payout_valid: Option<bool>,
    /// Whether it tells of new work by itself (BIP 22).
    pub long_polling: Option<bool>,
    /// What stands in the way of mining there, and what to change.
    pub problem: Option<String>,
}

impl Probe {
    /// Looks at the destination, for 20 seconds at most.
    ///
    /// # Errors
    /// Where it must not be looked at, or the name leads nowhere. Whatever else is wrong stands in the findings.
    pub async fn look(self) -> Result<Findings, DestinationError> {
        let mut findings = Findings::default();
        let late =
            || "the destination takes too long: check host and port, and that no firewall is in between".to_owned();
        match timeout(DEADLINE, self.fill(&mut findings)).await {
            Ok(Ok(())) => {}
            Ok(Err(Fault::Refused(error))) => return Err(error),
            Ok(Err(Fault::Found(problem))) => findings.problem = Some(problem),
            Err(_) => findings.problem = Some(late()),
        }
        Ok(findings)
    }

    async fn fill(self, findings: &mut Findings) -> Result<(), Fault> {
        let address = self.url.reach(self.private).await.map_err(Fault::Refused)?;
        findings.address = Some(address);
        match self.url.clone() {
            DestinationUrl::Pool(_) => self.look_at_pool(address, findings).await,
            DestinationUrl::Bitcoin(url) => {
                let config = RpcConfig { url: url.to_string(), user: self.user, password: self.password };
                let rpc = BitcoinRpc::pinned(config, address).map_err(Fault::Refused)?;
                look_at_bitcoin(&rpc, self.payout.as_ref(), findings)
                    .await
                    .map_err(|error| Fault::Found(error.with_causes()))
            }
        }
    }

    async fn look_at_pool(self, address: SocketAddr, findings: &mut Findings) -> Result<(), Fault> {
        let mut last = None;
        // A pool that hangs up on `mining.configure` is mined for without.
        for configure in [true, false] {
            let mut upstream = self.connect(address, configure).await?;
            findings.reachable = true;
            let seen = first_job(&mut upstream, findings).await;
            findings.extranonce_size = upstream.extranonce2_size();
            findings.version_mask = Some(upstream.version_mask());
            match seen {
                Err(error) if configure && upstream.disliked_configure() => last = Some(error),
                seen => return seen.map_err(|error| Fault::Found(error.with_causes())),
            }
        }
        last.map_or(Ok(()), |error| Err(Fault::Found(error.with_causes())))
    }

    async fn connect(&self, address: SocketAddr, configure: bool) -> Result<Upstream, Fault> {
        let found = |error: UpstreamError| Fault::Found(PoolError::from(error).with_causes());
        let stream = TcpStream::connect(address).await.map_err(|error| found(UpstreamError::Connect(error)))?;
        let (user, password) = (self.user.clone(), self.password.reveal().to_owned());
        let timeouts = Patience { first_job: DEADLINE / 2, ..Patience::default() }.timeouts();
        let upstream = Upstream::over(stream, user, password, timeouts, configure).map_err(found)?;
        Ok(upstream.limited_to(MAX_POOL_BYTES))
    }
}

/// Why a look ended early.
enum Fault {
    /// It must not be.
    Refused(DestinationError),
    /// What it found is of no use.
    Found(String),
}

async fn first_job(upstream: &mut Upstream, findings: &mut Findings) -> Result<(), PoolError> {
    loop {
        match upstream.next().await {
            Ok(Event::Ready) => findings.authorized = Some(true),
            Ok(Event::Job { work, difficulty, .. }) => {
                findings.difficulty = Some(difficulty);
                findings.job_age_s = Some(clock::now_s().saturating_sub(u64::from(work.time)));
                return PoolJob::check(&work);
            }
            Ok(_) => {}
            Err(error) => {
                if matches!(error, UpstreamError::Session(SessionError::Unauthorized(_))) {
                    findings.authorized = Some(false);
                }
                return Err(error.into());
            }
        }
    }
}

async fn look_at_bitcoin(
    rpc: &BitcoinRpc,
    payout: Option<&Payout>,
    findings: &mut Findings,
) -> Result<(), DestinationError> {
    let info = rpc.chain_info().await;
    findings.reachable = !matches!(info, Err(DestinationError::Transport { .. }));
    findings.authorized = match &info {
        Ok(_) => Some(true),
        Err(DestinationError::Unauthorized) => Some(false),
        Err(_) => None,
    };
    let info = info?;
    let chain = Network::from_core_arg(&info.chain).map_err(DestinationError::UnknownChain)?;
    (findings.chain, findings.height) = (Some(chain), Some(info.blocks));
    let fits = payout.map(|payout| payout.check_chain(chain));
    findings.payout_valid = fits.as_ref().map(Result::is_ok);
    fits.transpose()?;
    let mut raw = rpc.block_template().await?;
    findings.long_polling = Some(raw.take_long_poll_id().is_some());
    let template = Template::try_from(raw)?;
    findings.version_mask = Some(template.version_mask);
    findings.job_age_s = Some(clock::now_s().saturating_sub(u64::from(template.cur_time)));
    Ok(())
}
