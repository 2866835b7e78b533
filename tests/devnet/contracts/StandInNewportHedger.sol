// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

// Stand-ins for the two hedgers of Lyra Newport's pools, written from the published ABI; see StandInNewport.sol.
// One has futures on GMX, in USD with 18 decimals, the other a perpetual of Synthetix.

interface ISpot {
    function spot() external view returns (uint256);
}

abstract contract StandInNewportHedger {
    ISpot public immutable market;
    uint256 public idle;

    constructor(ISpot market_) {
        market = market_;
    }

    function setIdle(uint256 amount) external {
        idle = amount;
    }

    function getHedgingLiquidity(uint256) external view returns (uint256 pending, uint256 used) {
        return (0, _value() + idle);
    }

    function _value() internal view virtual returns (uint256);

    function _positive(int256 x) internal pure returns (uint256) {
        return x > 0 ? uint256(x) : 0;
    }
}

contract StandInNewportFutures is StandInNewportHedger {
    struct PositionDetails {
        uint256 size;
        uint256 collateral;
        uint256 averagePrice;
        uint256 entryFundingRate;
        int256 unrealisedPnl;
        uint256 lastIncreasedTime;
        bool isLong;
    }

    struct CurrentPositions {
        PositionDetails longPosition;
        PositionDetails shortPosition;
        uint256 amountOpen;
        bool isLong;
    }

    // The venue's own price of longs and shorts over the market's, in parts of 10,000.
    uint256 private constant LONG_BPS = 9993;
    uint256 private constant SHORT_BPS = 10004;
    mapping(bool => PositionDetails) private _open;

    constructor(ISpot market_) StandInNewportHedger(market_) {}

    function set(bool isLong, uint256 size, uint256 collateral, uint256 average) external {
        _open[isLong] = PositionDetails(size, collateral, average, 0, 0, block.timestamp, isLong);
    }

    function getPositions() public view returns (CurrentPositions memory found) {
        found.longPosition = _now(true);
        found.shortPosition = _now(false);
        if (found.longPosition.size > 0) found.amountOpen++;
        if (found.shortPosition.size > 0) found.amountOpen++;
        found.isLong = found.longPosition.size > found.shortPosition.size;
    }

    function getCurrentHedgedNetDelta() external view returns (int256) {
        CurrentPositions memory found = getPositions();
        int256 size = found.isLong ? int256(found.longPosition.size) : -int256(found.shortPosition.size);
        return size * 1e18 / int256(market.spot());
    }

    function _now(bool isLong) private view returns (PositionDetails memory one) {
        one = _open[isLong];
        if (one.averagePrice == 0) return one;
        int256 price = int256(market.spot() * (isLong ? LONG_BPS : SHORT_BPS) / 10000);
        int256 average = int256(one.averagePrice);
        one.unrealisedPnl = int256(one.size) * (isLong ? price - average : average - price) / average;
    }

    function _value() internal view override returns (uint256) {
        CurrentPositions memory found = getPositions();
        return _positive(int256(found.longPosition.collateral) + found.longPosition.unrealisedPnl)
            + _positive(int256(found.shortPosition.collateral) + found.shortPosition.unrealisedPnl);
    }
}

contract StandInNewportPerp is StandInNewportHedger {
    int256 public getCurrentHedgedNetDelta;
    int256 private _margin;
    int256 private _last;

    constructor(ISpot market_) StandInNewportHedger(market_) {}

    function set(int256 size, int256 margin, int256 last) external {
        (getCurrentHedgedNetDelta, _margin, _last) = (size, margin, last);
    }

    function getCurrentPositionMargin() public view returns (uint256) {
        return _positive(_margin + getCurrentHedgedNetDelta * (int256(market.spot()) - _last) / 1e18);
    }

    function _value() internal view override returns (uint256) {
        return getCurrentPositionMargin();
    }
}
