//! A miner that sends a farm whatever it likes.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context, Result, anyhow, bail, ensure};
use hashlease_miner::pow::Target;
use hashlease_miner::stratum::{
    FromPool, LineBuffer, Notification, Notify, Refusal, encode,
    from_miner::Submit,
    from_pool::{Subscribed, granted_version_mask},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::party::mine;

/// Longest wait for a line or for the end of a connection.
const PATIENCE: Duration = Duration::from_secs(60);
/// Hashes of a share that no test finds.
const HOPELESS: u128 = 1 << 40;
/// How often junk may meet a job that has just ended before it is judged for what it is.
const TRIES: usize = 50;

/// A connection that shook hands as any miner does.
pub(crate) struct Rogue {
    stream: TcpStream,
    lines: LineBuffer,
    user: String,
    next_id: u64,
    version_mask: u32,
    extranonce: Subscribed,
    target: Target,
    notify: Option<(Notify, Target)>,
    /// Counts what it searched, so that no two of its shares are alike by chance.
    searched: u64,
    /// Shares that the farm accepted.
    pub(crate) accepted: u64,
    /// Shares that the farm refused, by code.
    pub(crate) refused: HashMap<i64, u64>,
}

impl Rogue {
    /// Connects, configures version rolling, subscribes and authorizes.
    ///
    /// # Errors
    /// Where the farm does not let it in.
    pub(crate) async fn connect(address: &str, user: &str) -> Result<Self> {
        let mut rogue = Self {
            stream: TcpStream::connect(address).await?,
            lines: LineBuffer::new(),
            user: user.to_owned(),
            next_id: 1,
            version_mask: 0,
            extranonce: Subscribed { extranonce1: Vec::new(), extranonce2_size: 0 },
            target: Target::MAX,
            notify: None,
            searched: 0,
            accepted: 0,
            refused: HashMap::new(),
        };
        let configure = json!([["version-rolling"], { "version-rolling.mask": "ffffffff" }]);
        let granted = rogue.agree("mining.configure", configure).await?;
        rogue.version_mask = granted_version_mask(&granted).context("the farm grants version rolling")?;
        let subscribed = rogue.agree("mining.subscribe", json!(["rogue/1"])).await?;
        rogue.extranonce = Subscribed::parse(&subscribed)?;
        rogue.agree("mining.authorize", json!([user, "x"])).await?;
        Ok(rogue)
    }

    /// Waits until the farm gives it work.
    ///
    /// # Errors
    /// Where none comes in a minute.
    pub(crate) async fn until_it_has_work(&mut self) -> Result<()> {
        while self.notify.is_none() {
            ensure!(self.read().await?, "the farm hung up");
        }
        Ok(())
    }

    /// Submits junk that `change` makes of a share whose hash is above its target, until the farm refuses it with this code.
    ///
    /// # Errors
    /// Where the farm accepts it, or always has another reason.
    pub(crate) async fn is_refused(&mut self, code: i64, change: impl Fn(Submit) -> Submit) -> Result<()> {
        for _ in 0..TRIES {
            let junk = change(self.search(false)?);
            if self.submit(&junk).await?.context("cut off")? == Err(code) {
                return Ok(());
            }
        }
        bail!("not refused with {code}, but {:?}, and {} accepted", self.refused, self.accepted)
    }

    /// Finds a share, submits it, and submits it again until it counts as a duplicate.
    ///
    /// # Errors
    /// Where that never happens.
    pub(crate) async fn repeats_a_share(&mut self) -> Result<()> {
        const DUPLICATE: i64 = 22;
        for _ in 0..TRIES {
            let share = self.search(true)?;
            if self.submit(&share).await?.context("cut off")?.is_ok()
                && self.submit(&share).await?.context("cut off")? == Err(DUPLICATE)
            {
                return Ok(());
            }
        }
        bail!("no share counts as a duplicate: {:?}", self.refused)
    }

    /// Submits nothing but junk until the farm hangs up, and returns how often.
    ///
    /// # Errors
    /// Where it goes on listening after a thousand.
    pub(crate) async fn goes_on_until_cut_off(mut self) -> Result<usize> {
        let junk = self.search(false)?;
        for sent in 0..1_000 {
            match self.submit(&junk).await? {
                Some(outcome) => ensure!(outcome.is_err(), "junk was accepted"),
                None => return Ok(sent),
            }
        }
        bail!("the farm goes on listening")
    }

    /// A share of the newest job whose hash meets its target, or with `meets` false one whose hash does not.
    fn search(&mut self, meets: bool) -> Result<Submit> {
        let (notify, target) = self.notify.as_ref().context("no work")?;
        let Subscribed { extranonce1, extranonce2_size } = &self.extranonce;
        let counter = self.searched.to_le_bytes();
        let size = usize::from(*extranonce2_size);
        let extranonce2 = counter.get(..size).context("a small extranonce2")?.to_vec();
        let extranonce = [extranonce1.as_slice(), &extranonce2].concat();
        let job = notify.to_job(u8::try_from(extranonce.len())?, self.version_mask);
        let solution = mine(&job, *target, notify.time, extranonce, meets)?;
        self.searched += 1;
        Ok(Submit {
            user: self.user.clone(),
            job_id: notify.job_id.clone(),
            extranonce2,
            time: notify.time,
            nonce: solution.nonce,
            version_bits: Some(0),
        })
    }

    /// Submits a share and returns the code of its refusal, if it is refused; nothing where the farm hung up.
    async fn submit(&mut self, submit: &Submit) -> Result<Option<Result<(), i64>>> {
        let Some(answer) = self.ask("mining.submit", encode::submit_params(submit)).await? else { return Ok(None) };
        match answer {
            Ok(_) => {
                self.accepted += 1;
                Ok(Some(Ok(())))
            }
            Err(refusal) => {
                let code = refusal.code.context("a code")?;
                *self.refused.entry(code).or_default() += 1;
                Ok(Some(Err(code)))
            }
        }
    }

    /// Asks what is not refused.
    async fn agree(&mut self, method: &str, params: Value) -> Result<Value> {
        let answer = self.ask(method, params).await?.with_context(|| format!("cut off after {method}"))?;
        answer.map_err(|refusal| anyhow!("{method} is refused: {refusal}"))
    }

    /// Asks and waits for the answer; nothing where the farm hung up.
    async fn ask(&mut self, method: &str, params: Value) -> Result<Option<Result<Value, Refusal>>> {
        let id = self.next_id;
        self.next_id += 1;
        if self.stream.write_all(encode::request(id, method, &params).as_bytes()).await.is_err() {
            return Ok(None);
        }
        loop {
            while let Some(line) = self.lines.next_line()? {
                match FromPool::parse(&line)? {
                    FromPool::Response(response) if response.id == id => {
                        return Ok(Some(response.outcome));
                    }
                    FromPool::Response(_) => {}
                    FromPool::Notification { notification, .. } => self.hear(notification)?,
                }
            }
            if !self.receive().await? {
                return Ok(None);
            }
        }
    }

    /// Reads what comes next; `false` where the farm hung up.
    async fn read(&mut self) -> Result<bool> {
        let open = self.receive().await?;
        while let Some(line) = self.lines.next_line()? {
            if let FromPool::Notification { notification, .. } = FromPool::parse(&line)? {
                self.hear(notification)?;
            }
        }
        Ok(open)
    }

    async fn receive(&mut self) -> Result<bool> {
        let mut chunk = [0; 4_096];
        match timeout(PATIENCE, self.stream.read(&mut chunk)).await.context("the farm says nothing")? {
            Ok(length) if length > 0 => self.lines.push(&chunk[..length]),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn hear(&mut self, notification: Notification) -> Result<()> {
        match notification {
            Notification::SetDifficulty(difficulty) => self.target = Target::from_difficulty(difficulty)?,
            Notification::SetVersionMask(mask) => self.version_mask = mask,
            Notification::SetExtranonce { extranonce1, extranonce2_size } => {
                self.extranonce = Subscribed { extranonce1, extranonce2_size };
            }
            // What a farm gives those that it has no work for has a target that nobody meets.
            Notification::Notify(notify) if self.target.work() < HOPELESS => {
                self.notify = Some((notify, self.target));
            }
            _ => {}
        }
        Ok(())
    }
}

/// Sends bytes on a connection of their own and checks that the farm hangs up.
///
/// # Errors
/// Where it goes on listening for a minute.
pub(crate) async fn is_hung_up_on(address: &str, bytes: &[u8]) -> Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    // The farm may hang up before it has read all.
    let _ = stream.write_all(bytes).await;
    let ended = async {
        let mut chunk = [0; 4_096];
        while stream.read(&mut chunk).await.is_ok_and(|length| length > 0) {}
    };
    timeout(PATIENCE, ended).await.context("the farm goes on listening")
}
