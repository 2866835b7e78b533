// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

import {StandInDeriveAccounts, StandInDeriveFeed, StandInDerivePerp} from "devnet/StandInDerive.sol";

/// @notice Stands in for Derive's DutchAuction: an auction is what anybody writes.
contract StandInDeriveAuction {
    struct Auction {
        uint256 accountId;
        uint256 scenarioId;
        bool insolvent;
        bool ongoing;
        uint256 cachedMM;
        uint256 startTime;
        uint256 reservedCash;
    }

    struct AuctionParams {
        uint256 startingMtMPercentage;
        uint256 fastAuctionCutoffPercentage;
        uint256 fastAuctionLength;
        uint256 slowAuctionLength;
        uint256 insolventAuctionLength;
        uint256 liquidatorFeeRate;
        uint256 bufferMarginPercentage;
    }

    int256 public mtmCutoff;
    bool public getIsWithdrawBlocked;
    mapping(uint256 => Auction) private _auctions;
    StandInDeriveAccounts private immutable _accounts;

    constructor(StandInDeriveAccounts accounts) {
        _accounts = accounts;
    }

    function set(uint256 id, bool insolvent, bool ongoing) external {
        _auctions[id] = Auction(id, 0, insolvent, ongoing, 0, block.timestamp, 0);
        getIsWithdrawBlocked = insolvent && ongoing;
    }

    function getAuction(uint256 id) external view returns (Auction memory) {
        return _auctions[id];
    }

    function getAuctionParams() public pure returns (AuctionParams memory) {
        return AuctionParams(0.95e18, 0.7e18, 15 minutes, 12 hours, 1 hours, 0.1e18, 0.15e18);
    }

    function getAuctionStatus(uint256 id) external view returns (bool, int256, int256, int256) {
        address manager = _accounts.manager(id);
        (int256 margin, int256 value) =
            StandInDeriveManager(manager).getMarginAndMarkToMarket(id, false, 0);
        int256 buffered = margin + (margin - value) * 15 / 100;
        return ((_auctions[id].insolvent ? margin : buffered) >= 0, value, margin, buffered);
    }
}

/// @notice Stands in for Derive's StandardManager with one market, by its published rules.
/// @dev Prices are those of one feed. Options are worth what is intrinsic at their forward.
contract StandInDeriveManager {
    struct OptionMarginParams {
        uint256 maxSpotReq;
        uint256 minSpotReq;
        uint256 mmCallSpotReq;
        uint256 mmPutSpotReq;
        uint256 MMPutMtMReq;
        uint256 unpairedIMScale;
        uint256 unpairedMMScale;
        uint256 mmOffsetScale;
    }

    struct Expiry {
        int256 isolated;
        int256 lost;
        int256 worth;
        int256 calls;
    }

    int256 private constant ONE = 1e18;

    StandInDeriveAccounts private immutable _accounts;
    StandInDeriveFeed private immutable _feed;
    address public immutable stableFeed;
    address private immutable _cash;
    mapping(uint8 => address) private _assets;
    uint256 public constant lastMarketId = 1;
    OptionMarginParams private _option =
        OptionMarginParams(0.15e18, 0.13e18, 0.09e18, 0.08e18, 0.07e18, 1.2e18, 1.1e18, 1.05e18);

    event MarketCreated(uint256 marketId, string marketName);

    constructor(
        StandInDeriveAccounts accounts,
        address cash,
        StandInDeriveFeed feed,
        address stable,
        address[3] memory assets
    ) {
        (_accounts, _cash, _feed, stableFeed) = (accounts, cash, feed, stable);
        for (uint8 kind = 1; kind <= 3; kind++) _assets[kind] = assets[kind - 1];
        emit MarketCreated(1, "ETH");
    }

    function assetMap(uint256 market, uint8 kind) external view returns (address) {
        return market == 1 ? _assets[kind] : address(0);
    }

    function getMarketFeeds(uint256 market) external view returns (address, address, address) {
        address feed = market == 1 ? address(_feed) : address(0);
        return (feed, feed, feed);
    }

    function depegParams() external pure returns (uint256, uint256) {
        return (0.99e18, 2e18);
    }

    function perpMarginRequirements(uint256) external pure returns (uint256, uint256) {
        return (0.065e18, 0.1e18);
    }

    function optionMarginParams(uint256) external view returns (OptionMarginParams memory) {
        return _option;
    }

    function baseMarginParams(uint256) external pure returns (uint256, uint256) {
        return (0.8e18, 0.9375e18);
    }

    /// @dev No threshold: low confidence costs nothing here.
    function oracleContingencyParams(uint256) external pure returns (uint256, uint256, uint256, uint256) {
        return (0, 0, 0, 0);
    }

    function getMargin(uint256 id, bool isInitial) external view returns (int256 margin) {
        (margin, ) = getMarginAndMarkToMarket(id, isInitial, 0);
    }

    function getMarginAndMarkToMarket(uint256 id, bool isInitial, uint256)
        public
        view
        returns (int256 margin, int256 value)
    {
        StandInDeriveAccounts.AssetBalance[] memory held = _accounts.getAccountBalances(id);
        for (uint256 i = 0; i < held.length; i++) {
            int256 amount = held[i].balance;
            if (held[i].asset == _cash) {
                margin += amount;
                value += amount;
            } else if (held[i].asset == _assets[2]) {
                int256 profit = StandInDerivePerp(_assets[2]).getUnsettledAndUnrealizedCash(id);
                margin += profit - _abs(amount) * _spot() / ONE * (isInitial ? int256(0.1e18) : int256(0.065e18)) / ONE;
                value += profit;
            } else if (held[i].asset == _assets[3]) {
                int256 counted = amount * _spot() / ONE * 0.8e18 / ONE;
                margin += isInitial ? counted * 0.9375e18 / ONE : counted;
                (uint256 stable, ) = StandInDeriveFeed(stableFeed).getSpot();
                value += amount * _spot() / ONE * ONE / int256(stable);
            } else if (_isFirst(held, i)) {
                (int256 needed, int256 worth) = _expiry(held, uint64(held[i].subId & 0xffffffff), isInitial);
                margin += needed;
                value += worth;
            }
        }
    }

    /// @dev Whether no option before this one has its expiry.
    function _isFirst(StandInDeriveAccounts.AssetBalance[] memory held, uint256 i) private view returns (bool) {
        for (uint256 j = 0; j < i; j++) {
            if (held[j].asset == _assets[1] && uint32(held[j].subId) == uint32(held[i].subId)) return false;
        }
        return true;
    }

    function _expiry(StandInDeriveAccounts.AssetBalance[] memory held, uint64 expiry, bool isInitial)
        private
        view
        returns (int256, int256)
    {
        (, uint256 ahead, ) = _feed.getForwardPricePortions(expiry);
        Expiry memory sum;
        sum.lost = _payoff(held, expiry, 0);
        for (uint256 i = 0; i < held.length; i++) {
            if (held[i].asset != _assets[1] || uint32(held[i].subId) != expiry) continue;
            (int256 strike, bool isCall) = _series(held[i].subId);
            int256 worth = _mark(int256(ahead), strike, isCall) * held[i].balance / ONE;
            sum.worth += worth;
            if (held[i].balance < 0) sum.isolated += _short(strike, isCall, held[i].balance, worth, isInitial);
            if (isCall) sum.calls += held[i].balance;
            int256 there = _payoff(held, expiry, strike);
            if (there < sum.lost) sum.lost = there;
        }
        if (sum.calls < 0) {
            int256 scale = int256(isInitial ? _option.unpairedIMScale : _option.unpairedMMScale);
            sum.lost += scale * int256(ahead) / ONE * sum.calls / ONE;
        }
        return (sum.isolated > sum.lost ? sum.isolated : sum.lost, sum.worth);
    }

    function _short(int256 strike, bool isCall, int256 amount, int256 worth, bool isInitial)
        private
        view
        returns (int256)
    {
        int256 spot = _spot();
        int256 out = isCall ? strike - spot : spot - strike;
        int256 ratio = int256(_option.maxSpotReq) - (out > 0 ? out * ONE / spot : int256(0));
        if (ratio < int256(_option.minSpotReq)) ratio = int256(_option.minSpotReq);
        int256 initial = ratio * spot / ONE * amount / ONE + worth;
        if (isCall) return isInitial ? initial : worth + int256(_option.mmCallSpotReq) * spot / ONE * amount / ONE;
        int256 bySpot = int256(_option.mmPutSpotReq) * spot / ONE * amount / ONE;
        int256 byWorth = int256(_option.MMPutMtMReq) * worth / ONE;
        int256 maintenance = (bySpot < byWorth ? bySpot : byWorth) + worth;
        if (!isInitial) return maintenance;
        int256 offset = maintenance * int256(_option.mmOffsetScale) / ONE;
        return initial < offset ? initial : offset;
    }

    /// @dev What all options of an expiry pay at a price, where that is a loss.
    function _payoff(StandInDeriveAccounts.AssetBalance[] memory held, uint64 expiry, int256 price)
        private
        view
        returns (int256 paid)
    {
        for (uint256 i = 0; i < held.length; i++) {
            if (held[i].asset != _assets[1] || uint32(held[i].subId) != expiry) continue;
            (int256 strike, bool isCall) = _series(held[i].subId);
            int256 over = isCall ? price - strike : strike - price;
            if (over > 0) paid += over * held[i].balance / ONE;
        }
        if (paid > 0) paid = 0;
    }

    /// @dev Intrinsic, by way of moneyness as Black-76 of the real library has it.
    function _mark(int256 ahead, int256 strike, bool isCall) private pure returns (int256) {
        int256 over = ONE - strike * ONE / ahead;
        if (!isCall) over = -over;
        return over > 0 ? over * ahead / ONE : int256(0);
    }

    function _series(uint256 subId) private pure returns (int256 strike, bool isCall) {
        return (int256((subId >> 32) & 0x7fffffffffffffff) * 1e10, subId >> 95 == 1);
    }

    function _spot() private view returns (int256) {
        (uint256 price, ) = _feed.getSpot();
        return int256(price);
    }

    function _abs(int256 value) private pure returns (int256) {
        return value < 0 ? -value : value;
    }
}
