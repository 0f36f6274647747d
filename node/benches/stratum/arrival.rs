//! Reading from a socket, with the time at which its bytes came.

use std::io::{self, IoSliceMut};
use std::os::fd::AsRawFd as _;

use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt::ReceiveTimestampns};
use nix::sys::time::TimeSpec;
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::machine;

/// Has the kernel note when bytes come (`SO_TIMESTAMPNS`, socket(7)). What a miner does then is its own work, on other machines than
/// the farm's; here it waits for a core.
pub(crate) fn note(stream: &TcpStream) -> io::Result<()> {
    Ok(setsockopt(stream, ReceiveTimestampns, &true)?)
}

/// Reads what is there, and gives its number of bytes and when the last of them came, in nanoseconds of [`machine::now_ns`].
pub(crate) async fn read(stream: &TcpStream, chunk: &mut [u8]) -> io::Result<(usize, u64)> {
    loop {
        stream.readable().await?;
        match stream.try_io(Interest::READABLE, || receive(stream, chunk)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return read,
        }
    }
}

fn receive(stream: &TcpStream, chunk: &mut [u8]) -> io::Result<(usize, u64)> {
    let mut control = nix::cmsg_space!(TimeSpec);
    let mut parts = [IoSliceMut::new(chunk)];
    let received = recvmsg::<()>(stream.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::empty())?;
    let stamp = received.cmsgs()?.find_map(|message| match message {
        ControlMessageOwned::ScmTimestampns(time) => Some(machine::nanos_of(time)),
        _ => None,
    });
    // The end of a connection has no time.
    Ok((received.bytes, stamp.unwrap_or_else(machine::now_ns)))
}
