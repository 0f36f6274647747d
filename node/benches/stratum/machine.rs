//! What the machine and this process tell of themselves. Linux only.

use std::fs;
use std::io;
use std::time::Duration;

use nix::sys::time::TimeSpec;
use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};
use rustix::time::{ClockId, clock_gettime};

use crate::spread::nanos;

/// Nanoseconds of the clock that all processes of a machine share, and by which its kernel notes when bytes come.
pub(crate) fn now_ns() -> u64 {
    nanos(read(ClockId::Realtime))
}

/// The kernel's word for a time of that clock.
pub(crate) fn nanos_of(time: TimeSpec) -> u64 {
    nanos(time.into())
}

/// Gives way to all other processes.
pub(crate) fn give_way() -> io::Result<()> {
    nice(19)?;
    Ok(())
}

/// Time for which this process had a processor, its system calls included.
pub(crate) fn cpu_time() -> Duration {
    read(ClockId::ProcessCPUTime)
}

fn read(clock: ClockId) -> Duration {
    clock_gettime(clock).try_into().unwrap_or_default()
}

/// Bytes of memory that this process occupies.
pub(crate) fn resident_bytes() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    number_after(&status, "VmRSS:").map(|kibibytes| kibibytes * 1024)
}

/// Bytes that wait in the buffers of the machine's TCP sockets.
pub(crate) fn socket_bytes() -> io::Result<u64> {
    let sockets = fs::read_to_string("/proc/net/sockstat")?;
    let page = u64::try_from(rustix::param::page_size()).unwrap_or(u64::MAX);
    number_after(sockets.split_once("TCP:").map_or("", |(_, tcp)| tcp), "mem").map(|pages| pages * page)
}

/// Bytes of the kernel's own objects on the machine: sockets, files, timers.
pub(crate) fn kernel_bytes() -> io::Result<u64> {
    let memory = fs::read_to_string("/proc/meminfo")?;
    number_after(&memory, "Slab:").map(|kibibytes| kibibytes * 1024)
}

/// The machine's load of the last minute.
pub(crate) fn load_average() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/loadavg")?.split(' ').next().unwrap_or_default().to_owned())
}

/// Name of the processor and number of cores.
pub(crate) fn processor() -> io::Result<String> {
    let text = fs::read_to_string("/proc/cpuinfo")?;
    let name = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism()?;
    Ok(format!("{}, {cores} cores", name.map_or("unknown processor", |(_, name)| name)))
}

/// Allows this process as many open files as it may have, and tells how many.
pub(crate) fn raise_descriptors() -> io::Result<u64> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    Ok(maximum.unwrap_or(u64::MAX))
}

fn number_after(text: &str, name: &str) -> io::Result<u64> {
    let mut words = text.split_whitespace().skip_while(|word| *word != name).skip(1);
    let number = words.next().and_then(|word| word.parse().ok());
    number.ok_or_else(|| io::Error::other(format!("the kernel doesn't tell {name}")))
}
