// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

interface IFeed {
    function decimals() external view returns (uint8);
    function description() external view returns (string memory);
    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80);
    function getRoundData(uint80 roundId) external view returns (uint80, int256, uint256, uint256, uint80);
}

/// @notice A proxy of feeds, one after another, whose round ids are `phase << 64 | round of that feed`.
contract StandInFeedProxy {
    uint16 public phaseId;
    mapping(uint16 => IFeed) public phaseAggregators;

    function follow(IFeed feed) external {
        phaseId += 1;
        phaseAggregators[phaseId] = feed;
    }

    function decimals() external view returns (uint8) {
        return phaseAggregators[phaseId].decimals();
    }

    function description() external view returns (string memory) {
        return phaseAggregators[phaseId].description();
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        (uint80 round, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredIn) =
            phaseAggregators[phaseId].latestRoundData();
        return (_id(phaseId, round), answer, startedAt, updatedAt, _id(phaseId, answeredIn));
    }

    function getRoundData(uint80 roundId) external view returns (uint80, int256, uint256, uint256, uint80) {
        uint16 phase = uint16(roundId >> 64);
        (uint80 round, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredIn) =
            phaseAggregators[phase].getRoundData(uint64(roundId));
        return (_id(phase, round), answer, startedAt, updatedAt, _id(phase, answeredIn));
    }

    function _id(uint16 phase, uint80 round) private pure returns (uint80) {
        return (uint80(phase) << 64) | uint64(round);
    }
}

/// @notice An aggregator that has answered all of its rounds already.
contract StandInPastFeed {
    uint8 public constant decimals = 8;
    string public description;
    int256[] private _answers;
    uint256[] private _times;

    constructor(string memory description_, int256[] memory answers, uint256[] memory times) {
        description = description_;
        _answers = answers;
        _times = times;
    }

    function latestRoundData() external view returns (uint80, int256, uint256, uint256, uint80) {
        return getRoundData(uint80(_answers.length));
    }

    function getRoundData(uint80 roundId) public view returns (uint80, int256, uint256, uint256, uint80) {
        require(roundId != 0 && roundId <= _answers.length, "No data present");
        uint256 time = _times[roundId - 1];
        return (roundId, _answers[roundId - 1], time, time, roundId);
    }
}
