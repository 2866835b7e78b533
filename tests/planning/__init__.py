"""Tests of the program of plans and what solves it."""
