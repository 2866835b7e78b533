// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.10;

/// @notice A price feed with the interface of a Chainlink aggregator whose answers anybody may set.
/// @dev Every answer is kept, so that past rounds can be read; a round is never edited.
contract SettableFeed {
    struct Round {
        int256 answer;
        uint256 startedAt;
        uint256 updatedAt;
    }

    uint8 public immutable decimals;
    uint256 public constant version = 4;
    string public description;

    uint80 private _latest;
    mapping(uint80 => Round) private _rounds;

    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);

    error NoDataPresent();

    constructor(int256 answer, uint8 decimals_, string memory description_) {
        decimals = decimals_;
        description = description_;
        _push(answer, block.timestamp);
    }

    function set(int256 answer) external {
        _push(answer, block.timestamp);
    }

    /// @notice Sets an answer that claims another time, to try stale and future answers.
    function setAt(int256 answer, uint256 updatedAt) external {
        _push(answer, updatedAt);
    }

    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        return getRoundData(_latest);
    }

    function getRoundData(
        uint80 roundId
    ) public view returns (uint80, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound) {
        if (roundId == 0 || roundId > _latest) revert NoDataPresent();
        Round storage round = _rounds[roundId];
        return (roundId, round.answer, round.startedAt, round.updatedAt, roundId);
    }

    function latestAnswer() external view returns (int256) {
        return _rounds[_latest].answer;
    }

    function latestTimestamp() external view returns (uint256) {
        return _rounds[_latest].updatedAt;
    }

    function latestRound() external view returns (uint256) {
        return _latest;
    }

    function getAnswer(uint256 roundId) external view returns (int256) {
        return _rounds[uint80(roundId)].answer;
    }

    function getTimestamp(uint256 roundId) external view returns (uint256) {
        return _rounds[uint80(roundId)].updatedAt;
    }

    function _push(int256 answer, uint256 updatedAt) private {
        _latest += 1;
        _rounds[_latest] = Round(answer, updatedAt, updatedAt);
        emit AnswerUpdated(answer, _latest, updatedAt);
    }
}
