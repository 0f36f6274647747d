// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Job} from "../../src/interfaces/ILeaseEscrow.sol";
import {Shares} from "../../src/libraries/Shares.sol";
import {Miner, Share} from "../utils/Miner.sol";
import {Test} from "../utils/Test.sol";

/// @notice Gives the library calldata, and looks at memory.
contract SharesCaller {
    uint256 private constant CANARY = uint256(keccak256("canary"));

    /// @notice What was counted, the last hash, and the bytes that counting allocated. Reverts where a word that was allocated before changed.
    function count(bytes calldata shares, Job calldata job, Shares.Rules memory rules)
        external
        view
        returns (uint256 counted, bytes32 last, uint256 allocated)
    {
        Shares.Template[] memory jobs = new Shares.Template[](1);
        jobs[0] = Shares.template(job, rules.from);
        uint256[] memory canary = new uint256[](1);
        canary[0] = CANARY;
        uint256 before = _free();
        (counted, last) = Shares.count(shares, jobs, rules, 0);
        allocated = _free() - before;
        require(canary[0] == CANARY && jobs[0].branch.length == job.branch.length, "memory was overwritten");
    }

    function _free() private pure returns (uint256 pointer) {
        assembly ("memory-safe") {
            pointer := mload(0x40)
        }
    }
}

/// @notice Rows of shares on jobs of every shape, against plain Solidity.
contract SharesTest is Test {
    bytes32 internal constant ID = keccak256("lease");
    uint256 internal constant TARGET = type(uint256).max / 4;

    SharesCaller internal caller = new SharesCaller();

    function testFuzz_CountsSharesOnAJobOfAnyShapeAndAllocatesNothing(
        Job calldata shape,
        bytes32[] calldata branch,
        uint256 seed,
        uint8 size
    ) external view {
        Job memory job = shape;
        job.branch = branch;
        job.minTime = uint32(bound(job.minTime, 0, type(uint32).max - 8));
        Share[] memory shares = new Share[](bound(size, 0, 8));
        for (uint256 i = 0; i < shares.length; ++i) {
            bytes32 random = keccak256(abi.encode(seed, i));
            uint32 version = job.version ^ (uint32(uint256(random)) & job.versionMask);
            bytes memory extranonce = _bytes(random, job.extranonceSize);
            // A second of its own makes each share another, whatever the job leaves to choose.
            uint32 nTime = job.minTime + uint32(i);
            shares[i] = uint256(random) % 3 == 0
                ? Miner.standby(ID, random, nTime, TARGET, true)
                : Miner.onJob(job, 0, version, nTime, extranonce, TARGET, true);
        }
        Miner.sort(shares);

        (uint256 counted, bytes32 last, uint256 allocated) =
            caller.count(Miner.join(shares, 0, shares.length), job, _rules());
        assertEq(counted, shares.length, "counted");
        assertEq(last, shares.length == 0 ? bytes32(0) : shares[shares.length - 1].hash, "last hash");
        assertEq(allocated, 0, "allocated");
    }

    /// @dev One bit of a share changed, wherever it is: the row is refused, or the share is another that meets the target by chance.
    function testFuzz_AShareOneBitOffIsRefused(Job calldata shape, uint256 bit) external view {
        Job memory job = shape;
        (job.minTime, job.versionMask) = (0, 0);
        Shares.Rules memory rules = _rules();
        rules.target = type(uint256).max / 64;
        bytes memory extranonce = _bytes(bytes32(bit), job.extranonceSize);
        Share memory share = Miner.onJob(job, 0, job.version, 1_790_000_000, extranonce, rules.target, true);
        bit = bound(bit, 0, share.item.length * 8 - 1);
        share.item[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        try caller.count(share.item, job, rules) returns (uint256, bytes32 last, uint256) {
            assertTrue(last != share.hash, "counted for what it isn't");
        } catch {}
    }

    function _rules() private pure returns (Shares.Rules memory) {
        return Shares.Rules({leaseId: ID, from: 0, end: type(uint32).max, target: TARGET});
    }

    function _bytes(bytes32 seed, uint256 size) private pure returns (bytes memory data) {
        data = new bytes(size);
        for (uint256 i = 0; i < size; ++i) {
            data[i] = bytes1(keccak256(abi.encode(seed, i)));
        }
    }
}
