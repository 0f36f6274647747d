//! The detail document that travels with an order (section 2): where its maker's node is, and what
//! it says of its machines. The order commits to the document's exact bytes.

use alloy_primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};

/// Longest document, bytes. Room for a few addresses and certificates, small enough to gossip.
pub const MAX_DETAILS_BYTES: usize = 8 * 1024;
/// Most addresses of one node: a handful of interfaces and relays.
pub const MAX_ADDRESSES: usize = 8;
/// Longest address, region or rig, bytes of UTF-8.
pub const MAX_TEXT_BYTES: usize = 256;

/// What a maker declares beside the order. Members that are not known here are kept out of the way,
/// not refused, so that later documents stay readable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// libp2p peer id of the maker's node, base58.
    pub peer: String,
    /// Multiaddresses at which the node can be dialled.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// Where the machines stand, in the maker's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// What the machines are, in the maker's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rig: Option<String>,
}

/// Why bytes are not a detail document.
#[derive(Debug, thiserror::Error)]
pub enum DetailsError {
    /// More than [`MAX_DETAILS_BYTES`].
    #[error("detail document has {bytes} bytes, at most {MAX_DETAILS_BYTES} are allowed")]
    TooLong {
        /// Length of the document.
        bytes: usize,
    },
    /// Not the JSON that is expected.
    #[error("detail document is not valid JSON of the expected shape")]
    Malformed(#[source] serde_json::Error),
    /// More than [`MAX_ADDRESSES`].
    #[error("detail document lists {count} addresses, at most {MAX_ADDRESSES} are allowed")]
    TooManyAddresses {
        /// Addresses listed.
        count: usize,
    },
    /// A text of more than [`MAX_TEXT_BYTES`].
    #[error("{member} of the detail document is longer than {MAX_TEXT_BYTES} bytes")]
    TextTooLong {
        /// Name of the member.
        member: &'static str,
    },
}

impl Details {
    /// Returns what an order commits to: keccak-256 of the document's exact bytes.
    pub fn hash(document: &[u8]) -> B256 {
        keccak256(document)
    }

    /// Reads a document.
    ///
    /// # Errors
    /// Where it is too long, is not JSON of this shape, or a member is beyond its bound.
    pub fn parse(document: &[u8]) -> Result<Self, DetailsError> {
        if document.len() > MAX_DETAILS_BYTES {
            return Err(DetailsError::TooLong { bytes: document.len() });
        }
        let details: Self = serde_json::from_slice(document).map_err(DetailsError::Malformed)?;
        details.check()?;
        Ok(details)
    }

    /// Returns the document's bytes, which [`Details::parse`] reads back.
    ///
    /// # Errors
    /// Where a member is beyond its bound.
    pub fn to_document(&self) -> Result<Vec<u8>, DetailsError> {
        self.check()?;
        let document = serde_json::to_vec(self).map_err(DetailsError::Malformed)?;
        if document.len() > MAX_DETAILS_BYTES {
            return Err(DetailsError::TooLong { bytes: document.len() });
        }
        Ok(document)
    }

    fn check(&self) -> Result<(), DetailsError> {
        if self.addresses.len() > MAX_ADDRESSES {
            return Err(DetailsError::TooManyAddresses { count: self.addresses.len() });
        }
        let addresses = self.addresses.iter().map(|address| ("addresses", address));
        let optional = [("region", &self.region), ("rig", &self.rig)];
        let optional = optional.into_iter().filter_map(|(member, text)| Some((member, text.as_ref()?)));
        let mut texts = addresses.chain(optional).chain([("peer", &self.peer)]);
        match texts.find(|(_, text)| text.len() > MAX_TEXT_BYTES) {
            Some((member, _)) => Err(DetailsError::TextTooLong { member }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details() -> Details {
        Details {
            peer: "12D3KooWExample".into(),
            addresses: vec!["/ip4/127.0.0.1/tcp/7781".into()],
            region: Some("Iceland".into()),
            rig: None,
        }
    }

    #[test]
    fn a_document_reads_back_as_it_was_written() {
        let document = details().to_document().unwrap();
        assert_eq!(
            String::from_utf8_lossy(&document),
            r#"{"peer":"12D3KooWExample","addresses":["/ip4/127.0.0.1/tcp/7781"],"region":"Iceland"}"#,
        );
        assert_eq!(Details::parse(&document).unwrap(), details());
    }

    #[test]
    fn unknown_members_are_let_through_and_count_for_the_hash() {
        let plain = br#"{"peer":"p"}"#;
        let later = br#"{"peer":"p","certificates":[1,2]}"#;
        assert_eq!(Details::parse(plain).unwrap(), Details::parse(later).unwrap());
        assert_ne!(Details::hash(plain), Details::hash(later));
    }

    #[test]
    fn everything_is_bounded() {
        let long = "x".repeat(MAX_TEXT_BYTES + 1);
        let rig = Details { rig: Some(long.clone()), ..details() };
        let peer = Details { peer: long, ..details() };
        let addresses = Details { addresses: vec![String::new(); MAX_ADDRESSES + 1], ..details() };
        assert!(matches!(rig.to_document(), Err(DetailsError::TextTooLong { member: "rig" })));
        assert!(matches!(peer.to_document(), Err(DetailsError::TextTooLong { member: "peer" })));
        assert!(matches!(addresses.to_document(), Err(DetailsError::TooManyAddresses { count: 9 })));
        assert!(matches!(Details::parse(&vec![b' '; 8193]), Err(DetailsError::TooLong { bytes: 8193 })));
        assert!(matches!(Details::parse(b"{}"), Err(DetailsError::Malformed(_))));
        assert!(matches!(Details::parse("[".repeat(8000).as_bytes()), Err(DetailsError::Malformed(_))));
    }
}
