"""One range of blocks asked of one endpoint by eth_getLogs, and every log of the answer checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from aggregator.abi.logs import Log, Logs, pack
from aggregator.model.errors import BlockUnavailable, MalformedReply, ProviderUnavailable, Reorganised
from aggregator.model.readings import Block
from aggregator.model.units import Address
from aggregator.reading.cache import Stretch
from aggregator.reading.faults import NotYet, OtherBlock, RpcError
from aggregator.reading.pins import refuses_block
from aggregator.reading.stretches import Span
from aggregator.reading.upstream import RpcCall, Upstream

_ROUND = (1_000, 1_024)
"""Some cut a reply at a multiple of these without saying so."""
_BEYOND = ("beyond", "after last", "greater than latest", "future block")
_UNABLE = (-32601, -32602)  # no such method, invalid parameters
_RANGE = ("range", "blocks")
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,16}")
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_DATA = re.compile(r"0x(?:[0-9a-fA-F]{2})*")


@dataclass(frozen=True, slots=True)
class TooWide:
    """A range that was not answered as a whole, and why.

    `everything` was refused, headers too: by an endpoint that may refuse whatever it is asked.
    """

    why: ProviderUnavailable
    about_range: bool
    everything: bool = False


async def ask(
    upstream: Upstream, block: Block, request: Logs, span: Span, *, patient: bool
) -> Stretch | TooWide:
    """All logs of a range of blocks, or why it must be asked for in halves.

    Raises BlockUnavailable where the endpoint lacks the pinned block, Reorganised where it had it,
    MalformedReply where an answer is none, and what asking raises.
    """
    first, last = span
    calls = [("eth_getLogs", [_filter(request, span)]), header(hex(block.number)), header(hex(last))]
    answer, pinned, end = await upstream.ask(calls, patient=patient, splittable=True)
    if isinstance(answer, RpcError):
        said = answer.message.lower()
        if refuses_block(answer) or any(words in said for words in _BEYOND):
            raise BlockUnavailable(upstream.name, f"does not have block {last} yet ({answer})")
        refused = ProviderUnavailable(upstream.name, f"eth_getLogs was refused: {answer}")
        if answer.code in _UNABLE and not any(words in said for words in _RANGE):
            raise refused
        everything = isinstance(pinned, RpcError) and isinstance(end, RpcError)
        return TooWide(refused, any(words in said for words in _RANGE), everything)
    here, end_hash = hash_of(pinned), hash_of(end)
    if here is None or end_hash is None:
        kind = BlockUnavailable if block.hash in upstream.seen else NotYet
        raise kind(upstream.name, f"does not have block {block.number}")
    if here != block.hash:
        if block.hash in upstream.seen:
            raise _reorganised(upstream, block)
        raise OtherBlock(upstream.name, f"has another block {block.number}: {here}")
    upstream.seen.add(block.hash)
    if isinstance(answer, list) and any(len(answer) and len(answer) % n == 0 for n in _ROUND):
        why = f"answered exactly {len(answer):,} logs, which may not be all of them"
        return TooWide(ProviderUnavailable(upstream.name, why), about_range=False)
    part = replace(request, from_block=first, to_block=last)
    packed = _packed(answer, part)
    logs = part.decode(packed)
    if any(
        log.block_hash != known
        for log in logs
        for number, known in ((block.number, here), (last, end_hash))
        if log.block_number == number
    ):
        raise _reorganised(upstream, block)
    return Stretch(first, last, end_hash, packed)


def _filter(request: Logs, span: Span) -> dict[str, Any]:
    wanted: dict[str, Any] = {"fromBlock": hex(span[0]), "toBlock": hex(span[1])}
    if request.addresses:
        wanted["address"] = list(request.addresses)
    if request.topics:
        wanted["topics"] = [
            topic if topic is None else ["0x" + word.hex() for word in topic] for topic in request.topics
        ]
    return wanted


def _packed(answer: Any, request: Logs) -> bytes:
    if not isinstance(answer, list):
        raise MalformedReply(request.origin, "eth_getLogs answered something that is no list")
    try:
        return pack([_log(entry) for entry in answer])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        why = f"eth_getLogs answered something that is no log ({error!r})"
        raise MalformedReply(request.origin, why) from None


def _log(entry: Any) -> Log:
    if entry.get("removed", False) is not False:
        raise ValueError("a log that was removed")
    return Log(
        address=Address(_text(_ADDRESS, entry["address"])),
        topics=tuple(bytes.fromhex(_text(_HASH, topic)[2:]) for topic in entry["topics"]),
        data=bytes.fromhex(_text(_DATA, entry["data"])[2:]),
        block_number=int(_text(_QUANTITY, entry["blockNumber"]), 16),
        block_hash=_text(_HASH, entry["blockHash"]),
        transaction_hash=_text(_HASH, entry["transactionHash"]),
        log_index=int(_text(_QUANTITY, entry["logIndex"]), 16),
    )


def _text(pattern: re.Pattern[str], value: Any) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f"no {pattern.pattern}")  # not the value: an endpoint may quote a key
    return value.lower()


def header(name: str) -> RpcCall:
    """Asks for a block's header by tag or number."""
    return "eth_getBlockByNumber", [name, False]


def hash_of(header: Any) -> str | None:
    """The hash in a header; None where it is none."""
    found = header.get("hash") if isinstance(header, dict) else None
    return found.lower() if isinstance(found, str) and _HASH.fullmatch(found) else None


def number_of(header: Any) -> int | None:
    """The number in a header; None where it is none."""
    found = header.get("number") if isinstance(header, dict) else None
    return int(found, 16) if isinstance(found, str) and _QUANTITY.fullmatch(found) else None


def _reorganised(upstream: Upstream, block: Block) -> Reorganised:
    upstream.rest()  # others may still have the block
    return Reorganised(upstream.name, f"block {block.number} was reorganised while reading its logs")
