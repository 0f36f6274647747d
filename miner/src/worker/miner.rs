//! The threads, and the handle that feeds and stops them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{self, error::TrySendError};

use super::cores::{self, PinError};
use super::search::{Lane, Search};
use super::threads::Threads;
use super::throttle::Throttle;
use super::tuner::Tuner;
use super::work::{Found, Work, WorkError};
use crate::pow::kernels::{self, Choice, Kernel, KernelError, Mode, processor_time};

/// Shares that wait for their taker; beyond them the threads pause rather than lose one.
const FOUND_CAPACITY: usize = 256;

/// How long a thread with a share in hand waits before it looks whether the share still matters.
const FULL_RETRY: Duration = Duration::from_millis(2);

/// Why no miner could be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No kernel computes rightly, or the override names none of this host.
    #[error("no kernel to mine with")]
    Kernel(#[from] KernelError),
    /// The threads can't be pinned as asked.
    #[error(transparent)]
    Pin(#[from] PinError),
    /// The system gave no thread.
    #[error("a mining thread couldn't be started; ask for fewer threads")]
    Thread(#[source] std::io::Error),
}

/// Mining threads, which end when this is dropped.
#[derive(Debug)]
pub struct Miner {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    choice: Choice,
    /// The kernel that some thread ran last.
    running: Mutex<&'static Kernel>,
    slot: Mutex<Slot>,
    /// Signals new work or the end; both happen under the slot's lock, so that no thread sleeps through them.
    changed: Condvar,
    /// Counts the work given; written under the slot's lock, read by threads once a batch.
    generation: AtomicU64,
    stopping: AtomicBool,
    hashes: AtomicU64,
}

/// The current work, and how long there was any.
#[derive(Debug, Default)]
struct Slot {
    work: Option<Arc<Work>>,
    /// Since when there has been work without a break.
    since: Option<Instant>,
    /// Time with work before that.
    before: Duration,
}

impl Miner {
    /// Starts threads that wait for work, and gives the channel on which shares arrive.
    ///
    /// Threads pause while the channel is full, and end once its receiver is dropped.
    pub fn start(threads: Threads) -> Result<(Self, mpsc::Receiver<Found>), StartError> {
        Self::start_with(kernels::choose()?, threads)
    }

    fn start_with(choice: Choice, threads: Threads) -> Result<(Self, mpsc::Receiver<Found>), StartError> {
        let (cores, count) = (cores::assign(&threads)?, threads.count.get());
        let shared = Arc::new(Shared {
            running: Mutex::new(choice.of(Mode::Plain)[0].kernel),
            choice,
            slot: Mutex::new(Slot::default()),
            changed: Condvar::new(),
            generation: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            hashes: AtomicU64::new(0),
        });
        let (sender, receiver) = mpsc::channel(FOUND_CAPACITY);
        let mut miner = Self { shared, threads: Vec::with_capacity(count) };
        for index in 0..count {
            let lane = Lane { thread: index as u64, threads: count as u64 };
            let worker = Worker { shared: Arc::clone(&miner.shared), found: sender.clone(), lane };
            let core = cores.get(index).copied();
            let spawned =
                thread::Builder::new().name(format!("miner-{index}")).spawn(move || worker.run(threads, core));
            miner.threads.push(spawned.map_err(StartError::Thread)?);
        }
        Ok((miner, receiver))
    }

    /// Replaces the work; every thread turns to it within a batch. Gives the generation that its shares will carry.
    pub fn set_work(&self, work: Work) -> Result<u64, WorkError> {
        work.check()?;
        Ok(self.shared.replace(Some(Arc::new(work))))
    }

    /// Takes the work away; threads rest until there is new work. Shares of older generations may still be in the channel.
    pub fn clear_work(&self) -> u64 {
        self.shared.replace(None)
    }

    /// Hashes computed since the start.
    pub fn hashes(&self) -> u64 {
        self.shared.hashes.load(Ordering::Relaxed)
    }

    /// Time with work in hand since the start: what hashes and shares are to be divided by.
    pub fn time_with_work(&self) -> Duration {
        let slot = self.shared.lock();
        slot.before + slot.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.threads.len()
    }

    /// Name of the kernel that the threads run; before there was work, of the one for work without version rolling.
    pub fn kernel(&self) -> &'static str {
        self.shared.running().name
    }

    /// Stops the threads and waits for their end, a batch at most.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Miner {
    fn drop(&mut self) {
        {
            let _slot = self.shared.lock();
            self.shared.stopping.store(true, Ordering::Release);
            self.shared.changed.notify_all();
        }
        for thread in self.threads.drain(..) {
            // A panic of a worker was reported by the panic hook; there is nothing left of it to undo.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Slot> {
        // Nothing that can panic happens under the lock, so a panic elsewhere can't have left it half-written.
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace(&self, work: Option<Arc<Work>>) -> u64 {
        let mut slot = self.lock();
        slot.put(work, Instant::now());
        let generation = self.generation.fetch_add(1, Ordering::Release) + 1;
        self.changed.notify_all();
        generation
    }

    fn running(&self) -> &'static Kernel {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_running(&self, kernel: &'static Kernel) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = kernel;
    }

    fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    fn is_current(&self, generation: u64) -> bool {
        self.generation.load(Ordering::Acquire) == generation && !self.stopping()
    }

    /// Lets a thread rest for so long, but not beyond the end.
    fn rest(&self, time: Duration) {
        let resting = self.changed.wait_timeout_while(self.lock(), time, |_| !self.stopping());
        drop(resting.unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits for work of another generation than the given one; `None` at the end.
    fn wait_for_work(&self, seen: u64) -> Option<(Arc<Work>, u64)> {
        let mut slot = self.lock();
        loop {
            if self.stopping() {
                return None;
            }
            let generation = self.generation.load(Ordering::Acquire);
            match &slot.work {
                Some(work) if generation != seen => return Some((Arc::clone(work), generation)),
                _ => slot = self.changed.wait(slot).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

impl Slot {
    fn put(&mut self, work: Option<Arc<Work>>, now: Instant) {
        match (&work, self.since) {
            (Some(_), None) => self.since = Some(now),
            (None, Some(since)) => {
                self.before += now - since;
                self.since = None;
            }
            _ => {}
        }
        self.work = work;
    }
}

/// What one thread owns.
struct Worker {
    shared: Arc<Shared>,
    found: mpsc::Sender<Found>,
    lane: Lane,
}

impl Worker {
    fn run(self, threads: Threads, core: Option<usize>) {
        settle(&threads, core);
        let mut throttle = Throttle::new(threads.load, processor_time());
        let mut tuner = Tuner::new(&self.shared.choice, Instant::now());
        let (mut seen, mut index) = (0, 0);
        while let Some((work, generation)) = self.shared.wait_for_work(seen) {
            let mut search = Search::new(work, generation, self.lane, index);
            if self.mine(&mut search, generation, &mut tuner, throttle.as_mut()).is_err() {
                return;
            }
            (seen, index) = (generation, search.next_index());
        }
    }

    /// Mines until the work is replaced or exhausted; an error where nobody takes shares any more.
    fn mine(
        &self,
        search: &mut Search,
        generation: u64,
        tuner: &mut Tuner,
        mut throttle: Option<&mut Throttle>,
    ) -> Result<(), ReceiverGone> {
        let race = tuner.race(search.mode());
        let mut running = self.shared.running();
        while self.shared.is_current(generation) {
            let ((kernel, hashes), began) = (race.next(), processor_time());
            let Some((hashes, found)) = search.batch(kernel, hashes) else { return Ok(()) };
            race.ran(hashes, processor_time().saturating_sub(began), Instant::now());
            if !std::ptr::eq(kernel, running) {
                self.shared.set_running(kernel);
                running = kernel;
            }
            self.shared.hashes.fetch_add(hashes, Ordering::Relaxed);
            for share in found {
                self.send(share)?;
            }
            if self.found.is_closed() {
                return Err(ReceiverGone);
            }
            if let Some(throttle) = throttle.as_deref_mut() {
                self.rest_if_due(throttle);
            }
        }
        Ok(())
    }

    fn rest_if_due(&self, throttle: &mut Throttle) {
        if let Some(rest) = throttle.worked(processor_time()) {
            let began = Instant::now();
            self.shared.rest(rest);
            throttle.rested(began.elapsed());
        }
    }

    /// Hands a share over; waits while the channel is full, but not for a share whose work was replaced meanwhile.
    fn send(&self, share: Found) -> Result<(), ReceiverGone> {
        let mut share = share;
        loop {
            match self.found.try_send(share) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Closed(_)) => return Err(ReceiverGone),
                Err(TrySendError::Full(unsent)) if self.shared.is_current(unsent.generation) => share = unsent,
                Err(TrySendError::Full(_)) => return Ok(()),
            }
            thread::sleep(FULL_RETRY);
        }
    }
}

/// Puts the calling thread where it belongs. It mines wherever it is, so a failure only leaves a word.
fn settle(threads: &Threads, core: Option<usize>) {
    if let Some(Err(error)) = core.map(cores::pin) {
        tracing::warn!(%error, "a mining thread couldn't be pinned to its core");
    }
    if threads.low_priority
        && let Err(error) = cores::lower_priority()
    {
        tracing::warn!(%error, "a mining thread couldn't lower its priority");
    }
}

/// The receiver of shares was dropped.
struct ReceiverGone;

#[cfg(test)]
#[path = "miner_tests.rs"]
mod tests;
