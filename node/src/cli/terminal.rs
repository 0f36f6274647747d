//! Questions to the person at the terminal.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{args::PassphraseArgs, error::Error};
use crate::config::{DataDir, datadir::read_secret};

/// Returns the key file that is meant by a name in the keystore or a path.
pub(super) fn key_file(datadir: &DataDir, key: &str) -> PathBuf {
    let is_name = !key.contains(['/', '.']);
    if is_name { datadir.keystore().join(format!("{key}.json")) } else { PathBuf::from(key) }
}

/// Returns the passphrase of an existing key file.
pub(super) fn passphrase(args: &PassphraseArgs, of: &Path) -> Result<Zeroizing<String>, Error> {
    match &args.passphrase_file {
        Some(path) => Ok(read_secret(path)?),
        None => hidden(&format!("Passphrase of {}: ", of.display()), "--passphrase-file"),
    }
}

/// Returns the passphrase for a new key file; typed twice where it is typed.
pub(super) fn new_passphrase(args: &PassphraseArgs) -> Result<Zeroizing<String>, Error> {
    if let Some(path) = &args.passphrase_file {
        return Ok(read_secret(path)?);
    }
    let passphrase = hidden("New passphrase: ", "--passphrase-file")?;
    if passphrase.is_empty() {
        return Err(Error::Usage("an empty passphrase protects nothing: choose another".to_owned()));
    }
    if hidden("Once more: ", "--passphrase-file")? != passphrase {
        return Err(Error::Usage("the passphrases differ: try again".to_owned()));
    }
    Ok(passphrase)
}

/// Asks for a text that is not shown; `flag` names a file with it where there is no terminal.
pub(super) fn hidden(prompt: &str, flag: &'static str) -> Result<Zeroizing<String>, Error> {
    if !io::stdin().is_terminal() {
        return Err(Error::Usage(format!("there is no terminal to ask on: name a file with {flag}")));
    }
    rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(Error::Terminal)
}

/// Shows `text` and asks whether to go on; `yes` answers beforehand.
pub(super) fn agreed(text: &str, question: &str, yes: bool) -> Result<(), Error> {
    let mut terminal = io::stderr().lock();
    writeln!(terminal, "{text}").map_err(Error::Terminal)?;
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Error::Usage("there is no terminal to ask on: agree with --yes".to_owned()));
    }
    write!(terminal, "{question} [y/N] ").and_then(|()| terminal.flush()).map_err(Error::Terminal)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(Error::Terminal)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err(Error::Declined) }
}
