//! Which core each thread runs on, and at what priority.

use std::collections::HashMap;
use std::io;

use rustix::process::setpriority_process;

use super::threads::{Pinning, Threads};

/// The lowest priority that is no class of its own, as nice(1) counts them.
const LOWEST_PRIORITY: i32 = 19;

/// Threads that can't each have a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// More threads than cores.
    #[error("{threads} threads can't be pinned to {cores} cores: ask for {cores} threads at most, or leave --pin out")]
    TooFewCores {
        /// Threads asked for.
        threads: usize,
        /// Cores that the process may use.
        cores: usize,
    },
    /// A system without a way to pin.
    #[error("this system can't pin threads to cores: leave --pin out")]
    Unsupported,
}

/// Gives each thread its core, in the threads' order; none where the system had better place them.
pub(super) fn assign(threads: &Threads) -> Result<Vec<usize>, PinError> {
    match threads.pinning {
        Pinning::Never => Ok(Vec::new()),
        Pinning::Auto => Ok(choose(threads.count.get(), available(), Pinning::Auto).unwrap_or_default()),
        Pinning::Always => choose(threads.count.get(), available(), Pinning::Always),
    }
}

fn choose(threads: usize, cores: Vec<usize>, pinning: Pinning) -> Result<Vec<usize>, PinError> {
    match (threads, cores.len(), pinning) {
        (_, 0, _) => Err(PinError::Unsupported),
        (_, cores, _) if threads > cores => Err(PinError::TooFewCores { threads, cores }),
        (_, cores, Pinning::Auto) if threads < cores => Ok(Vec::new()),
        _ => Ok(spread(cores, physical_core).into_iter().take(threads).collect()),
    }
}

/// Orders cores so that the first ones share nothing: one of each physical core, then their siblings.
fn spread(cores: Vec<usize>, physical: impl Fn(usize) -> usize) -> Vec<usize> {
    let mut siblings = HashMap::new();
    let ranked = cores.into_iter().map(|core| {
        let rank = siblings.entry(physical(core)).or_insert(0);
        *rank += 1;
        (*rank, core)
    });
    let mut ranked: Vec<(i32, usize)> = ranked.collect();
    ranked.sort_unstable();
    ranked.into_iter().map(|(_, core)| core).collect()
}

/// Makes the calling thread yield to every other program; on Linux the priority is the thread's own.
pub(super) fn lower_priority() -> io::Result<()> {
    Ok(setpriority_process(None, LOWEST_PRIORITY)?)
}

#[cfg(target_os = "linux")]
pub(super) use linux::pin;
#[cfg(target_os = "linux")]
use linux::{available, physical_core};
#[cfg(not(target_os = "linux"))]
pub(super) use other::pin;
#[cfg(not(target_os = "linux"))]
use other::{available, physical_core};

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::io;

    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    /// Cores that this process may use; none where the system doesn't tell.
    pub(super) fn available() -> Vec<usize> {
        let Ok(allowed) = sched_getaffinity(None) else { return Vec::new() };
        (0..CpuSet::MAX_CPU).filter(|&core| allowed.is_set(core)).collect()
    }

    /// The physical core of a logical one, named by its first sibling; itself where the system doesn't tell.
    pub(super) fn physical_core(core: usize) -> usize {
        let path = format!("/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list");
        let siblings = fs::read_to_string(path).unwrap_or_default();
        let first: String = siblings.chars().take_while(char::is_ascii_digit).collect();
        first.parse().unwrap_or(core)
    }

    /// Binds the calling thread to a core.
    pub(in super::super) fn pin(core: usize) -> io::Result<()> {
        let mut only = CpuSet::new();
        only.set(core);
        Ok(sched_setaffinity(None, &only)?)
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use std::io;

    pub(super) fn available() -> Vec<usize> {
        Vec::new()
    }

    pub(super) fn physical_core(core: usize) -> usize {
        core
    }

    pub(in super::super) fn pin(_: usize) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_pinned_by_themselves_only_where_each_core_gets_one() {
        for (threads, pinned) in [(1, vec![]), (2, vec![0, 1]), (3, vec![])] {
            assert_eq!(choose(threads, vec![0, 1], Pinning::Auto).unwrap_or_default(), pinned, "{threads}");
        }
    }

    #[test]
    fn on_request_every_thread_gets_a_core_or_none_starts() {
        assert_eq!(choose(1, vec![4, 6], Pinning::Always).map(|cores| cores.len()), Ok(1));
        assert_eq!(choose(3, vec![4, 6], Pinning::Always), Err(PinError::TooFewCores { threads: 3, cores: 2 }));
        assert_eq!(choose(1, vec![], Pinning::Always), Err(PinError::Unsupported));
    }

    #[test]
    fn siblings_of_one_core_come_after_one_of_each() {
        assert_eq!(spread(vec![0, 1, 2, 3], |core| core / 2), [0, 2, 1, 3]);
        assert_eq!(spread(vec![0, 1, 2, 3], |core| core % 2), [0, 1, 2, 3]);
        assert_eq!(spread(vec![5, 3, 4], |_| 0), [5, 3, 4]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_pinned_thread_may_use_its_core_alone_and_a_lowered_one_is_nice() {
        use rustix::process::getpriority_process;
        let (core, before) = (*available().last().unwrap(), getpriority_process(None).unwrap());
        std::thread::spawn(move || {
            pin(core).unwrap();
            assert_eq!(available(), [core]);
            lower_priority().unwrap();
            assert_eq!(getpriority_process(None).unwrap(), LOWEST_PRIORITY);
        })
        .join()
        .unwrap();
        assert_eq!(getpriority_process(None).unwrap(), before, "only that thread's");
    }
}
