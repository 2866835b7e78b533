"""GMX V2 (synthetics): perpetuals whose traders borrow from pools of liquidity, and shares of these pools."""
