// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.11 <0.9.0;

// What the sources of @synthetixio/perps-market import from packages that no registry has or whose own imports
// it lacks: published signatures, and accounts that only their owner may use.

import {IERC165} from "@synthetixio/core-contracts/contracts/interfaces/IERC165.sol";

interface IMarket is IERC165 {
    function name(uint128 marketId) external view returns (string memory);
    function reportedDebt(uint128 marketId) external view returns (uint256);
    function minimumCredit(uint128 marketId) external view returns (uint256);
}

interface IRewardDistributor is IERC165 {
    function name() external view returns (string memory);
    function payout(uint128 accountId, uint128 poolId, address collateralType, address sender, uint256 amount)
        external
        returns (bool);
    function onPositionUpdated(uint128 accountId, uint128 poolId, address collateralType, uint256 shares) external;
    function token() external view returns (address);
}

interface RewardsDistributor {
    function token() external view returns (address);
    function poolId() external view returns (uint128);
    function distributeRewards(uint128 poolId, address collateralType, uint256 amount, uint64 start, uint32 duration)
        external;
}

interface IMarketManagerModule {
    function registerMarket(address market) external returns (uint128 newMarketId);
    function depositMarketUsd(uint128 marketId, address target, uint256 amount) external returns (uint256 feeAmount);
    function withdrawMarketUsd(uint128 marketId, address target, uint256 amount) external returns (uint256 feeAmount);
    function getWithdrawableMarketUsd(uint128 marketId) external view returns (uint256 amountD18);
}

interface IMarketCollateralModule {
    function depositMarketCollateral(uint128 marketId, address collateralType, uint256 amount) external;
    function withdrawMarketCollateral(uint128 marketId, address collateralType, uint256 amount) external;
}

interface IUtilsModule {
    function getOracleManager() external view returns (INodeModule);
}

interface IVaultModule {
    function getVaultCollateral(uint128 poolId, address collateralType)
        external
        view
        returns (uint256 amount, uint256 value);
}

interface ICollateralConfigurationModule {}

library NodeOutput {
    struct Data {
        int256 price;
        uint256 timestamp;
        uint256 unused1;
        uint256 unused2;
    }
}

interface INodeModule {
    function process(bytes32 nodeId) external view returns (NodeOutput.Data memory node);
    function processWithRuntime(bytes32 nodeId, bytes32[] memory runtimeKeys, bytes32[] memory runtimeValues)
        external
        view
        returns (NodeOutput.Data memory node);
    function processManyWithRuntime(
        bytes32[] memory nodeIds,
        bytes32[] memory runtimeKeys,
        bytes32[] memory runtimeValues
    ) external view returns (NodeOutput.Data[] memory nodes);
    function processManyWithManyRuntime(
        bytes32[] memory nodeIds,
        bytes32[][] memory runtimeKeys,
        bytes32[][] memory runtimeValues
    ) external view returns (NodeOutput.Data[] memory nodes);
}

library Price {
    enum Tolerance {
        DEFAULT,
        STRICT
    }
}

interface IAtomicOrderModule {}

interface IMarketConfigurationModule {
    function getMarketSkewScale(uint128 synthMarketId) external view returns (uint256 skewScale);
}

interface ISpotMarketFactoryModule {
    function getSynth(uint128 marketId) external view returns (address synthAddress);
    function indexPrice(uint128 marketId, uint128 transactionType, Price.Tolerance priceTolerance)
        external
        view
        returns (uint256 price);
}

library ERC2771Context {
    function _msgSender() internal view returns (address) {
        return msg.sender;
    }
}

library AccountRBAC {
    bytes32 internal constant _PERPS_MODIFY_COLLATERAL_PERMISSION = "PERPS_MODIFY_COLLATERAL";
    bytes32 internal constant _PERPS_COMMIT_ASYNC_ORDER_PERMISSION = "PERPS_COMMIT_ASYNC_ORDER";
}

library Account {
    error AccountNotFound(uint128 accountId);
    error PermissionDenied(uint128 accountId, bytes32 permission, address target);

    struct Data {
        address owner;
    }

    function load(uint128 id) internal pure returns (Data storage account) {
        bytes32 s = keccak256(abi.encode("crossmargin.stand-in.Account", id));
        assembly {
            account.slot := s
        }
    }

    function exists(uint128 id) internal view returns (Data storage account) {
        account = load(id);
        if (account.owner == address(0)) revert AccountNotFound(id);
    }

    function loadAccountAndValidatePermission(uint128 id, bytes32 permission)
        internal
        view
        returns (Data storage account)
    {
        account = load(id);
        if (account.owner != msg.sender) revert PermissionDenied(id, permission, msg.sender);
    }
}
