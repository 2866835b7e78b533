// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

import "./StandInGmxV1Vault.sol";

interface IGmxMintable is IGmxToken {
    function totalSupply() external view returns (uint256);
    function mint(address to, uint256 value) external;
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

/// @notice Stands in for the Reader of GMX V1: nine words for each position that is asked for.
contract StandInGmxReader {
    function getPositions(
        StandInGmxVault vault,
        address account,
        address[] memory collaterals,
        address[] memory indices,
        bool[] memory longs
    ) external view returns (uint256[] memory words) {
        words = new uint256[](9 * longs.length);
        for (uint256 i = 0; i < longs.length; i++) {
            uint256 at = 9 * i;
            bool won;
            (words[at], words[at + 1], words[at + 2], words[at + 3],, words[at + 5], won, words[at + 6]) =
                vault.getPosition(account, collaterals[i], indices[i], longs[i]);
            words[at + 4] = won ? 1 : 0;
            if (words[at + 2] == 0) continue;
            (won, words[at + 8]) = vault.getDelta(indices[i], words[at], words[at + 2], longs[i], words[at + 6]);
            words[at + 7] = won ? 1 : 0;
        }
    }
}

/// @notice Stands in for the GlpManager: what the pool is worth, and its shares, here minted without a fee.
contract StandInGmxGlpManager {
    StandInGmxVault public immutable vault;
    IGmxMintable public immutable glp;
    uint256 public cooldownDuration;
    uint256 public aumAddition;
    uint256 public aumDeduction;
    mapping(address => uint256) public lastAddedAt;

    constructor(StandInGmxVault vault_, IGmxMintable glp_, uint256 cooldown) {
        (vault, glp, cooldownDuration) = (vault_, glp_, cooldown);
    }

    function setAumAdjustment(uint256 addition, uint256 deduction) external {
        (aumAddition, aumDeduction) = (addition, deduction);
    }

    function addLiquidity(IGmxMintable token, uint256 amount, uint256, uint256) external returns (uint256 minted) {
        (uint256 before, uint256 supply) = (getAum(true), glp.totalSupply());
        token.transferFrom(msg.sender, address(vault), amount);
        vault.directPoolDeposit(address(token));
        uint256 usd = vault.tokenToUsdMin(address(token), amount);
        minted = supply == 0 ? usd / 10 ** 12 : usd * supply / before;
        glp.mint(msg.sender, minted);
        lastAddedAt[msg.sender] = block.timestamp;
    }

    function getAum(bool maximise) public view returns (uint256 aum) {
        aum = aumAddition;
        uint256 owed = 0;
        for (uint256 i = 0; i < vault.allWhitelistedTokensLength(); i++) {
            address token = vault.allWhitelistedTokens(i);
            if (!vault.whitelistedTokens(token)) continue;
            uint256 price = maximise ? vault.getMaxPrice(token) : vault.getMinPrice(token);
            uint256 free = vault.poolAmounts(token);
            if (!vault.stableTokens(token)) {
                free -= vault.reservedAmounts(token);
                (uint256 delta, bool tradersGain) = _shorts(token, price);
                if (tradersGain) owed += delta;
                else aum += delta;
                aum += vault.guaranteedUsd(token);
            }
            aum += free * price / 10 ** vault.tokenDecimals(token);
        }
        aum = owed > aum ? 0 : aum - owed;
        aum = aumDeduction > aum ? 0 : aum - aumDeduction;
    }

    function getGlobalShortAveragePrice(address token) public view returns (uint256) {
        return vault.globalShortAveragePrices(token);
    }

    function _shorts(address token, uint256 price) private view returns (uint256 delta, bool gain) {
        uint256 size = vault.globalShortSizes(token);
        if (size == 0) return (0, false);
        uint256 average = getGlobalShortAveragePrice(token);
        gain = average > price;
        delta = size * (gain ? average - price : price - average) / average;
    }
}

/// @notice Stands in for a reward tracker: what was deposited by whom; rewards are set by hand.
contract StandInGmxRewardTracker {
    string public constant symbol = "fGLP";
    uint8 public constant decimals = 18;
    address public immutable rewardToken;
    mapping(address => bool) public isDepositToken;
    mapping(address => mapping(address => uint256)) public depositBalances;
    mapping(address => uint256) public balanceOf;
    mapping(address => uint256) public claimable;

    constructor(address reward) {
        rewardToken = reward;
    }

    function setDepositToken(address token, bool taken) external {
        isDepositToken[token] = taken;
    }

    function stake(IGmxMintable token, uint256 amount) external {
        require(isDepositToken[address(token)], "RewardTracker: invalid _depositToken");
        token.transferFrom(msg.sender, address(this), amount);
        depositBalances[msg.sender][address(token)] += amount;
        balanceOf[msg.sender] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external returns (bool) {
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        return true;
    }

    function setClaimable(address account, uint256 amount) external {
        claimable[account] = amount;
    }
}

/// @notice Stands in for the order book: orders by wallet and number, gone from there once cancelled.
contract StandInGmxOrderBook {
    struct Increase {
        address purchaseToken;
        uint256 purchaseTokenAmount;
        address collateralToken;
        address indexToken;
        uint256 sizeDelta;
        bool isLong;
        uint256 triggerPrice;
        bool above;
        uint256 executionFee;
    }

    struct Decrease {
        address collateralToken;
        uint256 collateralDelta;
        address indexToken;
        uint256 sizeDelta;
        bool isLong;
        uint256 triggerPrice;
        bool above;
        uint256 executionFee;
    }

    struct Swap {
        address[3] path;
        uint256 amountIn;
        uint256 minOut;
        uint256 triggerRatio;
        bool above;
        bool shouldUnwrap;
        uint256 executionFee;
    }

    address public immutable vault;
    address public immutable weth;
    mapping(address => uint256) public increaseOrdersIndex;
    mapping(address => uint256) public decreaseOrdersIndex;
    mapping(address => uint256) public swapOrdersIndex;
    mapping(address => mapping(uint256 => Increase)) public getIncreaseOrder;
    mapping(address => mapping(uint256 => Decrease)) public getDecreaseOrder;
    mapping(address => mapping(uint256 => Swap)) private _swaps;

    constructor(address vault_, address weth_) {
        (vault, weth) = (vault_, weth_);
    }

    function createIncreaseOrder(Increase calldata order) external payable {
        IGmxMintable(order.purchaseToken).transferFrom(msg.sender, address(this), order.purchaseTokenAmount);
        getIncreaseOrder[msg.sender][increaseOrdersIndex[msg.sender]++] = order;
        require(msg.value == order.executionFee, "OrderBook: incorrect execution fee transferred");
    }

    function createDecreaseOrder(Decrease calldata order) external payable {
        getDecreaseOrder[msg.sender][decreaseOrdersIndex[msg.sender]++] = order;
        require(msg.value == order.executionFee, "OrderBook: incorrect execution fee transferred");
    }

    function createSwapOrder(Swap calldata order) external payable {
        IGmxMintable(order.path[0]).transferFrom(msg.sender, address(this), order.amountIn);
        _swaps[msg.sender][swapOrdersIndex[msg.sender]++] = order;
        require(msg.value == order.executionFee, "OrderBook: incorrect execution fee transferred");
    }

    function cancelIncreaseOrder(uint256 number) external {
        Increase memory order = getIncreaseOrder[msg.sender][number];
        delete getIncreaseOrder[msg.sender][number];
        IGmxToken(order.purchaseToken).transfer(msg.sender, order.purchaseTokenAmount);
        payable(msg.sender).transfer(order.executionFee);
    }

    function getSwapOrder(address account, uint256 number)
        external
        view
        returns (address, address, address, uint256, uint256, uint256, bool, bool, uint256)
    {
        Swap storage o = _swaps[account][number];
        return (
            o.path[0],
            o.path[1],
            o.path[2],
            o.amountIn,
            o.minOut,
            o.triggerRatio,
            o.above,
            o.shouldUnwrap,
            o.executionFee
        );
    }
}
