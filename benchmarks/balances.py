"""A node of chain id 1 with Multicall3, ERC-20 tokens and balances that are all different."""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from aggregator.model.units import Address, keccak
from tests.devnet import multicall3
from tests.devnet.artifacts import compiled
from tests.devnet.chain import Chain
from tests.devnet.node import Node

_BALANCE_SLOT = 3  # name, symbol and totalSupply come before; decimals is immutable
_BATCH = 1_000
_BALANCE_BYTES = 11  # up to 2**88: beyond 64 bits, as amounts of 18 decimals are


@dataclass(frozen=True)
class Balances:
    """Which balances are read, wallet by wallet, at one block."""

    node: Node
    block: int
    tokens: list[Address]
    wallets: list[Address]

    def __len__(self) -> int:
        return len(self.tokens) * len(self.wallets)

    def part(self, wallets: int, tokens: int) -> Balances:
        """The first of them."""
        return replace(self, wallets=self.wallets[:wallets], tokens=self.tokens[:tokens])

    def expected(self) -> list[int]:
        """What they are."""
        return [balance(token, wallet) for wallet in self.wallets for token in self.tokens]


def balance(token: Address, wallet: Address) -> int:
    """The balance that is set up."""
    seed = bytes.fromhex(token[2:] + wallet[2:])
    return int.from_bytes(hashlib.sha256(seed).digest()[:_BALANCE_BYTES])


@contextmanager
def balances(wallets: int, tokens: int) -> Iterator[Balances]:
    """A node with so many of either, stopped at the end."""
    owners = [_address(b"wallet", i) for i in range(wallets)]
    places = [_address(b"token", i) for i in range(tokens)]
    with Node(chain_id=1) as node:
        chain = Chain(node)
        multicall3.install(chain)
        code = node.code(chain.deploy(compiled("devnet")["MintableToken"], "Token", "TKN", 18).address)
        for place in places:
            node.set_code(place, code)
        slots = [keccak(bytes(12) + bytes.fromhex(w[2:]) + _BALANCE_SLOT.to_bytes(32)) for w in owners]
        _store(
            node,
            [
                [token, "0x" + slot.hex(), "0x" + balance(token, wallet).to_bytes(32).hex()]
                for wallet, slot in zip(owners, slots, strict=True)
                for token in places
            ],
        )
        node.mine()
        yield Balances(node, node.block_number, places, owners)


def _address(kind: bytes, number: int) -> Address:
    return Address("0x" + keccak(kind + number.to_bytes(4))[:20].hex())


def _store(node: Node, slots: list[list[str]]) -> None:
    connection = http.client.HTTPConnection(node.host, node.port, timeout=60)
    for start in range(0, len(slots), _BATCH):
        body = [
            {"jsonrpc": "2.0", "id": i, "method": "anvil_setStorageAt", "params": slot}
            for i, slot in enumerate(slots[start : start + _BATCH])
        ]
        connection.request("POST", "/", json.dumps(body), {"content-type": "application/json"})
        answers = json.loads(connection.getresponse().read())
        assert all(answer.get("result") is True for answer in answers), answers[:1]
    connection.close()
