// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ILeaseEscrow, Job, SignedJob, Terms} from "../../src/interfaces/ILeaseEscrow.sol";
import {Fixture} from "../utils/Fixture.sol";
import {Miner, Share} from "../utils/Miner.sol";

contract ProveTest is Fixture {
    /// @dev W is 10 hashes.
    uint256 internal constant TARGET = type(uint256).max / 10;
    bytes8 internal constant EXTRANONCE = 0x0102030405060708;

    Terms internal terms;
    bytes32 internal id;

    function setUp() public override {
        super.setUp();
        terms = _lease();
        id = escrow.leaseId(terms);
        vm.warp(terms.end + 30);
    }

    // ------------------------------------------------------------------ what counts

    function test_CountsSharesOnJobsAndStandbyInOneRow() external {
        Share[] memory shares = _mixed(12);
        vm.expectEmit(address(escrow));
        emit ILeaseEscrow.Proven(id, 12, shares[11].hash);
        _prove(0, Miner.join(shares, 0, 12));
        assertEq(_state(terms).count, 12, "count");
        assertEq(escrow.lastHashOf(id), shares[11].hash, "last hash");
    }

    function test_ProvenWorkIsPaidAtCloseAtItsRatio() external {
        _prove(0, Miner.join(_mixed(12), 0, 12));
        vm.warp(terms.end + 60);
        escrow.close(terms);
        // 120 hashes at 90 %; of 2,048 required the rest costs bond.
        assertEq(_balance(payee), 0.108e18, "payee");
        assertEq(_balance(matcher), 0.00108e18, "matcher");
        uint256 penalty = 0.512e18 * uint256(2_048 - 120) / 2_048;
        assertEq(_balance(seller), FUNDS - penalty, "seller");
        assertEq(_balance(buyer), FUNDS - 0.108e18 - 0.00108e18 + penalty, "buyer");
        assertEq(escrow.lastHashOf(id), 0, "no trace");
    }

    function test_ProofsPayNoMoreThanIsContractedAndNotSettled() external {
        vm.warp(terms.end);
        _settle(terms, 2_500, START + 200);
        vm.warp(terms.end + 30);
        Share[] memory shares = new Share[](8);
        for (uint256 i = 0; i < 8; ++i) {
            shares[i] = _standby(bytes32(i), uint32(START + 201));
        }
        Miner.sort(shares);
        _prove(0, Miner.join(shares, 0, 8));
        vm.warp(terms.end + 60);
        vm.expectEmit(address(escrow));
        emit ILeaseEscrow.Closed(id, 2_500, 60, 2.554e18, 0.02554e18, 0.00606e18, 0);
        escrow.close(terms);
    }

    function test_ARunGoesOnFromItsLastHash() external {
        Share[] memory shares = _mixed(9);
        _prove(0, Miner.join(shares, 0, 4));
        _prove(shares[3].hash, Miner.join(shares, 4, 9));
        assertEq(_state(terms).count, 9, "count");
    }

    function test_ABrokenRunStartsAnewFromZero() external {
        Share[] memory shares = _mixed(9);
        _prove(0, Miner.join(shares, 0, 4));
        _prove(0, Miner.join(shares, 0, 9));
        assertEq(_state(terms).count, 9, "count");
        _prove(0, "");
        assertEq(_state(terms).count, 0, "all forgotten");
    }

    function test_AShareMayChangeTheVersionInsideTheMask() external {
        Job memory job = _job();
        Share memory share = _onJob(job, job.version ^ 0x1fffe000, uint32(START + 1));
        _prove(0, share.item);
        assertEq(_state(terms).count, 1, "count");
    }

    function test_TakesTheFirstAndTheLastSecond() external {
        _prove(0, _standby(0, uint32(START + 1)).item);
        _prove(0, _standby(0, uint32(terms.end)).item);
        assertEq(_state(terms).count, 1, "count");
    }

    function test_AJobWithoutBranchesHashesItsCoinbaseAlone() external {
        Job memory job = _job();
        job.branch = new bytes32[](0);
        Share memory share = _onJob(job, job.version, uint32(START + 9));
        _proveAs(seller, 0, _signed(job), share.item);
        assertEq(_state(terms).count, 1, "count");
    }

    /// @dev Bitcoin's block 100,000, with the coinbase cut where a pool's extranonce would stand.
    function test_TakesARealBlockAsAShare() external {
        uint256 found = 0x4d1b2237;
        vm.warp(found - 100);
        terms = _lease();
        id = escrow.leaseId(terms);
        Job memory job;
        job.leaseId = id;
        job.version = 1;
        job.prevHash = 0x50120119172a610421a6c3011dd330d9df07b63616c2cc1f1cd0020000000000;
        job.coinbasePrefix =
        hex"01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff08044c8604";
        job.coinbaseSuffix =
            hex"ffffffff0100f2052a010000004341041b0e8c2567c12536aa13357b79a073dc4444acb83c4ec7a0e2f99dd7457516c5817242da796924ca4e99947d087fedf9ce467cb9f7c6287078f801df276fdf84ac00000000";
        job.extranonceSize = 4;
        job.branch = new bytes32[](2);
        job.branch[0] = 0xc40297f730dd7b5a99567eb8d27b78758f607507c52292d02d4031895b52f2ff;
        job.branch[1] = 0x49aef42d78e3e9999c9e6ec9e1dddd6cb880bf3b076a03be1318ca789089308e;
        job.nBits = 0x1b04864c;
        job.minTime = uint32(found);
        bytes32 hash = 0x000000000003ba27aa200b1cecaad478d2b00432346c3f1f3986da1afd33e506;

        vm.warp(terms.end + 30);
        SignedJob[] memory jobs = _signed(job);
        vm.expectEmit(address(escrow));
        emit ILeaseEscrow.Proven(id, 1, hash);
        // index, version, nTime, nonce, extranonce
        _proveAs(seller, 0, jobs, hex"00" hex"01000000" hex"37221b4d" hex"0f2b5710" hex"1b020602");
    }

    // ------------------------------------------------------------------ who and when

    function test_PayeeProvesToo() external {
        _proveAs(payee, 0, new SignedJob[](0), "");
    }

    function test_AnOperatorOfTheSellerProves() external {
        bytes memory row = _standby(0, uint32(START + 1)).item;
        _expectNoProof(stranger, row, abi.encodeWithSelector(ILeaseEscrow.NotProver.selector, id, stranger));
        vm.expectEmit(address(escrow));
        emit ILeaseEscrow.OperatorSet(seller, stranger, true);
        vm.prank(seller);
        escrow.setOperator(stranger, true);
        assertTrue(escrow.isOperator(seller, stranger), "operator");
        _proveAs(stranger, 0, new SignedJob[](0), row);
        vm.prank(seller);
        escrow.setOperator(stranger, false);
        _expectNoProof(stranger, row, abi.encodeWithSelector(ILeaseEscrow.NotProver.selector, id, stranger));
    }

    function test_AnOperatorOfThePayeeDoesNotProve() external {
        vm.prank(payee);
        escrow.setOperator(stranger, true);
        _expectNoProof(stranger, "", abi.encodeWithSelector(ILeaseEscrow.NotProver.selector, id, stranger));
    }

    function test_RefusesProofsBeforeTheSecondHalfOfTheWindow() external {
        vm.warp(terms.end + 29);
        _expectNoProof(seller, "", _notPhase());
    }

    function test_RefusesProofsFromTheEndOfTheWindowOn() external {
        vm.warp(terms.end + 59);
        _proveAs(seller, 0, new SignedJob[](0), "");
        vm.warp(terms.end + 60);
        _expectNoProof(seller, "", _notPhase());
    }

    function test_RefusesTermsThatWereNotOpened() external {
        terms.proofShares = 1;
        bytes32 other = escrow.leaseId(terms);
        _expectNoProof(seller, "", abi.encodeWithSelector(ILeaseEscrow.NoSuchLease.selector, other));
    }

    // ------------------------------------------------------------------ rows

    function test_RefusesAStartAfterAnotherHash() external {
        Share[] memory shares = _mixed(3);
        _prove(0, Miner.join(shares, 0, 2));
        SignedJob[] memory jobs = _signed(_job());
        bytes memory row = Miner.join(shares, 2, 3);
        bytes32 last = shares[1].hash;
        bytes32[3] memory others = [shares[0].hash, bytes32(uint256(last) - 1), bytes32(uint256(last) + 1)];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.WrongLastHash.selector, id, last));
            vm.prank(seller);
            escrow.prove(terms, others[i], jobs, row);
        }
    }

    function test_RefusesAStartAfterAHashWhereNoneCounted() external {
        vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.WrongLastHash.selector, id, bytes32(0)));
        vm.prank(seller);
        escrow.prove(terms, bytes32(uint256(1)), new SignedJob[](0), "");
    }

    function test_AnEmptyRowLeavesTheRunAsItIs() external {
        Share[] memory shares = _mixed(3);
        _prove(0, Miner.join(shares, 0, 3));
        _prove(shares[2].hash, "");
        assertEq(_state(terms).count, 3, "count");
        assertEq(escrow.lastHashOf(id), shares[2].hash, "last hash");
    }

    function test_RefusesAHashTwice() external {
        Share memory share = _standby(0, uint32(START + 1));
        _expectNoProof(
            seller,
            bytes.concat(share.item, share.item),
            abi.encodeWithSelector(ILeaseEscrow.HashNotAscending.selector, share.item.length, share.hash, share.hash)
        );
    }

    function test_RefusesAHashTwiceOverCalls() external {
        Share[] memory shares = _mixed(2);
        _prove(0, Miner.join(shares, 0, 2));
        bytes memory row = Miner.join(shares, 0, 1);
        SignedJob[] memory jobs = _signed(_job());
        vm.expectRevert(
            abi.encodeWithSelector(ILeaseEscrow.HashNotAscending.selector, 0, shares[0].hash, shares[1].hash)
        );
        vm.prank(seller);
        escrow.prove(terms, shares[1].hash, jobs, row);
    }

    function test_RefusesADescendingRow() external {
        Share[] memory shares = _mixed(2);
        _expectNoProof(
            seller,
            bytes.concat(shares[1].item, shares[0].item),
            abi.encodeWithSelector(
                ILeaseEscrow.HashNotAscending.selector, shares[1].item.length, shares[0].hash, shares[1].hash
            )
        );
    }

    function test_RefusesARowThatIsCutShort() external {
        bytes memory first = _standby(0, uint32(START + 1)).item;
        bytes memory cut = new bytes(first.length - 1);
        for (uint256 i = 0; i < cut.length; ++i) {
            cut[i] = first[i];
        }
        _expectNoProof(seller, cut, abi.encodeWithSelector(ILeaseEscrow.ShareCutShort.selector, 0));
        bytes memory row = bytes.concat(first, hex"00ffffffffffffffffffffffffffffffffffffff");
        _expectNoProof(seller, row, abi.encodeWithSelector(ILeaseEscrow.ShareCutShort.selector, first.length));
    }

    function test_RefusesAJobThatIsNotThere() external {
        Share memory share = _onJob(_job(), _job().version, uint32(START + 1));
        for (uint8 index = 1; index < 0xff; ++index) {
            share.item[0] = bytes1(index);
            _expectNoProof(seller, share.item, abi.encodeWithSelector(ILeaseEscrow.NoSuchJob.selector, index));
        }
    }

    // ------------------------------------------------------------------ shares

    function test_RefusesAHashAboveTheTarget() external {
        Share memory share = Miner.standby(id, 0, uint32(START + 1), TARGET, false);
        _expectNoProof(seller, share.item, _aboveTarget(share.hash));
    }

    function test_AShareOneBitOffIsAnotherHash() external {
        Job memory job = _job();
        Share memory share = _onJob(job, job.version, uint32(START + 1));
        bytes32 root = Miner.merkleRoot(Miner.coinbaseId(job, hex"0102030405060709"), job.branch);
        bytes32 hash =
            Miner.headerHash(Miner.header(job.version, job.prevHash, root, uint32(START + 1), job.nBits, share.nonce));
        assertTrue(uint256(hash) > TARGET, "above the target");
        share.item[share.item.length - 1] = 0x09;
        _expectNoProof(seller, share.item, _aboveTarget(hash));
    }

    function test_RefusesAVersionOutsideTheMask() external {
        Job memory job = _job();
        Share memory share = _onJob(job, job.version ^ 0x00000004, uint32(START + 1));
        _expectNoProof(
            seller,
            share.item,
            abi.encodeWithSelector(ILeaseEscrow.VersionOutsideMask.selector, 0, 0x00000004, job.versionMask)
        );
    }

    function test_RefusesAShareThatAReceiptMayHold() external {
        vm.warp(terms.end);
        _settle(terms, 100, START + 100);
        vm.warp(terms.end + 30);
        _expectNoProof(seller, _standby(0, uint32(START + 100)).item, _time(START + 100, START + 101, terms.end));
        _prove(0, _standby(0, uint32(START + 101)).item);
    }

    function test_RefusesAShareOnAJobThatAReceiptMayHold() external {
        vm.warp(terms.end);
        _settle(terms, 100, START + 100);
        vm.warp(terms.end + 30);
        Job memory job = _job();
        assertTrue(job.minTime < START + 100, "the job itself would allow the time");
        Share memory share = _onJob(job, job.version, uint32(START + 100));
        _expectNoProof(seller, share.item, _time(START + 100, START + 101, terms.end));
        _prove(0, _onJob(job, job.version, uint32(START + 101)).item);
    }

    function test_RefusesAShareOfTheOpeningSecond() external {
        _expectNoProof(seller, _standby(0, uint32(START)).item, _time(START, START + 1, terms.end));
    }

    function test_RefusesAShareAfterTheEnd() external {
        _expectNoProof(seller, _standby(0, uint32(terms.end + 1)).item, _time(terms.end + 1, START + 1, terms.end));
    }

    function test_RefusesAShareAfterACancelledEnd() external {
        Terms memory other = _cancelled();
        terms = other;
        id = escrow.leaseId(other);
        uint256 end = START + 30;
        vm.warp(end + 30);
        _expectNoProof(seller, _standby(0, uint32(end + 1)).item, _time(end + 1, START + 1, end));
        _prove(0, _standby(0, uint32(end)).item);
    }

    function test_RefusesAShareBeforeItsJobsTime() external {
        Job memory job = _job();
        Share memory share = _onJob(job, job.version, job.minTime - 1);
        _expectNoProof(seller, share.item, _time(job.minTime - 1, job.minTime, terms.end));
    }

    function test_AStandbyShareOfAnotherLeaseIsAnotherHash() external {
        Share memory share = Miner.standby(keccak256("another"), 0, uint32(START + 1), TARGET, true);
        bytes32 hash = Miner.standbyHash(id, 0, uint32(START + 1), share.nonce);
        assertTrue(uint256(hash) > TARGET, "above the target");
        _expectNoProof(seller, share.item, _aboveTarget(hash));
    }

    // ------------------------------------------------------------------ jobs

    function test_RefusesAJobThatTheAgentDidNotSign() external {
        SignedJob[] memory jobs = _signed(_job());
        bytes32 digest = escrow.jobHash(jobs[0].job);
        jobs[0].signature = _sign(BUYER_KEY, digest);
        vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.InvalidSignature.selector, agent, digest));
        vm.prank(seller);
        escrow.prove(terms, 0, jobs, "");
    }

    function test_RefusesAJobOfAnotherLease() external {
        Job memory job = _job();
        bytes32[2] memory others = [bytes32(uint256(id) - 1), bytes32(uint256(id) + 1)];
        for (uint256 i = 0; i < others.length; ++i) {
            job.leaseId = others[i];
            SignedJob[] memory jobs = _signed(job);
            vm.expectRevert(abi.encodeWithSelector(ILeaseEscrow.WrongLease.selector, id, others[i]));
            vm.prank(seller);
            escrow.prove(terms, 0, jobs, "");
        }
    }

    // ------------------------------------------------------------------ helpers

    function _job() private view returns (Job memory job) {
        job.leaseId = id;
        job.version = 0x20000000;
        job.versionMask = 0x1fffe000;
        job.prevHash = keccak256("previous block");
        job.coinbasePrefix = hex"01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff";
        job.coinbaseSuffix = hex"ffffffff0100f2052a010000001976a914d23fcdf86f7e756a64a7a9688ef9903327048ed988ac00000000";
        job.extranonceSize = 8;
        job.branch = new bytes32[](3);
        for (uint256 i = 0; i < 3; ++i) {
            job.branch[i] = keccak256(abi.encode("branch", i));
        }
        job.nBits = 0x1703255b;
        job.minTime = uint32(START + 1);
    }

    function _signed(Job memory job) private view returns (SignedJob[] memory jobs) {
        jobs = new SignedJob[](1);
        jobs[0] = SignedJob({job: job, signature: _sign(AGENT_KEY, escrow.jobHash(job))});
    }

    function _onJob(Job memory job, uint32 version, uint32 nTime) private pure returns (Share memory) {
        return Miner.onJob(job, 0, version, nTime, abi.encodePacked(EXTRANONCE), TARGET, true);
    }

    function _standby(bytes32 root, uint32 nTime) private view returns (Share memory) {
        return Miner.standby(id, root, nTime, TARGET, true);
    }

    /// @dev Shares on the job and standby shares by turns, sorted.
    function _mixed(uint256 size) private view returns (Share[] memory shares) {
        shares = new Share[](size);
        for (uint256 i = 0; i < size; ++i) {
            uint32 nTime = uint32(START + 10 + i);
            shares[i] = i % 2 == 0 ? _onJob(_job(), _job().version, nTime) : _standby(bytes32(i), nTime);
        }
        Miner.sort(shares);
    }

    function _prove(bytes32 last, bytes memory row) private {
        _proveAs(seller, last, _signed(_job()), row);
    }

    function _proveAs(address prover, bytes32 last, SignedJob[] memory jobs, bytes memory row) private {
        vm.prank(prover);
        escrow.prove(terms, last, jobs, row);
    }

    function _expectNoProof(address prover, bytes memory row, bytes memory why) private {
        SignedJob[] memory jobs = _signed(_job());
        vm.expectRevert(why);
        vm.prank(prover);
        escrow.prove(terms, 0, jobs, row);
    }

    function _cancelled() private returns (Terms memory other) {
        vm.warp(START);
        other = _lease();
        vm.warp(START + 10);
        vm.prank(buyer);
        escrow.cancel(other);
    }

    function _notPhase() private view returns (bytes memory) {
        return abi.encodeWithSelector(ILeaseEscrow.NotProvePhase.selector, id, terms.end + 30, terms.end + 60);
    }

    function _aboveTarget(bytes32 hash) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ILeaseEscrow.HashAboveTarget.selector, 0, hash, TARGET);
    }

    function _time(uint256 nTime, uint256 from, uint256 end) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ILeaseEscrow.TimeOutOfRange.selector, 0, nTime, from, end);
    }
}
