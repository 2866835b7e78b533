// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

import "./StandInGmxV1.sol";

/// @notice Stands in for the views of GMX V1's vault on positions, the test of a liquidation among them.
abstract contract StandInGmxVaultViews is StandInGmxVaultState {
    struct Position {
        uint256 size;
        uint256 collateral;
        uint256 averagePrice;
        uint256 entryFundingRate;
        uint256 reserveAmount;
        int256 realisedPnl;
        uint256 lastIncreasedTime;
    }

    mapping(bytes32 => Position) public positions;

    function validateLiquidation(address account, address collateral, address index, bool long, bool raise)
        public
        view
        returns (uint256, uint256)
    {
        Position storage position = positions[getPositionKey(account, collateral, index, long)];
        (bool gains, uint256 delta) =
            getDelta(index, position.size, position.averagePrice, long, position.lastIncreasedTime);
        uint256 fees = getFundingFee(account, collateral, index, long, position.size, position.entryFundingRate)
            + getPositionFee(account, collateral, index, long, position.size);
        if (!gains && delta > position.collateral) return _fails(1, fees, raise, "Vault: losses exceed collateral");
        // Profit pays for a liquidation's fees, but not for an increase.
        uint256 left = gains ? position.collateral + (raise ? 0 : delta) : position.collateral - delta;
        if (left < fees) return _fails(1, left, raise, "Vault: fees exceed collateral");
        if (left < fees + liquidationFeeUsd) {
            return _fails(1, fees, raise, "Vault: liquidation fees exceed collateral");
        }
        if (left * maxLeverage < position.size * BPS) return _fails(2, fees, raise, "Vault: maxLeverage exceeded");
        return (0, fees);
    }

    function getPosition(address account, address collateral, address index, bool long)
        external
        view
        returns (uint256, uint256, uint256, uint256, uint256, uint256, bool, uint256)
    {
        Position memory p = positions[getPositionKey(account, collateral, index, long)];
        uint256 realised = uint256(p.realisedPnl < 0 ? -p.realisedPnl : p.realisedPnl);
        return (
            p.size,
            p.collateral,
            p.averagePrice,
            p.entryFundingRate,
            p.reserveAmount,
            realised,
            p.realisedPnl >= 0,
            p.lastIncreasedTime
        );
    }

    function getPositionKey(address account, address collateral, address index, bool long)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encodePacked(account, collateral, index, long));
    }

    function getDelta(address index, uint256 size, uint256 average, bool long, uint256 increasedAt)
        public
        view
        returns (bool gains, uint256 delta)
    {
        require(average > 0, "Vault: invalid _averagePrice");
        uint256 price = _exitPrice(index, long);
        gains = long ? price > average : price < average;
        delta = size * (price > average ? price - average : average - price) / average;
        bool early = block.timestamp <= increasedAt + minProfitTime;
        if (gains && early && delta * BPS <= size * minProfitBasisPoints[index]) delta = 0;
    }

    function getFundingFee(address, address collateral, address, bool, uint256 size, uint256 entry)
        public
        view
        returns (uint256)
    {
        return size * (cumulativeFundingRates[collateral] - entry) / 1_000_000;
    }

    function getPositionFee(address, address, address, bool, uint256 size) public view returns (uint256) {
        return size - size * (BPS - marginFeeBasisPoints) / BPS;
    }

    function _exitPrice(address index, bool long) internal view returns (uint256) {
        return long ? getMinPrice(index) : getMaxPrice(index);
    }

    function _fails(uint256 state, uint256 fees, bool raise, string memory why)
        private
        pure
        returns (uint256, uint256)
    {
        require(!raise, why);
        return (state, fees);
    }
}
