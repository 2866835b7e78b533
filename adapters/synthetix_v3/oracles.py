"""Reverts by which the oracles of Synthetix V3 say that they give no price now."""

from __future__ import annotations

from aggregator.model.errors import CallReverted, Unsupported
from aggregator.model.units import keccak


def _as_told(error: bytes) -> str:
    return "0x" + keccak(error)[:4].hex()


# The first is that of ERC-7412: a price that anybody may write before it is read.
_TOO_OLD = (
    _as_told(b"OracleDataRequired(address,bytes)"),
    _as_told(b"StalenessToleranceExceeded(bytes32,int256,uint256)"),
)
# Prices that are asked for together: what each oracle said is beyond what is kept of a revert.
_SOME_REFUSED = _as_told(b"Errors(bytes[])")


def stale(error: CallReverted, label: str) -> Unsupported | None:
    """What a revert means where oracles refused a price that an account needs; None of any other revert.

    Source: NodeModule.sol, StalenessCircuitBreakerNode.sol and PythOffchainLookupNode.sol in
    protocol/oracle-manager of github Synthetixio/synthetix-v3, v3.13.0.
    """
    if error.reason.startswith(_TOO_OLD):
        what = f"{label} at a price that is too old ({error.origin})"
    elif error.reason.startswith(_SOME_REFUSED):
        what = f"{label} at prices that oracles refuse, as a rule because they are too old ({error.origin})"
    else:
        return None
    return Unsupported(what, "newer ones have to be written first, which anybody may do; try again later")
