// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

import "./StandInGmxV1Parts.sol";

/// @notice Stands in for the position router: requests by a key of wallet and number, gone once cancelled.
contract StandInGmxPositionRouter {
    struct Increase {
        address account;
        address[] path;
        address indexToken;
        uint256 amountIn;
        uint256 minOut;
        uint256 sizeDelta;
        bool isLong;
        uint256 acceptablePrice;
        uint256 executionFee;
        uint256 blockNumber;
        uint256 blockTime;
        bool hasCollateralInETH;
        address callbackTarget;
    }

    struct Decrease {
        address account;
        address indexToken;
        uint256 collateralDelta;
        uint256 sizeDelta;
        bool isLong;
        address receiver;
        uint256 acceptablePrice;
        uint256 minOut;
        uint256 executionFee;
        uint256 blockNumber;
        uint256 blockTime;
        bool withdrawETH;
        address callbackTarget;
    }

    address public immutable vault;
    address public immutable weth;
    mapping(address => uint256) public increasePositionsIndex;
    mapping(address => uint256) public decreasePositionsIndex;
    mapping(bytes32 => Increase) public increasePositionRequests;
    mapping(bytes32 => Decrease) public decreasePositionRequests;

    constructor(address vault_, address weth_) {
        (vault, weth) = (vault_, weth_);
    }

    function createIncreasePosition(
        address[] memory path,
        address index,
        uint256 amountIn,
        uint256 sizeDelta,
        bool long,
        uint256 price
    ) external payable {
        IGmxMintable(path[0]).transferFrom(msg.sender, address(this), amountIn);
        Increase storage made = increasePositionRequests[_key(++increasePositionsIndex[msg.sender])];
        (made.account, made.path, made.indexToken, made.amountIn) = (msg.sender, path, index, amountIn);
        (made.sizeDelta, made.isLong, made.acceptablePrice) = (sizeDelta, long, price);
        (made.executionFee, made.blockNumber, made.blockTime) = (msg.value, block.number, block.timestamp);
    }

    function createDecreasePosition(address index, uint256 collateralDelta, uint256 sizeDelta, bool long)
        external
        payable
    {
        Decrease storage made = decreasePositionRequests[_key(++decreasePositionsIndex[msg.sender])];
        (made.account, made.indexToken, made.receiver) = (msg.sender, index, msg.sender);
        (made.collateralDelta, made.sizeDelta, made.isLong) = (collateralDelta, sizeDelta, long);
        (made.executionFee, made.blockNumber, made.blockTime) = (msg.value, block.number, block.timestamp);
    }

    function cancelIncreasePosition(uint256 number) external {
        Increase memory request = increasePositionRequests[_key(number)];
        delete increasePositionRequests[_key(number)];
        IGmxToken(request.path[0]).transfer(msg.sender, request.amountIn);
        payable(msg.sender).transfer(request.executionFee);
    }

    function getIncreasePositionRequestPath(bytes32 key) external view returns (address[] memory) {
        return increasePositionRequests[key].path;
    }

    function _key(uint256 number) private view returns (bytes32) {
        return keccak256(abi.encodePacked(msg.sender, number));
    }
}
