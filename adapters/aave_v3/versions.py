"""Which rules a pool follows, by its POOL_REVISION.

Read in the sources of each release: github aave/aave-v3-core (V3.0) and aave-dao/aave-v3-origin (tags
v3.1.0 to v3.6.0 and main for V3.7). Revisions 1 and 10 are also run against the real contracts in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from aggregator.model.errors import Unsupported


class Maths(StrEnum):
    """The arithmetic of balances and health, named after the first release that has it.

    V3_0: debt compounds by a binomial of three terms; everything rounds half up; health uses the average
    threshold in whole basis points. V3_4: debt compounds by 1 + x + x^2/2 + x^3/6. V3_5: aTokens round down,
    debt up, and health uses the sum of collateral times threshold.
    """

    V3_0 = "3.0"
    V3_4 = "3.4"
    V3_5 = "3.5"


@dataclass(frozen=True, slots=True)
class Version:
    """A release as far as health and liquidation depend on it.

    `emode_bitmaps`: an eMode category lists its reserves, instead of each reserve naming its one category.
    `stable_debt`: debt at a stable rate exists. `threshold_gate`: a reserve with threshold 0 is no
    collateral even where the user's flag says so. `discounted_debt`: a reserve outside of virtual accounting
    counts its debt token's own, discounted balance.

    `sentinel`: the pool asks a price oracle sentinel. `grace_period`: a reserve may be spared from
    liquidations for a time. `dust_rule`: small positions close as a whole, nothing small may remain, and what
    no collateral covers is written off. `named_errors`: reverts carry names instead of numbers.
    `protocol_rounding`: what is seized rounds down, the protocol's fee up, and the last collateral is told
    by what tokens remain. `emode_ltv_zero`: an eMode category says itself on which of its collaterals nobody
    may borrow. `virtual_balances`: the pool counts its cash, of which a flash loan may take no more.
    """

    release: str
    maths: Maths
    emode_bitmaps: bool
    stable_debt: bool
    threshold_gate: bool
    discounted_debt: bool = False
    sentinel: bool = True
    grace_period: bool = True
    dust_rule: bool = True
    named_errors: bool = True
    protocol_rounding: bool = False
    emode_ltv_zero: bool = False
    virtual_balances: bool = True


_V3_4 = Version("3.4", Maths.V3_4, emode_bitmaps=True, stable_debt=False, threshold_gate=True)
_V3_5 = replace(_V3_4, release="3.5", maths=Maths.V3_5)
_V3_6 = replace(_V3_5, release="3.6", threshold_gate=False, emode_ltv_zero=True)
_V3_7 = replace(_V3_6, release="3.7", sentinel=False, protocol_rounding=True)
_V3_3 = replace(_V3_4, release="3.3", maths=Maths.V3_0, discounted_debt=True, named_errors=False)
_V3_2 = replace(_V3_3, release="3.2", discounted_debt=False, dust_rule=False)
_V3_1 = replace(_V3_2, release="3.1", emode_bitmaps=False, stable_debt=True)
_V3_0 = replace(_V3_1, release="3.0", grace_period=False, virtual_balances=False)

VERSIONS = {
    1: _V3_0,
    2: _V3_0,
    3: _V3_0,
    4: _V3_1,
    5: _V3_2,
    6: _V3_2,
    7: _V3_3,
    8: _V3_4,
    9: _V3_5,
    10: _V3_6,
    11: _V3_7,
}
RELEASES = {version.release: version for version in VERSIONS.values()}


def version_of(revision: int, market: str) -> Version:
    """The rules of a pool revision; raises Unsupported on one that nobody has read yet."""
    if revision not in VERSIONS:
        latest = max(VERSIONS)
        raise Unsupported(
            f"revision {revision} of the pool of {market}",
            f"its rules may differ from those of revisions 1 to {latest} (Aave V3.0 to "
            f"V{VERSIONS[latest].release}); install a newer crossmargin, or report it if there is none",
        )
    return VERSIONS[revision]
