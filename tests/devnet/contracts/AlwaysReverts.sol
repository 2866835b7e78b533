// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

/// @notice Reverts whatever is asked, to try what readers make of a contract that fails.
contract AlwaysReverts {
    fallback() external payable {
        revert("always reverts");
    }

    receive() external payable {
        revert("always reverts");
    }
}
