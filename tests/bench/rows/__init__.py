"""Measure the store with many rows."""
