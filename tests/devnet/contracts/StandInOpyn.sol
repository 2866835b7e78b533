// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

// Stand-ins for Opyn Gamma, from its published ABI and behaviour: anybody may set anything, nothing is
// transferred. Figures have 27 decimals inside and are cut towards zero, as Gamma's are.

interface IFeed {
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80);
    function getRoundData(uint80 id) external view returns (uint80, int256, uint256, uint256, uint80);
}

interface IDecimals {
    function decimals() external view returns (uint8);
}

struct Vault {
    address[] shortOtokens;
    address[] longOtokens;
    address[] collateralAssets;
    uint256[] shortAmounts;
    uint256[] longAmounts;
    uint256[] collateralAmounts;
}

contract StandInOtoken {
    address public immutable collateralAsset;
    address public immutable underlyingAsset;
    address public immutable strikeAsset;
    uint256 public immutable strikePrice;
    uint256 public immutable expiryTimestamp;
    bool public immutable isPut;
    uint8 public constant decimals = 8;
    mapping(address => uint256) private _balances;
    bool private _broken;

    constructor(address underlying, address strike, address collateral, uint256 price, uint256 expiry, bool put) {
        (underlyingAsset, strikeAsset, collateralAsset) = (underlying, strike, collateral);
        (strikePrice, expiryTimestamp, isPut) = (price, expiry, put);
    }

    function balanceOf(address owner) external view returns (uint256) {
        require(!_broken, "broken");
        return _balances[owner];
    }

    function mint(address owner, uint256 amount) external {
        _balances[owner] += amount;
    }

    function breakIt() external {
        _broken = true;
    }
}

contract StandInOtokenFactory {
    address public immutable addressBook;
    address[] public otokens;

    event OtokenCreated(
        address tokenAddress,
        address creator,
        address indexed underlying,
        address indexed strike,
        address indexed collateral,
        uint256 strikePrice,
        uint256 expiry,
        bool isPut
    );

    constructor(address book) {
        addressBook = book;
    }

    function getOtokensLength() external view returns (uint256) {
        return otokens.length;
    }

    function createOtoken(
        address underlying,
        address strike,
        address collateral,
        uint256 price,
        uint256 expiry,
        bool put
    ) external returns (address made) {
        made = address(new StandInOtoken(underlying, strike, collateral, price, expiry, put));
        otokens.push(made);
        emit OtokenCreated(made, msg.sender, underlying, strike, collateral, price, expiry, put);
    }
}

contract StandInOpynPricer {
    IFeed public immutable aggregator;

    constructor(IFeed feed) {
        aggregator = feed;
    }
}

contract StandInOpynOracle {
    struct Expiry {
        uint256 price;
        bool isFinal;
    }

    mapping(address => uint256) private _pinned;
    mapping(address => StandInOpynPricer) private _pricers;
    mapping(address => mapping(uint256 => Expiry)) private _expiries;

    event PricerUpdated(address indexed asset, address indexed pricer);

    function setStablePrice(address asset, uint256 price) external {
        _pinned[asset] = price;
    }

    function setAssetPricer(address asset, StandInOpynPricer pricer) external {
        _pricers[asset] = pricer;
        emit PricerUpdated(asset, address(pricer));
    }

    /// @notice Another pricer than the logs tell.
    function swapPricer(address asset, StandInOpynPricer pricer) external {
        _pricers[asset] = pricer;
    }

    function setExpiryPrice(address asset, uint256 expiry, uint256 price, bool isFinal) external {
        _expiries[asset][expiry] = Expiry(price, isFinal);
    }

    function getPricer(address asset) external view returns (address) {
        return address(_pricers[asset]);
    }

    function getPrice(address asset) external view returns (uint256) {
        if (_pinned[asset] != 0) return _pinned[asset];
        (, int256 answer, , , ) = _pricers[asset].aggregator().latestRoundData();
        return uint256(answer);
    }

    function getChainlinkRoundData(address asset, uint80 round) external view returns (uint256, uint256) {
        (, int256 answer, , uint256 time, ) = _pricers[asset].aggregator().getRoundData(round);
        return (uint256(answer), time);
    }

    function getExpiryPrice(address asset, uint256 expiry) external view returns (uint256, bool) {
        if (_pinned[asset] != 0) return (_pinned[asset], true);
        Expiry storage at = _expiries[asset][expiry];
        return (at.price, at.isFinal);
    }
}

contract StandInMarginCalculator {
    int256 private constant ONE = 1e27;
    StandInOpynOracle public immutable oracle;
    uint256 public getOracleDeviation;
    mapping(address => uint256) public getCollateralDust;
    mapping(bytes32 => uint256) private _shock;
    mapping(bytes32 => uint256[]) private _times;
    mapping(bytes32 => mapping(uint256 => uint256)) private _bounds;

    constructor(StandInOpynOracle oracle_) {
        oracle = oracle_;
    }

    function set(uint256 deviation, address collateral, uint256 dust) external {
        getOracleDeviation = deviation;
        getCollateralDust[collateral] = dust;
    }

    function setProduct(
        address u,
        address s,
        address c,
        bool put,
        uint256 shock,
        uint256[] calldata times,
        uint256[] calldata values
    ) external {
        bytes32 key = keccak256(abi.encode(u, s, c, put));
        _shock[key] = shock;
        _times[key] = times;
        for (uint256 i = 0; i < times.length; i++) _bounds[key][times[i]] = values[i];
    }

    function getSpotShock(address u, address s, address c, bool put) external view returns (uint256) {
        return _shock[keccak256(abi.encode(u, s, c, put))];
    }

    function getTimesToExpiry(address u, address s, address c, bool put) external view returns (uint256[] memory) {
        return _times[keccak256(abi.encode(u, s, c, put))];
    }

    function getMaxPrice(address u, address s, address c, bool put, uint256 time) external view returns (uint256) {
        return _bounds[keccak256(abi.encode(u, s, c, put))][time];
    }

    function getExcessCollateral(Vault memory vault, uint256 kind) public view returns (uint256, bool) {
        (StandInOtoken short, int256 written) = _first(vault.shortOtokens, vault.shortAmounts);
        (StandInOtoken long, int256 owned) = _first(vault.longOtokens, vault.longAmounts);
        StandInOtoken any = written != 0 ? short : long;
        uint8 places = IDecimals(any.collateralAsset()).decimals();
        int256 unit = int256(10 ** (27 - places));
        int256 held = vault.collateralAmounts.length > 0 ? int256(vault.collateralAmounts[0]) * unit : int256(0);
        int256 needed;
        if (block.timestamp >= any.expiryTimestamp()) {
            needed = _product(_cash(short, written), written) - _product(_cash(long, owned), owned);
            needed = _inCollateral(any, needed);
        } else if (kind == 1) {
            uint256 dust = getCollateralDust[any.collateralAsset()];
            require(held == 0 || held > int256(dust) * unit, "collateral below dust");
            needed = _naked(short, written, int256(oracle.getPrice(short.underlyingAsset())) * 1e19);
        } else {
            needed = _spread(any.isPut(), _strike(short, written), _strike(long, owned), written, owned);
        }
        int256 excess = held - needed;
        return excess >= 0 ? (uint256(excess / unit), true) : (uint256((-excess + unit - 1) / unit), false);
    }

    function isLiquidatable(
        Vault memory vault,
        uint256 latestUpdate,
        uint80 round
    ) external view returns (bool, uint256, uint256) {
        (StandInOtoken short, int256 written) = _first(vault.shortOtokens, vault.shortAmounts);
        (uint256 price, uint256 time) = oracle.getChainlinkRoundData(short.underlyingAsset(), round);
        require(time > latestUpdate, "auction timestamp should be post vault latest update");
        int256 unit = int256(10 ** (27 - IDecimals(short.collateralAsset()).decimals()));
        int256 held = int256(vault.collateralAmounts[0]) * unit;
        int256 spot = int256(price) * 1e19;
        if (_naked(short, written, spot) <= held) return (false, 0, 0);
        int256 most = (held * ONE) / written;
        int256 at = most;
        if (block.timestamp - time < 3600) {
            int256 strike = _strike(short, written);
            int256 least = _above(short.isPut() ? strike - spot : spot - strike);
            least = _above(least - _product(int256(getOracleDeviation), spot));
            if (!short.isPut()) least = (least * ONE) / spot;
            at = least + (_product(most - least, int256(block.timestamp - time) * 1e9) * ONE) / 3.6e12;
            if (at > most) at = most;
        }
        return (true, uint256(at / unit), getCollateralDust[short.collateralAsset()]);
    }

    function payoutRate(StandInOtoken otoken) external view returns (uint256) {
        int256 unit = int256(10 ** (27 - IDecimals(otoken.collateralAsset()).decimals()));
        return uint256(_inCollateral(otoken, _cash(otoken, 1)) / unit);
    }

    function _naked(StandInOtoken short, int256 written, int256 spot) private view returns (int256) {
        bytes32 key = keccak256(
            abi.encode(short.underlyingAsset(), short.strikeAsset(), short.collateralAsset(), short.isPut())
        );
        int256 bound = _bound(key, short.expiryTimestamp() - block.timestamp);
        int256 shock = int256(_shock[key]);
        int256 strike = _strike(short, written);
        int256 whole = short.isPut() ? strike : ONE;
        int256 near = short.isPut() ? _product(shock, spot) : (_product(strike, shock) * ONE) / spot;
        if (near > whole) near = whole;
        return _product(_product(bound, near) + whole - near, written);
    }

    function _bound(bytes32 key, uint256 left) private view returns (int256) {
        uint256[] storage times = _times[key];
        for (uint256 i = 0; i < times.length; i++) {
            if (times[i] >= left) return int256(_bounds[key][times[i]]);
        }
        revert("product have no upper bound value");
    }

    /// @dev Strike asset of a put, underlying of a call: the same as the collateral here.
    function _spread(bool put, int256 sold, int256 bought, int256 n, int256 l) private pure returns (int256) {
        if (put) return _above(_product(n, sold) - _product(bought, n < l ? n : l));
        int256 bare = _above(n - l);
        if (bought == 0) return bare;
        int256 between = (_product(bought - sold, n) * ONE) / bought;
        return between > bare ? between : bare;
    }

    function _cash(StandInOtoken otoken, int256 size) private view returns (int256) {
        if (size == 0) return 0;
        int256 spot = _convert(ONE, otoken.underlyingAsset(), otoken.strikeAsset(), otoken.expiryTimestamp());
        int256 strike = _strike(otoken, size);
        return _above(otoken.isPut() ? strike - spot : spot - strike);
    }

    function _inCollateral(StandInOtoken otoken, int256 amount) private view returns (int256) {
        return _convert(amount, otoken.strikeAsset(), otoken.collateralAsset(), otoken.expiryTimestamp());
    }

    function _convert(int256 amount, address a, address b, uint256 expiry) private view returns (int256) {
        if (a == b) return amount;
        (uint256 priceA, bool finalA) = oracle.getExpiryPrice(a, expiry);
        (uint256 priceB, bool finalB) = oracle.getExpiryPrice(b, expiry);
        require(finalA && finalB, "price at expiry not finalized yet");
        return (_product(amount, int256(priceA) * 1e19) * ONE) / (int256(priceB) * 1e19);
    }

    function _first(address[] memory held, uint256[] memory raw) private pure returns (StandInOtoken, int256) {
        if (held.length == 0 || held[0] == address(0)) return (StandInOtoken(address(0)), 0);
        return (StandInOtoken(held[0]), int256(raw[0]) * 1e19);
    }

    function _strike(StandInOtoken otoken, int256 size) private view returns (int256) {
        return size == 0 ? int256(0) : int256(otoken.strikePrice()) * 1e19;
    }

    function _product(int256 a, int256 b) private pure returns (int256) {
        return (a * b) / ONE;
    }

    function _above(int256 a) private pure returns (int256) {
        return a > 0 ? a : int256(0);
    }
}

contract StandInGammaController {
    address public immutable addressbook;
    StandInMarginCalculator public immutable calculator;
    StandInOpynOracle public immutable oracle;
    bool public systemFullyPaused;
    bool public systemPartiallyPaused;
    mapping(address => uint256) public getAccountVaultCounter;
    mapping(address => mapping(uint256 => Vault)) private _vaults;
    mapping(address => mapping(uint256 => uint256)) private _kinds;
    mapping(address => mapping(uint256 => uint256)) private _updates;

    constructor(address book, StandInMarginCalculator calculator_, StandInOpynOracle oracle_) {
        (addressbook, calculator, oracle) = (book, calculator_, oracle_);
    }

    function pause(bool fully, bool partially) external {
        (systemFullyPaused, systemPartiallyPaused) = (fully, partially);
    }

    /// @notice A new vault of the sender, whatever is in it.
    function open(uint256 kind, Vault calldata vault) external {
        uint256 id = ++getAccountVaultCounter[msg.sender];
        _vaults[msg.sender][id] = vault;
        _kinds[msg.sender][id] = kind;
        _updates[msg.sender][id] = block.timestamp;
    }

    function setCount(uint256 count) external {
        getAccountVaultCounter[msg.sender] = count;
    }

    function getVaultWithDetails(address owner, uint256 id) public view returns (Vault memory, uint256, uint256) {
        return (_vaults[owner][id], _kinds[owner][id], _updates[owner][id]);
    }

    function isLiquidatable(address owner, uint256 id, uint256 round) external view returns (bool, uint256, uint256) {
        return calculator.isLiquidatable(_vaults[owner][id], _updates[owner][id], uint80(round));
    }

    function getPayout(StandInOtoken otoken, uint256 amount) external view returns (uint256) {
        return (calculator.payoutRate(otoken) * amount) / 1e8;
    }
}
