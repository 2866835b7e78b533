"""Random states of a market as values of the DataStore, for whatever contract keeps them.

Names of keys are the adapter's own: a wrong one shows where contracts that hash for themselves read another.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from adapters.gmx_v2 import keys
from adapters.gmx_v2.calls import RawMarket
from adapters.gmx_v2.fixed_point import FLOAT
from aggregator.model.units import Address

DAY_SECONDS = 86_400
PER_SIZE = 10**45


@dataclass
class Values:
    """What to write, by kind and key."""

    uints: dict[bytes, int] = field(default_factory=dict)
    ints: dict[bytes, int] = field(default_factory=dict)
    flags: dict[bytes, bool] = field(default_factory=dict)
    words: dict[bytes, bytes] = field(default_factory=dict)

    def settle(self, raw: RawMarket) -> None:
        """Let borrowing and funding of a market never have begun to accrue."""
        self.uints[keys.funding_keys(raw.token)["updated_at"]] = 0
        for is_long in (True, False):
            names = keys.side_keys(raw.token, raw.long_token, raw.short_token, is_long=is_long)
            self.uints[names["borrowing_updated_at"]] = 0


@dataclass(frozen=True)
class Held:
    """A position that was drawn: its side, collateral and size in USD."""

    collateral: Address
    is_long: bool
    row: tuple[int, ...]


def factor(draw: random.Random, low: float, high: float) -> int:
    """A fraction with 30 decimals between two, evenly in the logarithm."""
    return int(10 ** draw.uniform(low, high) * 1e15) * 10**15


def state(draw: random.Random, raw: RawMarket, tokens: dict[Address, tuple[int, int]], now: int) -> Values:
    """A market with two-sided open interest; `tokens` have their decimals and price (USD of 30 decimals)."""
    found = Values()
    index = tokens[raw.index_token]
    for is_long in (True, False):
        _side(draw, found, raw, index, now, is_long=is_long)
    pools = keys.pool_keys(raw.token, raw.long_token, raw.short_token)
    for name, token in (("long_amount", raw.long_token), ("short_amount", raw.short_token)):
        found.uints[pools[name]] = _amount(tokens[token], draw.uniform(2e6, 2e7))
    found.uints[pools["impact_amount"]] = _amount(index, draw.uniform(0, 1e5))
    found.uints[pools["impact_lent"]] = _amount(index, draw.uniform(0, 1e3))
    found.uints[pools["lendable_factor"]] = factor(draw, -5, -3)
    found.uints[pools["lendable_usd"]] = int(draw.uniform(0, 4e3)) * FLOAT
    if draw.random() < 0.5:
        found.uints[pools["impact_rate"]] = factor(draw, 5, 14)
        found.uints[pools["impact_minimum"]] = _amount(index, draw.uniform(0, 5e4))
        found.uints[pools["impact_distributed_at"]] = now - draw.randrange(5 * DAY_SECONDS)
    _funding(draw, found, raw.token, now)
    _impact(draw, found, raw, index)
    _fees(draw, found, raw.token)
    return found


def _amount(token: tuple[int, int], usd: float) -> int:
    """So much of a token."""
    return int(usd * 10**15) * 10**15 // token[1]


def _side(
    draw: random.Random, found: Values, raw: RawMarket, index: tuple[int, int], now: int, *, is_long: bool
) -> None:
    names = keys.side_keys(raw.token, raw.long_token, raw.short_token, is_long=is_long)
    for collateral in ("long", "short"):
        usd = draw.choice((0.0, draw.uniform(1e4, 3e6), draw.uniform(1e4, 3e6)))
        found.uints[names[f"open_interest_{collateral}"]] = int(usd * 10**15) * 10**15
        found.uints[names[f"tokens_{collateral}"]] = int(_amount(index, usd) * draw.uniform(0.7, 1.4))
    found.uints[names["cumulative_borrowing"]] = factor(draw, -2, 0)
    found.uints[names["borrowing_updated_at"]] = draw.choice((0, now - draw.randrange(9 * DAY_SECONDS)))
    found.uints[names["borrowing_factor"]] = factor(draw, -9, -7)
    found.uints[names["borrowing_exponent"]] = draw.choice((FLOAT, FLOAT, 14 * FLOAT // 10))
    if draw.random() < 0.6:
        found.uints[names["optimal_usage"]] = draw.choice((factor(draw, -1, -0.05), FLOAT))
        found.uints[names["base_borrowing"]] = factor(draw, -9, -7)
        found.uints[names["above_optimal_borrowing"]] = factor(draw, -9, -7)
    else:
        found.uints[names["optimal_usage"]] = 0
    found.uints[names["reserve_factor"]] = factor(draw, -0.7, 0.3)
    found.uints[names["max_trader_pnl"]] = draw.choice((9 * FLOAT // 10, factor(draw, -3, -1)))
    found.uints[names["max_withdrawal_pnl"]] = draw.choice((7 * FLOAT // 10, factor(draw, -3, -1)))
    found.uints[names["max_adl_pnl"]] = 85 * FLOAT // 100


def _funding(draw: random.Random, found: Values, market: Address, now: int) -> None:
    names = keys.funding_keys(market)
    found.uints[names["factor"]] = factor(draw, -9, -7)
    found.uints[names["exponent"]] = draw.choice((FLOAT, FLOAT, 12 * FLOAT // 10))
    found.uints[names["updated_at"]] = draw.choice((0, now - draw.randrange(1, 5 * DAY_SECONDS)))
    found.uints[names["maximum"]] = draw.choice((0, factor(draw, -8, -6)))
    found.uints[names["minimum"]] = draw.choice((0, factor(draw, -11, -9)))
    if draw.random() < 0.6:
        found.uints[names["increase"]] = factor(draw, -15, -12)
        found.uints[names["decrease"]] = draw.choice((0, factor(draw, -16, -12)))
        found.uints[names["stable_threshold"]] = factor(draw, -2, -0.3)
        found.uints[names["decrease_threshold"]] = draw.choice((0, factor(draw, -2, -0.3)))
    else:
        found.uints[names["increase"]] = 0
    saved = draw.choice((-1, 0, 1)) * factor(draw, -10, -7)
    found.ints[keys.key("SAVED_FUNDING_FACTOR_PER_SECOND", market)] = saved


def _impact(draw: random.Random, found: Values, raw: RawMarket, index: tuple[int, int]) -> None:
    names = keys.impact_keys(raw.token)
    found.uints[names["positive_factor"]] = factor(draw, -11, -9)
    found.uints[names["negative_factor"]] = factor(draw, -11, -9)
    found.uints[names["positive_exponent"]] = draw.choice((2 * FLOAT, 2 * FLOAT, 18 * FLOAT // 10))
    found.uints[names["negative_exponent"]] = draw.choice((2 * FLOAT, 2 * FLOAT, 19 * FLOAT // 10))
    found.uints[names["max_positive"]] = factor(draw, -4, -2)
    found.uints[names["max_negative"]] = factor(draw, -3, -2)
    found.uints[names["max_for_liquidations"]] = factor(draw, -4, -2)
    in_tokens = draw.random() < 0.5
    found.flags[keys.key("USE_OPEN_INTEREST_IN_TOKENS_FOR_BALANCE")] = in_tokens
    found.flags[keys.key("SKIP_BORROWING_FEE_FOR_SMALLER_SIDE")] = draw.random() < 0.5
    inventory = keys.base(f"inventory of {raw.index_token}")
    found.words[keys.key("VIRTUAL_TOKEN_ID", raw.index_token)] = draw.choice((bytes(32), inventory))
    usd = draw.uniform(-4e6, 4e6)
    tokens = (1 if usd > 0 else -1) * _amount(index, abs(usd))
    found.ints[keys.key("VIRTUAL_INVENTORY_FOR_POSITIONS", inventory)] = int(usd) * FLOAT
    found.ints[keys.key("VIRTUAL_INVENTORY_FOR_POSITIONS_IN_TOKENS", inventory)] = tokens


def _fees(draw: random.Random, found: Values, market: Address) -> None:
    names = keys.fee_keys(market)
    found.uints[names["improved"]] = factor(draw, -4, -3)
    found.uints[names["worsened"]] = factor(draw, -4, -3)
    found.uints[names["liquidation"]] = draw.choice((0, factor(draw, -4, -2.5)))
    found.uints[names["min_collateral_factor"]] = factor(draw, -2.5, -1.8)
    found.uints[names["min_collateral_usd"]] = draw.choice((FLOAT, 5 * FLOAT))
    found.uints[names["position_receiver"]] = 37 * FLOAT // 100
    found.uints[names["liquidation_receiver"]] = 37 * FLOAT // 100
    found.uints[names["borrowing_receiver"]] = 37 * FLOAT // 100


def position(
    draw: random.Random,
    found: Values,
    raw: RawMarket,
    tokens: dict[Address, tuple[int, int]],
    now: int,
    *,
    collateral: Address,
    is_long: bool,
) -> Held:
    """A position that is open in a state, which it adds itself to; its row is the struct's ten numbers."""
    names = keys.side_keys(raw.token, raw.long_token, raw.short_token, is_long=is_long)
    index = tokens[raw.index_token]
    usd = 10 ** draw.uniform(1.5, 5.7)
    size = int(usd * 10**15) * 10**15
    in_tokens = max(1, int(_amount(index, usd) * draw.uniform(0.93, 1.07)))
    side = "long" if collateral == raw.long_token else "short"
    found.uints[names[f"open_interest_{side}"]] = found.uints.get(names[f"open_interest_{side}"], 0) + size
    found.uints[names[f"tokens_{side}"]] = found.uints.get(names[f"tokens_{side}"], 0) + in_tokens
    latest = [int(10 ** draw.uniform(0, 3) * _per_size(tokens[one])) for one in (collateral, *raw[2:])]
    asked = [keys.key("FUNDING_FEE_AMOUNT_PER_SIZE", raw.token, collateral, is_long)]
    asked += [keys.key("CLAIMABLE_FUNDING_AMOUNT_PER_SIZE", raw.token, one, is_long) for one in raw[2:]]
    for key, value in zip(asked, latest, strict=True):
        found.uints.setdefault(key, value)
    own = [int(found.uints[key] * draw.uniform(0, 1)) for key in asked]
    row = (
        size,
        in_tokens,
        _amount(tokens[collateral], usd * draw.uniform(0.005, 0.2)),
        int(in_tokens * draw.uniform(-0.004, 0.004)),
        int(found.uints[names["cumulative_borrowing"]] * draw.uniform(0.9, 1)),
        *own,
        now - 10,
        0,
    )
    return Held(collateral, is_long, row)


def total_borrowing(found: Values, raw: RawMarket) -> None:
    """What all positions of each side owed when they were opened: a little less than has accrued."""
    for is_long in (True, False):
        names = keys.side_keys(raw.token, raw.long_token, raw.short_token, is_long=is_long)
        size = found.uints[names["open_interest_long"]] + found.uints[names["open_interest_short"]]
        if raw.long_token == raw.short_token:
            size = found.uints[names["open_interest_long"]] // 2 * 2
        accrued = size * found.uints[names["cumulative_borrowing"]] // FLOAT
        found.uints[names["total_borrowing"]] = accrued * 9 // 10


def _per_size(token: tuple[int, int]) -> float:
    """Funding of a hundred thousandth of the size, in a token, with 45 decimals for a unit of size."""
    return PER_SIZE / token[1] / 1e5
