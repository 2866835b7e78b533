"""Portfolio margin as an exchange computes it: adjusted equity over maintenance margin.

After Binance's unified maintenance margin ratio (uniMMR): equity is netted by asset over all accounts and
counts at a collateral rate where it is positive, in full where it is not; loans and derivatives have
maintenance margins. Rates are data, and flat: brackets by size are not modelled.
"""

from __future__ import annotations

import math
from collections import defaultdict

from aggregator.model.assets import USD
from aggregator.model.comparison import ExchangeMargin, MarginBand
from aggregator.model.positions import Debt, Option, Perp
from aggregator.risk.book import Book
from aggregator.risk.factors import Factor
from aggregator.risk.method_parameters import ExchangeParameters
from aggregator.risk.numbering import Numbering
from aggregator.risk.parts import notional_usd, parts, today_usd


def exchange_margin(book: Book) -> ExchangeMargin:
    """The ratio of a book of one portfolio.

    Perps are netted by underlying over all accounts, as positions of one contract are. A written option
    maintains a share of its notional and what it is worth.
    """
    rates, portfolio = book.scenarios.parameters.exchange, book.portfolios[0]
    numbering, worth = Numbering(book.scenarios, portfolio.classes), today_usd(book)
    equity: dict[Factor, float] = defaultdict(float)
    perps: dict[str, float] = defaultdict(float)
    maintenance = []
    for part in parts(book):
        position, value = part.position, float(worth[part.row])
        notional = notional_usd(position, value, portfolio.marks)
        paid = position.settlement if isinstance(position, Perp | Option) else position.asset
        equity[numbering.of(paid.id)] += value
        match position:
            case Debt():
                maintenance.append(rates.loan_maintenance * -value)
            case Perp():
                perps[numbering.of(position.index).underlying] += notional
            case Option() if notional < 0.0:
                maintenance.append(rates.written_option_maintenance * -notional - value)
    maintenance += [rates.perp_maintenance * abs(net) for net in perps.values()]
    adjusted = math.fsum(min(value, value * _rate(book, asset)) for asset, value in equity.items())
    required = math.fsum(maintenance)
    ratio = adjusted / required if required > 0.0 else math.inf
    return ExchangeMargin(adjusted, required, ratio, _band(ratio, rates))


def _rate(book: Book, asset: Factor) -> float:
    """The collateral rate of an asset."""
    known, rates = book.scenarios, book.scenarios.parameters.exchange.collateral
    if asset.pegs:
        return rates[asset.pegs[0].risk_class]
    if asset.underlying == USD:
        return 1.0
    if asset.underlying in known.parameters.assets:
        return rates["named"]
    return rates["mid" if asset.underlying in known.mid else "tail"]


def _band(ratio: float, rates: ExchangeParameters) -> MarginBand:
    if ratio > rates.remind:
        return MarginBand.FREE
    if ratio > rates.no_new_orders:
        return MarginBand.REMIND
    return MarginBand.NO_NEW_ORDERS if ratio > rates.liquidation else MarginBand.LIQUIDATION
