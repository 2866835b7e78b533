"""Imported once by the server of `tests.forks`: what each process that it forks would import itself."""

from importlib import import_module

from aggregator import app

for _name in (
    "aggregator.reading.chain",
    "aggregator.store.index_runs",
    "alembic.command",
    "alembic.config",
    "duckdb_sqlalchemy.alembic_impl",
    "tests.app.index_process",
    "tests.schedule.process",
    "tests.store.contention",
):
    import_module(_name)

# Whatever a wallet is read and judged with, which is found by name or imported late.
app.check(app.replay(app.demo()))
