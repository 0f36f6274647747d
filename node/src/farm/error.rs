//! What can be wrong with jobs and connections.

use hashlease_miner::stratum::LineError;

use super::extranonce::{MAX_SIZE, MIN_SIZE};

/// Why a job can't be given to miners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// No room for the connection's and the miner's part.
    #[error("the job's extranonce has {0} bytes where miners need {MIN_SIZE}: ask for a roomier one")]
    ExtranonceTooSmall(u8),
    /// More than the protocol allows.
    #[error("the job's extranonce has {0} bytes, over the {MAX_SIZE} that are allowed")]
    ExtranonceTooLarge(u8),
    /// Every share would be below the job's earliest time.
    #[error("the job's time to announce, {time}, is before its earliest, {min_time}")]
    TimeBelowMinimum {
        /// The time to announce.
        time: u32,
        /// The job's earliest time.
        min_time: u32,
    },
}

/// Why a connection is closed. Only that connection suffers.
#[derive(Debug, thiserror::Error)]
pub(super) enum Hangup {
    #[error("the socket failed")]
    Io(#[from] std::io::Error),
    #[error("the client doesn't speak Stratum")]
    Line(#[from] LineError),
    #[error("a line isn't a JSON object")]
    NotJson,
    #[error("too many messages before authorization, or in one second")]
    TooTalkative,
    #[error("too many bad shares in a row")]
    BadShares,
    #[error("the farm checks no more shares")]
    Unchecked,
    #[error("the miner must connect again: its part of the extranonce is too long for its lease")]
    Reconnect,
    #[error("no authorization in time")]
    Handshake,
    #[error("the Noise handshake failed, or a seal is broken")]
    Noise,
    #[error("a frame is too long")]
    FrameTooLong,
    #[error("a message can't be read, or comes out of turn")]
    Message,
    #[error("a message can't be written")]
    Unwritable,
    #[error("the set-up was refused: {0}")]
    Refused(&'static str),
    #[error("no channel in time")]
    NoChannel,
    #[error("nothing heard for too long")]
    Silent,
    #[error("the client doesn't read what it is sent")]
    SlowReader,
}
