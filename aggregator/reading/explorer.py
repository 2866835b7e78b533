"""Finds the addresses that hold positions for a wallet, and reads them in the rounds of the wallet itself.

What may belong to a wallet is read at once, while contracts are asked whether it does: an address that is
found in one round is read in the next, and one that the user links along with the wallet. What turns out to
be somebody else's is dropped. Each such address is searched in the same way, three steps from the wallet.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from aggregator.contract import Adapter, Deployment, Owned, Read, join
from aggregator.model.errors import (
    UNANSWERED,
    CallReverted,
    MalformedReply,
    NoContract,
    ReadError,
    Unsupported,
)
from aggregator.model.holders import Holder
from aggregator.model.readings import Block, Reading
from aggregator.model.units import Address, ChainId
from aggregator.reading.jobs import Job, reading_of
from aggregator.reading.owners import OTHERS, TOLD, Finder, Found, Held, Link, Part, Search

MAX_DEPTH = 3
"""How many steps an address may be away from the wallet."""
MAX_FOUND = 50
"""How many addresses of one owner a finder may find: anybody can give away more of them, to slow a read."""
_OTHER_KIND = (CallReverted, NoContract, MalformedReply)
_Searched: TypeAlias = tuple[list[Part], list[Held]]


class Explorer:
    """Searches the wallets of one chain at one block; `met` hears of every address before it is asked for."""

    def __init__(
        self,
        chain: ChainId,
        search: Search,
        jobs: Sequence[Job],
        block: Block,
        met: Callable[[Address], None],
    ) -> None:
        self._chain = chain
        self._finders = search.on(chain)
        self._provers = [finder for finder in search.finders if finder.deployment.chain == chain]
        self._block = block
        self._met = met
        self._places: Mapping[str, tuple[Adapter, Deployment]] = {
            job.deployment.key: (job.adapter, job.deployment) for job in jobs
        }
        self._links: dict[Address, dict[Address, Link]] = defaultdict(dict)
        for link in search.links:
            if link.chain in (None, chain):
                self._links[link.wallet][link.address] = link

    def found(self, wallet: Address) -> Read[Found]:
        """All that belongs to a wallet; failures are results."""
        parts, held = yield from self._below((wallet,))
        once: dict[Address, Held] = {}
        for one in sorted(held, key=lambda one: len(one.holder.path)):
            known = once.get(one.holder.address)
            if known is None or (one.holder.counted and not known.holder.counted):
                once[one.holder.address] = one
        return Found(wallet, self._chain, tuple(parts), tuple(once.values()))

    def _below(self, path: tuple[Address, ...]) -> Read[_Searched]:
        """What the last of a path owns, and what that owns."""
        if len(path) > MAX_DEPTH:
            return [], []
        links = [link for link in self._links.get(path[-1], {}).values() if link.address not in path]
        searches = [
            *(self._by_finder(finder, path) for finder in self._finders),
            *(self._candidate(link.address, path, self._provers, link) for link in links),
        ]
        return _together((yield from join(searches)))

    def _by_finder(self, finder: Finder, path: tuple[Address, ...]) -> Read[_Searched]:
        owner = path[-1]
        read = finder.owners.find(finder.deployment, owner, self._block)
        [answer] = yield from join([read], isolate=True)
        if not isinstance(answer, ReadError) and len(answer) > MAX_FOUND:
            what = f"more than {MAX_FOUND} addresses of {owner} ({len(answer)})"
            advice = "set `find_owned = false` and link those that matter with `crossmargin wallet link`"
            answer = Unsupported(what, advice)
        if isinstance(answer, ReadError):
            return [finder.part(owner, answer)], []
        links = self._links.get(owner, {})
        parts, held = _together(
            (
                yield from join(
                    [
                        self._candidate(address, path, [finder], None, links.get(address))
                        for address in dict.fromkeys(answer)
                        if address not in path
                    ]
                )
            )
        )
        return [finder.part(owner, Reading((), (), self._block)), *parts], held

    def _candidate(
        self,
        address: Address,
        path: tuple[Address, ...],
        finders: Sequence[Finder],
        link: Link | None,
        wish: Link | None = None,
    ) -> Read[_Searched]:
        """An address that may be the last one's of a path: proven, read and searched in the same rounds."""
        self._met(address)
        longer = (*path, address)
        owner, block = path[-1], self._block
        proofs = [finder.owners.prove(finder.deployment, owner, address, block) for finder in finders]
        reads = [reading_of(Job(adapter, at, address), block) for adapter, at in self._places.values()]
        answers, readings, (parts, below) = yield from join(
            [join(proofs, isolate=True), join(reads, isolate=True), self._below(longer)]
        )
        owned, errors = _proven(finders, answers, owner, linked=link is not None)
        said = link or wish
        if owned is None and (link is None or (errors and not link.counts)):
            return errors, []
        holder = _holder(self._chain, longer, owned, said)
        if not holder.counted:
            return [], [Held(holder, ())]
        mine = [
            Part(adapter.name, deployment, address, result, adapter)
            for (adapter, deployment), result in zip(self._places.values(), readings, strict=True)
        ]
        further = [
            replace(
                one,
                holder=replace(
                    one.holder,
                    via=(*holder.via, *one.holder.via),
                    proven=holder.proven and one.holder.proven,
                ),
            )
            for one in below
        ]
        return [], [Held(holder, (*mine, *parts)), *further]


def _proven(
    finders: Sequence[Finder], proofs: Sequence[Any], owner: Address, *, linked: bool
) -> tuple[Owned | None, list[Part]]:
    """What contracts say of an address, and what could not be asked: nothing where one has proven it."""
    owned = next((proof for proof in proofs if isinstance(proof, Owned)), None)
    if owned is not None:
        return owned, []
    # Whatever the user links is asked as if it were of every kind.
    errors = [
        finder.part(owner, proof)
        for finder, proof in zip(finders, proofs, strict=True)
        if isinstance(proof, ReadError) and not (linked and _is_other_kind(proof))
    ]
    return None, errors


def _is_other_kind(error: ReadError) -> bool:
    return isinstance(error, _OTHER_KIND) and not isinstance(error, UNANSWERED)


def _holder(chain: ChainId, path: tuple[Address, ...], owned: Owned | None, said: Link | None) -> Holder:
    label = said.label if said is not None else ""
    if owned is None:
        via = f"linked by you as {label}" if label else "linked by you"
    else:
        via = f"{owned.via} ({label})" if label else owned.via
    wish = said.counts if said is not None else None
    counted = wish if wish is not None else owned is None or owned.counts
    why_not = "" if counted else TOLD if wish is not None else OTHERS
    return Holder(chain, path, (via,), owned is not None, counted, why_not)


def _together(searched: Sequence[_Searched]) -> _Searched:
    return [part for parts, _ in searched for part in parts], [one for _, held in searched for one in held]
