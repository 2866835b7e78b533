// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

import {
    BoardView,
    ForceClose,
    GlobalCache,
    Limits,
    MinCollateral,
    NetGreeks,
    OptionBoard,
    PartialCollateral,
    Pricing,
    Strike,
    StrikeCache,
    StrikeView,
    VarianceFee
} from "devnet/StandInNewportTypes.sol";

// What the stand-in for a market of Lyra Newport knows, and its views; see StandInNewport.sol.

contract StandInNewportState {
    error MarketIsPaused(address thrower, address marketAddress);

    uint256 internal constant USUAL_IV_PERIOD = 1 days;

    uint256 public spot;
    bool public isGlobalPaused;
    int256 internal rate;
    NetGreeks internal net;
    mapping(uint256 => OptionBoard) internal boards;
    mapping(uint256 => Strike) internal strikes;
    mapping(uint256 => uint256[2]) internal meanIv;
    mapping(uint256 => uint256) internal meanSkew;
    mapping(uint256 => uint256) internal stdVega;
    mapping(uint256 => uint256[3]) internal settlement;
    uint256[] internal live;
    uint256 internal strikeCount;

    MinCollateral internal minimum;
    ForceClose internal force;
    PartialCollateral internal penalty;
    Pricing internal pricing;
    Limits internal limits;
    VarianceFee internal variance;

    function setParameters(
        MinCollateral calldata minimum_,
        ForceClose calldata force_,
        PartialCollateral calldata penalty_,
        Pricing calldata pricing_,
        Limits calldata limits_,
        VarianceFee calldata variance_
    ) external {
        (minimum, force, penalty) = (minimum_, force_, penalty_);
        (pricing, limits, variance) = (pricing_, limits_, variance_);
    }

    function setPrice(uint256 spot_) external {
        spot = spot_;
    }

    function setPaused(bool paused) external {
        isGlobalPaused = paused;
    }

    function setRate(int256 rate_) external {
        rate = rate_;
    }

    function setGreeks(int256 vega, int256 value) external {
        net = NetGreeks(0, vega, value);
    }

    function addBoard(uint256 expiry, uint256 iv, uint256[] calldata prices, uint256[] calldata skews) external {
        uint256 id = live.length + 1;
        OptionBoard storage board = boards[id];
        (board.id, board.expiry, board.iv) = (id, expiry, iv);
        for (uint256 i = 0; i < prices.length; i++) {
            uint256 strike = ++strikeCount;
            strikes[strike] = Strike(strike, prices[i], skews[i], 0, 0, 0, 0, 0, id);
            board.strikeIds.push(strike);
        }
        live.push(id);
    }

    function setBoard(uint256 id, bool frozen, uint256 mean, uint256 usual) external {
        boards[id].frozen = frozen;
        meanIv[id] = [mean, usual];
    }

    function setStrike(uint256 id, uint256 mean, uint256 vega) external {
        (meanSkew[id], stdVega[id]) = (mean, vega);
    }

    function settle(uint256 board, uint256 price, uint256 baseRatio, uint256 longScale) external {
        settlement[board] = [price, baseRatio, longScale];
    }

    function rateAndCarry(address) external view returns (int256) {
        return rate;
    }

    function isMarketPaused(address) external pure returns (bool) {
        return false;
    }

    function getSpotPriceForMarket(address market, uint8) external view returns (uint256) {
        if (isGlobalPaused) revert MarketIsPaused(address(this), market);
        return spot;
    }

    function optionValue() external view returns (int256) {
        return net.netOptionValue;
    }

    function getMinCollatParams() external view returns (MinCollateral memory) {
        return minimum;
    }

    function getForceCloseParams() external view returns (ForceClose memory) {
        return force;
    }

    function getPartialCollatParams() external view returns (PartialCollateral memory) {
        return penalty;
    }

    function getPricingParams() external view returns (Pricing memory) {
        return pricing;
    }

    function getTradeLimitParams() external view returns (Limits memory) {
        return limits;
    }

    function getVarianceFeeParams() external view returns (VarianceFee memory) {
        return variance;
    }

    function getGreekCacheParams() external pure returns (uint256[9] memory) {
        return [30, 0, 0, USUAL_IV_PERIOD, 0, 0, 0, 0, uint256(0)];
    }

    function getGlobalCache() external view returns (GlobalCache memory found) {
        found.netGreeks = net;
    }

    function getStrikeCache(uint256 id) external view returns (StrikeCache memory found) {
        found.greeks.stdVega = stdVega[id];
    }

    function getIvGWAV(uint256 board, uint256 secondsAgo) public view returns (uint256) {
        return meanIv[board][secondsAgo == force.ivGWAVPeriod ? 0 : 1];
    }

    function getSkewGWAV(uint256 strike, uint256) public view returns (uint256) {
        return meanSkew[strike];
    }

    function getStrikeAndBoard(uint256 id) external view returns (Strike memory, OptionBoard memory) {
        return (strikes[id], boards[strikes[id].boardId]);
    }

    function getSettlementParameters(uint256 id) external view returns (uint256, uint256, uint256, uint256) {
        uint256[3] memory told = settlement[strikes[id].boardId];
        return (strikes[id].strikePrice, told[0], told[1], told[2]);
    }

    function getLiveBoards() external view returns (uint256[] memory) {
        return live;
    }

    function getLiveBoards(address market) external view returns (BoardView[] memory found) {
        found = new BoardView[](live.length);
        for (uint256 i = 0; i < live.length; i++) {
            OptionBoard memory board = boards[live[i]];
            BoardView memory view_ = found[i];
            (view_.market, view_.boardId, view_.expiry, view_.baseIv) = (market, board.id, board.expiry, board.iv);
            view_.strikes = new StrikeView[](board.strikeIds.length);
            for (uint256 j = 0; j < board.strikeIds.length; j++) {
                _fill(view_.strikes[j], strikes[board.strikeIds[j]]);
            }
        }
    }

    function _fill(StrikeView memory to, Strike memory from) private pure {
        (to.strikeId, to.boardId, to.strikePrice, to.skew) = (from.id, from.boardId, from.strikePrice, from.skew);
        (to.longCallOpenInterest, to.longPutOpenInterest) = (from.longCall, from.longPut);
        (to.shortCallBaseOpenInterest, to.shortCallQuoteOpenInterest) = (from.shortCallBase, from.shortCallQuote);
        to.shortPutOpenInterest = from.shortPut;
    }
}
