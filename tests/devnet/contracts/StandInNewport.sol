// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

import {IToken, StandInNewportPool} from "devnet/StandInNewportPool.sol";
import {StandInNewportState} from "devnet/StandInNewportState.sol";
import {OptionBoard, Position, Strike} from "devnet/StandInNewportTypes.sol";

// Stand-in for an option market of Lyra Newport with its token, Greek cache, pricer, adapter and viewer, all at
// one address, written from the published ABI since no package ships the contracts. Its pool and hedgers are
// apart. Options are valued by the real library, through the test contract that Avalon's package ships.
// Volatilities and Greeks are what a test sets; nothing trades.

interface IMaths {
    struct Inputs {
        uint256 timeToExpirySec;
        uint256 volatilityDecimal;
        uint256 spotDecimal;
        uint256 strikePriceDecimal;
        int256 rateDecimal;
    }

    function optionPrices_pub(Inputs memory inputs) external view returns (uint256 call, uint256 put);
    function vega_pub(Inputs memory inputs) external view returns (uint256);
}

contract StandInNewport is StandInNewportState {
    error BoardIsFrozen(address thrower, uint256 boardId);
    error BoardExpired(address thrower, uint256 boardId, uint256 expiry, uint256 currentTime);
    error PositionNotLiquidatable(address thrower, Position position, uint256 spotPrice);

    uint8 private constant LONG_PUT = 1;
    uint8 private constant SHORT_CALL_BASE = 2;
    uint8 private constant SHORT_PUT_QUOTE = 4;
    uint256 private constant UNIT = 1e18;
    // What the adapter asks beyond its price for exchanging base, and its price over the spot price.
    uint256 private constant ALLOWANCE = 1.015e18;
    uint256 private constant ADAPTER_BPS = 9991;
    address public constant SECURITY_MODULE = address(0x5EC);

    IMaths private immutable maths;
    IToken private immutable quote;
    IToken private immutable base;
    IToken private immutable shares;
    StandInNewportPool public pool;
    mapping(uint256 => Position) private positions;
    mapping(uint256 => address) private owners;
    mapping(address => uint256[]) private held;
    uint256 private count;

    constructor(IMaths maths_, IToken quote_, IToken base_, IToken shares_) {
        (maths, quote, base, shares) = (maths_, quote_, base_, shares_);
    }

    function setPool(StandInNewportPool pool_) external {
        pool = pool_;
    }

    function open(address owner, uint256 strikeId, uint8 kind, uint256 amount, uint256 collateral) external {
        count++;
        positions[count] = Position(count, strikeId, kind, amount, collateral, 1);
        owners[count] = owner;
        held[owner].push(count);
        Strike storage strike = strikes[strikeId];
        if (kind == 0) strike.longCall += amount;
        else if (kind == LONG_PUT) strike.longPut += amount;
        else if (kind == SHORT_CALL_BASE) strike.shortCallBase += amount;
        else if (kind == SHORT_PUT_QUOTE) strike.shortPut += amount;
        else strike.shortCallQuote += amount;
    }

    function addCollateral(uint256 id, uint256 amount) external {
        positions[id].collateral += amount;
        IToken token = positions[id].optionType == SHORT_CALL_BASE ? base : quote;
        token.transferFrom(msg.sender, address(this), (amount - 1) / 10 ** (18 - token.decimals()) + 1);
    }

    function getOwnerPositions(address owner) external view returns (Position[] memory found) {
        found = new Position[](held[owner].length);
        for (uint256 i = 0; i < found.length; i++) found[i] = positions[held[owner][i]];
    }

    function marketAddresses(address market) external view returns (address[10] memory) {
        address here = address(this);
        address hedger = address(pool.poolHedger());
        return [
            address(pool), address(shares), here, market, here, here, here, hedger, address(quote), address(base)
        ];
    }

    function estimateExchangeToExactQuote(address, uint256 amountQuote) public view returns (uint256) {
        return amountQuote * ALLOWANCE / (spot * ADAPTER_BPS / 10000);
    }

    function canLiquidate(Position memory position, uint256 expiry, uint256 strikePrice, uint256 spotPrice)
        public
        view
        returns (bool)
    {
        if (position.optionType < SHORT_CALL_BASE || position.state != 1) return false;
        uint256 least = getMinCollateral(position.optionType, strikePrice, expiry, spotPrice, position.amount);
        return position.collateral < least;
    }

    function getMinCollateral(uint8 kind, uint256 strikePrice, uint256 expiry, uint256 spotPrice, uint256 amount)
        public
        view
        returns (uint256)
    {
        if (amount == 0) return 0;
        bool isPut = kind == SHORT_PUT_QUOTE;
        uint256 shocked = _of(spotPrice, isPut ? minimum.putSpotPriceShock : minimum.callSpotPriceShock);
        uint256 time = expiry > block.timestamp ? expiry - block.timestamp : 0;
        (uint256 call, uint256 put) =
            maths.optionPrices_pub(IMaths.Inputs(time, _shockVol(time), shocked, strikePrice, rate));
        if (kind == SHORT_CALL_BASE) {
            uint256 inBase = _larger(_of(call, amount) * UNIT / shocked, minimum.minStaticBaseCollateral);
            return inBase < amount ? inBase : amount;
        }
        uint256 least = _larger(_of(isPut ? put : call, amount), minimum.minStaticQuoteCollateral);
        uint256 full = _of(amount, strikePrice);
        return isPut && full < least ? full : least;
    }

    function liquidatePosition(uint256 id, address beneficiary) external {
        Position memory position = positions[id];
        Strike memory strike = strikes[position.strikeId];
        OptionBoard memory board = boards[strike.boardId];
        uint256 worth = pool.getLiquidity().NAV;
        if (isGlobalPaused) revert MarketIsPaused(address(this), address(this));
        if (board.frozen) revert BoardIsFrozen(address(this), board.id);
        if (block.timestamp >= board.expiry) {
            revert BoardExpired(address(this), board.id, board.expiry, block.timestamp);
        }
        uint256 cost = _cost(position, strike, board, worth);
        if (!canLiquidate(position, board.expiry, strike.strikePrice, spot)) {
            revert PositionNotLiquidatable(address(this), position, spot);
        }
        positions[id].state = 3;
        _pay(position, owners[id], beneficiary, cost);
    }

    function _pay(Position memory position, address owner, address beneficiary, uint256 cost) private {
        bool inBase = position.optionType == SHORT_CALL_BASE;
        uint256 least = penalty.minLiquidationFee;
        if (inBase) (cost, least) = (estimateExchangeToExactQuote(address(this), cost), least * UNIT / spot);
        uint256 collateral = position.collateral;
        uint256 taken = least;
        uint256 unpaid;
        if (collateral >= cost + least) {
            taken = _larger(_of(collateral - cost, penalty.penaltyRatio), least);
        } else if (collateral >= least) {
            unpaid = cost + least - collateral;
        } else {
            (taken, unpaid) = (collateral, cost);
        }
        pool.updateLiquidationInsolvency(inBase ? _of(unpaid, spot) : unpaid);
        uint256 returned = unpaid > 0 || collateral < cost + least ? 0 : collateral - cost - taken;
        uint256 module = _of(taken, penalty.smFeeRatio);
        uint256 liquidator = _of(taken, penalty.liquidatorFeeRatio);
        IToken token = inBase ? base : quote;
        _send(token, owner, returned);
        _send(token, beneficiary, liquidator);
        _send(token, SECURITY_MODULE, module);
        _send(token, address(pool), collateral - returned - module - liquidator);
    }

    function _cost(Position memory position, Strike memory strike, OptionBoard memory board, uint256 worth)
        private
        view
        returns (uint256)
    {
        uint256 time = board.expiry - block.timestamp;
        uint256 amount = position.amount;
        (uint256 price, uint256 vol) = _price(position.optionType, strike, time);
        uint256 premium = _of(price, amount);
        uint256 total = premium + _of(_weighted(0, time), premium) + _of(_of(_weighted(1, time), spot), amount);
        total += _vegaFee(position.strikeId, amount, vol, worth);
        return total + _varianceFee(strike, board.iv, amount, time);
    }

    function _price(uint8 kind, Strike memory strike, uint256 time) private view returns (uint256, uint256) {
        bool isLate = limits.tradingCutoff > time;
        uint256 mean = _of(getIvGWAV(strike.boardId, force.ivGWAVPeriod), getSkewGWAV(strike.id, 0));
        uint256 vol = _of(mean, isLate ? force.liquidatePostCutoffVolShock : force.liquidateVolShock);
        (uint256 call, uint256 put) =
            maths.optionPrices_pub(IMaths.Inputs(time, vol, spot, strike.strikePrice, rate));
        bool isPut = kind == SHORT_PUT_QUOTE;
        (uint256 high, uint256 low) = isPut ? (strike.strikePrice, spot) : (spot, strike.strikePrice);
        uint256 parity = high > low ? high - low : 0;
        return (_larger(isPut ? put : call, parity + _of(spot, force.liquidateSpotMin)), vol);
    }

    function _weighted(uint256 which, uint256 time) private view returns (uint256) {
        (uint256 fee, uint256 once, uint256 twice) = which == 0
            ? (pricing.optionPriceFeeCoefficient, pricing.optionPriceFee1xPoint, pricing.optionPriceFee2xPoint)
            : (pricing.spotPriceFeeCoefficient, pricing.spotPriceFee1xPoint, pricing.spotPriceFee2xPoint);
        return time <= once ? fee : _of(fee, UNIT + (time - once) * UNIT / (twice - once));
    }

    function _vegaFee(uint256 strikeId, uint256 amount, uint256 vol, uint256 worth) private view returns (uint256) {
        int256 before = net.netStdVega;
        int256 later = before + int256(_of(amount, stdVega[strikeId]));
        if (_abs(before) >= _abs(later)) return 0;
        return _of(_of(pricing.vegaFeeCoefficient, _of(vol, _abs(later)) * UNIT / worth), amount);
    }

    function _varianceFee(Strike memory strike, uint256 iv, uint256 amount, uint256 time)
        private
        view
        returns (uint256)
    {
        uint256 skew = strike.skew + _of(amount * UNIT / pricing.standardSize / 100, pricing.skewAdjustmentFactor);
        if (limits.capSkewsToAbs) {
            if (skew > limits.absMaxSkew) skew = limits.absMaxSkew;
            skew = _larger(skew, limits.absMinSkew);
        }
        uint256 vega = maths.vega_pub(IMaths.Inputs(time, _of(iv, skew), spot, strike.strikePrice, rate));
        uint256 fee = variance.forceCloseVarianceFeeCoefficient;
        if (fee == 0) return 0;
        fee = _of(fee, variance.minimumStaticVega + _of(vega, variance.vegaCoefficient));
        uint256 apart = _abs(int256(skew) - int256(variance.referenceSkew));
        fee = _of(fee, variance.minimumStaticSkewAdjustment + _of(apart, variance.skewAdjustmentCoefficient));
        apart = _abs(int256(iv) - int256(getIvGWAV(strike.boardId, USUAL_IV_PERIOD)));
        fee = _of(fee, variance.minimumStaticIvVariance + _of(apart, variance.ivVarianceCoefficient));
        return _of(fee, amount);
    }

    function _shockVol(uint256 time) private view returns (uint256) {
        if (time <= minimum.shockVolPointA) return minimum.shockVolA;
        if (time >= minimum.shockVolPointB) return minimum.shockVolB;
        uint256 fall = (minimum.shockVolA - minimum.shockVolB) * (time - minimum.shockVolPointA);
        return minimum.shockVolA - fall / (minimum.shockVolPointB - minimum.shockVolPointA);
    }

    function _send(IToken token, address to, uint256 amount) private {
        uint256 raw = amount / 10 ** (18 - token.decimals());
        if (raw > 0) token.transfer(to, raw);
    }

    function _of(uint256 x, uint256 y) private pure returns (uint256) {
        return x * y / UNIT;
    }

    function _larger(uint256 x, uint256 y) private pure returns (uint256) {
        return x > y ? x : y;
    }

    function _abs(int256 x) private pure returns (uint256) {
        return uint256(x < 0 ? -x : x);
    }
}
