// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {Ask, Bid, ILeaseEscrow, Job, Receipt, Terms} from "../../src/interfaces/ILeaseEscrow.sol";
import {Test} from "../utils/Test.sol";

/// @notice Digests and ids against literals that other implementations computed.
contract DigestsTest is Test {
    ILeaseEscrow internal constant ESCROW = ILeaseEscrow(0x5FbDB2315678afecb367f032d93F642f64180aa3);
    string internal json;

    function setUp() external {
        json = vm.readFile("test/vectors/eip712.json");
        vm.chainId(31_337);
        vm.etch(address(ESCROW), vm.deployCode("LeaseEscrow.sol:LeaseEscrow").code);
    }

    function test_DomainSeparator() external view {
        assertEq(ESCROW.domainSeparator(), _bytes32(".domainSeparator"), "domain separator");
    }

    function test_Eip5267Domain() external view {
        (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        ) = ESCROW.eip712Domain();
        assertEq(bytes32(fields), bytes32(bytes1(0x0f)), "fields");
        assertEq(bytes(name), "Hashlease", "name");
        assertEq(bytes(version), "1", "version");
        assertEq(chainId, 31_337, "chainId");
        assertEq(verifyingContract, address(ESCROW), "verifyingContract");
        assertEq(salt, 0, "salt");
        assertEq(extensions.length, 0, "extensions");
    }

    function test_AskHash() external view {
        Ask memory ask;
        ask.seller = _address(".ask.message.seller");
        ask.payee = _address(".ask.message.payee");
        ask.token = _address(".ask.message.token");
        ask.price = uint128(_uint(".ask.message.price"));
        ask.hashrate = uint64(_uint(".ask.message.hashrate"));
        ask.minHashrate = uint64(_uint(".ask.message.minHashrate"));
        ask.minDuration = uint32(_uint(".ask.message.minDuration"));
        ask.maxDuration = uint32(_uint(".ask.message.maxDuration"));
        ask.slaBps = uint16(_uint(".ask.message.slaBps"));
        ask.bondBps = uint16(_uint(".ask.message.bondBps"));
        ask.proofBps = uint16(_uint(".ask.message.proofBps"));
        ask.cancelNotice = uint32(_uint(".ask.message.cancelNotice"));
        ask.proofWindow = uint32(_uint(".ask.message.proofWindow"));
        ask.proofShares = uint16(_uint(".ask.message.proofShares"));
        ask.tags = _uint(".ask.message.tags");
        ask.details = _bytes32(".ask.message.details");
        ask.expiry = uint40(_uint(".ask.message.expiry"));
        ask.epoch = uint64(_uint(".ask.message.epoch"));
        ask.salt = _bytes32(".ask.message.salt");
        assertEq(ESCROW.askHash(ask), _bytes32(".ask.digest"), "digest");
        _assertSigned(".ask", ".sellerSignature", ".keys.seller.address");
    }

    function test_BidHash() external view {
        Bid memory bid;
        bid.buyer = _address(".bid.message.buyer");
        bid.agent = _address(".bid.message.agent");
        bid.token = _address(".bid.message.token");
        bid.maxPrice = uint128(_uint(".bid.message.maxPrice"));
        bid.hashrate = uint64(_uint(".bid.message.hashrate"));
        bid.minHashrate = uint64(_uint(".bid.message.minHashrate"));
        bid.duration = uint32(_uint(".bid.message.duration"));
        bid.minSlaBps = uint16(_uint(".bid.message.minSlaBps"));
        bid.minBondBps = uint16(_uint(".bid.message.minBondBps"));
        bid.maxProofBps = uint16(_uint(".bid.message.maxProofBps"));
        bid.maxCancelNotice = uint32(_uint(".bid.message.maxCancelNotice"));
        bid.maxProofWindow = uint32(_uint(".bid.message.maxProofWindow"));
        bid.minProofShares = uint16(_uint(".bid.message.minProofShares"));
        bid.requiredTags = _uint(".bid.message.requiredTags");
        bid.seller = _address(".bid.message.seller");
        bid.matcher = _address(".bid.message.matcher");
        bid.matcherFeeBps = uint16(_uint(".bid.message.matcherFeeBps"));
        bid.details = _bytes32(".bid.message.details");
        bid.expiry = uint40(_uint(".bid.message.expiry"));
        bid.epoch = uint64(_uint(".bid.message.epoch"));
        bid.salt = _bytes32(".bid.message.salt");
        assertEq(ESCROW.bidHash(bid), _bytes32(".bid.digest"), "digest");
        _assertSigned(".bid", ".buyerSignature", ".keys.buyer.address");
    }

    function test_ReceiptHash() external view {
        Receipt memory receipt;
        receipt.leaseId = _bytes32(".receipt.message.leaseId");
        receipt.work = uint128(_uint(".receipt.message.work"));
        receipt.through = uint40(_uint(".receipt.message.through"));
        assertEq(ESCROW.receiptHash(receipt), _bytes32(".receipt.digest"), "digest");
        _assertSigned(".receipt", ".sellerSignature", ".keys.seller.address");
        _assertSigned(".receipt", ".agentSignature", ".keys.agent.address");
    }

    function test_JobHash() external view {
        Job memory job;
        job.leaseId = _bytes32(".job.message.leaseId");
        job.version = uint32(_uint(".job.message.version"));
        job.versionMask = uint32(_uint(".job.message.versionMask"));
        job.prevHash = _bytes32(".job.message.prevHash");
        job.coinbasePrefix = vm.parseJsonBytes(json, ".job.message.coinbasePrefix");
        job.coinbaseSuffix = vm.parseJsonBytes(json, ".job.message.coinbaseSuffix");
        job.extranonceSize = uint8(_uint(".job.message.extranonceSize"));
        job.branch = vm.parseJsonBytes32Array(json, ".job.message.branch");
        job.nBits = uint32(_uint(".job.message.nBits"));
        job.minTime = uint32(_uint(".job.message.minTime"));
        assertEq(ESCROW.jobHash(job), _bytes32(".job.digest"), "digest");
        _assertSigned(".job", ".agentSignature", ".keys.agent.address");
    }

    function test_LeaseId() external view {
        Terms memory terms;
        terms.buyer = _address(".lease.terms.buyer");
        terms.agent = _address(".lease.terms.agent");
        terms.seller = _address(".lease.terms.seller");
        terms.payee = _address(".lease.terms.payee");
        terms.matcher = _address(".lease.terms.matcher");
        terms.token = _address(".lease.terms.token");
        terms.price = uint128(_uint(".lease.terms.price"));
        terms.hashrate = uint64(_uint(".lease.terms.hashrate"));
        terms.start = uint40(_uint(".lease.terms.start"));
        terms.end = uint40(_uint(".lease.terms.end"));
        terms.slaBps = uint16(_uint(".lease.terms.slaBps"));
        terms.proofBps = uint16(_uint(".lease.terms.proofBps"));
        terms.matcherFeeBps = uint16(_uint(".lease.terms.matcherFeeBps"));
        terms.proofShares = uint16(_uint(".lease.terms.proofShares"));
        terms.cancelNotice = uint32(_uint(".lease.terms.cancelNotice"));
        terms.proofWindow = uint32(_uint(".lease.terms.proofWindow"));
        terms.bond = uint128(_uint(".lease.terms.bond"));
        terms.askId = _bytes32(".lease.terms.askId");
        terms.bidId = _bytes32(".lease.terms.bidId");
        terms.entropy = _bytes32(".lease.terms.entropy");
        assertEq(ESCROW.leaseId(terms), _bytes32(".lease.leaseId"), "lease id");
    }

    function test_TheDomainFollowsAForkOfTheChain() external {
        vm.chainId(1);
        assertTrue(ESCROW.domainSeparator() != _bytes32(".domainSeparator"), "separator of another chain");
    }

    function test_CheckedInCodeIsTheCodeUnderTest() external view {
        bytes memory checkedIn = vm.parseJsonBytes(vm.readFile("abi/LeaseEscrow.json"), ".deployedBytecode");
        assertEq(keccak256(checkedIn), address(ESCROW).codehash, "run scripts/abi --write");
    }

    function _assertSigned(string memory of_, string memory signature, string memory signer) private view {
        bytes memory sig = vm.parseJsonBytes(json, string.concat(of_, signature));
        assertEq(ECDSA.recover(_bytes32(string.concat(of_, ".digest")), sig), _address(signer), signature);
    }

    function _address(string memory key) private view returns (address) {
        return vm.parseJsonAddress(json, key);
    }

    function _uint(string memory key) private view returns (uint256) {
        return vm.parseJsonUint(json, key);
    }

    function _bytes32(string memory key) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, key);
    }
}
