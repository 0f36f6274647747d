//! The crates and the contract agree: both are given the same random cases and the same real data.
//!
//! The contract's answers come from `eth_simulateV1`: blocks at any time on top of any storage, thousands of calls in seconds.

mod cases;
mod digests;
mod orders;
mod pay;
mod shares;

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use ethers::{abi::RawLog, contract::EthLogDecode};
use hashlease_domain::{Eip712, EscrowEvent, Signature, Signed};
use serde::Deserialize;
use serde_json::{Value, json};

use super::anvil::{Key, World};
use crate::settlement::{Call, Contracts, LeaseState, Refusal, bindings::lease_escrow as escrow, convert, decode};

/// Gas that each simulated call may use.
const CALL_GAS: u64 = 16_000_000;
/// Gas that a block of simulated calls may use.
const BLOCK_GAS: u64 = 1 << 40;

/// Storage slots of the escrow, by their declaration: `balanceOf`, `lastHashOf`, `_leases`.
const BALANCES: u64 = 0;
const LAST_HASHES: u64 = 5;
const LEASES: u64 = 6;

/// Calls at one time, unix seconds, each with its sender.
struct Step {
    time: u64,
    calls: Vec<(Address, Call)>,
}

/// What a simulated call did.
#[derive(Debug)]
enum Outcome {
    Passed(Vec<EscrowEvent>),
    Refused(Refusal),
}

impl Outcome {
    fn last_event(&self) -> Option<&EscrowEvent> {
        match self {
            Self::Passed(events) => events.last(),
            Self::Refused(_) => None,
        }
    }
}

/// Values of storage slots.
#[derive(Default)]
struct Storage(BTreeMap<B256, B256>);

impl Storage {
    /// Gives an account a free balance, token base units.
    fn balance(&mut self, account: Address, token: Address, amount: U256) {
        let of_account = slot(account.into_word(), U256::from(BALANCES).into());
        self.0.insert(slot(token.into_word(), of_account), amount.into());
    }

    /// Opens a lease: `end`, `through`, `work` and `count` share a slot, lowest bits first.
    fn lease(&mut self, id: B256, state: &LeaseState) {
        let packed: U256 = U256::from(state.end)
            | U256::from(state.through) << 40
            | U256::from(state.work) << 80
            | U256::from(state.proof_count) << 208;
        self.0.insert(slot(id, U256::from(LEASES).into()), packed.into());
    }

    /// Lets a lease's run of proofs have come to `hash`.
    fn last_hash(&mut self, id: B256, hash: B256) {
        self.0.insert(slot(id, U256::from(LAST_HASHES).into()), hash);
    }
}

/// Where Solidity keeps the value of a mapping.
fn slot(key: B256, mapping: B256) -> B256 {
    keccak256([key.0, mapping.0].concat())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SimulatedBlock {
    calls: Vec<SimulatedCall>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SimulatedCall {
    status: ethers::types::U64,
    return_data: Bytes,
    logs: Vec<ethers::types::Log>,
}

impl World {
    async fn simulated(&self, storage: &Storage, blocks: Vec<(u64, Vec<Value>)>) -> Vec<Vec<SimulatedCall>> {
        let hex = |number: u64| ethers::types::U64::from(number);
        let mut state = Some(json!({ self.evm.domain().escrow.to_string(): { "stateDiff": &storage.0 } }));
        let blocks: Vec<Value> = blocks
            .into_iter()
            .map(|(time, calls)| {
                let over = json!({ "time": hex(time), "gasLimit": hex(BLOCK_GAS) });
                json!({ "blockOverrides": over, "stateOverrides": state.take().unwrap_or(json!({})), "calls": calls })
            })
            .collect();
        let answer = self.anvil.ask("eth_simulateV1", json!([{ "blockStateCalls": blocks }, "latest"])).await;
        let blocks: Vec<SimulatedBlock> = serde_json::from_value(answer).unwrap();
        blocks.into_iter().map(|block| block.calls).collect()
    }

    /// Simulates blocks of calls on top of `storage` in the escrow.
    async fn outcomes(&self, storage: &Storage, steps: Vec<Step>) -> Vec<Vec<Outcome>> {
        let escrow = self.evm.domain().escrow;
        let request = |(from, call): (Address, Call)| {
            let (to, data) = call.encode(escrow);
            json!({ "from": from, "to": to, "data": data, "gas": ethers::types::U64::from(CALL_GAS) })
        };
        let blocks = steps.into_iter().map(|step| (step.time, step.calls.into_iter().map(request).collect())).collect();
        let blocks = self.simulated(storage, blocks).await;
        blocks.into_iter().map(|calls| calls.into_iter().map(outcome).collect()).collect()
    }

    /// Simulates views of the escrow, each of which returns one word.
    async fn words(&self, views: Vec<Vec<u8>>) -> Vec<B256> {
        let escrow = self.evm.domain().escrow;
        let request = |data: Vec<u8>| json!({ "to": escrow, "data": Bytes::from(data) });
        let calls = views.into_iter().map(request).collect();
        let blocks = self.simulated(&Storage::default(), vec![(1 << 33, calls)]).await;
        blocks.into_iter().flatten().map(|call| B256::from_slice(&call.return_data)).collect()
    }
}

fn outcome(call: SimulatedCall) -> Outcome {
    if call.status.is_zero() {
        return Outcome::Refused(decode::refusal(&call.return_data));
    }
    let event = |log: ethers::types::Log| {
        let event = escrow::LeaseEscrowEvents::decode_log(&RawLog { topics: log.topics, data: log.data.to_vec() });
        convert::event(&event.unwrap())
    };
    Outcome::Passed(call.logs.into_iter().filter_map(event).collect())
}

/// The parties' keys: buyer, seller, agent.
struct Keys {
    buyer: Key,
    seller: Key,
    agent: Key,
}

impl Keys {
    fn new() -> Self {
        Self { buyer: Key::new(0), seller: Key::new(1), agent: Key::new(2) }
    }
}

fn signed<T: Eip712>(world: &World, key: &Key, order: T) -> Signed<T> {
    let signature = signature(world, key, &order).as_bytes().to_vec();
    Signed { order, signature }
}

fn signature<T: Eip712>(world: &World, key: &Key, message: &T) -> Signature {
    Signature::from_slice(&key.sign(world.evm.domain().digest(message))).unwrap()
}

#[tokio::test]
async fn storage_is_where_the_simulation_writes_it() {
    let world = World::new().await;
    let (id, account) = (B256::repeat_byte(7), Address::repeat_byte(8));
    let state = LeaseState { end: (1 << 40) - 1, through: 2, work: u128::MAX, proof_count: (1 << 48) - 1 };
    let mut storage = Storage::default();
    storage.lease(id, &state);
    storage.balance(account, world.token, U256::MAX);
    for (slot, value) in storage.0 {
        world.anvil.ask("anvil_setStorageAt", json!([world.evm.domain().escrow, slot, value])).await;
    }
    assert_eq!(world.evm.lease_state(id).await.unwrap(), Some(state));
    assert_eq!(world.evm.escrow_balance(account, world.token).await.unwrap(), U256::MAX);
}
