"""What a deployment's entry must have: wrong ones are refused before anything is read."""

from __future__ import annotations

import pytest

from adapters.gmx_v2.adapter import ROLES, build
from adapters.gmx_v2.tokens import synthetic_address
from aggregator.contract import Deployment, Deployments
from aggregator.model.errors import BadConfiguration
from aggregator.model.units import Address, ChainId


@pytest.mark.parametrize("older", ["0x1", [5], ["0x123"]])
def test_older_contracts_are_addresses(older: object) -> None:
    """Before anything is read."""
    places = dict.fromkeys(ROLES, Address("0x" + "1" * 40))
    entry = Deployment("gmx_v2", ChainId(1), "x", places, "a test", options={"older_readers": older})
    with pytest.raises(BadConfiguration, match="older_readers"):
        build(Deployments((entry,), ()))


def test_the_index_without_a_contract_has_a_known_address() -> None:
    """Of Bitcoin on Arbitrum, as the protocol's own interface lists it."""
    assert synthetic_address(ChainId(42161), "BTC") == "0x47904963fc8b2340414262125af798b9655e58cd"


@pytest.mark.parametrize("synthetic", [5, {"BTC": "8"}, {"BTC": True}, {"BTC": 31}])
def test_a_table_that_is_none_is_refused(synthetic: object) -> None:
    """Before anything is read."""
    places = dict.fromkeys(ROLES, Address("0x" + "1" * 40))
    entry = Deployment("gmx_v2", ChainId(1), "x", places, "a test", options={"synthetic": synthetic})
    with pytest.raises(BadConfiguration, match="synthetic"):
        build(Deployments((entry,), ()))
    lacking = Deployment("gmx_v2", ChainId(1), "x", {"reader": places["reader"]}, "a test")
    with pytest.raises(BadConfiguration, match="data_store"):
        build(Deployments((lacking,), ()))


@pytest.mark.parametrize("blocks", [-1, "7", True, 1.5, 7])
def test_blocks_are_a_number_and_need_the_emitter(blocks: object) -> None:
    """Before anything is read."""
    places = dict.fromkeys(ROLES, Address("0x" + "1" * 40))
    entry = Deployment("gmx_v2", ChainId(1), "x", places, "a test", options={"claimable_blocks": blocks})
    with pytest.raises(BadConfiguration, match="claimable_blocks"):
        build(Deployments((entry,), ()))
