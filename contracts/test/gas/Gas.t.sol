// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Job, SignedJob, Terms} from "../../src/interfaces/ILeaseEscrow.sol";
import {Fixture} from "../utils/Fixture.sol";
import {Miner, Share} from "../utils/Miner.sol";

/// @notice Gas of each call as a transaction of its own: base cost and calldata are in it. Compared with snapshots/LeaseEscrow.json;
/// `FORGE_SNAPSHOT_CHECK=false forge test --match-path 'test/gas/*'` writes it anew.
contract GasTest is Fixture {
    uint256 internal constant TARGET = type(uint256).max / 10;
    string internal constant GROUP = "LeaseEscrow";

    /// forge-config: default.isolate = true
    function test_Open() external {
        (bytes memory askSig, bytes memory bidSig) = _signatures(_ask(), _bid());
        vm.prank(matcher);
        escrow.open(_ask(), askSig, _bid(), bidSig, 10);
        vm.snapshotGasLastCall(GROUP, "open: first lease of both parties");
        vm.prank(matcher);
        escrow.open(_ask(), askSig, _bid(), bidSig, 10);
        vm.snapshotGasLastCall(GROUP, "open: further lease of both orders");
    }

    /// forge-config: default.isolate = true
    function test_SettleAndClose() external {
        Terms memory terms = _lease();
        vm.warp(terms.end);
        _settleAndClose(terms, 2_560, terms.end);
        vm.snapshotGasLastCall(GROUP, "settleAndClose: first payment to payee and matcher");
    }

    /// forge-config: default.isolate = true
    function test_SettleTwiceAndClose() external {
        Terms memory terms = _lease();
        _settle(terms, 1_000, START + 100);
        vm.snapshotGasLastCall(GROUP, "settle: first payment to payee");
        _settle(terms, 2_000, START + 200);
        vm.snapshotGasLastCall(GROUP, "settle: further");
        vm.warp(terms.end + 60);
        escrow.close(terms);
        vm.snapshotGasLastCall(GROUP, "close: first payment to matcher");
    }

    /// forge-config: default.isolate = true
    function test_Prove() external {
        Terms memory terms = _lease();
        vm.warp(terms.end + 30);
        bytes32 id = escrow.leaseId(terms);
        SignedJob[] memory jobs = new SignedJob[](2);
        jobs[0] = _job(id, 0);
        jobs[1] = _job(id, 1);
        SignedJob[] memory none = new SignedJob[](0);
        SignedJob[] memory one = new SignedJob[](1);
        one[0] = jobs[0];

        _prove(terms, none, _standby(id, 1), "prove: 1 standby share, first of the lease");
        uint256 base = _prove(terms, none, _standby(id, 1), "prove: 1 standby share");
        uint256 more = _prove(terms, none, _standby(id, 21), "prove: 21 standby shares");
        vm.snapshotValue(GROUP, "prove: marginal standby share", (more - base) / 20);

        base = _prove(terms, one, _onJobs(one, 1), "prove: 1 share on 1 job");
        more = _prove(terms, one, _onJobs(one, 21), "prove: 21 shares on 1 job");
        vm.snapshotValue(GROUP, "prove: marginal share on a job already in the call", (more - base) / 20);

        more = _prove(terms, jobs, _onJobs(jobs, 2), "prove: 2 shares on 2 jobs");
        vm.snapshotValue(GROUP, "prove: marginal share with a job of its own", more - base);
    }

    function _prove(Terms memory terms, SignedJob[] memory jobs, Share[] memory shares, string memory name)
        private
        returns (uint256)
    {
        bytes memory row = Miner.join(shares, 0, shares.length);
        vm.prank(seller);
        escrow.prove(terms, 0, jobs, row);
        return vm.snapshotGasLastCall(GROUP, name);
    }

    function _standby(bytes32 id, uint256 size) private pure returns (Share[] memory shares) {
        shares = new Share[](size);
        for (uint256 i = 0; i < size; ++i) {
            shares[i] = Miner.standby(id, keccak256(abi.encode(i)), uint32(START + 1 + i), TARGET, true);
        }
        Miner.sort(shares);
    }

    function _onJobs(SignedJob[] memory jobs, uint256 size) private pure returns (Share[] memory shares) {
        shares = new Share[](size);
        for (uint256 i = 0; i < size; ++i) {
            uint256 index = i % jobs.length;
            bytes memory extranonce = abi.encodePacked(bytes8(keccak256(abi.encode(i))));
            Job memory job = jobs[index].job;
            shares[i] = Miner.onJob(job, uint8(index), job.version, uint32(START + 1 + i), extranonce, TARGET, true);
        }
        Miner.sort(shares);
    }

    /// @dev Typical: a coinbase of 250 bytes and 12 branches.
    function _job(bytes32 id, uint256 number) private view returns (SignedJob memory signed) {
        Job memory job = signed.job;
        job.leaseId = id;
        job.version = 0x20000000;
        job.versionMask = 0x1fffe000;
        job.prevHash = bytes32(uint256(keccak256("previous block")) >> 64 << 64);
        job.coinbasePrefix = bytes.concat(
            hex"01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff", _noise(number, 60)
        );
        job.coinbaseSuffix = _noise(number + 1, 141);
        job.extranonceSize = 8;
        job.branch = new bytes32[](12);
        for (uint256 i = 0; i < 12; ++i) {
            job.branch[i] = keccak256(abi.encode(number, i));
        }
        job.nBits = 0x1703255b;
        job.minTime = uint32(START + 1);
        signed.signature = _sign(AGENT_KEY, escrow.jobHash(job));
    }

    function _noise(uint256 seed, uint256 size) private pure returns (bytes memory noise) {
        noise = new bytes(size);
        for (uint256 i = 0; i < size; ++i) {
            noise[i] = bytes1(keccak256(abi.encode(seed, i)));
        }
    }
}
