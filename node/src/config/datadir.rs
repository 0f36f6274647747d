//! The data directory: where each file lies, and files that only their owner may read.

use std::{
    ffi::OsString,
    fs,
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

/// Name of the variable that names the data directory.
pub const VARIABLE: &str = "HASHLEASE_DATADIR";

/// Longest secret in a file of its own, bytes: a passphrase is a line.
const MAX_SECRET_BYTES: u64 = 4_096;

/// The folder that a node keeps everything in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDir(PathBuf);

/// Why the data directory or a file in it cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Nothing says where it is.
    #[error("no data directory: name one with --datadir or {VARIABLE}, or set HOME")]
    Nowhere,
    /// The system refused.
    #[error("cannot use {path}", path = path.display())]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What it said.
        #[source]
        source: io::Error,
    },
    /// Others may read a secret.
    #[error("{path} may be read by others (mode {mode:o}): run chmod 600 on it", path = path.display())]
    Readable {
        /// File.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Not one line of text.
    #[error("{path} must hold a secret on its first line, at most {MAX_SECRET_BYTES} bytes of UTF-8", path = path.display())]
    NoSecret {
        /// File.
        path: PathBuf,
    },
}

impl DataDir {
    /// Finds the data directory: `flag`, else the variables `HASHLEASE_DATADIR`, `XDG_DATA_HOME` and `HOME`, which
    /// `variable` reads.
    ///
    /// # Errors
    /// [`DataDirError::Nowhere`] where none of them is set.
    pub fn locate(flag: Option<PathBuf>, variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, DataDirError> {
        let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        // A relative path there is to be ignored (XDG Base Directory Specification).
        let absolute = |name| set(name).filter(|path: &PathBuf| path.is_absolute());
        flag.or_else(|| set(VARIABLE))
            .or_else(|| absolute("XDG_DATA_HOME").map(|data| data.join("hashlease")))
            .or_else(|| absolute("HOME").map(|home| home.join(".local/share/hashlease")))
            .map(Self)
            .ok_or(DataDirError::Nowhere)
    }

    /// Returns the folder itself.
    pub fn root(&self) -> &Path {
        &self.0
    }

    /// Returns the configuration file.
    pub fn config(&self) -> PathBuf {
        self.0.join("config.toml")
    }

    /// Returns the folder of the encrypted keys.
    pub fn keystore(&self) -> PathBuf {
        self.0.join("keystore")
    }

    /// Returns the file of the node's encrypted key.
    pub fn node_key(&self) -> PathBuf {
        self.keystore().join("node.json")
    }

    /// Returns the file that `init` writes the passphrase of the node's key to.
    pub fn passphrase(&self) -> PathBuf {
        self.0.join("node.passphrase")
    }

    /// Returns the file of the API's bearer token.
    pub fn api_token(&self) -> PathBuf {
        self.0.join("api-token")
    }

    /// Returns the file of the libp2p identity.
    pub fn peer_key(&self) -> PathBuf {
        self.0.join("peer.key")
    }

    /// Returns the file of the key by which Stratum V2 miners know the farm.
    pub fn stratum_v2_key(&self) -> PathBuf {
        self.0.join("stratum-v2.key")
    }

    /// Returns the file of the peers to come back to.
    pub fn peers(&self) -> PathBuf {
        self.0.join("peers.json")
    }

    /// Returns `path`, taken from the data directory where it is relative.
    pub fn resolve(&self, path: impl AsRef<Path>) -> PathBuf {
        self.0.join(path)
    }

    /// Makes the folder where it is missing, for its owner alone.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn create(&self) -> Result<(), DataDirError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0);
        made.map_err(|source| DataDirError::Io { path: self.0.clone(), source })
    }
}

/// Writes a new file that only its owner may read. Returns false, and leaves it as it is, where it exists.
///
/// # Errors
/// Where the system refuses.
pub fn write_new(path: &Path, contents: &str) -> Result<bool, DataDirError> {
    let io = |source| DataDirError::Io { path: path.to_owned(), source };
    let mut file = match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        opened => opened.map_err(io)?,
    };
    file.write_all(contents.as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
    Ok(true)
}

/// Reads the first line of a file that only its owner may read: a passphrase, a password or a token.
///
/// # Errors
/// Where others may read the file, it cannot be read, or its first line is empty.
pub fn read_secret(path: &Path) -> Result<Zeroizing<String>, DataDirError> {
    let io = |source| DataDirError::Io { path: path.to_owned(), source };
    let no_secret = || DataDirError::NoSecret { path: path.to_owned() };
    let file = fs::File::open(path).map_err(io)?;
    let mode = file.metadata().map_err(io)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(DataDirError::Readable { path: path.to_owned(), mode });
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(MAX_SECRET_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
    let text =
        std::str::from_utf8(&bytes).ok().filter(|text| text.len() as u64 <= MAX_SECRET_BYTES).ok_or_else(no_secret)?;
    let line = text.lines().next().filter(|line| !line.is_empty()).ok_or_else(no_secret)?;
    Ok(Zeroizing::new(line.to_owned()))
}
