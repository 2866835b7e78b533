// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

/// @notice Stands in for both oracles of Venus: prices by vToken (or VAI) that anybody may set.
/// @dev The real bounded oracle gives two prices around the same one; here they are equal to it. A price has
/// 36 decimals less those of the underlying, zero is what the real one answers for "unavailable".
contract StandInVenusOracle {
    mapping(address => uint256) private _prices;

    function set(address[] calldata vTokens, uint256[] calldata prices) external {
        for (uint256 i = 0; i < vTokens.length; i++) {
            _prices[vTokens[i]] = prices[i];
        }
    }

    function getUnderlyingPrice(address vToken) external view returns (uint256) {
        return _prices[vToken];
    }

    function getBoundedPricesView(address vToken) external view returns (uint256, uint256) {
        return (_prices[vToken], _prices[vToken]);
    }

    function updateProtectionState(address) external {}
}

/// @notice Stands in for Venus' protocol share reserve: it takes what it is given and keeps no accounts.
contract StandInShareReserve {
    function updateAssetsState(address, address, uint8) external {}

    receive() external payable {}
}
