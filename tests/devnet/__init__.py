"""A test kit that deploys real protocol contracts on a local node.

Start reading at `world.World`; `README.md` beside this file shows its use in tests.
"""
