// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

// Structs of the published ABI of Lyra Newport; see StandInNewport.sol.

struct Position {
    uint256 positionId;
    uint256 strikeId;
    uint8 optionType;
    uint256 amount;
    uint256 collateral;
    uint8 state;
}

struct Strike {
    uint256 id;
    uint256 strikePrice;
    uint256 skew;
    uint256 longCall;
    uint256 shortCallBase;
    uint256 shortCallQuote;
    uint256 longPut;
    uint256 shortPut;
    uint256 boardId;
}

struct OptionBoard {
    uint256 id;
    uint256 expiry;
    uint256 iv;
    bool frozen;
    uint256[] strikeIds;
}

struct MinCollateral {
    uint256 minStaticQuoteCollateral;
    uint256 minStaticBaseCollateral;
    uint256 shockVolA;
    uint256 shockVolPointA;
    uint256 shockVolB;
    uint256 shockVolPointB;
    uint256 callSpotPriceShock;
    uint256 putSpotPriceShock;
}

struct ForceClose {
    uint256 ivGWAVPeriod;
    uint256 skewGWAVPeriod;
    uint256 shortVolShock;
    uint256 shortPostCutoffVolShock;
    uint256 longVolShock;
    uint256 longPostCutoffVolShock;
    uint256 liquidateVolShock;
    uint256 liquidatePostCutoffVolShock;
    uint256 shortSpotMin;
    uint256 liquidateSpotMin;
}

struct PartialCollateral {
    uint256 penaltyRatio;
    uint256 liquidatorFeeRatio;
    uint256 smFeeRatio;
    uint256 minLiquidationFee;
}

struct Pricing {
    uint256 optionPriceFeeCoefficient;
    uint256 optionPriceFee1xPoint;
    uint256 optionPriceFee2xPoint;
    uint256 spotPriceFeeCoefficient;
    uint256 spotPriceFee1xPoint;
    uint256 spotPriceFee2xPoint;
    uint256 vegaFeeCoefficient;
    uint256 standardSize;
    uint256 skewAdjustmentFactor;
}

struct Limits {
    int256 minDelta;
    int256 minForceCloseDelta;
    uint256 tradingCutoff;
    uint256 minBaseIV;
    uint256 maxBaseIV;
    uint256 minSkew;
    uint256 maxSkew;
    uint256 minVol;
    uint256 maxVol;
    uint256 absMinSkew;
    uint256 absMaxSkew;
    bool capSkewsToAbs;
}

struct VarianceFee {
    uint256 defaultVarianceFeeCoefficient;
    uint256 forceCloseVarianceFeeCoefficient;
    uint256 skewAdjustmentCoefficient;
    uint256 referenceSkew;
    uint256 minimumStaticSkewAdjustment;
    uint256 vegaCoefficient;
    uint256 minimumStaticVega;
    uint256 ivVarianceCoefficient;
    uint256 minimumStaticIvVariance;
}

struct NetGreeks {
    int256 netDelta;
    int256 netStdVega;
    int256 netOptionValue;
}

struct GlobalCache {
    uint256 minUpdatedAt;
    uint256 minUpdatedAtPrice;
    uint256 maxUpdatedAtPrice;
    uint256 maxSkewVariance;
    uint256 maxIvVariance;
    NetGreeks netGreeks;
}

struct StrikeGreeks {
    int256 callDelta;
    int256 putDelta;
    uint256 stdVega;
    uint256 callPrice;
    uint256 putPrice;
}

struct StrikeCache {
    uint256 id;
    uint256 boardId;
    uint256 strikePrice;
    uint256 skew;
    StrikeGreeks greeks;
    int256 callExposure;
    int256 putExposure;
    uint256 skewVariance;
}

struct StrikeView {
    uint256 strikeId;
    uint256 boardId;
    uint256 strikePrice;
    uint256 skew;
    uint256 forceCloseSkew;
    StrikeGreeks cachedGreeks;
    uint256 baseReturnedRatio;
    uint256 longCallOpenInterest;
    uint256 longPutOpenInterest;
    uint256 shortCallBaseOpenInterest;
    uint256 shortCallQuoteOpenInterest;
    uint256 shortPutOpenInterest;
}

struct BoardView {
    address market;
    uint256 boardId;
    uint256 expiry;
    uint256 baseIv;
    uint256 priceAtExpiry;
    bool isPaused;
    uint256 varianceGwavIv;
    uint256 forceCloseGwavIv;
    uint256 longScaleFactor;
    NetGreeks netGreeks;
    StrikeView[] strikes;
}
