"""What the tests of reading share: quick retries, a bare node, and small contracts on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import stamina

from tests.devnet import multicall3
from tests.devnet.chain import Chain
from tests.devnet.node import Node
from tests.reading.contracts import CODE

ATTEMPTS = 3
KEPT_BLOCKS = 20_000  # more than all tests here mine: what was before any of them can be read in each


@pytest.fixture(autouse=True)
def quick_retries() -> Iterator[None]:
    """Retries as many as in use, without waiting between them."""
    with stamina.set_testing(True, attempts=ATTEMPTS):  # stamina's own signature
        yield


def install(node: Node) -> None:
    """Multicall3 and the small contracts."""
    multicall3.install(Chain(node))
    for address, code in CODE.items():
        node.set_code(address, code)
    node.mine()


@pytest.fixture(scope="session")
def shared_node() -> Iterator[Node]:
    """One node with nothing but Multicall3 and the small contracts."""
    with Node(history_blocks=KEPT_BLOCKS) as node:
        install(node)
        yield node


@pytest.fixture
def node(shared_node: Node) -> Iterator[Node]:
    """The same node with everything undone afterwards."""
    before = shared_node.snapshot()
    yield shared_node
    shared_node.revert(before)


@pytest.fixture
def own_node() -> Iterator[Node]:
    """A node that the test may kill."""
    with Node() as node:
        install(node)
        yield node
