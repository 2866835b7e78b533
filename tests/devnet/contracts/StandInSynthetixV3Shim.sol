// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.11 <0.9.0;

// Every mapped import reads this file under its own name; the types behind them are the same ones.
import "devnet/StandInSynthetixV3Imports.sol";
