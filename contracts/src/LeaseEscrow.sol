// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Ask, Bid, ILeaseEscrow, Job, Lease, Receipt, Side, SignedJob, Terms} from "./interfaces/ILeaseEscrow.sol";
import {Crossing} from "./libraries/Crossing.sol";
import {Digest} from "./libraries/Digest.sol";
import {Pay} from "./libraries/Pay.sol";
import {Shares} from "./libraries/Shares.sol";

/// @title Escrow of leased SHA-256d hashpower
/// @dev No constructor, no immutables and no metadata: code and code hash are the same on every chain. A lease is one slot of state (two while
/// proofs are counted); its terms come back in calldata and are held against its id.
// `filled` is implemented by the public mapping of that name, whose getter slither does not count where its key is an enum.
// slither-disable-next-line unimplemented-functions
contract LeaseEscrow is ILeaseEscrow, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    // ------------------------------------------------------------------ storage

    /// @inheritdoc ILeaseEscrow
    mapping(address account => mapping(address token => uint256)) public balanceOf;
    /// @inheritdoc ILeaseEscrow
    mapping(address token => uint256) public owed;
    /// @inheritdoc ILeaseEscrow
    mapping(Side side => mapping(address maker => mapping(bytes32 salt => uint256))) public filled;
    /// @inheritdoc ILeaseEscrow
    mapping(address maker => uint64) public epochOf;
    /// @inheritdoc ILeaseEscrow
    mapping(address seller => mapping(address operator => bool)) public isOperator;
    /// @inheritdoc ILeaseEscrow
    mapping(bytes32 id => bytes32) public lastHashOf;

    mapping(bytes32 id => Lease) private _leases;
    /// @dev Leases opened so far, which makes each id unique.
    uint256 private _opened;

    // ------------------------------------------------------------------ balances

    /// @inheritdoc ILeaseEscrow
    function deposit(address token, uint256 amount, address account) external nonReentrant returns (uint256 received) {
        return _deposit(token, amount, account);
    }

    /// @inheritdoc ILeaseEscrow
    function depositWithPermit(
        address token,
        uint256 amount,
        address account,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external nonReentrant returns (uint256 received) {
        // Every way to change a balance is behind the guard, or moves what is there already; a permit that calls back finds nothing half done.
        // slither-disable-next-line reentrancy-benign
        try IERC20Permit(token).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        return _deposit(token, amount, account);
    }

    /// @dev What arrived is known only after the transfer; the guard keeps other transfers out of the measurement. `owed` bounds every balance
    /// by one sum, so that no credit of a lease can overflow, whatever a token pretends.
    function _deposit(address token, uint256 amount, address account) private returns (uint256 received) {
        if (account == address(0)) revert ZeroField("account");
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        received = IERC20(token).balanceOf(address(this)) - before;
        owed[token] += received;
        balanceOf[account][token] += received;
        emit Deposited(account, token, received);
    }

    /// @inheritdoc ILeaseEscrow
    function withdraw(address token, uint256 amount, address to) external nonReentrant {
        if (to == address(0)) revert ZeroField("to");
        _debit(msg.sender, token, amount);
        owed[token] -= amount;
        emit Withdrawn(msg.sender, token, to, amount);
        IERC20(token).safeTransfer(to, amount);
    }

    function _debit(address account, address token, uint256 amount) private {
        uint256 balance = balanceOf[account][token];
        // The amount of a lock depends on times that both parties signed, not on the clock.
        // slither-disable-next-line timestamp
        if (balance < amount) revert InsufficientBalance(account, token, balance, amount);
        unchecked {
            balanceOf[account][token] = balance - amount;
        }
    }

    function _credit(address account, address token, uint256 amount) private {
        if (amount != 0) balanceOf[account][token] += amount;
    }

    // ------------------------------------------------------------------ orders

    /// @inheritdoc ILeaseEscrow
    function cancelOrder(bytes32 salt) external {
        filled[Side.Ask][msg.sender][salt] = type(uint256).max;
        filled[Side.Bid][msg.sender][salt] = type(uint256).max;
        emit OrderCancelled(msg.sender, salt);
    }

    /// @inheritdoc ILeaseEscrow
    function bumpEpoch() external {
        emit EpochBumped(msg.sender, ++epochOf[msg.sender]);
    }

    /// @dev Counts the fill of an order that is alive and has room for it.
    function _fill(
        Side side,
        address maker,
        bytes32 salt,
        uint40 expiry,
        uint64 epoch,
        uint64 offered,
        uint64 least,
        uint64 hashrate
    ) private {
        // Times are compared with the clock by design: phases last minutes, and validators move it by seconds.
        // slither-disable-next-line timestamp
        if (block.timestamp >= expiry) revert OrderExpired(side, expiry);
        if (epoch != epochOf[maker]) revert WrongEpoch(side, epoch, epochOf[maker]);

        uint256 before = filled[side][maker][salt];
        uint256 available = before < offered ? offered - before : 0;
        if (hashrate < least) revert HashrateTooLow(side, hashrate, least);
        if (hashrate > available) revert HashrateTooHigh(side, hashrate, available);
        uint256 rest = available - hashrate;
        if (rest != 0 && rest < least) revert RestTooSmall(side, rest, least);

        filled[side][maker][salt] = before + hashrate;
        emit OrderFilled(side, maker, salt, before + hashrate);
    }

    // ------------------------------------------------------------------ leases: open

    /// @inheritdoc ILeaseEscrow
    function open(Ask calldata ask, bytes calldata askSig, Bid calldata bid, bytes calldata bidSig, uint64 hashrate)
        external
        returns (bytes32 id)
    {
        // Checks
        Crossing.requireSound(ask, bid, hashrate);
        Crossing.requireCross(ask, bid, msg.sender);
        bytes32 askId = Digest.ofAsk(ask);
        bytes32 bidId = Digest.ofBid(bid);
        _requireSignature(ask.seller, askId, askSig);
        _requireBuyerSignature(bid.buyer, bidId, bidSig);
        uint256 lock = Pay.lockUp(ask.price, hashrate, bid.duration);
        if (lock == 0) revert ZeroField("lock");
        if (lock > type(uint128).max) revert LockTooLarge(lock);

        // Effects
        _fill(Side.Ask, ask.seller, ask.salt, ask.expiry, ask.epoch, ask.hashrate, ask.minHashrate, hashrate);
        _fill(Side.Bid, bid.buyer, bid.salt, bid.expiry, bid.epoch, bid.hashrate, bid.minHashrate, hashrate);
        Terms memory terms = _terms(ask, bid, hashrate, lock, askId, bidId);
        _debit(bid.buyer, bid.token, lock + Pay.feeLockUp(lock, bid.matcherFeeBps));
        _debit(ask.seller, ask.token, terms.bond);
        id = keccak256(abi.encode(block.chainid, address(this), terms));
        _leases[id] = Lease({end: terms.end, through: terms.start, work: 0, count: 0});
        emit LeaseOpened(id, terms);
    }

    function _terms(Ask calldata ask, Bid calldata bid, uint64 hashrate, uint256 lock, bytes32 askId, bytes32 bidId)
        private
        returns (Terms memory terms)
    {
        terms.buyer = bid.buyer;
        terms.agent = bid.agent;
        terms.seller = ask.seller;
        terms.payee = ask.payee;
        terms.matcher = msg.sender;
        terms.token = ask.token;
        terms.price = ask.price;
        terms.hashrate = hashrate;
        terms.start = uint40(block.timestamp);
        terms.end = terms.start + bid.duration;
        terms.slaBps = ask.slaBps;
        terms.proofBps = ask.proofBps;
        terms.matcherFeeBps = bid.matcherFeeBps;
        terms.proofShares = ask.proofShares;
        terms.cancelNotice = ask.cancelNotice;
        terms.proofWindow = ask.proofWindow;
        // At most the lock, which fits.
        terms.bond = uint128(Pay.bondDown(lock, ask.bondBps));
        terms.askId = askId;
        terms.bidId = bidId;
        terms.entropy = keccak256(abi.encode(blockhash(block.number - 1), ++_opened));
    }

    // ------------------------------------------------------------------ leases: settle and prove

    /// @inheritdoc ILeaseEscrow
    function settle(Terms calldata terms, Receipt calldata receipt, bytes calldata sellerSig, bytes calldata agentSig)
        external
    {
        (bytes32 id, Lease memory lease) = _load(terms);
        _settle(id, terms, lease, receipt, sellerSig, agentSig);
        _leases[id] = lease;
    }

    /// @dev Pays what the receipt adds, and leaves the lease's new state in `lease` for the caller to store.
    function _settle(
        bytes32 id,
        Terms calldata terms,
        Lease memory lease,
        Receipt calldata receipt,
        bytes calldata sellerSig,
        bytes calldata agentSig
    ) private {
        // Checks
        uint256 until = _proveFrom(terms, lease);
        // slither-disable-next-line timestamp
        if (block.timestamp >= until) revert SettlePhaseOver(id, until);
        if (receipt.leaseId != id) revert WrongLease(id, receipt.leaseId);
        if (receipt.through <= lease.through) revert ReceiptNotNewer(id, receipt.through, lease.through);
        if (receipt.work < lease.work) revert ReceiptTooLow(id, receipt.work, lease.work);
        bytes32 digest = Digest.ofReceipt(receipt);
        _requireSignature(terms.seller, digest, sellerSig);
        _requireSignature(terms.agent, digest, agentSig);

        // Effects
        uint128 work = Pay.settledWork(terms, lease, receipt.work);
        uint256 paid = Pay.paidDown(terms.price, work) - Pay.paidDown(terms.price, lease.work);
        lease.work = work;
        lease.through = receipt.through;
        _credit(terms.payee, terms.token, paid);
        emit Settled(id, receipt.work, receipt.through, paid);
    }

    /// @inheritdoc ILeaseEscrow
    function prove(Terms calldata terms, bytes32 last, SignedJob[] calldata jobs, bytes calldata shares) external {
        // Checks
        (bytes32 id, Lease memory lease) = _load(terms);
        _requireProver(id, terms, lease);
        if (last == 0) lease.count = 0;
        else if (last != lastHashOf[id]) revert WrongLastHash(id, lastHashOf[id]);
        Shares.Rules memory rules = Shares.Rules({
            leaseId: id,
            from: uint256(lease.through) + 1,
            end: lease.end,
            target: type(uint256).max / Pay.proofWork(terms)
        });
        (uint256 counted, bytes32 newLast) = Shares.count(shares, _templates(terms, jobs, rules), rules, last);

        // Effects
        lease.count += uint48(counted);
        _leases[id] = lease;
        lastHashOf[id] = newLast;
        emit Proven(id, lease.count, newLast);
    }

    /// @dev The jobs, each of this lease and signed by its agent.
    function _templates(Terms calldata terms, SignedJob[] calldata jobs, Shares.Rules memory rules)
        private
        view
        returns (Shares.Template[] memory templates)
    {
        templates = new Shares.Template[](jobs.length);
        for (uint256 i = 0; i < jobs.length; ++i) {
            Job calldata job = jobs[i].job;
            if (job.leaseId != rules.leaseId) revert WrongLease(rules.leaseId, job.leaseId);
            _requireSignature(terms.agent, Digest.ofJob(job), jobs[i].signature);
            templates[i] = Shares.template(job, rules.from);
        }
    }

    /// @inheritdoc ILeaseEscrow
    function setOperator(address operator, bool allowed) external {
        isOperator[msg.sender][operator] = allowed;
        emit OperatorSet(msg.sender, operator, allowed);
    }

    function _requireProver(bytes32 id, Terms calldata terms, Lease memory lease) private view {
        uint256 from = _proveFrom(terms, lease);
        uint256 until = uint256(lease.end) + terms.proofWindow;
        // slither-disable-next-line timestamp
        if (block.timestamp < from || block.timestamp >= until) revert NotProvePhase(id, from, until);
        bool allowed = msg.sender == terms.seller || msg.sender == terms.payee || isOperator[terms.seller][msg.sender];
        if (!allowed) revert NotProver(id, msg.sender);
    }

    /// @dev When receipts have had their half of the window.
    function _proveFrom(Terms calldata terms, Lease memory lease) private pure returns (uint256) {
        return uint256(lease.end) + terms.proofWindow / 2;
    }

    // ------------------------------------------------------------------ leases: cancel and close

    /// @inheritdoc ILeaseEscrow
    function cancel(Terms calldata terms) external {
        (bytes32 id, Lease memory lease) = _load(terms);
        if (msg.sender != terms.buyer && msg.sender != terms.agent) revert NotBuyerOrAgent(id, msg.sender);

        uint256 end = block.timestamp + terms.cancelNotice;
        // slither-disable-next-line timestamp
        if (end < lease.end) {
            lease.end = uint40(end);
            _leases[id] = lease;
        }
        emit Cancelled(id, lease.end);
    }

    /// @inheritdoc ILeaseEscrow
    function close(Terms calldata terms) external {
        (bytes32 id, Lease memory lease) = _load(terms);
        _close(id, terms, lease);
    }

    /// @inheritdoc ILeaseEscrow
    function settleAndClose(
        Terms calldata terms,
        Receipt calldata receipt,
        bytes calldata sellerSig,
        bytes calldata agentSig
    ) external {
        (bytes32 id, Lease memory lease) = _load(terms);
        _settle(id, terms, lease, receipt, sellerSig, agentSig);
        _close(id, terms, lease);
    }

    function _close(bytes32 id, Terms calldata terms, Lease memory lease) private {
        // Checks
        bool early = lease.through >= lease.end || msg.sender == terms.seller;
        uint256 from = early ? lease.end : uint256(lease.end) + terms.proofWindow;
        // slither-disable-next-line timestamp
        if (block.timestamp < from) revert CloseTooEarly(id, from);

        // Effects
        Pay.Outcome memory outcome = Pay.outcome(terms, lease);
        delete _leases[id];
        if (lease.count != 0) delete lastHashOf[id];
        _credit(terms.payee, terms.token, outcome.earned - Pay.paidDown(terms.price, lease.work));
        _credit(terms.matcher, terms.token, outcome.fee);
        _credit(terms.buyer, terms.token, outcome.refund + outcome.penalty);
        _credit(terms.seller, terms.token, terms.bond - outcome.penalty);
        emit Closed(id, lease.work, outcome.provenWork, outcome.earned, outcome.fee, outcome.refund, outcome.penalty);
    }

    // ------------------------------------------------------------------ views

    /// @inheritdoc ILeaseEscrow
    function leaseOf(bytes32 id) external view returns (Lease memory) {
        return _leases[id];
    }

    /// @inheritdoc ILeaseEscrow
    function leaseId(Terms calldata terms) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), terms));
    }

    /// @inheritdoc ILeaseEscrow
    function askHash(Ask calldata ask) external view returns (bytes32) {
        return Digest.ofAsk(ask);
    }

    /// @inheritdoc ILeaseEscrow
    function bidHash(Bid calldata bid) external view returns (bytes32) {
        return Digest.ofBid(bid);
    }

    /// @inheritdoc ILeaseEscrow
    function receiptHash(Receipt calldata receipt) external view returns (bytes32) {
        return Digest.ofReceipt(receipt);
    }

    /// @inheritdoc ILeaseEscrow
    function jobHash(Job calldata job) external view returns (bytes32) {
        return Digest.ofJob(job);
    }

    /// @inheritdoc ILeaseEscrow
    function domainSeparator() external view returns (bytes32) {
        return Digest.domainSeparator();
    }

    /// @inheritdoc ILeaseEscrow
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
        )
    {
        return (hex"0f", Digest.NAME, Digest.VERSION, block.chainid, address(this), bytes32(0), new uint256[](0));
    }

    // ------------------------------------------------------------------ shared

    /// @dev The open lease that has these terms.
    function _load(Terms calldata terms) private view returns (bytes32 id, Lease memory lease) {
        id = leaseId(terms);
        lease = _leases[id];
        if (lease.end == 0) revert NoSuchLease(id);
    }

    /// @dev Keys alone: a signature that its maker's contract could revoke would undo a payment.
    function _requireSignature(address signer, bytes32 digest, bytes calldata signature) private pure {
        if (!_isSignedBy(signer, digest, signature)) revert InvalidSignature(signer, digest);
    }

    /// @dev ECDSA comes first, so that an account with delegated code (EIP-7702) still signs with its key.
    function _requireBuyerSignature(address buyer, bytes32 digest, bytes calldata signature) private view {
        if (_isSignedBy(buyer, digest, signature)) return;
        if (!SignatureChecker.isValidERC1271SignatureNowCalldata(buyer, digest, signature)) {
            revert InvalidSignature(buyer, digest);
        }
    }

    function _isSignedBy(address signer, bytes32 digest, bytes calldata signature) private pure returns (bool) {
        // The argument of an error says nothing that the error does not.
        // slither-disable-next-line unused-return
        (address recovered, ECDSA.RecoverError error_,) = ECDSA.tryRecoverCalldata(digest, signature);
        return error_ == ECDSA.RecoverError.NoError && recovered == signer;
    }
}
