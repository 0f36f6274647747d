// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Ask, Bid, Job, Receipt} from "../interfaces/ILeaseEscrow.sol";

/// @title EIP-712 digests of what parties sign
/// @dev The domain separator is computed at each use, so that the code holds neither chain id nor address and is the same everywhere.
library Digest {
    string internal constant NAME = "Hashlease";
    string internal constant VERSION = "1";

    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant NAME_HASH = keccak256(bytes(NAME));
    bytes32 private constant VERSION_HASH = keccak256(bytes(VERSION));

    bytes32 private constant ASK_TYPEHASH = keccak256(
        "Ask(address seller,address payee,address token,uint128 price,uint64 hashrate,uint64 minHashrate,"
        "uint32 minDuration,uint32 maxDuration,uint16 slaBps,uint16 bondBps,uint16 proofBps,uint32 cancelNotice,"
        "uint32 proofWindow,uint16 proofShares,uint256 tags,bytes32 details,uint40 expiry,uint64 epoch,bytes32 salt)"
    );
    bytes32 private constant BID_TYPEHASH = keccak256(
        "Bid(address buyer,address agent,address token,uint128 maxPrice,uint64 hashrate,uint64 minHashrate,"
        "uint32 duration,uint16 minSlaBps,uint16 minBondBps,uint16 maxProofBps,uint32 maxCancelNotice,"
        "uint32 maxProofWindow,uint16 minProofShares,uint256 requiredTags,address seller,address matcher,"
        "uint16 matcherFeeBps,bytes32 details,uint40 expiry,uint64 epoch,bytes32 salt)"
    );
    bytes32 private constant RECEIPT_TYPEHASH = keccak256("Receipt(bytes32 leaseId,uint128 work,uint40 through)");
    bytes32 private constant JOB_TYPEHASH = keccak256(
        "Job(bytes32 leaseId,uint32 version,uint32 versionMask,bytes32 prevHash,bytes coinbasePrefix,"
        "bytes coinbaseSuffix,uint8 extranonceSize,bytes32[] branch,uint32 nBits,uint32 minTime)"
    );

    function domainSeparator() internal view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPEHASH, NAME_HASH, VERSION_HASH, block.chainid, address(this)));
    }

    function ofAsk(Ask calldata ask) internal view returns (bytes32) {
        return _digest(keccak256(abi.encode(ASK_TYPEHASH, ask)));
    }

    function ofBid(Bid calldata bid) internal view returns (bytes32) {
        return _digest(keccak256(abi.encode(BID_TYPEHASH, bid)));
    }

    function ofReceipt(Receipt calldata receipt) internal view returns (bytes32) {
        return _digest(keccak256(abi.encode(RECEIPT_TYPEHASH, receipt)));
    }

    function ofJob(Job calldata job) internal view returns (bytes32) {
        return _digest(
            keccak256(
                abi.encode(
                    JOB_TYPEHASH,
                    job.leaseId,
                    job.version,
                    job.versionMask,
                    job.prevHash,
                    keccak256(job.coinbasePrefix),
                    keccak256(job.coinbaseSuffix),
                    job.extranonceSize,
                    keccak256(abi.encodePacked(job.branch)),
                    job.nBits,
                    job.minTime
                )
            )
        );
    }

    function _digest(bytes32 structHash) private view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domainSeparator(), structHash));
    }
}
