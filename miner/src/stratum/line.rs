//! Cutting a byte stream into lines, without trusting the stream.

/// Longest line in bytes that a client takes, its end excluded. Real traffic stays far below: a job with 16 branches is about 3 KiB.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// First byte of a TLS record that carries a handshake; some miners try TLS before plain text.
const TLS_HANDSHAKE: u8 = 0x16;

/// Why a stream isn't Stratum. The connection is of no more use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The peer opened with TLS.
    #[error("the peer speaks TLS here; use plain stratum+tcp")]
    Tls,
    /// A control byte or invalid UTF-8.
    #[error("the peer sent bytes that are no text")]
    Binary,
    /// More bytes without an end of line than are allowed.
    #[error("the peer sent a line over {0} bytes")]
    TooLong(usize),
}

/// Collects bytes and gives back whole lines; tolerates `\r\n` and blank lines.
///
/// Holds at most one unfinished line and the last chunk: call [`LineBuffer::next_line`] until `None` after each push.
#[derive(Debug)]
pub struct LineBuffer {
    bytes: Vec<u8>,
    /// Start of what wasn't given back yet.
    start: usize,
    /// How far the search for the end of line went.
    searched: usize,
    max_bytes: usize,
}

impl Default for LineBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl LineBuffer {
    /// Starts empty, for lines of at most [`MAX_LINE_BYTES`].
    pub fn new() -> Self {
        Self::with_max(MAX_LINE_BYTES)
    }

    /// Starts empty, for lines of at most so many bytes, their ends excluded.
    pub fn with_max(max_bytes: usize) -> Self {
        Self { bytes: Vec::new(), start: 0, searched: 0, max_bytes }
    }

    /// Appends what was read from the peer.
    pub fn push(&mut self, chunk: &[u8]) {
        self.bytes.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        self.bytes.extend_from_slice(chunk);
    }

    /// The next line that isn't blank, without its end; `None` until more bytes are pushed.
    pub fn next_line(&mut self) -> Result<Option<String>, LineError> {
        loop {
            let unsearched = &self.bytes[self.searched..];
            let Some(length) = memchr::memchr(b'\n', unsearched) else {
                self.searched = self.bytes.len();
                return self.check_unfinished().map(|()| None);
            };
            let end = self.searched + length;
            let line = text(&self.bytes[self.start..end], self.max_bytes)?;
            self.start = end + 1;
            self.searched = self.start;
            if !line.is_empty() {
                return Ok(Some(line));
            }
        }
    }

    /// Judges the unfinished line early, so that a peer can't fill the buffer with what will never be one.
    fn check_unfinished(&self) -> Result<(), LineError> {
        let line = &self.bytes[self.start..];
        match line.first() {
            Some(&TLS_HANDSHAKE) => Err(LineError::Tls),
            // A zero byte stands in every binary protocol's first packet and in no JSON.
            Some(_) if line.contains(&0) => Err(LineError::Binary),
            // One byte more for a `\r` whose `\n` is still to come.
            _ if line.len() > self.max_bytes + 1 => Err(LineError::TooLong(self.max_bytes)),
            _ => Ok(()),
        }
    }
}

fn text(line: &[u8], max_bytes: usize) -> Result<String, LineError> {
    if line.first() == Some(&TLS_HANDSHAKE) {
        return Err(LineError::Tls);
    }
    let line = line.trim_ascii();
    if line.len() > max_bytes {
        return Err(LineError::TooLong(max_bytes));
    }
    // Counting all of them is quicker than looking for the first.
    if line.iter().filter(|&&byte| byte < b' ' && byte != b'\t').count() > 0 {
        return Err(LineError::Binary);
    }
    std::str::from_utf8(line).map(str::to_owned).map_err(|_| LineError::Binary)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(chunks: &[&[u8]]) -> Result<Vec<String>, LineError> {
        let mut buffer = LineBuffer::new();
        let mut lines = Vec::new();
        for chunk in chunks {
            buffer.push(chunk);
            while let Some(line) = buffer.next_line()? {
                lines.push(line);
            }
        }
        Ok(lines)
    }

    #[test]
    fn lines_are_the_same_however_the_stream_is_split() {
        let stream = b"{\"id\":1}\r\n\n  \r\n{\"id\":2}\n{\"id\":3}\nrest";
        let expected = ["{\"id\":1}", "{\"id\":2}", "{\"id\":3}"];
        for size in 1..=stream.len() {
            let chunks: Vec<&[u8]> = stream.chunks(size).collect();
            assert_eq!(lines(&chunks).unwrap(), expected, "chunks of {size}");
        }
    }

    #[test]
    fn a_tls_hello_is_named_as_such_with_or_without_an_end_of_line() {
        assert_eq!(lines(&[b"\x16\x03\x01\x02\x00\x01"]), Err(LineError::Tls));
        assert_eq!(lines(&[b"\x16\x03\x01\x0a\x00"]), Err(LineError::Tls));
    }

    #[test]
    fn binary_and_invalid_utf8_are_refused() {
        assert_eq!(lines(&[b"SSH\0"]), Err(LineError::Binary));
        assert_eq!(lines(&[b"{\x01}\n"]), Err(LineError::Binary));
        assert_eq!(lines(&[b"\xff\xfe\n"]), Err(LineError::Binary));
    }

    #[test]
    fn the_longest_line_passes_and_one_byte_more_does_not() {
        let longest = vec![b'x'; MAX_LINE_BYTES];
        assert_eq!(lines(&[&longest, b"\r\n"]).unwrap().len(), 1);
        assert_eq!(lines(&[&longest, b"x\n"]), Err(LineError::TooLong(MAX_LINE_BYTES)));
        assert_eq!(lines(&[&longest, b"xx"]), Err(LineError::TooLong(MAX_LINE_BYTES)));
    }

    #[test]
    fn a_shorter_line_may_be_the_longest() {
        for (bytes, is_fine) in [(10, true), (11, false)] {
            let mut buffer = LineBuffer::with_max(10);
            buffer.push(&[&vec![b'x'; bytes][..], b"\r\n"].concat());
            assert_eq!(buffer.next_line().is_ok(), is_fine, "{bytes}");
        }
    }

    #[test]
    fn random_bytes_never_panic() {
        use rand::{Rng, SeedableRng, rngs::StdRng};
        let mut rng = StdRng::seed_from_u64(4);
        for _ in 0..2_000 {
            let bytes: Vec<u8> = (0..rng.random_range(0..200)).map(|_| rng.random()).collect();
            let size = rng.random_range(1..20);
            let _ = lines(&bytes.chunks(size).collect::<Vec<_>>());
        }
    }
}
