"""What the contracts say of one account: two rounds, asked for every account of a wallet at once."""

from __future__ import annotations

from collections.abc import Callable

from adapters.synthetix_v3 import calls
from adapters.synthetix_v3.calls import Order, Strategy
from adapters.synthetix_v3.funding import Latest, latest_of
from adapters.synthetix_v3.replies import Costs, Held, MarketReply, Overview, SynthReply, System
from aggregator.contract import Read, ask, attempt, both, join
from aggregator.model.errors import MalformedReply, ReadError
from aggregator.model.units import Address

MOST = 256
"""Markets or collaterals of one account that are believed."""


def overview(system: System, account: int) -> Read[Overview]:
    """What an account has, in one round."""
    perps = system.perps
    (ids, numbers), ([order], (margins, flags)) = yield from both(
        both(
            ask([calls.COLLATERAL_IDS.at(perps, account), calls.OPEN_POSITIONS.at(perps, account)]),
            ask([calls.DEBT.at(perps, account), calls.AVAILABLE_MARGIN.at(perps, account)]),
        ),
        both(
            ask([calls.ORDER.at(perps, account)]),
            both(
                ask([calls.REQUIRED_MARGINS.at(perps, account)]),
                ask(
                    [
                        calls.CAN_LIQUIDATE.at(perps, account),
                        calls.CAN_LIQUIDATE_MARGIN_ONLY.at(perps, account),
                    ]
                ),
            ),
        ),
    )
    collaterals, markets = ids
    for call, found in ((calls.COLLATERAL_IDS, collaterals), (calls.OPEN_POSITIONS, markets)):
        if len(found) > MOST or len(set(found)) != len(found) or any(one >= 2**128 for one in found):
            raise MalformedReply(
                call.at(perps, account).origin, f"{len(found)} ids, not distinct ones of 128 bits"
            )
    debt, available = numbers
    [(_, required, _)] = margins
    return Overview(
        account=account,
        collaterals=collaterals,
        markets=markets,
        debt=debt,
        order=order,
        available=available,
        required=required,
        liquidatable=any(flags),
        flagged=account in system.flagged,
    )


def held(system: System, found: Overview) -> Read[Held]:
    """All of an account that is not empty, in one round."""
    synths = [one for one in found.collaterals if one != calls.SNX_USD]
    (amounts, strategies), ((markets, costs), synth_replies) = yield from both(
        both(
            ask([calls.COLLATERAL_AMOUNT.at(system.perps, found.account, one) for one in found.collaterals]),
            _strategy(system, found.order),
        ),
        both(
            both(_markets(system, found), _costs(system, len(synths) + len(found.markets))),
            join([_synth(system, one) for one in synths]),
        ),
    )
    amount = dict(zip(found.collaterals, amounts, strict=True))
    return Held(
        overview=found,
        usd_amount=amount.get(calls.SNX_USD, 0),
        markets=markets,
        synths=tuple(
            SynthReply(identity, amount[identity], *reply)
            for identity, reply in zip(synths, synth_replies, strict=True)
        ),
        costs=costs,
        strategy=strategies,
    )


def _strategy(system: System, order: Order) -> Read[Strategy | None]:
    if not order.size_delta:
        return None
    [found] = yield from attempt([calls.STRATEGY.at(system.perps, order.market, order.strategy)])
    return None if isinstance(found, ReadError) else found


def _costs(system: System, feeds: int) -> Read[Costs]:
    kinds = [*((count, calls.FLAG) for count in range(feeds + 1)), (0, calls.LIQUIDATE)]
    requests = [
        calls.PROCESS.at(system.oracle, *calls.cost_call_arguments(system.cost_node, updated, kind))
        for updated, kind in kinds
    ]
    *flag, liquidate = yield from ask(requests)
    if min(liquidate, *flag) < 0:
        raise MalformedReply(requests[0].origin, f"costs of keepers below zero: {flag}, {liquidate}")
    return tuple(flag), liquidate


def _synth(system: System, identity: int) -> Read[tuple[tuple[int, int, int, int], int, int, Address, str]]:
    (limits, (scale, price)), ([token], [name]) = yield from both(
        both(
            ask([calls.COLLATERAL_CONFIGURATION.at(system.perps, identity)]),
            ask(
                [
                    calls.SPOT_SKEW_SCALE.at(system.spot, identity),
                    calls.SPOT_PRICE.at(system.spot, identity, calls.SELL, calls.DEFAULT_TOLERANCE),
                ]
            ),
        ),
        both(
            ask([calls.SYNTH.at(system.spot, identity)]),
            attempt([calls.SYNTH_NAME.at(system.spot, identity)]),
        ),
    )
    text = name if isinstance(name, str) and name else f"synth {identity}"
    return limits[0], scale, price, token, text


def _markets(system: System, found: Overview) -> Read[tuple[MarketReply, ...]]:
    if not found.markets:
        return ()
    replies, logs = yield from both(
        join([_market(system, found.account, one) for one in found.markets]),
        ask(
            [
                calls.MARKET_UPDATED.logs(system.perps, from_block=system.from_block),
                calls.ORDER_COMMITTED.logs(system.perps, from_block=system.from_block),
            ]
        ),
    )
    latest = latest_of(*logs)
    return tuple(reply(latest.get(identity)) for identity, reply in zip(found.markets, replies, strict=True))


def _market(system: System, account: int, identity: int) -> Read[Callable[[Latest | None], MarketReply]]:
    perps = system.perps
    (
        ([position], [summary]),
        (([texts], [funding]), (([margins], [limits]), ([capacity], [locked]))),
    ) = yield from both(
        both(
            ask([calls.OPEN_POSITION.at(perps, account, identity)]),
            ask([calls.SUMMARY.at(perps, identity)]),
        ),
        both(
            both(
                ask([calls.METADATA.at(perps, identity)]),
                ask([calls.FUNDING_PARAMETERS.at(perps, identity)]),
            ),
            both(
                both(
                    ask([calls.LIQUIDATION_PARAMETERS.at(perps, identity)]),
                    ask([calls.MAX_LIQUIDATION.at(perps, identity)]),
                ),
                both(
                    ask([calls.CAPACITY.at(perps, identity)]),
                    ask([calls.LOCKED_OI_RATIO.at(perps, identity)]),
                ),
            ),
        ),
    )
    name, symbol = texts

    def with_event(latest: Latest | None) -> MarketReply:
        return MarketReply(
            *(identity, position, summary, name, symbol),
            *(funding, margins, limits, capacity, locked),
            latest,
        )

    return with_event
