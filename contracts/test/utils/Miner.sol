// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Job} from "../../src/interfaces/ILeaseEscrow.sol";

/// @notice A share as the escrow takes it, and the hash of its header.
struct Share {
    bytes item;
    bytes32 hash;
    uint32 nonce;
}

/// @notice Finds shares, in plain Solidity that shares no code with the escrow: the reference of its assembly.
library Miner {
    uint32 private constant STANDBY_VERSION = 0x20000000;
    uint32 private constant STANDBY_BITS = 0x1d00ffff;

    function sha256d(bytes memory data) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(sha256(data)));
    }

    function reversed(bytes32 x) internal pure returns (bytes32 y) {
        for (uint256 i = 0; i < 32; ++i) {
            y |= bytes32(uint256(uint8(x[i])) << (8 * i));
        }
    }

    function littleEndian(uint32 x) internal pure returns (bytes4) {
        return bytes4(abi.encodePacked(uint8(x), uint8(x >> 8), uint8(x >> 16), uint8(x >> 24)));
    }

    function merkleRoot(bytes32 leaf, bytes32[] memory branch) internal pure returns (bytes32 root) {
        root = leaf;
        for (uint256 i = 0; i < branch.length; ++i) {
            root = sha256d(bytes.concat(root, branch[i]));
        }
    }

    function coinbaseId(Job memory job, bytes memory extranonce) internal pure returns (bytes32) {
        return sha256d(bytes.concat(job.coinbasePrefix, extranonce, job.coinbaseSuffix));
    }

    function header(uint32 version, bytes32 prevHash, bytes32 root, uint32 nTime, uint32 nBits, uint32 nonce)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(
            littleEndian(version), prevHash, root, littleEndian(nTime), littleEndian(nBits), littleEndian(nonce)
        );
    }

    function headerHash(bytes memory header_) internal pure returns (bytes32) {
        return reversed(sha256d(header_));
    }

    /// @notice Finds a share on a job, with the first nonce that serves.
    function onJob(
        Job memory job,
        uint8 index,
        uint32 version,
        uint32 nTime,
        bytes memory extranonce,
        uint256 target,
        bool meets
    ) internal pure returns (Share memory share) {
        bytes32 root = merkleRoot(coinbaseId(job, extranonce), job.branch);
        do {
            share.hash = headerHash(header(version, job.prevHash, root, nTime, job.nBits, ++share.nonce));
        } while ((uint256(share.hash) <= target) != meets);
        share.item =
            abi.encodePacked(index, littleEndian(version), littleEndian(nTime), littleEndian(share.nonce), extranonce);
    }

    /// @notice Finds a standby share, with the first nonce that serves.
    function standby(bytes32 leaseId, bytes32 root, uint32 nTime, uint256 target, bool meets)
        internal
        pure
        returns (Share memory share)
    {
        do {
            share.hash = standbyHash(leaseId, root, nTime, ++share.nonce);
        } while ((uint256(share.hash) <= target) != meets);
        share.item = abi.encodePacked(
            uint8(0xff),
            littleEndian(STANDBY_VERSION),
            root,
            littleEndian(nTime),
            littleEndian(STANDBY_BITS),
            littleEndian(share.nonce)
        );
    }

    function standbyHash(bytes32 leaseId, bytes32 root, uint32 nTime, uint32 nonce) internal pure returns (bytes32) {
        return headerHash(header(STANDBY_VERSION, leaseId, root, nTime, STANDBY_BITS, nonce));
    }

    /// @notice Sorts shares by hash, ascending.
    function sort(Share[] memory shares) internal pure {
        for (uint256 i = 1; i < shares.length; ++i) {
            for (uint256 j = i; j > 0 && shares[j].hash < shares[j - 1].hash; --j) {
                (shares[j], shares[j - 1]) = (shares[j - 1], shares[j]);
            }
        }
    }

    /// @notice Joins the items from `from` up to `to` (excluded).
    function join(Share[] memory shares, uint256 from, uint256 to) internal pure returns (bytes memory row) {
        for (uint256 i = from; i < to; ++i) {
            row = bytes.concat(row, shares[i].item);
        }
    }
}
