// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

/// @notice Stands in for a resolver of ENSIP-10, which answers for every name below its own.
contract StandInWildcardResolver {
    address internal immutable answer;

    constructor(address answer_) {
        answer = answer_;
    }

    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == 0x9061b923 || id == 0x01ffc9a7;
    }

    function resolve(bytes calldata, bytes calldata) external view returns (bytes memory) {
        return abi.encode(answer);
    }
}

/// @notice Stands in for a resolver that sends its caller to a gateway (EIP-3668).
contract StandInOffchainResolver {
    error OffchainLookup(address sender, string[] urls, bytes callData, bytes4 callbackFunction, bytes extraData);

    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == 0x9061b923 || id == 0x01ffc9a7;
    }

    function resolve(bytes calldata name, bytes calldata data) external view returns (bytes memory) {
        string[] memory urls = new string[](1);
        urls[0] = "https://gateway.invalid/{sender}/{data}.json";
        revert OffchainLookup(address(this), urls, data, this.resolve.selector, name);
    }
}
