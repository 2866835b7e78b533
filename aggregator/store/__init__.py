"""The warehouse: snapshots in one DuckDB file. The only code that knows DuckDB and SQLModel.

This module imports nothing, so that a command that saves nothing pays for neither; `app` imports
`aggregator.store.warehouse` when something is saved or loaded.
"""
