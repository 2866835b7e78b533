// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

interface IToken {
    function balanceOf(address account) external view returns (uint256);
    function decimals() external view returns (uint8);
    function transfer(address to, uint256 value) external returns (bool);
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

interface IFeed {
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80);
}

/// @notice Stands in for a comet of Compound V3, which has no package: the same interface and arithmetic,
/// written from the published interface and formulas.
/// @dev Not there: rewards, managers, transfers, reserves' withdrawal. Anybody may pause and relist.
contract StandInComet {
    struct Curve {
        uint64 base;
        uint64 slopeLow;
        uint64 slopeHigh;
        uint64 kink;
    }

    struct Listing {
        address asset;
        address priceFeed;
        uint64 borrowCollateralFactor;
        uint64 liquidateCollateralFactor;
        uint64 liquidationFactor;
        uint128 supplyCap;
    }

    struct Setup {
        string symbol;
        address baseToken;
        address baseTokenPriceFeed;
        Curve supplyCurve;
        Curve borrowCurve;
        uint256 storeFrontPriceFactor;
        uint256 targetReserves;
        uint256 baseBorrowMin;
        Listing[] collaterals;
    }

    struct AssetInfo {
        uint8 offset;
        address asset;
        address priceFeed;
        uint64 scale;
        uint64 borrowCollateralFactor;
        uint64 liquidateCollateralFactor;
        uint64 liquidationFactor;
        uint128 supplyCap;
    }

    struct TotalsBasic {
        uint64 baseSupplyIndex;
        uint64 baseBorrowIndex;
        uint64 trackingSupplyIndex;
        uint64 trackingBorrowIndex;
        uint104 totalSupplyBase;
        uint104 totalBorrowBase;
        uint40 lastAccrualTime;
        uint8 pauseFlags;
    }

    struct UserBasic {
        int104 principal;
        uint64 baseTrackingIndex;
        uint64 baseTrackingAccrued;
        uint16 assetsIn;
        uint8 _reserved;
    }

    struct Held {
        uint128 balance;
        uint128 _reserved;
    }

    uint64 private constant ONE = 1e18;
    uint64 private constant INDEX_ONE = 1e15;

    string public symbol;
    address public baseToken;
    address public baseTokenPriceFeed;
    uint256 public baseScale;
    uint256 public storeFrontPriceFactor;
    uint256 public targetReserves;
    uint256 public baseBorrowMin;

    mapping(address => UserBasic) public userBasic;
    mapping(address => mapping(address => Held)) public userCollateral;
    mapping(address => Held) public totalsCollateral;

    TotalsBasic private _totals;
    Curve private _supplyCurve;
    Curve private _borrowCurve;
    AssetInfo[] private _assets;

    event Supply(address indexed from, address indexed dst, uint256 amount);
    event Transfer(address indexed from, address indexed to, uint256 amount);
    event Withdraw(address indexed src, address indexed to, uint256 amount);
    event SupplyCollateral(address indexed from, address indexed dst, address indexed asset, uint256 amount);
    event WithdrawCollateral(address indexed src, address indexed to, address indexed asset, uint256 amount);
    event AbsorbDebt(address indexed absorber, address indexed borrower, uint256 basePaidOut, uint256 usdValue);
    event AbsorbCollateral(
        address indexed absorber,
        address indexed borrower,
        address indexed asset,
        uint256 collateralAbsorbed,
        uint256 usdValue
    );
    event BuyCollateral(address indexed buyer, address indexed asset, uint256 baseAmount, uint256 collateralAmount);

    error AlreadyInitialized();
    error BadAsset();
    error BadPrice();
    error BorrowTooSmall();
    error InsufficientReserves();
    error NotCollateralized();
    error NotForSale();
    error NotLiquidatable();
    error Paused();
    error SupplyCapExceeded();
    error TooMuchSlippage();

    constructor(Setup memory setup) {
        symbol = setup.symbol;
        baseToken = setup.baseToken;
        baseTokenPriceFeed = setup.baseTokenPriceFeed;
        baseScale = 10 ** IToken(setup.baseToken).decimals();
        storeFrontPriceFactor = setup.storeFrontPriceFactor;
        targetReserves = setup.targetReserves;
        baseBorrowMin = setup.baseBorrowMin;
        _supplyCurve = setup.supplyCurve;
        _borrowCurve = setup.borrowCurve;
        for (uint8 i = 0; i < setup.collaterals.length; i++) {
            Listing memory one = setup.collaterals[i];
            _assets.push(
                AssetInfo({
                    offset: i,
                    asset: one.asset,
                    priceFeed: one.priceFeed,
                    scale: uint64(10 ** IToken(one.asset).decimals()),
                    borrowCollateralFactor: one.borrowCollateralFactor,
                    liquidateCollateralFactor: one.liquidateCollateralFactor,
                    liquidationFactor: one.liquidationFactor,
                    supplyCap: one.supplyCap
                })
            );
        }
    }

    function initializeStorage() external {
        if (_totals.lastAccrualTime != 0) revert AlreadyInitialized();
        _totals.baseSupplyIndex = INDEX_ONE;
        _totals.baseBorrowIndex = INDEX_ONE;
        _totals.lastAccrualTime = uint40(block.timestamp);
    }

    // What only governance could do.

    function pause(bool supply_, bool transfer_, bool withdraw_, bool absorb_, bool buy_) external {
        bool[5] memory wanted = [supply_, transfer_, withdraw_, absorb_, buy_];
        uint8 flags = 0;
        for (uint8 i = 0; i < 5; i++) if (wanted[i]) flags |= uint8(1 << i);
        _totals.pauseFlags = flags;
    }

    function relist(uint8 i, address priceFeed, uint64 liquidateFactor, uint64 liquidationFactor) external {
        AssetInfo storage asset = _assets[i];
        asset.priceFeed = priceFeed;
        asset.borrowCollateralFactor = liquidateFactor > 2e16 ? liquidateFactor - 2e16 : 0;
        asset.liquidateCollateralFactor = liquidateFactor;
        asset.liquidationFactor = liquidationFactor;
    }

    // Views.

    function decimals() external view returns (uint8) {
        return IToken(baseToken).decimals();
    }

    function numAssets() external view returns (uint8) {
        return uint8(_assets.length);
    }

    function totalsBasic() external view returns (TotalsBasic memory) {
        return _totals;
    }

    function getAssetInfo(uint8 i) public view returns (AssetInfo memory) {
        if (i >= _assets.length) revert BadAsset();
        return _assets[i];
    }

    function getAssetInfoByAddress(address asset) public view returns (AssetInfo memory) {
        for (uint256 i = 0; i < _assets.length; i++) if (_assets[i].asset == asset) return _assets[i];
        revert BadAsset();
    }

    function getPrice(address priceFeed) public view returns (uint256) {
        (, int256 answer, , , ) = IFeed(priceFeed).latestRoundData();
        if (answer <= 0) revert BadPrice();
        return uint256(answer);
    }

    function getUtilization() public view returns (uint256) {
        uint256 lent = _grown(_totals.totalSupplyBase, _totals.baseSupplyIndex);
        uint256 borrowed = _grown(_totals.totalBorrowBase, _totals.baseBorrowIndex);
        return lent == 0 ? 0 : borrowed * ONE / lent;
    }

    function getSupplyRate(uint256 utilization) public view returns (uint64) {
        return _rate(_supplyCurve, utilization);
    }

    function getBorrowRate(uint256 utilization) public view returns (uint64) {
        return _rate(_borrowCurve, utilization);
    }

    function isSupplyPaused() public view returns (bool) {
        return _isPaused(0);
    }

    function isTransferPaused() public view returns (bool) {
        return _isPaused(1);
    }

    function isWithdrawPaused() public view returns (bool) {
        return _isPaused(2);
    }

    function isAbsorbPaused() public view returns (bool) {
        return _isPaused(3);
    }

    function isBuyPaused() public view returns (bool) {
        return _isPaused(4);
    }

    function totalSupply() external view returns (uint256) {
        (uint64 supplyIndex, ) = _accruedIndices();
        return _grown(_totals.totalSupplyBase, supplyIndex);
    }

    function totalBorrow() external view returns (uint256) {
        (, uint64 borrowIndex) = _accruedIndices();
        return _grown(_totals.totalBorrowBase, borrowIndex);
    }

    function balanceOf(address account) external view returns (uint256) {
        (uint64 supplyIndex, ) = _accruedIndices();
        int104 principal = userBasic[account].principal;
        return principal > 0 ? _grown(uint104(principal), supplyIndex) : 0;
    }

    function borrowBalanceOf(address account) public view returns (uint256) {
        (, uint64 borrowIndex) = _accruedIndices();
        int104 principal = userBasic[account].principal;
        return principal < 0 ? _grown(uint104(-principal), borrowIndex) : 0;
    }

    function collateralBalanceOf(address account, address asset) external view returns (uint128) {
        return userCollateral[account][asset].balance;
    }

    function getReserves() public view returns (int256) {
        (uint64 supplyIndex, uint64 borrowIndex) = _accruedIndices();
        uint256 cash = IToken(baseToken).balanceOf(address(this));
        uint256 borrowed = _grown(_totals.totalBorrowBase, borrowIndex);
        return int256(cash + borrowed) - int256(_grown(_totals.totalSupplyBase, supplyIndex));
    }

    function getCollateralReserves(address asset) public view returns (uint256) {
        return IToken(asset).balanceOf(address(this)) - totalsCollateral[asset].balance;
    }

    /// @dev As the real one: at the indices of the last accrual, not at those of now.
    function isBorrowCollateralized(address account) public view returns (bool) {
        return _liquidity(account, false) >= 0;
    }

    /// @dev As the real one: at the indices of the last accrual, not at those of now.
    function isLiquidatable(address account) public view returns (bool) {
        return _liquidity(account, true) < 0;
    }

    function quoteCollateral(address asset, uint256 baseAmount) public view returns (uint256) {
        AssetInfo memory info = getAssetInfoByAddress(asset);
        uint256 discount = storeFrontPriceFactor * (ONE - info.liquidationFactor) / ONE;
        uint256 price = getPrice(info.priceFeed) * (ONE - discount) / ONE;
        return getPrice(baseTokenPriceFeed) * baseAmount * info.scale / price / baseScale;
    }

    // What accounts and liquidators do.

    function accrueAccount(address) external {
        _accrue();
    }

    /// @notice Supplies base, repaying first, or collateral; the largest number repays the whole debt.
    function supply(address asset, uint256 amount) external {
        if (isSupplyPaused()) revert Paused();
        if (asset == baseToken) {
            if (amount == type(uint256).max) amount = borrowBalanceOf(msg.sender);
            IToken(asset).transferFrom(msg.sender, address(this), amount);
            _accrue();
            _setBalance(msg.sender, _balance(msg.sender) + int256(amount));
            emit Supply(msg.sender, msg.sender, amount);
        } else {
            AssetInfo memory info = getAssetInfoByAddress(asset);
            IToken(asset).transferFrom(msg.sender, address(this), amount);
            totalsCollateral[asset].balance += uint128(amount);
            if (totalsCollateral[asset].balance > info.supplyCap) revert SupplyCapExceeded();
            _setCollateral(msg.sender, info, userCollateral[msg.sender][asset].balance + amount);
            emit SupplyCollateral(msg.sender, msg.sender, asset, amount);
        }
    }

    /// @notice Withdraws base, borrowing what is not there, or collateral.
    function withdraw(address asset, uint256 amount) external {
        if (isWithdrawPaused()) revert Paused();
        if (asset == baseToken) {
            _accrue();
            int256 had = _balance(msg.sender);
            if (amount == type(uint256).max) amount = had > 0 ? uint256(had) : 0;
            int256 left = had - int256(amount);
            _setBalance(msg.sender, left);
            if (left < 0) {
                if (uint256(-left) < baseBorrowMin) revert BorrowTooSmall();
                if (!isBorrowCollateralized(msg.sender)) revert NotCollateralized();
            }
            emit Withdraw(msg.sender, msg.sender, amount);
        } else {
            AssetInfo memory info = getAssetInfoByAddress(asset);
            totalsCollateral[asset].balance -= uint128(amount);
            _setCollateral(msg.sender, info, userCollateral[msg.sender][asset].balance - amount);
            if (!isBorrowCollateralized(msg.sender)) revert NotCollateralized();
            emit WithdrawCollateral(msg.sender, msg.sender, asset, amount);
        }
        IToken(asset).transfer(msg.sender, amount);
    }

    function absorb(address absorber, address[] calldata accounts) external {
        if (isAbsorbPaused()) revert Paused();
        _accrue();
        for (uint256 i = 0; i < accounts.length; i++) _absorb(absorber, accounts[i]);
    }

    function buyCollateral(address asset, uint256 minAmount, uint256 baseAmount, address recipient) external {
        if (isBuyPaused()) revert Paused();
        int256 reserves = getReserves();
        if (reserves >= 0 && uint256(reserves) >= targetReserves) revert NotForSale();
        IToken(baseToken).transferFrom(msg.sender, address(this), baseAmount);
        uint256 bought = quoteCollateral(asset, baseAmount);
        if (bought < minAmount) revert TooMuchSlippage();
        if (bought > getCollateralReserves(asset)) revert InsufficientReserves();
        IToken(asset).transfer(recipient, bought);
        emit BuyCollateral(msg.sender, asset, baseAmount, bought);
    }

    function _absorb(address absorber, address account) private {
        if (!isLiquidatable(account)) revert NotLiquidatable();
        int256 before = _balance(account);
        uint256 credit = 0;
        for (uint8 i = 0; i < _assets.length; i++) {
            if (!_holds(account, i)) continue;
            AssetInfo memory info = _assets[i];
            uint128 seized = userCollateral[account][info.asset].balance;
            uint256 value = seized * getPrice(info.priceFeed) / info.scale;
            credit += value * info.liquidationFactor / ONE;
            totalsCollateral[info.asset].balance -= seized;
            _setCollateral(account, info, 0);
            emit AbsorbCollateral(absorber, account, info.asset, seized, value);
        }
        uint256 basePrice = getPrice(baseTokenPriceFeed);
        int256 left = before + int256(credit * baseScale / basePrice);
        if (left < 0) left = 0;
        _setBalance(account, left);
        uint256 paid = uint256(left - before);
        emit AbsorbDebt(absorber, account, paid, paid * basePrice / baseScale);
    }

    /// @dev The debt's value below zero, plus what the collateral counts; stops where that suffices.
    function _liquidity(address account, bool forLiquidation) private view returns (int256 sum) {
        if (userBasic[account].principal >= 0) return 0;
        // Signed division cuts towards zero: the value of a debt is rounded down.
        sum = _balance(account) * int256(getPrice(baseTokenPriceFeed)) / int256(baseScale);
        for (uint8 i = 0; i < _assets.length && sum < 0; i++) {
            if (!_holds(account, i)) continue;
            AssetInfo memory info = _assets[i];
            uint256 value = userCollateral[account][info.asset].balance * getPrice(info.priceFeed) / info.scale;
            uint256 factor = forLiquidation ? info.liquidateCollateralFactor : info.borrowCollateralFactor;
            sum += int256(value * factor / ONE);
        }
    }

    function _accruedIndices() private view returns (uint64 supplyIndex, uint64 borrowIndex) {
        (supplyIndex, borrowIndex) = (_totals.baseSupplyIndex, _totals.baseBorrowIndex);
        uint256 elapsed = block.timestamp - _totals.lastAccrualTime;
        uint256 used = getUtilization();
        supplyIndex += uint64(supplyIndex * (getSupplyRate(used) * elapsed) / ONE);
        borrowIndex += uint64(borrowIndex * (getBorrowRate(used) * elapsed) / ONE);
    }

    function _accrue() private {
        (_totals.baseSupplyIndex, _totals.baseBorrowIndex) = _accruedIndices();
        _totals.lastAccrualTime = uint40(block.timestamp);
    }

    function _rate(Curve memory curve, uint256 used) private pure returns (uint64) {
        uint256 low = used < curve.kink ? used : curve.kink;
        uint256 slopes = curve.slopeLow * low / ONE + curve.slopeHigh * (used - low) / ONE;
        return uint64(curve.base + slopes);
    }

    function _grown(uint104 principal, uint64 index) private pure returns (uint256) {
        return uint256(principal) * index / INDEX_ONE;
    }

    /// @dev Base of an account at the last accrual, owed below zero.
    function _balance(address account) private view returns (int256) {
        int104 principal = userBasic[account].principal;
        if (principal < 0) return -int256(_grown(uint104(-principal), _totals.baseBorrowIndex));
        return int256(_grown(uint104(principal), _totals.baseSupplyIndex));
    }

    /// @dev Principals of supply round down, those of debt up; the totals follow those of the accounts.
    function _setBalance(address account, int256 balance) private {
        UserBasic storage user = userBasic[account];
        if (user.principal < 0) _totals.totalBorrowBase -= uint104(-user.principal);
        else _totals.totalSupplyBase -= uint104(user.principal);
        if (balance < 0) {
            uint64 index = _totals.baseBorrowIndex;
            uint104 owed = uint104((uint256(-balance) * INDEX_ONE + index - 1) / index);
            _totals.totalBorrowBase += owed;
            user.principal = -int104(owed);
        } else {
            uint104 supplied = uint104(uint256(balance) * INDEX_ONE / _totals.baseSupplyIndex);
            _totals.totalSupplyBase += supplied;
            user.principal = int104(supplied);
        }
    }

    function _setCollateral(address account, AssetInfo memory info, uint256 balance) private {
        userCollateral[account][info.asset].balance = uint128(balance);
        UserBasic storage user = userBasic[account];
        uint24 bit = uint24(1) << info.offset;
        uint24 flags = uint24(user.assetsIn) | (uint24(user._reserved) << 16);
        flags = balance == 0 ? flags & ~bit : flags | bit;
        (user.assetsIn, user._reserved) = (uint16(flags), uint8(flags >> 16));
    }

    function _holds(address account, uint8 offset) private view returns (bool) {
        UserBasic storage user = userBasic[account];
        return ((uint24(user.assetsIn) | (uint24(user._reserved) << 16)) >> offset) & 1 == 1;
    }

    function _isPaused(uint8 bit) private view returns (bool) {
        return (_totals.pauseFlags >> bit) & 1 == 1;
    }
}
