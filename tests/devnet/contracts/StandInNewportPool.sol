// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

// Stand-in for the liquidity pool of Lyra Newport, written from the published ABI; see StandInNewport.sol.

interface IToken {
    function balanceOf(address who) external view returns (uint256);
    function decimals() external view returns (uint8);
    function totalSupply() external view returns (uint256);
    function transfer(address to, uint256 amount) external returns (bool);
    function transferFrom(address from, address to, uint256 amount) external returns (bool);
}

interface IMarket {
    function spot() external view returns (uint256);
    function optionValue() external view returns (int256);
}

interface IHedger {
    function getHedgingLiquidity(uint256 spotPrice) external view returns (uint256 pending, uint256 used);
}

contract StandInNewportPool {
    struct Liquidity {
        uint256 freeLiquidity;
        uint256 burnableLiquidity;
        uint256 reservedCollatLiquidity;
        uint256 pendingDeltaLiquidity;
        uint256 usedDeltaLiquidity;
        uint256 NAV;
        uint256 longScaleFactor;
    }

    error NegativeTotalAssetValue(address thrower, int256 totalAssetValue);

    IMarket private immutable market;
    IToken private immutable quote;
    IToken private immutable base;
    IToken private immutable shares;
    IHedger public poolHedger;
    uint256 public protectedQuote;
    uint256 public liquidationInsolventAmount;
    uint256 public totalOutstandingSettlements;
    uint256 public constant queuedDepositHead = 1;
    uint256 public constant nextQueuedDepositId = 1;
    uint256 public constant queuedWithdrawalHead = 1;
    uint256 public constant nextQueuedWithdrawalId = 1;

    constructor(IMarket market_, IToken quote_, IToken base_, IToken shares_) {
        (market, quote, base, shares) = (market_, quote_, base_, shares_);
    }

    function set(IHedger hedger, uint256 protectedQuote_, uint256 owed) external {
        (poolHedger, protectedQuote, totalOutstandingSettlements) = (hedger, protectedQuote_, owed);
    }

    function updateLiquidationInsolvency(uint256 amount) external {
        liquidationInsolventAmount += amount;
    }

    function getLiquidity() public view returns (Liquidity memory found) {
        uint256 spot = market.spot();
        if (address(poolHedger) != address(0)) {
            (found.pendingDeltaLiquidity, found.usedDeltaLiquidity) = poolHedger.getHedgingLiquidity(spot);
        }
        uint256 held = _held(quote) + _held(base) * spot / 1e18 + found.usedDeltaLiquidity;
        int256 total = int256(held) - int256(totalOutstandingSettlements);
        if (total < 0) revert NegativeTotalAssetValue(address(this), total);
        int256 owed = market.optionValue();
        int256 free = total - int256(protectedQuote);
        found.longScaleFactor = 1e18;
        if (owed > 0 && free < owed) found.longScaleFactor = free < 0 ? 0 : uint256(free * 1e18 / owed);
        int256 paid = owed > 0 ? owed * int256(found.longScaleFactor) / 1e18 : owed;
        found.NAV = uint256(total - paid);
    }

    function getTotalTokenSupply() public view returns (uint256) {
        return shares.totalSupply();
    }

    function getTokenPrice() public view returns (uint256) {
        return getLiquidity().NAV * 1e18 / getTotalTokenSupply();
    }

    function getTokenPriceWithCheck() external view returns (uint256, bool, uint256) {
        return (getTokenPrice(), false, 0);
    }

    function _held(IToken token) private view returns (uint256) {
        return token.balanceOf(address(this)) * 10 ** (18 - token.decimals());
    }
}
