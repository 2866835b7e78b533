"""What `crossmargin index` says: at the beginning, while it goes on, and of what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from cli import envelope, exits
from cli.exits import Exit
from cli.progress import Progress
from cli.text import clean, told

if TYPE_CHECKING:
    from aggregator.app.indexing import Indexed, Planned
    from aggregator.app.wallet_lists import Source
    from aggregator.model.readings import Block
    from aggregator.model.units import ChainId
    from aggregator.store.saved import IndexRun

_SHOWN = 20


class Teller:
    """Tells how a run goes and what came of it; `names` of chains, `json`: one envelope at the end."""

    def __init__(self, source: Source, names: Mapping[ChainId, str], *, json: bool, quiet: bool) -> None:
        self._source, self._names, self._json, self._quiet = source, names, json, quiet
        self._state: Indexed | None = None
        self._progress: Progress | None = None

    def hear(self, state: Indexed) -> None:
        """The run began, or a block of wallets was kept."""
        if self._progress is None:
            if not self._quiet:
                typer.echo(_beginning(self._source, state, self._names), err=True)
                for warning in state.warnings:
                    typer.echo(f"warning: {clean(warning, 500)}", err=True)
            self._progress = Progress("index", state.run.wallets, quiet=self._quiet)
        self._state = state
        incomplete = state.run.partial + state.run.failed
        self._progress.update(state.run.done, f"{incomplete:,} incomplete" if incomplete else "")

    def stopped(self) -> None:
        """Something ended the run before its end: says what is kept."""
        self._close()
        if self._state is not None:
            typer.echo(_kept(self._state.run), err=True)

    def interrupted(self) -> Exit:
        """The user ended the run; what the process ends with."""
        self.stopped()
        if self._json and self._state is not None:
            error = {"code": "interrupted", "message": _kept(self._state.run)}
            envelope.write(_document(self._source, self._state, [error]))
        return Exit.INTERRUPTED

    def ended(self, *, allow_partial: bool) -> Exit:
        """Every wallet has its snapshot; what the process ends with."""
        self._close()
        if self._state is None:
            raise RuntimeError("a run ended that did not begin")
        run, missing = self._state.run, self._state.missing
        if self._json:
            envelope.write(_document(self._source, self._state, _errors(self._state)))
        else:
            typer.echo(_summary(self._state, self._names))
        if not self._quiet:
            for one in missing[:_SHOWN]:
                typer.echo(f"not read for {one.count:,} wallets: {told(one.first)}", err=True)
        incomplete, nothing = run.partial + run.failed, run.failed == run.wallets
        if not incomplete or (allow_partial and not nothing):
            return Exit.OK
        failures = [one.first for one in missing]
        return exits.of_failures(failures, nothing_read=nothing) if failures else Exit.PARTIAL

    def _close(self) -> None:
        if self._progress is not None:
            self._progress.close()


def tell_plan(
    source: Source, planned: Planned, names: Mapping[ChainId, str], block_size: int, *, json: bool
) -> None:
    """What would be done."""
    run = planned.run
    if json:
        data = _data(source, run) | {"dry_run": True, "wallets": planned.wallets}
        envelope.write(envelope.envelope("index", data, blocks=_blocks(planned.blocks)))
        return
    left = planned.wallets - (0 if run is None else run.done)
    begin = "would begin a run" if run is None else f"would go on with run {run.id}"
    typer.echo(
        f"{begin}: {left:,} wallets at {_at(planned.blocks, names)}, {block_size:,} together, "
        f"{planned.deployments} deployments each"
    )


def _beginning(source: Source, state: Indexed, names: Mapping[ChainId, str]) -> str:
    run, at = state.run, _at(state.run.blocks, names)
    if state.begun:
        done = f"{state.begun:,} of {run.wallets:,} wallets are kept"
        return f"going on with run {run.id} at {at}: {done}; --restart begins anew"
    twice = source.wallets.duplicates
    left_out = f", {twice:,} named twice left out" if twice else ""
    return f"run {run.id}: {run.wallets:,} wallets{left_out} at {at}"


def _kept(run: IndexRun) -> str:
    if run.ended_at is not None:
        return f"all {run.wallets:,} wallets are kept"
    return f"{run.done:,} of {run.wallets:,} wallets are kept: the same command goes on with the others"


def _summary(state: Indexed, names: Mapping[ChainId, str]) -> str:
    run = state.run
    counts = f"{run.complete:,} complete, {run.partial:,} partial, {run.failed:,} failed"
    new = f"{state.created:,} snapshots are new"
    return f"{run.wallets:,} wallets at {_at(run.blocks, names)}: {counts}; {new}"


def _document(source: Source, state: Indexed, errors: list[dict[str, Any]]) -> dict[str, Any]:
    data = _data(source, state.run) | {"resumed_at": state.begun, "created": state.created}
    warnings = [clean(warning, 500) for warning in state.warnings]
    blocks = _blocks(state.run.blocks)
    return envelope.envelope("index", data, ok=not errors, warnings=warnings, blocks=blocks, errors=errors)


def _data(source: Source, run: IndexRun | None) -> dict[str, Any]:
    done = {
        name: 0 if run is None else getattr(run, name) for name in ("done", "complete", "partial", "failed")
    }
    return {
        "run_id": None if run is None else run.id,
        "source": clean(source.name, 200),
        "dry_run": False,
        "wallets": len(source.wallets) if run is None else run.wallets,
        "duplicates": source.wallets.duplicates,
        **done,
        "resumed_at": done["done"],
        "created": 0,
        "started_at": None if run is None else _moment(run.started_at),
        "ended_at": None if run is None or run.ended_at is None else _moment(run.ended_at),
    }


def _errors(state: Indexed) -> list[dict[str, Any]]:
    found = []
    for one in state.missing:
        error = envelope.failure(one.first)
        found.append(error | {"message": f"{error['message']} (not read for {one.count:,} wallets)"})
    run = state.run
    if not found and run.partial + run.failed:
        message = f"{run.partial:,} wallets are partial and {run.failed:,} failed, all before the run went on"
        found.append({"code": "read_error", "message": message})
    return found


def _blocks(blocks: Mapping[ChainId, Block]) -> list[dict[str, Any]]:
    return [
        {"chain_id": b.chain, "number": b.number, "hash": b.hash, "timestamp": b.timestamp}
        for b in blocks.values()
    ]


def _at(blocks: Mapping[ChainId, Block], names: Mapping[ChainId, str]) -> str:
    return ", ".join(
        f"{clean(names.get(chain, f'chain {chain}'))} {block.number:,} "
        f"({datetime.fromtimestamp(block.timestamp, UTC):%Y-%m-%d %H:%M:%S} UTC)"
        for chain, block in blocks.items()
    )


def _moment(naive_utc: datetime) -> str:
    return f"{naive_utc:%Y-%m-%dT%H:%M:%SZ}"
