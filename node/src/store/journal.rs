//! The journal: append-only, checksummed, fsynced. What it holds is the truth; everything else is made from it.
//!
//! A record is `length u32 ‖ crc32 u32 ‖ sequence u64 ‖ payload`, little-endian; the checksum covers
//! sequence and payload. Segments are files named by their first sequence number.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    path::{Path, PathBuf},
};

use super::StoreError;

/// Largest payload of a record, bytes: bounds what one corrupt length can make the reader allocate.
pub(super) const MAX_PAYLOAD: usize = 1 << 20;
/// A segment that has grown past this is closed, bytes.
const SEGMENT_BYTES: u64 = 64 << 20;
const HEADER: usize = 16;

/// An open journal, at its end.
#[derive(Debug)]
pub(super) struct Journal {
    dir: PathBuf,
    file: File,
    file_bytes: u64,
    next_seq: u64,
    /// Set by a failed write or fsync, after which the file's end is unknown. Not retried: a second
    /// fsync may report success for pages that the first one dropped.
    failed: bool,
}

impl Journal {
    /// Opens the journal in `dir`, making it where there is none, and passes every record in order to
    /// `replay`. A record that a crash cut off at the very end is dropped: nobody was told that it stands.
    ///
    /// # Errors
    /// For I/O errors, and for damage anywhere but at the end.
    pub(super) fn open(
        dir: &Path,
        mut replay: impl FnMut(u64, &[u8]) -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        fs::create_dir_all(dir).map_err(|source| StoreError::io(dir, source))?;
        let mut next_seq = 0;
        let segments = segments(dir)?;
        for (index, path) in segments.iter().enumerate() {
            let last = index + 1 == segments.len();
            next_seq = read_segment(path, next_seq, last, &mut replay)?;
        }
        let path = segments.last().cloned().unwrap_or_else(|| segment_path(dir, next_seq));
        let file = open_segment(dir, &path)?;
        let file_bytes = file.metadata().map_err(|source| StoreError::io(&path, source))?.len();
        Ok(Self { dir: dir.to_owned(), file, file_bytes, next_seq, failed: false })
    }

    /// Returns the sequence number of the next record; the first has 0.
    pub(super) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Appends `payloads` in order and returns once they are on the disk.
    ///
    /// # Errors
    /// For a payload over [`MAX_PAYLOAD`] (nothing is written), and for I/O errors, after which the
    /// journal takes nothing more.
    pub(super) fn append(&mut self, payloads: &[Vec<u8>]) -> Result<(), StoreError> {
        if self.failed {
            return Err(StoreError::JournalFailed);
        }
        let mut bytes = Vec::new();
        for (seq, payload) in (self.next_seq..).zip(payloads) {
            let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
            if payload.len() > MAX_PAYLOAD {
                return Err(StoreError::RecordTooLarge { bytes: payload.len() });
            }
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&checksum(seq, payload).to_le_bytes());
            bytes.extend_from_slice(&seq.to_le_bytes());
            bytes.extend_from_slice(payload);
        }
        self.failed = true;
        if self.file_bytes >= SEGMENT_BYTES {
            self.file = open_segment(&self.dir, &segment_path(&self.dir, self.next_seq))?;
            self.file_bytes = 0;
        }
        self.file.write_all(&bytes).map_err(|source| StoreError::io(&self.dir, source))?;
        self.file.sync_data().map_err(|source| StoreError::io(&self.dir, source))?;
        self.failed = false;
        self.file_bytes += bytes.len() as u64;
        self.next_seq += payloads.len() as u64;
        Ok(())
    }
}

fn checksum(seq: u64, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&seq.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

fn segment_path(dir: &Path, first_seq: u64) -> PathBuf {
    dir.join(format!("{first_seq:020}.journal"))
}

fn segments(dir: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).map_err(|source| StoreError::io(dir, source))? {
        let path = entry.map_err(|source| StoreError::io(dir, source))?.path();
        if path.extension().is_some_and(|extension| extension == "journal") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Opens a segment for appending. A new file's directory entry is synced too, or a crash could lose
/// the file with records that were acknowledged.
fn open_segment(dir: &Path, path: &Path) -> Result<File, StoreError> {
    let io = |source| StoreError::io(path, source);
    let file = OpenOptions::new().create(true).append(true).open(path).map_err(io)?;
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io)?;
    Ok(file)
}

fn read_segment(
    path: &Path,
    mut next_seq: u64,
    last: bool,
    replay: &mut impl FnMut(u64, &[u8]) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let io = |source| StoreError::io(path, source);
    let mut bytes = Vec::new();
    File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(io)?;
    let mut offset = 0;
    while offset < bytes.len() {
        match decode(&bytes[offset..]) {
            Some((seq, payload)) if seq == next_seq => {
                replay(next_seq, payload)?;
                offset += HEADER + payload.len();
                next_seq += 1;
            }
            _ if last && is_torn(&bytes[offset..], next_seq) => {
                tracing::warn!(path = %path.display(), offset, "dropped a record that a crash cut off");
                let file = OpenOptions::new().write(true).open(path).map_err(io)?;
                file.set_len(offset as u64).and_then(|()| file.sync_all()).map_err(io)?;
                break;
            }
            _ => return Err(StoreError::JournalDamaged { path: path.to_owned(), offset }),
        }
    }
    Ok(next_seq)
}

/// Returns sequence number and payload of the record at the start of `bytes`, where it is whole.
fn decode(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let header = bytes.get(..HEADER)?;
    let length = u32::from_le_bytes(header[..4].try_into().ok()?) as usize;
    let crc = u32::from_le_bytes(header[4..8].try_into().ok()?);
    let seq = u64::from_le_bytes(header[8..].try_into().ok()?);
    if length > MAX_PAYLOAD {
        return None;
    }
    let payload = bytes.get(HEADER..HEADER + length)?;
    (checksum(seq, payload) == crc).then_some((seq, payload))
}

/// Tells a torn tail from damage in the middle: behind a torn record stands no later whole one.
fn is_torn(bytes: &[u8], seq: u64) -> bool {
    (1..bytes.len()).all(|offset| decode(&bytes[offset..]).is_none_or(|(found, _)| found <= seq))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reopen(dir: &Path) -> Result<(Journal, Vec<Vec<u8>>), StoreError> {
        let mut seen = Vec::new();
        let journal = Journal::open(dir, |_, payload| {
            seen.push(payload.to_vec());
            Ok(())
        })?;
        Ok((journal, seen))
    }

    fn only_segment(dir: &Path) -> PathBuf {
        segments(dir).unwrap().remove(0)
    }

    #[test]
    fn what_was_appended_is_replayed_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = reopen(dir.path()).unwrap();
        journal.append(&[b"one".to_vec(), b"two".to_vec()]).unwrap();
        journal.append(&[b"three".to_vec()]).unwrap();
        let (journal, seen) = reopen(dir.path()).unwrap();
        assert_eq!(seen, [b"one".to_vec(), b"two".to_vec(), b"three".to_vec()]);
        assert_eq!(journal.next_seq(), 3);
    }

    #[test]
    fn the_layout_of_a_record_does_not_drift() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = reopen(dir.path()).unwrap();
        journal.append(&[b"123456789".to_vec()]).unwrap();
        let bytes = fs::read(only_segment(dir.path())).unwrap();
        // The crc32 of eight zero bytes and "123456789", computed with zlib.
        assert_eq!(hex::encode(bytes), "0900000035dc12e40000000000000000313233343536373839");
    }

    #[test]
    fn a_tail_cut_at_any_byte_is_dropped_and_the_rest_stands() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = reopen(dir.path()).unwrap();
        journal.append(&[b"kept".to_vec(), b"cut off".to_vec()]).unwrap();
        let path = only_segment(dir.path());
        let whole = fs::read(&path).unwrap();
        let first = HEADER + 4;
        for length in first..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let (mut journal, seen) = reopen(dir.path()).unwrap();
            assert_eq!(seen, [b"kept".to_vec()], "cut at {length}");
            journal.append(&[b"next".to_vec()]).unwrap();
            assert_eq!(reopen(dir.path()).unwrap().1, [b"kept".to_vec(), b"next".to_vec()]);
        }
    }

    #[test]
    fn damage_before_the_end_is_refused_and_nothing_is_cut() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = reopen(dir.path()).unwrap();
        journal.append(&[b"first".to_vec(), b"second".to_vec()]).unwrap();
        let path = only_segment(dir.path());
        let mut bytes = fs::read(&path).unwrap();
        bytes[HEADER] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(reopen(dir.path()), Err(StoreError::JournalDamaged { offset: 0, .. })));
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }

    #[test]
    fn a_record_over_the_limit_is_refused_and_the_journal_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = reopen(dir.path()).unwrap();
        let refused = journal.append(&[vec![0; MAX_PAYLOAD + 1]]);
        assert!(matches!(refused, Err(StoreError::RecordTooLarge { .. })));
        journal.append(&[b"small".to_vec()]).unwrap();
        assert_eq!(reopen(dir.path()).unwrap().1, [b"small".to_vec()]);
    }
}
