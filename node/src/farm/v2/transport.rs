//! A V2 miner's socket below the messages: the Noise handshake, then sealed frames.

use codec_sv2::{Decrypted, Handshake, MessageFrame, NoiseDecoder, NoiseEncoder, SerializedFrame};
use codec_sv2::{TransportDecryptState, TransportEncryptState};
use noise_sv2::ELLSWIFT_ENCODING_SIZE;
use parsers_sv2::AnyMessageOwned;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::super::error::Hangup;
use super::authority::AuthorityKey;

/// Longest sealed payload of a frame from a miner in bytes; a set-up with every name at its longest has 1,300.
pub(super) const MAX_PAYLOAD_BYTES: usize = 4 * 1024;

/// Shakes hands with whoever called, and gives the two halves of what is sealed from then on.
pub(super) async fn handshake(
    stream: &mut TcpStream,
    authority: &AuthorityKey,
) -> Result<(Incoming, Outgoing), Hangup> {
    let mut theirs = [0; ELLSWIFT_ENCODING_SIZE];
    stream.read_exact(&mut theirs).await?;
    let responder = authority.responder().map_err(|_| Hangup::Noise)?;
    let (ours, transport) = Handshake::responder(responder).step_1(theirs).map_err(|_| Hangup::Noise)?;
    stream.write_all(ours.payload()).await?;
    let (seal, open) = transport.split();
    Ok((Incoming::new(open), Outgoing { encoder: NoiseEncoder::new(), seal }))
}

/// Opens what comes in.
pub(super) struct Incoming {
    decoder: NoiseDecoder,
    /// Gone once a seal was broken: nothing after it can be trusted.
    open: Option<TransportDecryptState>,
    /// Bytes that came and weren't taken yet: less than one frame between two reads.
    bytes: Vec<u8>,
}

impl Incoming {
    pub(super) fn new(open: TransportDecryptState) -> Self {
        Self { decoder: NoiseDecoder::new(), open: Some(open), bytes: Vec::new() }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next frame that is whole. A frame that is too long ends the connection by its header alone.
    pub(super) fn next_frame(&mut self) -> Result<Option<SerializedFrame>, Hangup> {
        loop {
            let wanted = self.decoder.writable_len();
            if wanted > MAX_PAYLOAD_BYTES {
                return Err(Hangup::FrameTooLong);
            }
            if self.bytes.len() < wanted {
                return Ok(None);
            }
            self.decoder.writable().copy_from_slice(&self.bytes[..wanted]);
            self.bytes.drain(..wanted);
            let open = self.open.take().ok_or(Hangup::Noise)?;
            match self.decoder.next_transport_frame(open).map_err(|_| Hangup::Noise)? {
                Decrypted::Frame(frame, open) => {
                    self.open = Some(open);
                    return Ok(Some(frame));
                }
                Decrypted::Incomplete(_, open) => self.open = Some(open),
            }
        }
    }
}

/// Seals what goes out.
pub(super) struct Outgoing {
    encoder: NoiseEncoder,
    seal: TransportEncryptState,
}

impl Outgoing {
    /// Frames and seals messages, in their order.
    pub(super) fn seal(&mut self, messages: Vec<AnyMessageOwned>) -> Result<Vec<u8>, Hangup> {
        let mut bytes = Vec::new();
        for message in messages {
            let frame: MessageFrame<AnyMessageOwned> = message.try_into().map_err(|_| Hangup::Unwritable)?;
            bytes.extend(self.encoder.encode_transport(frame, &mut self.seal).map_err(|_| Hangup::Unwritable)?);
        }
        Ok(bytes)
    }
}

#[cfg(test)]
#[path = "transport_tests.rs"]
mod tests;
