//! `keys`: encrypted key files.

use std::{fs, path::Path};

use alloy_primitives::Address;
use serde::Deserialize;

use super::{
    args::KeysCommand,
    error::Error,
    output::{Field, View},
    terminal::{hidden, key_file, new_passphrase},
};
use crate::{
    config::{DataDir, datadir::read_secret},
    keys::{KeyError, SecretKey},
};

/// Longest name of a key: it becomes a file's.
const MAX_NAME_CHARS: usize = 64;

pub(super) fn keys(datadir: &DataDir, command: KeysCommand) -> Result<View, Error> {
    match command {
        KeysCommand::New { name, passphrase } => {
            let path = key_file(datadir, checked(&name)?);
            store(datadir, &path, &SecretKey::random(), || new_passphrase(&passphrase))
        }
        KeysCommand::Import { name, key_file: from, passphrase } => {
            let path = key_file(datadir, checked(&name)?);
            let digits = match from {
                Some(path) => read_secret(&path)?,
                None => hidden("Key, 64 hex digits: ", "--key-file")?,
            };
            store(datadir, &path, &SecretKey::from_hex(&digits)?, || new_passphrase(&passphrase))
        }
        KeysCommand::List => list(datadir),
        KeysCommand::Address { key } => {
            let path = key_file(datadir, &key);
            Ok(View::One(vec![
                ("address", Field::text(declared_address(&path)?)),
                ("file", Field::text(path.display())),
            ]))
        }
    }
}

fn store(
    datadir: &DataDir,
    path: &Path,
    key: &SecretKey,
    passphrase: impl FnOnce() -> Result<zeroize::Zeroizing<String>, Error>,
) -> Result<View, Error> {
    if path.exists() {
        return Err(KeyError::Exists { path: path.to_owned() }.into());
    }
    let passphrase = passphrase()?;
    datadir.create()?;
    key.store(path, &passphrase)?;
    Ok(View::One(vec![("address", Field::text(key.address())), ("file", Field::text(path.display()))]))
}

fn checked(name: &str) -> Result<&str, Error> {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if plain && !name.is_empty() && name.len() <= MAX_NAME_CHARS {
        return Ok(name);
    }
    Err(Error::Usage(format!(
        "a key's name has letters, digits, - and _, {MAX_NAME_CHARS} at most: choose another than {name:?}"
    )))
}

fn list(datadir: &DataDir) -> Result<View, Error> {
    let folder = datadir.keystore();
    let io = |source| KeyError::Io { path: folder.clone(), source };
    let entries = match fs::read_dir(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        entries => entries.map_err(io)?.collect::<Result<Vec<_>, _>>().map_err(io)?,
    };
    let mut paths: Vec<_> = entries
        .into_iter()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    paths.sort();
    let mut records = Vec::new();
    for path in paths {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        records.push(vec![("name", Field::text(name)), ("address", Field::text(declared_address(&path)?))]);
    }
    Ok(View::Many(records, "no keys: make one with `hashlease init` or `hashlease keys new NAME`"))
}

/// Returns the address that a key file names beside the encrypted key.
pub(super) fn declared_address(path: &Path) -> Result<Address, Error> {
    #[derive(Deserialize)]
    struct Document {
        address: Address,
    }
    let text = fs::read(path).map_err(|source| KeyError::Io { path: path.to_owned(), source })?;
    let document: Result<Document, _> = serde_json::from_slice(&text);
    let unnamed =
        || Error::Usage(format!("{} names no address: import its key with `hashlease keys import`", path.display()));
    document.map(|document| document.address).map_err(|_| unnamed())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::cli::args::PassphraseArgs;

    fn secret(dir: &Path, name: &str, text: &str) -> std::path::PathBuf {
        let path = dir.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    #[test]
    fn an_imported_key_is_encrypted_listed_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let datadir = DataDir::locate(Some(dir.path().join("data")), |_| None).unwrap();
        let digits = "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a";
        let (key, passphrase) = (secret(dir.path(), "key", digits), secret(dir.path(), "passphrase", "hush\n"));
        let import = || KeysCommand::Import {
            name: "alice".into(),
            key_file: Some(key.clone()),
            passphrase: PassphraseArgs { passphrase_file: Some(passphrase.clone()) },
        };
        let shown = keys(&datadir, import()).unwrap().render(true);
        assert!(shown.contains("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"), "{shown}");
        let path = datadir.keystore().join("alice.json");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!fs::read_to_string(&path).unwrap().contains(digits));
        assert_eq!(SecretKey::open(&path, "hush").unwrap().address(), declared_address(&path).unwrap());
        assert!(matches!(keys(&datadir, import()), Err(Error::Key(KeyError::Exists { .. }))));
        let listed = keys(&datadir, KeysCommand::List).unwrap().render(false);
        assert!(listed.contains("alice") && listed.contains("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"), "{listed}");
    }

    #[test]
    fn names_that_would_leave_the_keystore_are_refused() {
        for name in ["", "../node", "a b", "a.json"] {
            assert!(matches!(checked(name), Err(Error::Usage(_))), "{name}");
        }
    }
}
