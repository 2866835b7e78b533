"""Where the DataStore keeps each value: hashes of a name and what the value is about.

Source: Keys.sol, MarketStoreUtils.sol, OrderStoreUtils.sol and Position.sol of github gmx-io/gmx-synthetics.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

from aggregator.model.units import Address, keccak

Word: TypeAlias = "bool | int | bytes | Address"


@lru_cache(maxsize=512)
def base(name: str) -> bytes:
    """The hash of a name, ABI-encoded as a string."""
    text = name.encode()
    padded = text.ljust(-(-len(text) // 32) * 32, b"\0")
    return keccak((32).to_bytes(32) + len(text).to_bytes(32) + padded)


def key(name: str, *about: Word) -> bytes:
    """The key of a value named `name` about addresses, numbers, flags or other hashes."""
    return keccak(base(name) + b"".join(map(_word, about))) if about else base(name)


def field_key(of: bytes, name: str) -> bytes:
    """The key of one field of an order, which has a key of its own."""
    return keccak(of + base(name))


def position_key(account: Address, market: Address, collateral: Address, is_long: bool) -> bytes:
    """The key of a position: there is one of each side, market and collateral."""
    about: tuple[Word, ...] = (account, market, collateral, is_long)
    return keccak(b"".join(map(_word, about)))


def side_keys(market: Address, long: Address, short: Address, is_long: bool) -> dict[str, bytes]:
    """The keys of `state.Side`, by the names of its fields."""
    return {
        "open_interest_long": key("OPEN_INTEREST", market, long, is_long),
        "open_interest_short": key("OPEN_INTEREST", market, short, is_long),
        "tokens_long": key("OPEN_INTEREST_IN_TOKENS", market, long, is_long),
        "tokens_short": key("OPEN_INTEREST_IN_TOKENS", market, short, is_long),
        "cumulative_borrowing": key("CUMULATIVE_BORROWING_FACTOR", market, is_long),
        "borrowing_updated_at": key("CUMULATIVE_BORROWING_FACTOR_UPDATED_AT", market, is_long),
        "borrowing_factor": key("BORROWING_FACTOR", market, is_long),
        "borrowing_exponent": key("BORROWING_EXPONENT_FACTOR", market, is_long),
        "optimal_usage": key("OPTIMAL_USAGE_FACTOR", market, is_long),
        "base_borrowing": key("BASE_BORROWING_FACTOR", market, is_long),
        "above_optimal_borrowing": key("ABOVE_OPTIMAL_USAGE_BORROWING_FACTOR", market, is_long),
        "reserve_factor": key("OPEN_INTEREST_RESERVE_FACTOR", market, is_long),
        "max_trader_pnl": key("MAX_PNL_FACTOR", base("MAX_PNL_FACTOR_FOR_TRADERS"), market, is_long),
        "max_adl_pnl": key("MAX_PNL_FACTOR", base("MAX_PNL_FACTOR_FOR_ADL"), market, is_long),
        "max_withdrawal_pnl": key("MAX_PNL_FACTOR", base("MAX_PNL_FACTOR_FOR_WITHDRAWALS"), market, is_long),
        "total_borrowing": key("TOTAL_BORROWING", market, is_long),
    }


def pool_keys(market: Address, long: Address, short: Address) -> dict[str, bytes]:
    """The keys of `state.Pool`."""
    return {
        "long_amount": key("POOL_AMOUNT", market, long),
        "short_amount": key("POOL_AMOUNT", market, short),
        "impact_amount": key("POSITION_IMPACT_POOL_AMOUNT", market),
        "impact_minimum": key("MIN_POSITION_IMPACT_POOL_AMOUNT", market),
        "impact_rate": key("POSITION_IMPACT_POOL_DISTRIBUTION_RATE", market),
        "impact_distributed_at": key("POSITION_IMPACT_POOL_DISTRIBUTED_AT", market),
        "impact_lent": key("LENT_POSITION_IMPACT_POOL_AMOUNT", market),
        "lendable_factor": key("MAX_LENDABLE_IMPACT_FACTOR", market),
        "lendable_usd": key("MAX_LENDABLE_IMPACT_USD", market),
    }


def funding_keys(market: Address) -> dict[str, bytes]:
    """The keys of `state.Funding` but the saved factor, which is signed."""
    return {
        "factor": key("FUNDING_FACTOR", market),
        "exponent": key("FUNDING_EXPONENT_FACTOR", market),
        "increase": key("FUNDING_INCREASE_FACTOR_PER_SECOND", market),
        "decrease": key("FUNDING_DECREASE_FACTOR_PER_SECOND", market),
        "minimum": key("MIN_FUNDING_FACTOR_PER_SECOND", market),
        "maximum": key("MAX_FUNDING_FACTOR_PER_SECOND", market),
        "stable_threshold": key("THRESHOLD_FOR_STABLE_FUNDING", market),
        "decrease_threshold": key("THRESHOLD_FOR_DECREASE_FUNDING", market),
        "updated_at": key("FUNDING_UPDATED_AT", market),
    }


def impact_keys(market: Address) -> dict[str, bytes]:
    """The keys of `state.Impact` but the virtual inventory."""
    return {
        "positive_factor": key("POSITION_IMPACT_FACTOR", market, True),  # noqa: FBT003
        "negative_factor": key("POSITION_IMPACT_FACTOR", market, False),  # noqa: FBT003
        "positive_exponent": key("POSITION_IMPACT_EXPONENT_FACTOR", market, True),  # noqa: FBT003
        "negative_exponent": key("POSITION_IMPACT_EXPONENT_FACTOR", market, False),  # noqa: FBT003
        "max_positive": key("MAX_POSITION_IMPACT_FACTOR", market, True),  # noqa: FBT003
        "max_negative": key("MAX_POSITION_IMPACT_FACTOR", market, False),  # noqa: FBT003
        "max_for_liquidations": key("MAX_POSITION_IMPACT_FACTOR_FOR_LIQUIDATIONS", market),
    }


def fee_keys(market: Address) -> dict[str, bytes]:
    """The keys of `state.Fees`."""
    return {
        "improved": key("POSITION_FEE_FACTOR", market, True),  # noqa: FBT003
        "worsened": key("POSITION_FEE_FACTOR", market, False),  # noqa: FBT003
        "liquidation": key("LIQUIDATION_FEE_FACTOR", market),
        "min_collateral_factor": key("MIN_COLLATERAL_FACTOR_FOR_LIQUIDATION", market),
        "min_collateral_usd": key("MIN_COLLATERAL_USD"),
        "position_receiver": key("POSITION_FEE_RECEIVER_FACTOR"),
        "liquidation_receiver": key("LIQUIDATION_FEE_RECEIVER_FACTOR"),
        "borrowing_receiver": key("BORROWING_FEE_RECEIVER_FACTOR"),
    }


def _word(value: Word) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return bytes.fromhex(value.removeprefix("0x")).rjust(32, b"\0")
    return int(value).to_bytes(32)
