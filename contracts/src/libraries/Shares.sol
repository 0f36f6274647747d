// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {ILeaseEscrow, Job} from "../interfaces/ILeaseEscrow.sol";
import {ProofOfWork} from "./ProofOfWork.sol";

/// @title Counting of proof shares
/// @dev The encoding is described at {ILeaseEscrow-prove}.
library Shares {
    /// @dev Index of a standby share, in the place of a job's.
    uint256 private constant STANDBY = 0xff;
    /// @dev Bytes of an item: index, version, merkle root, nTime, nBits, nonce.
    uint256 private constant STANDBY_SIZE = 1 + 4 + 32 + 4 + 4 + 4;
    /// @dev Bytes of an item before its extranonce: index, version, nTime, nonce.
    uint256 private constant ON_JOB_SIZE = 1 + 4 + 4 + 4;

    /// @notice What a share of the lease must meet.
    struct Rules {
        bytes32 leaseId;
        /// First and last nTime that count.
        uint256 from;
        uint256 end;
        uint256 target;
    }

    /// @notice A job made ready for its shares, read once from calldata. Header fields are in the header's byte order and in whole words, so that
    /// nothing has to be cut for each share: the version's in the first four bytes, nBits' in the four after them, as in the header's end.
    struct Template {
        bytes32 prevHash;
        bytes32[] branch;
        /// With room for the extranonce.
        bytes coinbase;
        uint256 extranonceAt;
        /// Bytes of an item.
        uint256 itemSize;
        bytes32 version;
        /// Bits of the version that a share may not change.
        bytes32 versionFixed;
        bytes32 nBits;
        /// First nTime that counts.
        uint256 from;
    }

    function template(Job calldata job, uint256 from) internal pure returns (Template memory) {
        return Template({
            prevHash: job.prevHash,
            branch: job.branch,
            coinbase: bytes.concat(job.coinbasePrefix, new bytes(job.extranonceSize), job.coinbaseSuffix),
            extranonceAt: job.coinbasePrefix.length,
            itemSize: ON_JOB_SIZE + job.extranonceSize,
            version: ProofOfWork.toHeader(job.version),
            versionFixed: ProofOfWork.toHeader(~job.versionMask),
            nBits: bytes32(ProofOfWork.toHeader(job.nBits)) >> 32,
            from: Math.max(job.minTime, from)
        });
    }

    /// @notice Counts the shares, or reverts at the first that breaks a rule.
    /// @dev Allocates nothing, for memory that grows with each share would cost ever more. (A function that returned a job would allocate one.)
    /// @param last The hash that the first share's must exceed.
    function count(bytes calldata shares, Template[] memory jobs, Rules memory rules, bytes32 last)
        internal
        view
        returns (uint256 counted, bytes32)
    {
        uint256 position = 0;
        while (position < shares.length) {
            uint256 index = uint8(bytes1(_word(shares, position, 0)));
            (bytes32 hash, uint256 next) = (bytes32(0), 0);
            if (index == STANDBY) {
                (hash, next) = _standby(shares, position, rules);
            } else {
                if (index >= jobs.length) revert ILeaseEscrow.NoSuchJob(index);
                (hash, next) = _onJob(shares, position, jobs[index], rules.end);
            }
            if (uint256(hash) > rules.target) revert ILeaseEscrow.HashAboveTarget(position, hash, rules.target);
            if (hash <= last) revert ILeaseEscrow.HashNotAscending(position, hash, last);
            last = hash;
            position = next;
            unchecked {
                ++counted;
            }
        }
        return (counted, last);
    }

    function _standby(bytes calldata shares, uint256 position, Rules memory rules)
        private
        view
        returns (bytes32 hash, uint256 next)
    {
        next = _end(shares, position, STANDBY_SIZE);
        bytes4 version = bytes4(_word(shares, position, 1));
        bytes32 root = _word(shares, position, 5);
        bytes12 tail = bytes12(_word(shares, position, 37));
        _requireTime(position, bytes4(tail), rules.from, rules.end);
        hash = ProofOfWork.headerHash(version, rules.leaseId, root, tail);
    }

    function _onJob(bytes calldata shares, uint256 position, Template memory job, uint256 end)
        private
        view
        returns (bytes32 hash, uint256 next)
    {
        next = _end(shares, position, job.itemSize);
        bytes32 item = _word(shares, position, 1);

        bytes32 changed = (item ^ job.version) & job.versionFixed;
        if (changed != 0) {
            revert ILeaseEscrow.VersionOutsideMask(
                position, ProofOfWork.fromHeader(bytes4(changed)), ~ProofOfWork.fromHeader(bytes4(job.versionFixed))
            );
        }
        _requireTime(position, bytes4(item << 32), job.from, end);

        bytes32 leaf =
            ProofOfWork.coinbaseId(job.coinbase, job.extranonceAt, _tail(shares, position, ON_JOB_SIZE, next));
        bytes32 root = ProofOfWork.merkleRoot(leaf, job.branch);
        bytes12 tail = bytes4(item << 32) | bytes12(job.nBits) | bytes12(bytes4(item << 64)) >> 64;
        hash = ProofOfWork.headerHash(bytes4(item), job.prevHash, root, tail);
    }

    /// @dev Where the item ends, which lies inside `shares`. Sums of a position and a size can't overflow, as the size of calldata is far below.
    function _end(bytes calldata shares, uint256 position, uint256 size) private pure returns (uint256 end) {
        unchecked {
            end = position + size;
        }
        if (end > shares.length) revert ILeaseEscrow.ShareCutShort(position);
    }

    /// @dev The 32 bytes from `offset` in the item at `position`; those past the item's end are of no meaning.
    function _word(bytes calldata shares, uint256 position, uint256 offset) private pure returns (bytes32 word) {
        // Reads a word of calldata without a copy of what is before it.
        // slither-disable-next-line assembly
        assembly ("memory-safe") {
            word := calldataload(add(add(shares.offset, position), offset))
        }
    }

    // A slice's offset and its length are two writes of two words.
    // slither-disable-start write-after-write
    /// @dev The bytes from `offset` in the item at `position` to the item's end.
    function _tail(bytes calldata shares, uint256 position, uint256 offset, uint256 end)
        private
        pure
        returns (bytes calldata tail)
    {
        // A slice within bounds that `_end` has checked.
        // slither-disable-next-line assembly
        assembly ("memory-safe") {
            let from := add(position, offset)
            tail.offset := add(shares.offset, from)
            tail.length := sub(end, from)
        }
    }
    // slither-disable-end write-after-write

    function _requireTime(uint256 position, bytes4 headerTime, uint256 from, uint256 end) private pure {
        uint256 nTime = ProofOfWork.fromHeader(headerTime);
        if (nTime < from || nTime > end) revert ILeaseEscrow.TimeOutOfRange(position, nTime, from, end);
    }
}
