//! A party of a lease that the test plays itself: it holds a stopped node's keys and says whatever the test wants.

use std::{num::NonZeroU128, time::Duration};

use alloy_primitives::{B256, FixedBytes};
use anyhow::{Context, Result, bail, ensure};
use hashlease_domain::{
    Domain, Eip712, LeaseJob, Receipt, Signature,
    receipt::{Claim, SignedReceipt},
};
use hashlease_miner::pow::{
    Header, Job, Solution, Target,
    kernels::{Template, select},
};
use hashlease_node::net::{
    Multiaddr, Net, NetConfig, NetEvent, PeerId, Verdict, WorkStream,
    wire::{Hello, JobMessage, Role, ShareMessage, ShareRefusal, StandbyMessage, WorkMessage, session},
};
use k256::ecdsa::SigningKey;
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use hashlease_tests::{Chain, Node, Stage, until};

/// Longest wait for a message or a stream.
const PATIENCE: Duration = Duration::from_secs(60);

/// The keys of a stopped node on a network identity of the same name.
pub(crate) struct Party {
    net: Net,
    streams: mpsc::Receiver<(PeerId, WorkStream)>,
    key: SigningKey,
    domain: Domain,
    role: Role,
    _shutdown: DropGuard,
}

/// A work stream on which both ends have said hello.
pub(crate) struct Talk {
    stream: WorkStream,
    next_seq: u64,
    /// The other end's hello.
    pub(crate) hello: Hello,
}

impl Party {
    /// Takes the place of the stopped `node`, at `listen`, and dials `bootstrap`; a seller waits to be dialled, as its agent does.
    ///
    /// # Errors
    /// Where its keys cannot be read, or its address is taken.
    pub(crate) async fn of(
        stage: &Stage,
        node: &Node,
        role: Role,
        listen: &[String],
        bootstrap: &[String],
    ) -> Result<Self> {
        let passphrase = std::fs::read_to_string(node.datadir.join("node.passphrase"))?;
        let secret = eth_keystore::decrypt_key(node.datadir.join("keystore/node.json"), passphrase.trim())?;
        let domain = Domain { chain_id: Chain::ID, escrow: stage.escrow };
        let addresses = |texts: &[String]| texts.iter().map(|text| text.parse()).collect::<Result<Vec<Multiaddr>, _>>();
        let own = |text: &String| text.split("/p2p/").next().unwrap_or_default().to_owned();
        let config = NetConfig {
            chain_id: domain.chain_id,
            escrow: domain.escrow,
            listen: addresses(&listen.iter().map(own).collect::<Vec<_>>())?,
            announce: Vec::new(),
            bootstrap: addresses(bootstrap)?,
            mdns: false,
            kad: false,
            key_file: node.datadir.join("peer.key"),
            peers_file: node.datadir.join("party-peers.json"),
        };
        let shutdown = CancellationToken::new();
        let (net, mut events, _) = hashlease_node::net::start(config, shutdown.clone()).await?;
        let (bring, streams) = mpsc::channel(4);
        let orders = net.clone();
        tokio::task::spawn(async move {
            while let Some(event) = events.recv().await {
                match event {
                    NetEvent::WorkStream { peer, stream } => drop(bring.send((peer, stream)).await),
                    NetEvent::Order { token, .. } => orders.report(token, Verdict::Ignore),
                    NetEvent::BookDigests { reply } => drop(reply.send(Vec::new())),
                    NetEvent::BookOrders { reply, .. } => drop(reply.send(Vec::new())),
                    NetEvent::PeerJoined(_) => {}
                }
            }
        });
        // A stream that is opened before would dial once more, and one of two connections is soon given up.
        until("a connection to the other node", 30, || async { Ok((!net.peers().await.is_empty()).then_some(())) })
            .await?;
        Ok(Self { net, streams, key: SigningKey::from_slice(&secret)?, domain, role, _shutdown: shutdown.drop_guard() })
    }

    /// Signs with the party's key.
    ///
    /// # Errors
    /// Never, for a sound key.
    pub(crate) fn sign(&self, message: &impl Eip712) -> Result<Signature> {
        sign(&self.key, &self.domain, message)
    }

    /// Signs with a key that nobody knows.
    ///
    /// # Errors
    /// Never.
    pub(crate) fn forge(&self, message: &impl Eip712) -> Result<Signature> {
        sign(&SigningKey::from_slice(&[0x77; 32])?, &self.domain, message)
    }

    /// Opens a stream to the other party's node at `addresses` and says `hello` as changed by `change`; returns the stream.
    ///
    /// # Errors
    /// Where the node cannot be reached.
    pub(crate) async fn dial(
        &self,
        lease: B256,
        addresses: &[String],
        change: impl FnOnce(&mut Hello),
    ) -> Result<WorkStream> {
        let first = addresses.first().context("an address")?;
        let (_, peer) = first.rsplit_once("/p2p/").context("an address with its peer")?;
        let peer: PeerId = peer.parse()?;
        let addresses = addresses.iter().map(|text| text.parse()).collect::<Result<Vec<Multiaddr>, _>>()?;
        let mut stream = self.net.open_work_stream(peer, addresses).await?;
        let mut hello = self.hello(lease, peer, None)?;
        change(&mut hello);
        stream.send(&WorkMessage::Hello(hello)).await?;
        Ok(stream)
    }

    /// Connects as the agent, with `newest` as the newest receipt.
    ///
    /// # Errors
    /// Where the seller's node does not answer.
    pub(crate) async fn connect(
        &self,
        lease: B256,
        addresses: &[String],
        newest: Option<SignedReceipt>,
    ) -> Result<Talk> {
        let mut stream = self.dial(lease, addresses, |hello| hello.newest = newest).await?;
        let hello = receive_hello(&mut stream).await?;
        Ok(Talk { stream, next_seq: 0, hello })
    }

    /// Waits for the agent's stream and answers its hello as the seller.
    ///
    /// # Errors
    /// Where none comes in a minute.
    pub(crate) async fn accept(&mut self, lease: B256) -> Result<Talk> {
        let (peer, mut stream) = timeout(PATIENCE, self.streams.recv()).await?.context("the network stopped")?;
        let hello = receive_hello(&mut stream).await?;
        stream.send(&WorkMessage::Hello(self.hello(lease, peer, None)?)).await?;
        Ok(Talk { stream, next_seq: 0, hello })
    }

    fn hello(&self, lease: B256, peer: PeerId, newest: Option<SignedReceipt>) -> Result<Hello> {
        let signature = self.sign(&session(lease, self.net.peer_id(), peer))?;
        Ok(Hello { lease_id: lease, role: self.role, signature, newest })
    }

    /// Makes a claim that the party's key signs.
    ///
    /// # Errors
    /// Never, for a sound key.
    pub(crate) fn claim(&self, lease_id: B256, work: u128, through: u64) -> Result<Claim> {
        let receipt = Receipt { lease_id, work, through };
        Ok(Claim { receipt, seller: self.sign(&receipt)? })
    }

    /// Answers a claim with the party's signature.
    ///
    /// # Errors
    /// Never, for a sound key.
    pub(crate) fn countersign(&self, claim: Claim) -> Result<SignedReceipt> {
        Ok(SignedReceipt { receipt: claim.receipt, seller: claim.seller, agent: self.sign(&claim.receipt)? })
    }

    /// Makes a job message that the party's key signs.
    ///
    /// # Errors
    /// Never, for a sound key.
    pub(crate) fn job(&self, lease_id: B256, job_id: u64, job: Job, share_work: u128, time: u32) -> Result<JobMessage> {
        let job = LeaseJob { lease_id, job };
        let signature = self.sign(&job)?;
        Ok(JobMessage { job_id, job, signature, share_target: target_of(share_work), time, clean: false })
    }
}

async fn receive_hello(stream: &mut WorkStream) -> Result<Hello> {
    match timeout(PATIENCE, stream.recv()).await?? {
        Some(WorkMessage::Hello(hello)) => Ok(hello),
        other => bail!("no hello but {other:?}"),
    }
}

fn sign(key: &SigningKey, domain: &Domain, message: &impl Eip712) -> Result<Signature> {
    let (signature, recovery) = key.sign_prehash_recoverable(domain.digest(message).as_slice())?;
    let mut bytes = [0; 65];
    bytes[..64].copy_from_slice(&signature.to_bytes());
    bytes[64] = 27 + recovery.to_byte();
    Ok(Signature::from_slice(&bytes)?)
}

impl Talk {
    /// Sends a message.
    ///
    /// # Errors
    /// Where the stream is closed.
    pub(crate) async fn send(&mut self, message: WorkMessage) -> Result<()> {
        Ok(self.stream.send(&message).await?)
    }

    /// Waits for a message that `pick` takes; all others are left out.
    ///
    /// # Errors
    /// Where none comes in a minute, or the stream ends.
    pub(crate) async fn hear<T>(&mut self, what: &str, mut pick: impl FnMut(WorkMessage) -> Option<T>) -> Result<T> {
        let heard = async {
            loop {
                let message = self.stream.recv().await?.context("the other side closed the stream")?;
                if let Some(picked) = pick(message) {
                    return Ok(picked);
                }
            }
        };
        timeout(PATIENCE, heard).await.with_context(|| format!("waited for {what}"))?
    }

    /// Waits for a job.
    ///
    /// # Errors
    /// As [`Talk::hear`].
    pub(crate) async fn job(&mut self) -> Result<JobMessage> {
        let job = |message| if let WorkMessage::Job(job) = message { Some(*job) } else { None };
        self.hear("a job", job).await
    }

    /// Sends a share and returns what became of it.
    ///
    /// # Errors
    /// As [`Talk::hear`].
    pub(crate) async fn share(&mut self, job_id: u64, solution: Solution) -> Result<Result<u128, ShareRefusal>> {
        let seq = self.seq();
        self.send(WorkMessage::Shares(vec![ShareMessage { seq, job_id, solution }])).await?;
        self.verdict(seq).await
    }

    /// Sends a standby header and returns what became of it.
    ///
    /// # Errors
    /// As [`Talk::hear`].
    pub(crate) async fn standby(&mut self, header: &Header) -> Result<Result<u128, ShareRefusal>> {
        let seq = self.seq();
        let header = FixedBytes(header.to_bytes());
        self.send(WorkMessage::Standby(vec![StandbyMessage { seq, header }])).await?;
        self.verdict(seq).await
    }

    /// Sends a claim and returns its receipt, or why there is none.
    ///
    /// # Errors
    /// As [`Talk::hear`].
    pub(crate) async fn claim(&mut self, claim: Claim) -> Result<Result<SignedReceipt, String>> {
        self.send(WorkMessage::Claim(claim)).await?;
        self.hear("an answer to a claim", |message| match message {
            WorkMessage::Receipt(signed) => Some(Ok(signed)),
            WorkMessage::ClaimRefused { reason, .. } => Some(Err(reason.kind().to_owned())),
            _ => None,
        })
        .await
    }

    fn seq(&mut self) -> u64 {
        self.next_seq += 1;
        self.next_seq
    }

    async fn verdict(&mut self, seq: u64) -> Result<Result<u128, ShareRefusal>> {
        self.hear("a verdict", |message| match message {
            WorkMessage::Verdicts(verdicts) => {
                verdicts.into_iter().find(|verdict| verdict.seq == seq).map(|verdict| verdict.outcome)
            }
            _ => None,
        })
        .await
    }
}

/// Returns the target of shares of `work` hashes.
pub(crate) fn target_of(work: u128) -> Target {
    Target::from_work(NonZeroU128::new(work).unwrap_or(NonZeroU128::MIN))
}

/// Searches a solution of `job` at `time` whose hash meets the target, or with `meets` false one whose hash does not.
///
/// # Errors
/// Where the job takes no such solution.
pub(crate) fn mine(
    job: &Job,
    target: Target,
    time: u32,
    extranonce: impl Into<Vec<u8>>,
    meets: bool,
) -> Result<Solution> {
    let solution = Solution { version: job.version, extranonce: extranonce.into(), time, nonce: 0 };
    let nonce = search(&job.header(&solution)?, target, meets)?;
    Ok(Solution { nonce, ..solution })
}

/// Searches a standby header of `lease` at `time` whose hash meets the target, or with `meets` false one whose hash does not.
///
/// # Errors
/// Where there is none.
pub(crate) fn mine_standby(lease: B256, target: Target, time: u32, meets: bool) -> Result<Header> {
    let header =
        Header { version: 0x2000_0000, prev_hash: lease.0, merkle_root: [7; 32], time, bits: 0x1d00_ffff, nonce: 0 };
    Ok(Header { nonce: search(&header, target, meets)?, ..header })
}

fn search(header: &Header, target: Target, meets: bool) -> Result<u32> {
    let (kernel, template) = (select()?, Template::new(header));
    for start in (0..=u32::MAX).step_by(1 << 16) {
        let nonces = start..=start | 0xffff;
        let mut hits = Vec::new();
        (kernel.scan)(&template, nonces.clone(), &target, &mut |_, nonce| hits.push(nonce));
        let found = if meets { hits.first().copied() } else { nonces.clone().find(|nonce| !hits.contains(nonce)) };
        if let Some(nonce) = found {
            return Ok(nonce);
        }
    }
    bail!("no nonce is left")
}

/// Checks that the other side closes a stream.
///
/// # Errors
/// Where it goes on talking for a minute.
pub(crate) async fn is_closed(mut stream: WorkStream) -> Result<()> {
    let closed = async { while let Ok(Some(_)) = stream.recv().await {} };
    ensure!(timeout(PATIENCE, closed).await.is_ok(), "the stream stands");
    Ok(())
}
