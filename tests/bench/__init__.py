"""Benchmarks: not collected by pytest; run as programs."""
