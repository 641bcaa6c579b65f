"""Reads and judges Python source by its syntax tree; nothing is ever imported or run.

`reading` parses a text within bounds, `nature` tells code from prose. Start with ``reading.py``.
"""
