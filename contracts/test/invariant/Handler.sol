// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Ask, Bid, ILeaseEscrow, Job, Lease, Receipt, SignedJob, Terms} from "../../src/interfaces/ILeaseEscrow.sol";
import {Miner, Share} from "../utils/Miner.sol";
import {Vm} from "../utils/Vm.sol";
import {Ledger} from "./Ledger.sol";

/// @notice What parties do to the escrow. Each call checks what it alone can see; a call that the escrow should refuse must be refused, one that
/// it should take must succeed. What liars do is in {Liar}.
contract Handler is Ledger {
    /// @notice Any time of an open lease, before its end, or a half of its proof window.
    enum Phase {
        Any,
        Running,
        Settle,
        Prove
    }

    uint256 internal constant NONE = type(uint256).max;

    /// @notice How often each call did what it is for, so that the campaign shows that it isn't idle.
    mapping(bytes32 what => uint256) public done;

    constructor(ILeaseEscrow escrow_) Ledger(escrow_) {
        for (uint256 t = 0; t < TOKENS; ++t) {
            for (uint256 i = 0; i < BUYERS; ++i) {
                _deposit(buyers[i], t, 1e24);
            }
            for (uint256 i = 0; i < SELLERS; ++i) {
                _deposit(sellers[i], t, 1e24);
            }
        }
    }

    // ------------------------------------------------------------------ clock and balances

    /// @dev Goes to a second at which something changes for some lease, or a few seconds on.
    function passTime(uint256 index, uint256 boundary, uint256 seconds_) external nothingMoves {
        uint256 to = block.timestamp + bound(seconds_, 1, 60);
        uint256 picked = _pick(index, Phase.Any);
        if (picked != NONE) {
            uint256 end = escrow.leaseOf(entries[picked].id).end;
            uint256 window = entries[picked].terms.proofWindow;
            uint256 second = [end, end + window / 2, end + window][boundary % 3] - boundary / 3 % 2;
            if (second > block.timestamp) to = second;
        }
        vm.warp(to);
        vm.roll(block.number + 1);
    }

    function deposit(uint256 account, uint256 token, uint256 amount) external nothingFalls {
        _deposit(accounts[account % accounts.length], token % TOKENS, bound(amount, 0, 1e20));
        ++done["deposit"];
    }

    function _deposit(address account, uint256 token, uint256 amount) private {
        uint256 before = escrow.balanceOf(account, address(tokens[token]));
        tokens[token].mint(account, amount);
        vm.prank(account);
        tokens[token].approve(address(escrow), amount);
        vm.prank(account);
        escrow.deposit(address(tokens[token]), amount, account);
        uint256 arrived = token == TOKENS - 1 ? amount - amount / 100 : amount;
        assertEq(escrow.balanceOf(account, address(tokens[token])) - before, arrived, "deposited");
    }

    function withdraw(uint256 account, uint256 token, uint256 amount) external {
        _withdraw(accounts[account % accounts.length], address(tokens[token % TOKENS]), amount);
    }

    function _withdraw(address account, address token, uint256 amount) private onlyFalls(account, account) {
        uint256 balance = escrow.balanceOf(account, token);
        amount = bound(amount, 0, balance / 4);
        vm.prank(account);
        escrow.withdraw(token, amount, account);
        assertEq(escrow.balanceOf(account, token), balance - amount, "withdrawn");
        ++done["withdraw"];
    }

    // ------------------------------------------------------------------ orders

    /// @notice New orders, and a lease that takes a part of them.
    function open(uint256 buyer, uint256 seller, uint256 token, uint256 seed) external {
        _makeOrders(buyer % BUYERS, seller % SELLERS, token % TOKENS, seed);
        _open(orders.length - 1, bound(seed >> 128, 1, orders[orders.length - 1].left), "open");
    }

    /// @notice A lease on orders that another lease may have taken from, or that have ended.
    function openAgain(uint256 index, uint256 hashrate) external {
        if (orders.length == 0) return;
        index = _recent(index);
        _open(index, bound(hashrate, 1, uint256(orders[index].left) + 1), "openAgain");
    }

    function _open(uint256 index, uint256 hashrate, bytes32 what) private {
        Order storage order = orders[index];
        (bool ok, uint256 held) = _callOpen(order.ask, order.bid, uint64(hashrate));
        bool valid = !order.cancelled && hashrate <= order.left && order.ask.epoch == escrow.epochOf(order.ask.seller)
            && order.bid.epoch == escrow.epochOf(order.bid.buyer) && held != NONE;
        assertEq(ok ? 1 : 0, valid ? 1 : 0, "opened where valid, refused where not");
        if (!ok) {
            ++done["open refused"];
            return;
        }
        order.left -= uint64(hashrate);
        Entry storage added = entries[entries.length - 1];
        assertEq(held, added.lock + added.feeLock + added.terms.bond, "locked");
        ++done[what];
    }

    /// @dev `held` is what left the balances; NONE where they don't suffice.
    function _callOpen(Ask memory ask, Bid memory bid, uint64 hashrate)
        private
        onlyFalls(bid.buyer, ask.seller)
        returns (bool ok, uint256 held)
    {
        bool funded = _isFunded(ask, bid, hashrate);
        bytes memory call = _openCall(ask, bid, hashrate);
        uint256 before = _sumOf(_balances());
        vm.recordLogs();
        vm.prank(matcher);
        bytes memory result;
        (ok, result) = address(escrow).call(call);
        held = before - _sumOf(_balances());
        if (ok) {
            Vm.Log[] memory logs = vm.getRecordedLogs();
            _book(abi.decode(logs[logs.length - 1].data, (Terms)), abi.decode(result, (bytes32)));
        } else {
            assertEq(held, 0, "a refusal moved money");
        }
        if (!funded) held = NONE;
    }

    function _openCall(Ask memory ask, Bid memory bid, uint64 hashrate) private returns (bytes memory) {
        bytes memory askSig = _signAsSeller(ask.seller, escrow.askHash(ask));
        bytes memory bidSig = _signAsBuyer(bid.buyer, escrow.bidHash(bid));
        return abi.encodeCall(ILeaseEscrow.open, (ask, askSig, bid, bidSig, hashrate));
    }

    function _isFunded(Ask memory ask, Bid memory bid, uint64 hashrate) private view returns (bool) {
        (uint256 lock, uint256 feeLock) = _locks(ask.price, hashrate, bid.duration, bid.matcherFeeBps);
        return escrow.balanceOf(bid.buyer, bid.token) >= lock + feeLock
            && escrow.balanceOf(ask.seller, bid.token) >= lock * ask.bondBps / 10_000;
    }

    /// @dev Orders whose terms differ widely: prices of less than a unit for a hash and of many, bonds and ratios from nothing to all.
    function _makeOrders(uint256 buyer, uint256 seller, uint256 token, uint256 seed) private {
        Order storage order = orders.push();
        Ask memory ask;
        ask.seller = sellers[seller];
        ask.payee = _payee(seller);
        ask.token = address(tokens[token]);
        ask.price = seed % 3 == 0 ? 1 : uint128(_random(seed, 1, 1, 1e39));
        ask.hashrate = uint64(_random(seed, 2, 1, 40));
        ask.maxDuration = 200;
        ask.slaBps = uint16(_random(seed, 3, 0, 10_000));
        ask.bondBps = uint16(_random(seed, 4, 0, 10_000));
        ask.proofBps = uint16(_random(seed, 5, 0, 10_000));
        ask.cancelNotice = uint32(_random(seed, 6, 0, 40));
        ask.proofWindow = uint32(_random(seed, 7, 0, 200));
        ask.proofShares = uint16(_random(seed, 8, 200, 2_000));
        ask.expiry = type(uint40).max;
        ask.epoch = escrow.epochOf(ask.seller);
        ask.salt = bytes32(orders.length);

        Bid memory bid;
        bid.buyer = buyers[buyer];
        bid.agent = agent;
        bid.token = ask.token;
        bid.maxPrice = ask.price;
        bid.hashrate = ask.hashrate;
        bid.duration = uint32(_random(seed, 9, 1, 200));
        bid.maxProofBps = 10_000;
        bid.maxCancelNotice = ask.cancelNotice;
        bid.maxProofWindow = ask.proofWindow;
        bid.matcher = matcher;
        bid.matcherFeeBps = uint16(_random(seed, 10, 0, 10_000));
        bid.expiry = type(uint40).max;
        bid.epoch = escrow.epochOf(bid.buyer);
        bid.salt = ask.salt;
        (order.ask, order.bid, order.left) = (ask, bid, ask.hashrate);
    }

    function _random(uint256 seed, uint256 number, uint256 min, uint256 max) internal pure returns (uint256) {
        return bound(uint256(keccak256(abi.encode(seed, number))), min, max);
    }

    /// @dev Index of one of the last orders, which have most life in them.
    function _recent(uint256 index) internal view returns (uint256) {
        return orders.length - 1 - index % (orders.length < 8 ? orders.length : 8);
    }

    function bumpEpoch(uint256 account, uint256 seed) external nothingMoves {
        // Now and then, for it ends all that its maker has.
        if (seed % 8 != 0) return;
        vm.prank(accounts[account % accounts.length]);
        escrow.bumpEpoch();
        ++done["bumpEpoch"];
    }

    function cancelOrder(uint256 index, bool byBuyer) external nothingMoves {
        if (orders.length == 0) return;
        Order storage order = orders[_recent(index)];
        vm.prank(byBuyer ? order.bid.buyer : order.ask.seller);
        escrow.cancelOrder(order.ask.salt);
        order.cancelled = true;
        ++done["cancelOrder"];
    }

    function setOperator(uint256 seller, bool allowed) external nothingMoves {
        vm.prank(sellers[seller % SELLERS]);
        escrow.setOperator(operator, allowed);
        ++done["setOperator"];
    }

    // ------------------------------------------------------------------ settle, stale receipts included

    function settle(uint256 index, uint256 work, uint256 through, bool andClose) external nothingFalls {
        uint256 picked = _pick(index, andClose ? Phase.Settle : work % 4 == 0 ? Phase.Any : Phase.Running);
        if (picked == NONE) return;
        Entry storage lease = entries[picked];
        Lease memory before = escrow.leaseOf(lease.id);
        uint256 contracted = uint256(lease.terms.hashrate) * (before.end - lease.terms.start);
        Receipt memory receipt = Receipt({
            leaseId: lease.id,
            work: uint128(bound(work, 0, contracted * 3 / 2)),
            through: uint40(bound(through, andClose ? before.end : lease.terms.start, uint256(before.end) + 2))
        });
        bool valid = receipt.through > before.through && receipt.work >= before.work
            && block.timestamp < uint256(before.end) + lease.terms.proofWindow / 2;
        if (andClose) valid = valid && block.timestamp >= before.end;

        uint256 payeeBefore = escrow.balanceOf(lease.terms.payee, lease.terms.token);
        uint256 sumBefore = _sumOf(_balances());
        bool ok = _callSettle(lease, receipt, andClose);
        assertEq(ok ? 1 : 0, valid ? 1 : 0, "taken where valid, refused where not");
        if (!ok) {
            ++done["settle refused"];
        } else if (andClose) {
            _checkClosed(lease, sumBefore);
            ++done["settleAndClose"];
        } else {
            lease.paid += escrow.balanceOf(lease.terms.payee, lease.terms.token) - payeeBefore;
            assertTrue(escrow.leaseOf(lease.id).work >= before.work, "settled work fell");
            assertTrue(!_callSettle(lease, receipt, false), "a receipt settled twice");
            ++done["settle"];
        }
        assertTrue(lease.paid <= lease.lock, "paid more than was locked");
    }

    function _callSettle(Entry storage lease, Receipt memory receipt, bool andClose) private returns (bool ok) {
        bytes32 digest = escrow.receiptHash(receipt);
        bytes memory sellerSig = _signAsSeller(lease.terms.seller, digest);
        bytes memory agentSig = _sign(AGENT_KEY, digest);
        bytes4 selector = andClose ? ILeaseEscrow.settleAndClose.selector : ILeaseEscrow.settle.selector;
        vm.prank(stranger);
        (ok,) = address(escrow).call(abi.encodeWithSelector(selector, lease.terms, receipt, sellerSig, agentSig));
    }

    // ------------------------------------------------------------------ prove, replays and old shares included

    function prove(uint256 index, uint256 size, bool anew, uint256 seed) external nothingMoves {
        uint256 picked = _pick(index, Phase.Prove);
        if (picked == NONE) return;
        Entry storage lease = entries[picked];
        Lease memory state = escrow.leaseOf(lease.id);
        if (state.through >= state.end) return;

        Share[] memory shares = _shares(lease, state, bound(size, 1, 4), seed);
        bytes32 last = anew ? bytes32(0) : lease.last;
        uint256 skipped = 0;
        while (skipped < shares.length && shares[skipped].hash <= last) ++skipped;
        address prover = seed % 3 == 0 ? lease.terms.payee : lease.terms.seller;
        if (seed % 3 == 1 && escrow.isOperator(lease.terms.seller, operator)) prover = operator;
        assertTrue(
            _callProve(lease, prover, last, Miner.join(shares, skipped, shares.length)), "a sound row was refused"
        );
        if (anew || lease.last == 0) lease.count = 0;
        lease.count += shares.length - skipped;
        lease.last = skipped < shares.length ? shares[shares.length - 1].hash : last;
        _checkRun(lease);
        ++done[prover == operator ? bytes32("prove by operator") : anew ? bytes32("prove anew") : bytes32("prove on")];

        // Neither the same header again, nor the row in another order, nor a header that a receipt may hold.
        if (skipped < shares.length) {
            assertTrue(!_callProve(lease, prover, lease.last, shares[skipped].item), "a header counted twice");
        }
        if (shares.length > 1) {
            bytes memory reordered = bytes.concat(shares[1].item, shares[0].item);
            assertTrue(!_callProve(lease, prover, 0, reordered), "a reordered row counted");
            ++done["reordered row refused"];
        }
        assertTrue(!_callProve(lease, prover, 0, _old(lease, state)), "a settled second counted");
        _checkRun(lease);
    }

    function _checkRun(Entry storage lease) internal view {
        assertEq(escrow.leaseOf(lease.id).count, lease.count, "count");
        assertEq(escrow.lastHashOf(lease.id), lease.last, "last hash");
    }

    /// @dev Standby shares, and some on a job.
    function _shares(Entry storage lease, Lease memory state, uint256 size, uint256 seed)
        private
        view
        returns (Share[] memory shares)
    {
        shares = new Share[](size);
        for (uint256 i = 0; i < size; ++i) {
            bytes32 random = keccak256(abi.encode(seed, i));
            uint32 nTime = uint32(bound(uint256(random), state.through + 1, state.end));
            shares[i] = uint256(random) % 4 == 0
                ? Miner.onJob(_job(lease), 0, 0, nTime, abi.encodePacked(random), _target(lease), true)
                : Miner.standby(lease.id, random, nTime, _target(lease), true);
        }
        Miner.sort(shares);
    }

    function _old(Entry storage lease, Lease memory state) internal view returns (bytes memory) {
        return Miner.standby(lease.id, 0, uint32(state.through), _target(lease), true).item;
    }

    function _job(Entry storage lease) private view returns (Job memory job) {
        job.leaseId = lease.id;
        job.prevHash = keccak256("previous block");
        job.coinbasePrefix = abi.encode(lease.id);
        job.extranonceSize = 32;
        job.branch = new bytes32[](2);
        job.branch[1] = lease.id;
    }

    function _target(Entry storage lease) internal view returns (uint256) {
        uint256 w = uint256(lease.terms.hashrate) * (lease.terms.end - lease.terms.start) / lease.terms.proofShares;
        return type(uint256).max / (w == 0 ? 1 : w);
    }

    function _callProve(Entry storage lease, address prover, bytes32 last, bytes memory row)
        internal
        returns (bool ok)
    {
        SignedJob[] memory jobs = new SignedJob[](1);
        jobs[0].job = _job(lease);
        jobs[0].signature = _sign(AGENT_KEY, escrow.jobHash(jobs[0].job));
        vm.prank(prover);
        (ok,) = address(escrow).call(abi.encodeCall(ILeaseEscrow.prove, (lease.terms, last, jobs, row)));
    }

    // ------------------------------------------------------------------ cancel and close

    function cancel(uint256 index, uint256 seed) external nothingMoves {
        // Now and then, for a lease that is cancelled leaves little time for anything else.
        if (seed % 2 != 0) return;
        uint256 picked = _pick(index, seed % 3 == 0 ? Phase.Any : Phase.Running);
        if (picked == NONE) return;
        Entry storage lease = entries[picked];
        uint40 before = escrow.leaseOf(lease.id).end;
        uint256 asked = block.timestamp + lease.terms.cancelNotice;
        vm.prank(seed % 4 == 0 ? agent : lease.terms.buyer);
        escrow.cancel(lease.terms);
        assertEq(escrow.leaseOf(lease.id).end, asked < before ? asked : before, "end");
        ++done[asked < before ? bytes32("cancel") : bytes32("cancel too late")];
    }

    function close(uint256 index, uint256 caller) external nothingFalls {
        uint256 picked = _pick(index, Phase.Any);
        if (picked == NONE) return;
        Entry storage lease = entries[picked];
        address by = caller % 4 == 0 ? lease.terms.seller : stranger;
        Lease memory state = escrow.leaseOf(lease.id);
        bool reached = state.through >= state.end;
        bool early = by == lease.terms.seller || reached;
        bool due_ = block.timestamp >= (early ? state.end : uint256(state.end) + lease.terms.proofWindow);

        uint256 sumBefore = _sumOf(_balances());
        bool ok = _callClose(lease, by);
        assertEq(ok ? 1 : 0, due_ ? 1 : 0, "closed when due, and not before");
        if (!ok) {
            ++done["close refused"];
            return;
        }
        _checkClosed(lease, sumBefore);
        ++done[by == lease.terms.seller ? bytes32("close by seller") : bytes32("close by stranger")];
    }

    function _callClose(Entry storage lease, address by) internal returns (bool ok) {
        vm.prank(by);
        (ok,) = address(escrow).call(abi.encodeCall(ILeaseEscrow.close, (lease.terms)));
    }

    /// @dev 2: all that was locked and not yet paid came back to balances, to the last unit.
    function _checkClosed(Entry storage lease, uint256 sumBefore) private {
        uint256 held = lease.lock + lease.feeLock + lease.terms.bond - lease.paid;
        assertEq(_sumOf(_balances()) - sumBefore, held, "released at close");
        assertEq(escrow.leaseOf(lease.id).end, 0, "state remains");
        assertEq(escrow.lastHashOf(lease.id), 0, "hash remains");
        lease.closed = true;
    }

    /// @dev Index of an open lease that is in the phase, if there is one.
    function _pick(uint256 index, Phase phase) internal view returns (uint256) {
        for (uint256 i = 0; i < entries.length; ++i) {
            uint256 candidate = (index % entries.length + i) % entries.length;
            if (!entries[candidate].closed && _isIn(phase, entries[candidate])) return candidate;
        }
        return NONE;
    }

    function _isIn(Phase phase, Entry storage lease) private view returns (bool) {
        if (phase == Phase.Any) return true;
        uint256 end = escrow.leaseOf(lease.id).end;
        if (phase == Phase.Running) return block.timestamp < end;
        uint256 middle = end + lease.terms.proofWindow / 2;
        if (phase == Phase.Settle) return block.timestamp >= end && block.timestamp < middle;
        return block.timestamp >= middle && block.timestamp < end + lease.terms.proofWindow;
    }
}
