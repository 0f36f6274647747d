//! The port on a JSON-RPC server, by polling: ethers' subscriptions go silent after a reconnect.

use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use ethers::{
    abi::{AbiDecode, AbiEncode, RawLog},
    contract::EthLogDecode,
    types::{self as eth, FeeHistory},
};
use hashlease_domain::{Domain, OrderKey, Side};
use serde_json::{Value, json};

use super::{
    bindings::{
        lease_escrow::{self as escrow, LEASEESCROW_DEPLOYED_BYTECODE},
        test_token as token,
    },
    call::Call,
    convert::{self, to_h160},
    decode,
    error::Error,
    port::{Block, Chain, Contracts, Fees, LeaseState, LoggedEvent, Simulation, TokenMeta, Transactions, TxReceipt},
    rpc::Rpc,
};

/// Blocks whose tips and base fees are looked at for [`Fees`].
const FEE_BLOCKS: u64 = 5;

/// Least priority fee, wei per gas: geth's own default for taking a transaction at all.
const MIN_PRIORITY_FEE: u128 = 1_000_000;

/// JSON-RPC error code of a call that reverted with data.
const REVERTED: i64 = 3;

/// One escrow, read and written through one JSON-RPC server.
#[derive(Debug)]
pub struct Evm {
    pub(super) rpc: Rpc,
    domain: Domain,
}

impl Evm {
    /// Makes a client of `url` (http) for the escrow of `domain`. Nothing is sent yet; `timeout` is for each request.
    ///
    /// # Errors
    /// [`Error::Url`], or where the system gives no HTTP client.
    pub fn new(url: &str, domain: Domain, timeout: Duration) -> Result<Self, Error> {
        Ok(Self { rpc: Rpc::new(url, timeout)?, domain })
    }

    /// Returns the chain and escrow that the client is for.
    pub fn domain(&self) -> Domain {
        self.domain
    }

    /// Checks that the server serves the configured chain, and that the configured contract is the escrow that this version
    /// knows: by the hash of its code, and by the EIP-712 domain that it signs for (ERC-5267).
    ///
    /// # Errors
    /// Where one of them differs; the message says what to change.
    pub async fn identity(&self) -> Result<(), Error> {
        let Domain { chain_id, escrow } = self.domain;
        let found = self.rpc.chain_id().await?;
        if found != chain_id {
            return Err(Error::WrongChain { at: self.rpc.at().to_owned(), found, expected: chain_id });
        }
        let code: Bytes = self.rpc.request("eth_getCode", json!([escrow, "latest"])).await?;
        if code.is_empty() {
            return Err(Error::NoCode { escrow, chain_id });
        }
        let (found, expected) = (keccak256(&code), code_hash());
        if found != expected {
            return Err(Error::UnknownCode { escrow, found, expected });
        }
        let named: escrow::Eip712DomainReturn = self.view(escrow, escrow::Eip712DomainCall).await?;
        let same = named.name == "Hashlease"
            && named.version == "1"
            && named.chain_id == chain_id.into()
            && named.verifying_contract == to_h160(escrow);
        if same { Ok(()) } else { Err(Error::WrongDomain { escrow, chain_id }) }
    }

    pub(super) async fn view<R: AbiDecode>(&self, contract: Address, call: impl AbiEncode) -> Result<R, Error> {
        let request = json!({ "to": contract, "data": Bytes::from(call.encode()) });
        let answer: Bytes = self.rpc.request("eth_call", json!([request, "latest"])).await?;
        R::decode(&answer).map_err(|source| self.rpc.malformed("eth_call", source))
    }

    async fn block(&self, method: &'static str, params: Value) -> Result<Option<Block>, Error> {
        let block: Option<eth::Block<eth::H256>> = self.rpc.request(method, params).await?;
        let block = block.as_ref().map(convert::block).transpose();
        block.map_err(|source| self.rpc.malformed(method, source))
    }

    async fn tagged(&self, tag: &'static str) -> Result<Block, Error> {
        const METHOD: &str = "eth_getBlockByNumber";
        let block = self.block(METHOD, json!([tag, false])).await?;
        block.ok_or_else(|| self.rpc.malformed(METHOD, convert::OutOfRange(tag)))
    }

    async fn logs(&self, filter: Value) -> Result<Vec<LoggedEvent>, Error> {
        const METHOD: &str = "eth_getLogs";
        let logs: Vec<eth::Log> = self.rpc.request(METHOD, json!([filter])).await?;
        let mut events = Vec::with_capacity(logs.len());
        for log in logs.into_iter().filter(|log| log.removed != Some(true)) {
            events.extend(self.event(log).map_err(|source| self.rpc.malformed(METHOD, source))?);
        }
        events.sort_by_key(|event| (event.block_number, event.log_index));
        Ok(events)
    }

    fn event(&self, log: eth::Log) -> Result<Option<LoggedEvent>, Box<dyn std::error::Error + Send + Sync>> {
        if convert::address(log.address) != self.domain.escrow {
            return Err(Box::new(convert::OutOfRange("address of a log")));
        }
        let raw = RawLog { topics: log.topics.clone(), data: log.data.to_vec() };
        let event = convert::event(&escrow::LeaseEscrowEvents::decode_log(&raw)?);
        Ok(event.map(|event| convert::logged_event(&log, event)).transpose()?)
    }
}

/// Returns the Keccak-256 of the escrow's deployed code, the same on every chain: it holds no immutable and no metadata.
pub fn code_hash() -> B256 {
    keccak256(&LEASEESCROW_DEPLOYED_BYTECODE)
}

impl Rpc {
    pub(super) async fn chain_id(&self) -> Result<u64, Error> {
        let id: eth::U64 = self.request("eth_chainId", json!([])).await?;
        Ok(id.as_u64())
    }

    pub(super) async fn next_nonce(&self, account: Address, pending: bool) -> Result<u64, Error> {
        let tag = if pending { "pending" } else { "latest" };
        let count: eth::U64 = self.request("eth_getTransactionCount", json!([account, tag])).await?;
        Ok(count.as_u64())
    }

    /// Twice the base fee of the next block outlasts six full blocks in a row; the tip is the median of recent medians.
    pub(super) async fn fees(&self) -> Result<Fees, Error> {
        const METHOD: &str = "eth_feeHistory";
        let params = json!([eth::U64::from(FEE_BLOCKS), "latest", [50]]);
        let history: FeeHistory = self.request(METHOD, params).await?;
        let fees = || {
            let base_fee = convert::u128(history.base_fee_per_gas.last().copied()?, "base fee").ok()?;
            let mut tips: Vec<_> = history.reward.iter().filter_map(|block| block.first().copied()).collect();
            tips.sort_unstable();
            let tip = tips.get(tips.len() / 2).copied().unwrap_or_default();
            let priority_fee = convert::u128(tip, "priority fee").ok()?.max(MIN_PRIORITY_FEE);
            let max_fee = base_fee.checked_mul(2)?.checked_add(priority_fee)?;
            Some(Fees { max_fee, priority_fee })
        };
        fees().ok_or_else(|| self.malformed(METHOD, convert::OutOfRange("fee")))
    }

    pub(super) async fn estimate(&self, request: Value) -> Result<Simulation, Error> {
        match self.request::<eth::U64>("eth_estimateGas", json!([request])).await {
            Ok(gas) => Ok(Simulation::Passes { gas: gas.as_u64() }),
            Err(Error::Rpc { code, message, data, .. }) if code == REVERTED || message.contains("revert") => {
                Ok(Simulation::Refused(decode::refusal(&data.unwrap_or_default())))
            }
            Err(error) => Err(error),
        }
    }

    pub(super) async fn send_raw(&self, raw: &[u8]) -> Result<B256, Error> {
        let hash = keccak256(raw);
        let sent = self.request::<B256>("eth_sendRawTransaction", json!([Bytes::copy_from_slice(raw)])).await;
        match sent {
            Err(error @ Error::Rpc { .. }) if !self.knows(hash).await? => Err(error),
            Ok(_) | Err(Error::Rpc { .. }) => Ok(hash),
            Err(error) => Err(error),
        }
    }

    /// Every server words "already known" in its own way, and of a mined transaction it says that the nonce is too low.
    async fn knows(&self, hash: B256) -> Result<bool, Error> {
        let transaction: Value = self.request("eth_getTransactionByHash", json!([hash])).await?;
        Ok(!transaction.is_null())
    }

    pub(super) async fn transaction_receipt(&self, hash: B256) -> Result<Option<TxReceipt>, Error> {
        const METHOD: &str = "eth_getTransactionReceipt";
        let receipt: Option<eth::TransactionReceipt> = self.request(METHOD, json!([hash])).await?;
        let receipt = receipt.as_ref().map(convert::tx_receipt).transpose();
        receipt.map_err(|source| self.malformed(METHOD, source))
    }
}

impl Chain for Evm {
    async fn head(&self) -> Result<Block, Error> {
        self.tagged("latest").await
    }

    async fn finalized_number(&self) -> Result<u64, Error> {
        Ok(self.tagged("finalized").await?.number)
    }

    async fn block_at(&self, number: u64) -> Result<Option<Block>, Error> {
        self.block("eth_getBlockByNumber", json!([eth::U64::from(number), false])).await
    }

    async fn block_with(&self, hash: B256) -> Result<Option<Block>, Error> {
        self.block("eth_getBlockByHash", json!([hash, false])).await
    }

    /// Where the server refuses a range as too large, it is read in halves.
    async fn events(&self, from: u64, to: u64) -> Result<Vec<LoggedEvent>, Error> {
        let mut events = Vec::new();
        let mut ranges = vec![(from, to)];
        while let Some((from, to)) = ranges.pop() {
            let range = json!({ "address": self.domain.escrow, "fromBlock": eth::U64::from(from), "toBlock": eth::U64::from(to) });
            match self.logs(range).await {
                Ok(found) => events.extend(found),
                Err(Error::TooLarge { .. } | Error::Rpc { .. }) if from < to => {
                    let middle = from + (to - from) / 2;
                    ranges.extend([(middle + 1, to), (from, middle)]);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(events)
    }

    async fn events_of(&self, block: &Block) -> Result<Vec<LoggedEvent>, Error> {
        self.logs(json!({ "address": self.domain.escrow, "blockHash": block.hash })).await
    }
}

impl Contracts for Evm {
    async fn escrow_balance(&self, account: Address, token: Address) -> Result<U256, Error> {
        let call = escrow::BalanceOfCall { account: to_h160(account), token: to_h160(token) };
        Ok(convert::u256(self.view(self.domain.escrow, call).await?))
    }

    async fn token_balance(&self, account: Address, token: Address) -> Result<U256, Error> {
        Ok(convert::u256(self.view(token, token::BalanceOfCall { account: to_h160(account) }).await?))
    }

    async fn token_allowance(&self, account: Address, token: Address) -> Result<U256, Error> {
        let call = token::AllowanceCall { owner: to_h160(account), spender: to_h160(self.domain.escrow) };
        Ok(convert::u256(self.view(token, call).await?))
    }

    async fn token_meta(&self, token: Address) -> Result<TokenMeta, Error> {
        let symbol: String = self.view(token, token::SymbolCall).await?;
        let symbol = symbol.chars().filter(|c| c.is_ascii_graphic()).take(TokenMeta::SYMBOL_CHARS).collect();
        Ok(TokenMeta { symbol, decimals: self.view(token, token::DecimalsCall).await? })
    }

    async fn epoch(&self, maker: Address) -> Result<u64, Error> {
        self.view(self.domain.escrow, escrow::EpochOfCall { maker: to_h160(maker) }).await
    }

    async fn filled(&self, key: &OrderKey) -> Result<U256, Error> {
        let side = match key.side {
            Side::Ask => 0,
            Side::Bid => 1,
        };
        let call = escrow::FilledCall { side, maker: to_h160(key.maker), salt: key.salt.0 };
        Ok(convert::u256(self.view(self.domain.escrow, call).await?))
    }

    async fn lease_state(&self, id: B256) -> Result<Option<LeaseState>, Error> {
        let lease: escrow::Lease = self.view(self.domain.escrow, escrow::LeaseOfCall { id: id.0 }).await?;
        Ok(convert::lease_state(&lease))
    }
}

impl Transactions for Evm {
    async fn native_balance(&self, account: Address) -> Result<U256, Error> {
        self.rpc.request("eth_getBalance", json!([account, "latest"])).await
    }

    async fn transaction_count(&self, account: Address, pending: bool) -> Result<u64, Error> {
        self.rpc.next_nonce(account, pending).await
    }

    async fn simulate(&self, from: Address, call: &Call) -> Result<Simulation, Error> {
        let (to, calldata) = call.encode(self.domain.escrow);
        self.rpc.estimate(json!({ "from": from, "to": to, "data": calldata })).await
    }

    async fn fees(&self) -> Result<Fees, Error> {
        self.rpc.fees().await
    }

    async fn send_raw(&self, raw: &[u8]) -> Result<B256, Error> {
        self.rpc.send_raw(raw).await
    }

    async fn transaction_receipt(&self, hash: B256) -> Result<Option<TxReceipt>, Error> {
        self.rpc.transaction_receipt(hash).await
    }
}
