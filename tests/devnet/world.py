"""A local chain with everything on it: built once, cached as a file, loaded in a moment.

`with World.start() as world:` gives a running node with Multicall3, the shared tokens, the exchanges, every
protocol of `PROTOCOLS` and the seeded wallets. The cache entry is named after everything it is made from, so
a change to the kit builds a new one.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict
from decimal import Decimal
from functools import cache, partial
from typing import TYPE_CHECKING, TypeVar

from tests.devnet import multicall3
from tests.devnet.aave import AaveV36, AaveV301
from tests.devnet.artifacts import recipe_key, recipe_names
from tests.devnet.cache import KIT, build_once, digest, prune
from tests.devnet.chain import Chain
from tests.devnet.comet import CometUsdc, CometWeth
from tests.devnet.config import render
from tests.devnet.curie import PerpCurie
from tests.devnet.deployment import SPARE, WALLETS, Deployment, DeploymentEntry, Site
from tests.devnet.errors import DevnetError
from tests.devnet.gmx_v1 import GmxV1
from tests.devnet.gmx_v2 import GmxV2
from tests.devnet.lyra import LyraV1
from tests.devnet.morpho import MorphoBlue
from tests.devnet.node import CHAIN_ID, Node
from tests.devnet.prices import Prices, Quotes
from tests.devnet.synthetix import SynthetixPerpsV2
from tests.devnet.synthetix_v3 import SynthetixV3
from tests.devnet.tokens import KINDS, NATIVE, Feeds, Tokens
from tests.devnet.uniswap import LYRA_SUSD, SUSD, UniswapV3
from tests.devnet.venus import VenusCore

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


# Order matters only for the blocks in which things happen, never for addresses.
PROTOCOLS: tuple[type[Deployment], ...] = (
    AaveV36,
    AaveV301,
    SynthetixPerpsV2,
    LyraV1,
    CometUsdc,
    CometWeth,
    MorphoBlue,
    VenusCore,
)

# Further perpetuals, on a chain of their own: the demo and most tests don't need them.
PERPS: tuple[type[Deployment], ...] = (SynthetixPerpsV2, SynthetixV3, PerpCurie, GmxV1, GmxV2)

# On every chain, before the protocols.
EXCHANGES: tuple[type[Deployment], ...] = (UniswapV3,)

# Modules of the kit that only use a world: it stays the same when they change.
USES = ("__main__", "demo", "execute", "fixtures", "flash")

DAY_SECONDS = 86_400
ACCRUAL_SECONDS = 30 * DAY_SECONDS
AGE_SECONDS = 3_600
# Native coin of the seeded wallets, in wei; the other accounts keep what the node gave them.
NATIVE_WEI: Mapping[str, int] = {
    "unhedged": 50_000_000_000_000_000,
    "hedged": 400_000_000_000_000_000,
    "edge": 20_000_000_000_000_000,
    "empty": 0,
    "legacy": 30_000_000_000_000_000,
}

D = TypeVar("D", bound=Deployment)


class World:
    """A running local chain with its protocols attached."""

    def __init__(self, node: Node, manifest: Mapping[str, Mapping[str, str]]) -> None:
        self.node = node
        self.chain = Chain(node)
        self.multicall = multicall3.attach(self.chain)
        self.tokens = Tokens(self.chain, manifest["tokens"])
        self.prices = Prices(Quotes(**{name: Decimal(text) for name, text in manifest["quotes"].items()}))
        self.wallets = {name: self.chain.accounts[index] for name, index in WALLETS.items()}
        self.spare = [self.chain.accounts[index] for index in SPARE]
        # Market feeds of the tokens themselves, as a wallet's holdings are priced by.
        self.feeds = Feeds(self.chain, manifest["feeds"])
        self.prices.subscribe(self.feeds.write)
        self._deployments: dict[str, Deployment] = {}
        for kind in dict.fromkeys((*EXCHANGES, *PROTOCOLS, *PERPS)):
            if kind.name in manifest:
                self._attach(kind, manifest[kind.name])

    def add(self, kind: type[Deployment]) -> dict[str, str]:
        """Deploy a protocol and attach it; what the manifest has to keep of it."""
        addresses = kind.deploy(self._site(kind))
        self._attach(kind, addresses)
        return addresses

    def _attach(self, kind: type[Deployment], addresses: Mapping[str, str]) -> None:
        attached = self._deployments[kind.name] = kind(self._site(kind), addresses)
        if isinstance(attached, SynthetixPerpsV2):
            self.uniswap.know(SUSD, attached.susd)
        if isinstance(attached, LyraV1):
            self.uniswap.know(LYRA_SUSD, attached.quote)

    def _site(self, kind: type[Deployment]) -> Site:
        return Site(self.chain.using(self.chain.accounts[kind.deployer]), self.tokens, self.prices)

    @classmethod
    @contextmanager
    def start(
        cls,
        *,
        port: int = 0,
        chain_id: int = CHAIN_ID,
        protocols: Sequence[type[Deployment]] = PROTOCOLS,
    ) -> Iterator[World]:
        """A world on a node of its own, which is stopped at the end."""
        folder = cached(protocols)
        manifest = json.loads((folder / "manifest.json").read_text())
        with Node(port=port, chain_id=chain_id, state=folder / "state.json") as node:
            yield cls(node, manifest)

    @classmethod
    @contextmanager
    def attached(cls, port: int, *, protocols: Sequence[type[Deployment]] = PROTOCOLS) -> Iterator[World]:
        """The world of a node that runs already, started of this kit; it is left running.

        Raises `DevnetError` where nothing answers.
        """
        manifest = json.loads((cached(protocols) / "manifest.json").read_text())
        node = Node(port=port)
        node.connect()
        try:
            yield cls(node, manifest)
        finally:
            node.stop()

    def get(self, kind: type[D]) -> D:
        """A protocol by its class. Raises `DevnetError` if this world has none."""
        found = self._deployments.get(kind.name)
        if not isinstance(found, kind):
            raise DevnetError(f"this world has no {kind.name}")
        return found

    @property
    def deployments(self) -> list[Deployment]:
        """All protocols; not the exchanges, where no wallet has an account."""
        return [one for one in self._deployments.values() if not isinstance(one, EXCHANGES)]

    @property
    def uniswap(self) -> UniswapV3:
        """The pools of `tests.devnet.uniswap.POOLS`."""
        return self.get(UniswapV3)

    @property
    def aave_v36(self) -> AaveV36:
        """The market that most tests use."""
        return self.get(AaveV36)

    @property
    def aave_v301(self) -> AaveV301:
        """The market with the rules of 2022."""
        return self.get(AaveV301)

    @property
    def synthetix(self) -> SynthetixPerpsV2:
        """The perps markets sETHPERP and sBTCPERP."""
        return self.get(SynthetixPerpsV2)

    @property
    def perp_curie(self) -> PerpCurie:
        """The perps markets vETH and vBTC of Perpetual Protocol."""
        return self.get(PerpCurie)

    @property
    def gmx_v2(self) -> GmxV2:
        """GMX V2 with the markets of `tests.devnet.gmx_v2_deploy.MARKETS`, by stand-ins."""
        return self.get(GmxV2)

    @property
    def gmx_v1(self) -> GmxV1:
        """The vault of GMX V1, by stand-ins."""
        return self.get(GmxV1)

    @property
    def synthetix_v3(self) -> SynthetixV3:
        """The perps market of Synthetix V3 with ETH and BTC."""
        return self.get(SynthetixV3)

    @property
    def lyra_v1(self) -> LyraV1:
        """The ETH option market."""
        return self.get(LyraV1)

    @property
    def comet_usdc(self) -> CometUsdc:
        """The comet with feeds in USD, by a stand-in."""
        return self.get(CometUsdc)

    @property
    def comet_weth(self) -> CometWeth:
        """The comet with feeds in its own base, by a stand-in."""
        return self.get(CometWeth)

    @property
    def morpho_blue(self) -> MorphoBlue:
        """Morpho Blue with the markets of `tests.devnet.morpho.MARKETS`, and two vaults."""
        return self.get(MorphoBlue)

    @property
    def venus(self) -> VenusCore:
        """The core pool of Venus, of the Compound V2 family."""
        return self.get(VenusCore)

    @contextmanager
    def isolated(self) -> Iterator[World]:
        """Undo at the end whatever happened on the chain, prices and time included."""
        snapshot, quotes = self.node.snapshot(), self.prices.quotes
        try:
            yield self
        finally:
            self.node.revert(snapshot)
            self.prices.restore(quotes)

    def config(self, more: Sequence[DeploymentEntry] = ()) -> str:
        """The configuration file that makes crossmargin read this chain, and what else a test deployed."""
        own = [token for one in self.deployments for token in one.token_entries()]
        wallet = DeploymentEntry("wallet", "Wallet", {"multicall3": self.multicall.address})
        return render(
            chain_id=self.node.chain_id,
            url=self.node.url,
            deployments=[*(one.deployment_entry() for one in self._deployments.values()), wallet, *more],
            tokens=[*self.tokens.entries(self.feeds), *own],
        )


def world_key(protocols: Sequence[type[Deployment]] = PROTOCOLS) -> str:
    """Hash of everything that a world is made from."""
    names = (kind.name.encode() for kind in protocols)
    return digest(*(recipe_key(name) for name in recipe_names()), *_code(), *names)


@cache
def _code() -> tuple[bytes, ...]:
    """The kit as it is when a process first asks: hundreds of files are not read anew for every world."""
    return tuple(path.read_bytes() for path in sorted(KIT.glob("*.py")) if path.stem not in USES)


def cached(protocols: Sequence[type[Deployment]] = PROTOCOLS) -> Path:
    """Folder with `state.json` and `manifest.json` of the world, built if it is not there yet."""
    # Every edit of the kit makes a new one; several test runs may each use one of the latest.
    prune("world-", keep=40)
    return build_once(f"world-{world_key(protocols)}", partial(_build, protocols))


def _build(protocols: Sequence[type[Deployment]], folder: Path) -> None:
    with Node() as node:
        chain = Chain(node)
        multicall3.install(chain)
        quotes = {name: str(value) for name, value in asdict(Quotes()).items()}
        manifest = {
            "quotes": quotes,
            "tokens": Tokens.deploy(chain),
            "feeds": Feeds.deploy(chain, Quotes(), (NATIVE, *KINDS)),
        }
        world = World(node, manifest)
        everything = (*EXCHANGES, *protocols)
        for kind in everything:
            manifest[kind.name] = world.add(kind)
        for kind in everything:
            world.get(kind).fund()
        node.warp(ACCRUAL_SECONDS)
        world.prices.refresh()
        for kind in everything:
            world.get(kind).seed()
        for name, wei in NATIVE_WEI.items():
            node.set_balance(world.wallets[name], wei)
        node.warp(AGE_SECONDS)
        world.prices.refresh()
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=1))
        node.dump_state(folder / "state.json")
