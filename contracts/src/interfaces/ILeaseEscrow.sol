// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @notice The book that an order stands in.
enum Side {
    Ask,
    Bid
}

/// @notice A seller's signed offer. EIP-712 type: the fields in this order, under the escrow's domain.
struct Ask {
    /// Hot key of the seller's node: signs asks and receipts, posts the bond and gets it back.
    address seller;
    /// Receives the earnings.
    address payee;
    address token;
    /// Token base units per PH/s·day, that is per 10^15 × 86,400 hashes. The lease is executed at this price.
    uint128 price;
    /// Hashes per second offered, and the least that one lease may take or leave.
    uint64 hashrate;
    uint64 minHashrate;
    /// Seconds.
    uint32 minDuration;
    uint32 maxDuration;
    /// Basis points: delivery below this share of the contracted work costs bond.
    uint16 slaBps;
    /// Basis points of the lock that the seller posts as bond.
    uint16 bondBps;
    /// Basis points of the price that work shown by proof shares earns.
    uint16 proofBps;
    /// Seconds between a cancellation and the end that it sets.
    uint32 cancelNotice;
    /// Seconds after the end: receipts in the first half, proofs in the second.
    uint32 proofWindow;
    /// Proof shares that a full delivery holds on average.
    uint16 proofShares;
    /// Declarations that a bid may require bit by bit.
    uint256 tags;
    /// Hash of the document that travels with the order.
    bytes32 details;
    /// Unix seconds: the order is valid before.
    uint40 expiry;
    /// Valid while equal to the maker's epoch.
    uint64 epoch;
    /// Fills are counted by (side, maker, salt).
    bytes32 salt;
}

/// @notice A buyer's signed order. EIP-712 type: the fields in this order, under the escrow's domain.
struct Bid {
    /// Wallet that pays: signs by ECDSA, or answers by ERC-1271.
    address buyer;
    /// Hot key of the buyer's node: signs jobs and receipts, may cancel.
    address agent;
    address token;
    uint128 maxPrice;
    uint64 hashrate;
    uint64 minHashrate;
    /// Seconds.
    uint32 duration;
    uint16 minSlaBps;
    uint16 minBondBps;
    uint16 maxProofBps;
    uint32 maxCancelNotice;
    uint32 maxProofWindow;
    uint16 minProofShares;
    uint256 requiredTags;
    /// The only seller accepted; zero accepts any.
    address seller;
    /// The only account that may open; zero lets anyone.
    address matcher;
    /// Basis points of what is earned that whoever opens receives on top, from the buyer.
    uint16 matcherFeeBps;
    bytes32 details;
    uint40 expiry;
    uint64 epoch;
    bytes32 salt;
}

/// @notice Terms of a lease. Committed by its id, `keccak256(abi.encode(chainid, escrow, terms))`, passed back in calldata.
struct Terms {
    address buyer;
    address agent;
    address seller;
    address payee;
    /// Whoever opened the lease; receives the matcher's fee.
    address matcher;
    address token;
    uint128 price;
    uint64 hashrate;
    /// Unix seconds. The agreed duration is `end - start`; a cancellation moves the end in the lease's state alone.
    uint40 start;
    uint40 end;
    uint16 slaBps;
    uint16 proofBps;
    uint16 matcherFeeBps;
    uint16 proofShares;
    uint32 cancelNotice;
    uint32 proofWindow;
    uint128 bond;
    /// EIP-712 digests of the orders.
    bytes32 askId;
    bytes32 bidId;
    /// `keccak256(abi.encode(blockhash(block.number - 1), counter))`: the id is unique and unknown before.
    bytes32 entropy;
}

/// @notice Cumulative work up to a time, signed by seller and agent (EIP-712, ECDSA with low s).
struct Receipt {
    bytes32 leaseId;
    /// Hashes since the start of the lease.
    uint128 work;
    /// Unix seconds: the work of shares whose nTime is at most this is in the receipt, and of no others.
    uint40 through;
}

/// @notice Work template signed by the agent (EIP-712, ECDSA with low s).
/// @dev `version`, `versionMask`, `nBits` and `minTime` are numbers, which a header holds little-endian. `prevHash` and `branch`
/// are in the header's own byte order. The coinbase is `coinbasePrefix ‖ extranonce ‖ coinbaseSuffix`, without witness.
struct Job {
    bytes32 leaseId;
    uint32 version;
    /// Bits of the version that a share may change.
    uint32 versionMask;
    bytes32 prevHash;
    bytes coinbasePrefix;
    bytes coinbaseSuffix;
    /// Bytes.
    uint8 extranonceSize;
    /// Merkle branch of the coinbase, leaf first.
    bytes32[] branch;
    uint32 nBits;
    /// Unix seconds: a share's nTime is at least this.
    uint32 minTime;
}

/// @notice A job and its agent's signature.
struct SignedJob {
    Job job;
    bytes signature;
}

/// @notice State of an open lease: one slot.
struct Lease {
    /// Unix seconds; lowered by a cancellation. Zero where no such lease is open.
    uint40 end;
    /// Time that the last settled receipt reaches; `start` before the first.
    uint40 through;
    /// Hashes settled, never more than were contracted when they were settled.
    uint128 work;
    /// Proof shares counted.
    uint48 count;
}

/// @title Escrow of leased SHA-256d hashpower
/// @notice Buyer and seller meet by signed orders, and are settled by receipts that both sign, or by proof of work that the
/// contract checks. There is no owner, no oracle, no fee and no way to change or stop it.
/// @dev Only {deposit}, {depositWithPermit} and {withdraw} move tokens; everything else moves internal balances, so no
/// counterparty can make another's call revert. Works for any token whose balances change by its transfers alone; fees on
/// transfer are borne by the one who transfers. Tokens that rebase are not supported.
///
/// Units: hashrate in hashes per second, work in hashes, time in unix seconds, ratios in basis points. Pay is rounded down, what
/// a buyer locks up, a bond down.
///
/// Pay of a lease. `contracted = hashrate·(end − start)` after any cancellation, `W = max(1, hashrate·agreedDuration/proofShares)`:
/// `settled = min(work, contracted)`, `proven = min(W·count, contracted − settled)`,
/// `earned = floor(price·(settled·1e4 + proven·proofBps)/(10^15·86,400·1e4))`, never less than was already paid.
/// The matcher gets `floor(earned·matcherFeeBps/1e4)`.
///
/// SLA at close: `required = floor(contracted·slaBps/1e4)`, `delivered = work + W·count`. Where `delivered < required`, the buyer gets
/// `floor(bond·(end − start)·(required − delivered)/(agreedDuration·required))` of the bond.
interface ILeaseEscrow {
    // ------------------------------------------------------------------ events: balances

    event Deposited(address indexed account, address indexed token, uint256 amount);
    event Withdrawn(address indexed account, address indexed token, address to, uint256 amount);

    // ------------------------------------------------------------------ events: orders

    /// @notice A lease took hashrate from an order; `filled` is the total for (side, maker, salt).
    event OrderFilled(Side side, address indexed maker, bytes32 indexed salt, uint256 filled);
    /// @notice The maker ended the salt on both sides.
    event OrderCancelled(address indexed maker, bytes32 indexed salt);
    event EpochBumped(address indexed maker, uint64 epoch);

    // ------------------------------------------------------------------ events: leases

    event LeaseOpened(bytes32 indexed id, Terms terms);
    /// @param work The receipt's work, which may exceed what is contracted.
    /// @param paid Token units that this call moved to the payee.
    event Settled(bytes32 indexed id, uint128 work, uint40 through, uint256 paid);
    /// @param count Proof shares counted so far.
    /// @param last The last (largest) hash counted.
    event Proven(bytes32 indexed id, uint256 count, bytes32 last);
    event Cancelled(bytes32 indexed id, uint40 end);
    /// @param work Hashes settled, capped at what was contracted.
    /// @param provenWork Hashes paid by proof shares.
    /// @param earned All that the payee gets for the lease, earlier payments included.
    /// @param fee What the matcher gets.
    /// @param refund What returns to the buyer from the locks: lock + fee lock − earned − fee.
    /// @param penalty What goes from the bond to the buyer; the rest returns to the seller.
    event Closed(
        bytes32 indexed id,
        uint256 work,
        uint256 provenWork,
        uint256 earned,
        uint256 fee,
        uint256 refund,
        uint256 penalty
    );
    event OperatorSet(address indexed seller, address indexed operator, bool allowed);

    // ------------------------------------------------------------------ errors: balances

    error InsufficientBalance(address account, address token, uint256 balance, uint256 needed);

    // ------------------------------------------------------------------ errors: orders

    /// @notice A field that must not be zero is.
    error ZeroField(string field);
    /// @notice A ratio is above one (1e4 basis points).
    error RatioTooHigh(string field, uint256 bps);
    /// @notice The lock doesn't fit 128 bits.
    error LockTooLarge(uint256 lock);
    error OrderExpired(Side side, uint40 expiry);
    error WrongEpoch(Side side, uint64 orderEpoch, uint64 makerEpoch);
    /// @notice The hashrate is below the order's minimum.
    error HashrateTooLow(Side side, uint64 hashrate, uint64 minHashrate);
    /// @notice The order has less left than the hashrate (nothing where it was cancelled).
    error HashrateTooHigh(Side side, uint64 hashrate, uint256 available);
    /// @notice The fill would leave the order something, but less than its minimum.
    error RestTooSmall(Side side, uint256 rest, uint64 minHashrate);
    /// @notice ECDSA with low s by `signer` is needed (or, for a bid, the yes of its ERC-1271 contract).
    error InvalidSignature(address signer, bytes32 digest);

    error TokenMismatch(address askToken, address bidToken);
    error PriceTooHigh(uint128 price, uint128 maxPrice);
    error DurationOutOfRange(uint32 duration, uint32 minDuration, uint32 maxDuration);
    error SlaTooLow(uint16 slaBps, uint16 minSlaBps);
    error BondTooLow(uint16 bondBps, uint16 minBondBps);
    error ProofPayTooHigh(uint16 proofBps, uint16 maxProofBps);
    error CancelNoticeTooLong(uint32 cancelNotice, uint32 maxCancelNotice);
    error ProofWindowTooLong(uint32 proofWindow, uint32 maxProofWindow);
    error ProofSharesTooFew(uint16 proofShares, uint16 minProofShares);
    error TagsMissing(uint256 missing);
    error SellerNotWanted(address seller, address wanted);
    error NotMatcher(address caller, address matcher);

    // ------------------------------------------------------------------ errors: leases

    /// @notice No open lease has these terms: it was never opened, or is closed.
    error NoSuchLease(bytes32 id);
    /// @notice The receipt or job names another lease.
    error WrongLease(bytes32 id, bytes32 named);
    /// @notice Receipts settle before `until`.
    error SettlePhaseOver(bytes32 id, uint256 until);
    error ReceiptNotNewer(bytes32 id, uint40 through, uint40 settledThrough);
    error ReceiptTooLow(bytes32 id, uint128 work, uint128 settledWork);
    error NotBuyerOrAgent(bytes32 id, address caller);
    /// @notice This caller may close at `from` at the earliest.
    error CloseTooEarly(bytes32 id, uint256 from);

    /// @notice Proofs count while `from <= now < until`.
    error NotProvePhase(bytes32 id, uint256 from, uint256 until);
    error NotProver(bytes32 id, address caller);
    /// @notice `last` is the last hash counted; a run goes on from it, or starts anew from zero.
    error WrongLastHash(bytes32 id, bytes32 last);
    error NoSuchJob(uint256 index);
    /// @notice The share at this byte of `shares` is cut short.
    error ShareCutShort(uint256 position);
    error VersionOutsideMask(uint256 position, uint32 changed, uint32 versionMask);
    error TimeOutOfRange(uint256 position, uint256 nTime, uint256 from, uint256 end);
    error HashAboveTarget(uint256 position, bytes32 hash, uint256 target);
    error HashNotAscending(uint256 position, bytes32 hash, bytes32 previous);

    // ------------------------------------------------------------------ balances

    /// @notice Credits `account` with what arrives of `amount`, taken from the caller, who has approved it.
    /// @return received Token units credited.
    function deposit(address token, uint256 amount, address account) external returns (uint256 received);

    /// @notice Like {deposit}, with the approval by an ERC-2612 permit of the caller. A permit that fails is passed over: it may have been
    /// used by somebody who saw it, and then the approval stands.
    function depositWithPermit(
        address token,
        uint256 amount,
        address account,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external returns (uint256 received);

    /// @notice Sends token units of the caller's free balance to `to`.
    function withdraw(address token, uint256 amount, address to) external;

    // ------------------------------------------------------------------ orders

    /// @notice Ends every ask and every bid of the caller that has this salt.
    function cancelOrder(bytes32 salt) external;

    /// @notice Ends all orders of the caller.
    function bumpEpoch() external;

    // ------------------------------------------------------------------ leases

    /// @notice Opens a lease on an ask and a bid that cross, from now on for the bid's duration, at the ask's price.
    /// @dev Locks `lock = ceil(price·hashrate·duration/(10^15·86,400))` and `ceil(lock·matcherFeeBps/1e4)` from the buyer, and
    /// `floor(lock·bondBps/1e4)` from the seller. Called by the bid's matcher, or by anyone where it names none.
    /// @param hashrate What the lease takes from both orders: at least both minimums, and leaving each nothing or at least its minimum.
    function open(Ask calldata ask, bytes calldata askSig, Bid calldata bid, bytes calldata bidSig, uint64 hashrate)
        external
        returns (bytes32 id);

    /// @notice Pays what a newer receipt adds. Anyone calls it, while `now < end + proofWindow/2`.
    function settle(Terms calldata terms, Receipt calldata receipt, bytes calldata sellerSig, bytes calldata agentSig)
        external;

    /// @notice Counts proof shares, paid at close. Called by the seller, the payee or an operator of the seller, while
    /// `end + proofWindow/2 <= now < end + proofWindow`.
    /// @dev `shares` is a row of items without gaps, in strictly ascending order of their hashes, which is also ascending from `last`. A hash is
    /// the double SHA-256 of the 80-byte header, read as a little-endian number; as bytes32 it is written as Bitcoin shows hashes. The fields of
    /// an item are bytes of its header, in the header's byte order:
    ///
    /// - share on a job: `index (1 byte, of jobs) ‖ version (4) ‖ nTime (4) ‖ nonce (4) ‖ extranonce (the job's extranonceSize)`;
    /// - standby share: `0xff ‖ version (4) ‖ merkle root (32) ‖ nTime (4) ‖ nBits (4) ‖ nonce (4)`, that is the header without its prevHash,
    ///   which is the lease id.
    ///
    /// A share counts where its hash is at most `(2^256 − 1)/W`, its version differs from its job's inside the mask only, and
    /// `max(minTime, through + 1) <= nTime <= end`. One that doesn't makes the call revert.
    /// @param last The last hash counted by the run that this call goes on with; zero starts anew, and forgets what was counted.
    function prove(Terms calldata terms, bytes32 last, SignedJob[] calldata jobs, bytes calldata shares) external;

    /// @notice Lets an operator (a watchtower) prove for the caller's leases as seller, or no longer.
    function setOperator(address operator, bool allowed) external;

    /// @notice Brings the end forward to `now + cancelNotice`, where that is earlier. Called by buyer or agent.
    function cancel(Terms calldata terms) external;

    /// @notice Pays what is proven, judges the SLA and returns the rest. Called by anyone from `end + proofWindow` on; from `end` on by anyone where
    /// the last receipt reaches the end, or by the seller, who waives what isn't settled.
    function close(Terms calldata terms) external;

    /// @notice {settle} and {close} in one.
    function settleAndClose(
        Terms calldata terms,
        Receipt calldata receipt,
        bytes calldata sellerSig,
        bytes calldata agentSig
    ) external;

    // ------------------------------------------------------------------ views

    /// @notice Free balance of an account.
    function balanceOf(address account, address token) external view returns (uint256);

    /// @notice What the escrow owes of a token: free balances, locks not yet paid and bonds.
    function owed(address token) external view returns (uint256);

    /// @notice Hashrate filled of the maker's orders of this side and salt; the largest number where they are cancelled.
    function filled(Side side, address maker, bytes32 salt) external view returns (uint256);

    /// @notice The maker's orders are valid with this epoch alone.
    function epochOf(address maker) external view returns (uint64);

    function isOperator(address seller, address operator) external view returns (bool);

    /// @notice State of an open lease; all zero where there is none.
    function leaseOf(bytes32 id) external view returns (Lease memory);

    /// @notice Last (largest) hash counted of an open lease.
    function lastHashOf(bytes32 id) external view returns (bytes32);

    /// @notice Id of the lease that has these terms, open or not.
    function leaseId(Terms calldata terms) external view returns (bytes32);

    /// @notice EIP-712 digests, ready to be signed.
    function askHash(Ask calldata ask) external view returns (bytes32);
    function bidHash(Bid calldata bid) external view returns (bytes32);
    function receiptHash(Receipt calldata receipt) external view returns (bytes32);
    function jobHash(Job calldata job) external view returns (bytes32);

    /// @notice EIP-712 domain separator, computed for the present chain id.
    function domainSeparator() external view returns (bytes32);

    /// @notice EIP-712 domain after ERC-5267.
    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        );
}
