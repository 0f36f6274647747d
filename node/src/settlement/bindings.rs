//! Bindings that are generated from the checked-in ABIs.
#![allow(missing_docs, unreachable_pub, dead_code, clippy::all, clippy::pedantic, clippy::unwrap_used)]

ethers::contract::abigen!(LeaseEscrow, "$CARGO_MANIFEST_DIR/../contracts/abi/LeaseEscrow.json");

ethers::contract::abigen!(TestToken, "$CARGO_MANIFEST_DIR/../contracts/abi/TestToken.json");

// The macro above doesn't tell the compiler which files it read: these do, so that a changed contract is a changed node.
const _: &[u8] = include_bytes!("../../../contracts/abi/LeaseEscrow.json");
const _: &[u8] = include_bytes!("../../../contracts/abi/TestToken.json");
