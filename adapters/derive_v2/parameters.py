"""What the managers and their libraries are set to, as the contracts' structs have it."""

from __future__ import annotations

from typing import TypeAlias

from adapters.derive_v2 import calls
from adapters.derive_v2.portfolio import PortfolioParameters
from adapters.derive_v2.portfolio_2 import Portfolio2Parameters
from adapters.derive_v2.shocks import BasisParameters, VolParameters
from adapters.derive_v2.skew import SkewParameters
from adapters.derive_v2.standard import StandardParameters
from aggregator.contract import Read, ask, both
from aggregator.model.units import Address

Library: TypeAlias = PortfolioParameters | Portfolio2Parameters


def standard_parameters(manager: Address, market: int) -> Read[StandardParameters]:
    """A market's parameters, in one round."""
    ([option], [perp]), ([base], [oracle]) = yield from both(
        both(
            ask([calls.OPTION_PARAMETERS.at(manager, market)]),
            ask([calls.PERP_REQUIREMENTS.at(manager, market)]),
        ),
        both(
            ask([calls.BASE_PARAMETERS.at(manager, market)]),
            ask([calls.ORACLE_PARAMETERS.at(manager, market)]),
        ),
    )
    numbers: tuple[int, ...] = (*option, *perp, *base, *oracle)
    return StandardParameters(*numbers)


def library(lib: Address, version: int) -> Read[Library]:
    """A portfolio manager's library, in one round."""
    if version == 1:
        (basis, other), (margin, vol) = yield from both(
            ask([calls.BASIS.at(lib), calls.CONTINGENCY.at(lib)]),
            ask([calls.DISCOUNT.at(lib), calls.VOL_SHOCK.at(lib)]),
        )
        return PortfolioParameters(BasisParameters(*basis), VolParameters(*vol), *other, *margin)
    (basis, other), (margin, vol, skew) = yield from both(
        ask([calls.BASIS.at(lib), calls.CONTINGENCY_2.at(lib)]),
        ask([calls.MARGIN_PARAMETERS.at(lib), calls.VOL_SHOCK_2.at(lib), calls.SKEW_SHOCK.at(lib)]),
    )
    *ranges, least = vol
    return Portfolio2Parameters(
        BasisParameters(*basis),
        VolParameters(*ranges),
        least,
        SkewParameters(*skew),
        *other,
        *margin,
    )
