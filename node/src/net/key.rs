//! The node's identity: an ed25519 key in a file that only its owner may read.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use libp2p::identity::Keypair;
use zeroize::Zeroizing;

use super::NetError;

/// Mode bits that let others in.
const OTHERS: u32 = 0o077;
/// A key in libp2p's protobuf has 68 bytes; whatever is longer is something else.
const MAX_KEY_BYTES: u64 = 1024;

/// Reads the key, or makes one where there is none yet.
pub(super) fn load_or_create(path: &Path) -> Result<Keypair, NetError> {
    let io_error = |source| NetError::KeyFile { path: path.to_owned(), source };
    match File::open(path) {
        Ok(file) => load(path, file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = Keypair::generate_ed25519();
            create(path, &key).map_err(io_error)?;
            Ok(key)
        }
        Err(error) => Err(io_error(error)),
    }
}

fn load(path: &Path, file: File) -> Result<Keypair, NetError> {
    let io_error = |source| NetError::KeyFile { path: path.to_owned(), source };
    let mode = file.metadata().map_err(io_error)?.mode() & 0o777;
    if mode & OTHERS != 0 {
        return Err(NetError::KeyFileOpen { path: path.to_owned(), mode });
    }
    let mut bytes = Zeroizing::new(Vec::new());
    io::Read::read_to_end(&mut io::Read::take(file, MAX_KEY_BYTES), &mut bytes).map_err(io_error)?;
    Keypair::from_protobuf_encoding(&bytes).map_err(|source| NetError::KeyMalformed { path: path.to_owned(), source })
}

/// Writes the key beside its place and moves it there whole, so that a crash leaves no half key.
fn create(path: &Path, key: &Keypair) -> io::Result<()> {
    let bytes = Zeroizing::new(key.to_protobuf_encoding().map_err(io::Error::other)?);
    let beside = path.with_extension("new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peer.key");
        let made = load_or_create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(load_or_create(&path).unwrap().public(), made.public());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peer.key");
        load_or_create(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(load_or_create(&path), Err(NetError::KeyFileOpen { mode: 0o640, .. })));
    }

    #[test]
    fn bytes_that_are_no_key_are_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peer.key");
        load_or_create(&path).unwrap();
        fs::write(&path, b"no key").unwrap();
        assert!(matches!(load_or_create(&path), Err(NetError::KeyMalformed { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"no key");
    }
}
