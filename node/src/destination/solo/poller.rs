//! Follows a Bitcoin node's tip: by long polls (BIP 22) where the node offers them, by quick looks where it doesn't.

use std::sync::Arc;
use std::time::Duration;

use bitcoin::Network;
use futures::future::{BoxFuture, FutureExt as _, OptionFuture};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::Solo;
use crate::destination::DestinationError;
use crate::destination::template::{RawTemplate, Template, parse_hash};

/// Time between looks at the node's tip: what a new block costs at most in stale work.
const POLL: Duration = Duration::from_millis(500);
/// The same while a long poll waits: what a node costs that forgets to answer it.
const POLL_BESIDE: Duration = Duration::from_secs(2);
/// Time after which a template is fetched anew for the fees that came in since, and a long poll that failed is tried again.
const REFRESH: Duration = Duration::from_secs(20);
/// Longest pause while the node fails.
const MAX_PAUSE: Duration = Duration::from_secs(15);

/// The node's answer to a long poll; none where none waits.
type LongPoll = OptionFuture<BoxFuture<'static, Result<RawTemplate, DestinationError>>>;

pub(super) struct Poller {
    solo: Solo,
    templates: watch::Sender<Option<Arc<Template>>>,
    /// Whether the node's chain is known to be the payout's; asked again after each failure.
    chain_checked: bool,
    fetched_at: Option<Instant>,
    /// What the newest template offers to ask for the next one with.
    long_poll_id: Option<String>,
    long_poll: LongPoll,
    /// When the long poll that waits began.
    waiting_since: Option<Instant>,
    /// No long poll begins before.
    long_poll_from: Instant,
}

impl Poller {
    pub(super) fn new(solo: Solo, templates: watch::Sender<Option<Arc<Template>>>) -> Self {
        Self {
            solo,
            templates,
            chain_checked: false,
            fetched_at: None,
            long_poll_id: None,
            long_poll: None.into(),
            waiting_since: None,
            long_poll_from: Instant::now(),
        }
    }

    pub(super) async fn run(mut self) {
        let mut back_off = POLL;
        loop {
            let looked = self.look().await;
            back_off = if looked.is_ok() { POLL } else { (back_off * 2).min(MAX_PAUSE) };
            self.note(looked);
            self.begin_long_poll();
            let pause = if self.waiting_since.is_some() { back_off.max(POLL_BESIDE) } else { back_off };
            let shared = Arc::clone(&self.solo.shared);
            tokio::select! {
                () = sleep(pause) => {}
                () = shared.look.notified() => {}
                Some(answer) = &mut self.long_poll => self.hear(answer),
            }
        }
    }

    async fn look(&mut self) -> Result<(), DestinationError> {
        if !self.chain_checked {
            let name = self.solo.rpc.chain_info().await?.chain;
            let chain = Network::from_core_arg(&name).map_err(DestinationError::UnknownChain)?;
            self.solo.payout.check_chain(chain)?;
            self.chain_checked = true;
        }
        if self.is_current().await? {
            return Ok(());
        }
        let raw = self.solo.rpc.block_template().await?;
        let template = self.read(raw)?;
        if self.templates.borrow().as_ref().is_none_or(|held| held.prev_hash != template.prev_hash) {
            // A long poll for the tip before has nothing more to tell.
            self.end_long_poll();
        }
        self.publish(template);
        Ok(())
    }

    fn read(&mut self, mut raw: RawTemplate) -> Result<Template, DestinationError> {
        self.long_poll_id = raw.take_long_poll_id();
        raw.try_into()
    }

    /// Gives a template on, where it leads to other blocks than the held one; returns whether it does.
    fn publish(&mut self, template: Template) -> bool {
        self.fetched_at = Some(Instant::now());
        let mut is_new = false;
        self.templates.send_if_modified(|held| {
            is_new = !held.as_ref().is_some_and(|held| held.is_same_work(&template));
            if is_new {
                *held = Some(Arc::new(template));
            }
            is_new
        });
        is_new
    }

    /// Tells whether the held template builds on the node's tip and is fresh enough.
    async fn is_current(&mut self) -> Result<bool, DestinationError> {
        if self.fetched_at.is_none_or(|instant| instant.elapsed() >= REFRESH) {
            return Ok(false);
        }
        let tip = parse_hash(&self.solo.rpc.best_block_hash().await?)?;
        Ok(self.templates.borrow().as_ref().is_some_and(|held| held.prev_hash == tip))
    }

    /// Asks for the template after the held one, where the node offers that and isn't being asked.
    fn begin_long_poll(&mut self) {
        let now = Instant::now();
        if self.waiting_since.is_some() || now < self.long_poll_from {
            return;
        }
        let Some(id) = self.long_poll_id.clone() else { return };
        let rpc = self.solo.rpc.clone();
        self.waiting_since = Some(now);
        self.long_poll = Some(async move { rpc.next_block_template(&id).await }.boxed()).into();
    }

    fn end_long_poll(&mut self) {
        self.waiting_since = None;
        self.long_poll = None.into();
    }

    fn hear(&mut self, answer: Result<RawTemplate, DestinationError>) {
        let at_once = self.waiting_since.is_some_and(|since| since.elapsed() < POLL);
        self.end_long_poll();
        let is_of_use = match answer.and_then(|raw| self.read(raw)) {
            // A node that answers at once and with nothing new would be asked without end.
            Ok(template) => self.publish(template) || !at_once,
            Err(error) => {
                tracing::debug!(error = error.with_causes(), "a long poll failed");
                false
            }
        };
        if !is_of_use {
            self.long_poll_from = Instant::now() + REFRESH;
        }
    }

    /// Keeps the health, and logs a line where it changes.
    fn note(&mut self, looked: Result<(), DestinationError>) {
        let mut state = self.solo.shared.state();
        match looked {
            Ok(()) => {
                if state.failure.take().is_some() || state.current_at.is_none() {
                    tracing::info!("the Bitcoin node gives work");
                }
                state.current_at = Some(Instant::now());
            }
            Err(error) => {
                self.chain_checked = false;
                let failure = error.with_causes();
                if state.failure.as_ref() != Some(&failure) {
                    tracing::warn!(error = failure, "the Bitcoin node gives no work");
                    state.failure = Some(failure);
                }
            }
        }
    }
}
