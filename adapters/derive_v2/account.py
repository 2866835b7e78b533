"""From what the contracts said of an account to its rule, positions, quotes and warnings."""

from __future__ import annotations

from adapters.derive_v2 import calls
from adapters.derive_v2.held import Held
from adapters.derive_v2.margin import DeriveRule
from adapters.derive_v2.overview import Overview
from adapters.derive_v2.positions import cash_positions, positions
from adapters.derive_v2.system import Shared, System
from aggregator.model.accounts import Account, Reported
from aggregator.model.errors import Unsupported
from aggregator.model.readings import Block, Quote
from aggregator.model.rules import WAD
from aggregator.model.units import Address

PROTOCOL = "derive_v2"


def account_of(
    held: Held, rule: DeriveRule, wallet: Address, block: Block
) -> tuple[Account, tuple[Quote, ...]]:
    """One account and the prices of its feeds and collateral."""
    found, system = held.case.found, held.case.system
    account = Account(
        id=account_id(system.sub_accounts, wallet, found.account, block),
        protocol=PROTOCOL,
        kind="option",
        chain=block.chain,
        label=label_of(found.account),
        owner_path=(wallet,),
        positions=(*cash_positions(system, held.case.shared, found), *positions(held, block)),
        rule=rule,
        reported=_reported(held),
    )
    return account, _quotes(held, rule)


def cash_account(system: System, shared: Shared, found: Overview, wallet: Address, block: Block) -> Account:
    """An account that has cash and nothing else, which nothing can liquidate."""
    return Account(
        id=account_id(system.sub_accounts, wallet, found.account, block),
        protocol=PROTOCOL,
        kind="option",
        chain=block.chain,
        label=label_of(found.account),
        owner_path=(wallet,),
        positions=cash_positions(system, shared, found),
        rule=None,
        reported=None,
    )


def rule_of(held: Held, block: Block) -> DeriveRule:
    """The account's rule; raises Unsupported where it leads to another margin than its manager's."""
    case, word = held.case, held.word
    rule = DeriveRule(
        cash=case.found.cash(case.system.cash),
        stable=held.stable,
        stable_decimals=case.shared.token.decimals,
        book=held.book,
        terms=case.system.terms,
        auction=case.found.auction,
    )
    label = label_of(case.found.account)
    prices = {feed.asset: feed.price for feed in rule.feeds}
    if len(prices) != len(rule.feeds):
        raise Unsupported(f"{label} with two prices of one asset", "this release knows one price of each")
    for initial, said in ((False, word.maintenance), (True, word.initial)):
        try:
            margin, value = rule.margin(prices, block.timestamp, initial=initial)
        except (ArithmeticError, ValueError) as error:
            what = f"{label}, of which no margin can be computed ({error})"
            raise Unsupported(what, "its manager is set to what this release does not know") from error
        if (margin, value) != (said, word.value):
            raise Unsupported(
                f"{label}, of which the rule says {margin} and {value} and its manager "
                f"{case.manager.address} says {said} and {word.value}",
                "that manager computes margins in a way that this release does not know",
            )
    return rule


def account_id(sub_accounts: Address, wallet: Address, account: int, block: Block) -> str:
    """Unique, and stable over blocks."""
    return f"{PROTOCOL}:{block.chain}:{sub_accounts}:{wallet}:{account}"


def label_of(account: int) -> str:
    """An account as people tell it from others."""
    return f"Derive V2 account {account}"


def _reported(held: Held) -> Reported:
    word, case = held.word, held.case
    required = max(word.value - word.maintenance, 0)
    return Reported(
        health=(word.maintenance + required) * WAD // required if required else None,
        liquidatable=word.maintenance < 0 or word.endable is False,
        liquidation_price=None,
        origin=calls.MARGIN.at(case.manager.address, case.found.account, calls.MAINTENANCE).origin,
    )


def _quotes(held: Held, rule: DeriveRule) -> tuple[Quote, ...]:
    """Prices of all feeds, and of collateral that counts at its market's spot price."""
    quotes = {feed.asset: Quote(feed.asset, feed.price, feed.decimals, feed.origin) for feed in rule.feeds}
    by_base = {market.base: market.name for market in held.case.markets.values()}
    spots = {one.name: one.spot for one in rule.book.holdings}
    for base, token in held.tokens.items():
        spot = spots.get(by_base.get(base, ""))
        if spot is not None:
            quotes[token.id] = Quote(token.id, spot.price, spot.decimals, spot.origin)
    return tuple(quotes.values())
