"""Liquidations across protocols, and the plan that prevents them; pure."""
