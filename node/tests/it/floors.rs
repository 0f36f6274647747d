//! The house keeps its floors: rooms import only from lower ones, and each heavy library stays in its room.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Rooms of the node by floor, lowest first. Rooms of one floor never see each other.
const FLOORS: [&[&str]; 8] = [
    &["clock", "keys"],
    &["store"],
    &["net", "settlement", "farm", "destination"],
    &["registry"],
    &["delivery", "market"],
    &["config"],
    &["api"],
    &["app", "cli"],
];
/// Rooms that may name a library.
const LIBRARIES: [(&str, &str); 4] = [("ethers", "settlement"), ("sled", "store"), ("libp2p", "net"), ("axum", "api")];
/// Files that may call the key: the guard, and the wallet of the command line.
const SIGNERS: [&str; 2] = ["cli/wallet.rs", "store/guard.rs"];
/// What calls a key, and what hands it out.
const SIGNING: [&str; 7] = [
    ".sign_prehash",
    ".sign_recoverable",
    ".sign_digest",
    ".sign_message",
    ".sign_hash",
    ".try_sign",
    ".signing_key()",
];

/// The lines of code of each source file of the node, by path below `src`.
fn sources() -> BTreeMap<PathBuf, Vec<String>> {
    fn walk(root: &Path, dir: &Path, files: &mut BTreeMap<PathBuf, Vec<String>>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let code =
                    text.lines().map(str::trim).filter(|line| !line.starts_with("//")).map(str::to_owned).collect();
                files.insert(path.strip_prefix(root).unwrap().to_owned(), code);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = BTreeMap::new();
    walk(&root, &root, &mut files);
    assert!(files.len() > 50, "the sources were found: {}", files.len());
    files
}

fn room_of(file: &Path) -> String {
    let first = file.components().next().unwrap().as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// Returns the rooms that a file names as `crate::room`, in single imports and in nested ones.
fn rooms_named(code: &[String]) -> Vec<String> {
    let text = code.join("\n");
    let rooms: Vec<&str> = FLOORS.iter().flat_map(|rooms| rooms.iter().copied()).collect();
    let direct = rooms.iter().filter(|room| text.contains(&format!("crate::{room}"))).map(|room| (*room).to_owned());
    let nested = text.split("use crate::{").skip(1).flat_map(|rest| {
        let block = rest.split("\n};").next().unwrap_or_default();
        let names = block.lines().filter_map(|line| line.split([':', ',', ' ']).next());
        names.filter(|name| rooms.contains(name)).map(str::to_owned).collect::<Vec<_>>()
    });
    direct.chain(nested).collect()
}

#[test]
fn rooms_import_only_from_lower_floors() {
    let mut faults = Vec::new();
    for (file, code) in sources() {
        let room = room_of(&file);
        if matches!(room.as_str(), "lib" | "main") {
            continue;
        }
        let floor = floor_of(&room).unwrap_or_else(|| panic!("room {room} stands on no floor: add it to FLOORS"));
        let above = |named: &String| *named != room && floor_of(named).is_some_and(|other| other >= floor);
        faults.extend(
            rooms_named(&code).into_iter().filter(above).map(|named| format!("{} names {named}", file.display())),
        );
    }
    // The command line starts the node: the two share the top floor.
    faults.retain(|fault| !(fault.starts_with("cli/") && fault.ends_with("names app")));
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn each_heavy_library_stays_in_its_room() {
    let mut faults = Vec::new();
    for (file, code) in sources() {
        for (library, room) in LIBRARIES.iter().filter(|(_, room)| room_of(&file) != *room) {
            let names =
                |line: &&String| line.contains(&format!("{library}::")) || line.contains(&format!("use {library}"));
            faults.extend(code.iter().filter(names).map(|line| format!("{} outside {room}: {line}", file.display())));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn signatures_leave_by_the_guard_and_the_wallet_alone() {
    let mut signing = Vec::new();
    for (file, code) in sources() {
        let in_test =
            file.components().any(|part| part.as_os_str() == "tests") || file.to_string_lossy().ends_with("tests.rs");
        let mut code = code.iter().take_while(|line| !line.starts_with("mod tests {"));
        let signs = |line: &String| SIGNING.iter().any(|call| line.contains(call));
        if !in_test && code.any(signs) {
            signing.push(file.to_string_lossy().into_owned());
        }
    }
    assert_eq!(signing, SIGNERS);
}
