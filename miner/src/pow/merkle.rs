//! Merkle trees as Bitcoin builds them: SHA-256d over pairs, the last node paired with itself where one is left over.
//!
//! All hashes are in internal byte order.

use super::hash::sha256d;

/// Folds a branch over the leftmost leaf: the root of a tree whose coinbase has this id.
pub fn fold(coinbase_txid: [u8; 32], branch: &[[u8; 32]]) -> [u8; 32] {
    branch.iter().fold(coinbase_txid, |left, right| parent(&left, right))
}

/// The branch that leads from the coinbase to the root, given the ids of the transactions *after* the coinbase.
///
/// The coinbase itself isn't needed, nor known yet: its id changes with every extranonce.
pub fn branch_of(following: &[[u8; 32]]) -> Vec<[u8; 32]> {
    let mut branch = Vec::new();
    let mut level = following.to_vec();
    while let Some((sibling, rest)) = level.split_first() {
        branch.push(*sibling);
        level = pair_up(rest);
    }
    branch
}

/// The root over all transaction ids, coinbase first; `None` without any.
pub fn root_of(txids: &[[u8; 32]]) -> Option<[u8; 32]> {
    let (coinbase, following) = txids.split_first()?;
    Some(fold(*coinbase, &branch_of(following)))
}

fn pair_up(level: &[[u8; 32]]) -> Vec<[u8; 32]> {
    level.chunks(2).map(|pair| parent(&pair[0], &pair[pair.len() - 1])).collect()
}

fn parent(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    let mut pair = [0; 64];
    pair[..32].copy_from_slice(left);
    pair[32..].copy_from_slice(right);
    sha256d(&pair).to_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pow::hash::Hash256;

    /// The textbook tree, level by level, to hold the branch against.
    fn root_by_levels(txids: &[[u8; 32]]) -> [u8; 32] {
        let mut level = txids.to_vec();
        while level.len() > 1 {
            level = pair_up(&level);
        }
        level[0]
    }

    #[test]
    fn block_100000_has_its_known_root() {
        let txids = [
            "8c14f0db3df150123e6f3dbbf30f8b955a8249b62ac1d1ff16284aefa3d06d87",
            "fff2525b8931402dd09222c50775608f75787bd2b87e56995a7bdd30f79702c4",
            "6359f0868171b1d194cbee1af2f16ea598ae8fad666d9b012c8ed2b79a236ec4",
            "e9a66845e05d5abc0ad04ec80f774a7e585c6e8db975962d069a522137b80c1d",
        ]
        .map(|txid| Hash256::from_display_hex(txid).unwrap().to_bytes());
        let root = Hash256::from_bytes(root_of(&txids).unwrap());
        assert_eq!(root.to_string(), "f3e94742aca4b5ef85488dc37c06c3282295ffec960994b2c0d5ac2a25a95766");
        assert_eq!(branch_of(&txids[1..]).len(), 2);
    }

    #[test]
    fn the_branch_leads_to_the_root_for_every_count_of_transactions() {
        let txids: Vec<_> = (0..70u8).map(|i| sha256d(&[i]).to_bytes()).collect();
        for count in 1..=txids.len() {
            assert_eq!(root_of(&txids[..count]), Some(root_by_levels(&txids[..count])), "{count} transactions");
        }
        assert_eq!(root_of(&[]), None);
    }
}
