"""Volatilities of a protocol that contradict each other, told as data quality: no figure is changed by it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from aggregator.model.assets import AssetId
from aggregator.model.positions import Option
from aggregator.model.readings import Block, Quote, Reading
from aggregator.pricing.arbitrage import Quotes, check_board

YEAR_S = 365 * 86_400

# Index, settlement, and what the options are called by; then by expiry, each strike with its volatility.
_Market: TypeAlias = tuple[AssetId, AssetId, str]


def contradictions(reading: Reading, marks: Mapping[AssetId, Quote]) -> tuple[str, ...]:
    """Sentences on volatilities of one deployment at which nobody could trade; none where they agree.

    What is compared are the volatilities of all live options that the wallet has there, each at the forward
    to which its rate leads from the deployment's own price of the index (else from `marks`): these are what
    values and requirements rest on. Options without a volatility or a price are left out, as are perpetual
    ones. Only what is certain is told: see `arbitrage.check_board`.
    """
    source = reading.source
    time = source.timestamp if isinstance(source, Block) else source.time
    own = {quote.asset: quote for quote in (*reading.told, *reading.quotes)}
    boards: dict[_Market, dict[int, set[Option]]] = defaultdict(lambda: defaultdict(set))
    where = {}
    for account in reading.accounts:
        for option in account.positions:
            if not isinstance(option, Option) or option.iv is None or option.expiry is None:
                continue
            if not option.is_expired(time) and (option.index in own or option.index in marks):
                market = (option.index, option.settlement.id, option.underlying)
                boards[market][option.expiry].add(option)
                where[market] = f"{account.protocol} on chain {account.chain}"
    sentences = []
    for market, by_expiry in boards.items():
        index, _, underlying = market
        quote = own.get(index) or marks[index]
        spot = float(quote.price / 10**quote.decimals)
        board = [_quotes(options, spot, expiry - time) for expiry, options in sorted(by_expiry.items())]
        sentences += [
            f"{where[market]}: volatilities of {underlying} options contradict each other: {finding}; what "
            "these options are worth rests on them"
            for finding in check_board(board)
        ]
    return tuple(sentences)


def _quotes(options: set[Option], spot: float, seconds: int) -> Quotes:
    """Volatilities by strike; the forward is that of the lowest strike, whose rate all of an expiry share."""
    rows = sorted({(o.strike_raw / int(10**o.price_decimals), o.iv, o.rate) for o in options})
    years = seconds / YEAR_S
    strikes, ivs, rates = np.array(rows, dtype=np.float64).T
    with np.errstate(over="ignore"):
        forward = float(spot * np.exp(rates[0] * years))
    return Quotes(forward, years, strikes, ivs)
