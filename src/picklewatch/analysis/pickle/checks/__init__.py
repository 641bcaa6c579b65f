"""Checks of arguments and states: whether a call to a harmless function is harmless with what it is given.

A check must never follow a value further than the budget allows, and never be sure of what it does not know. Start
with `picklewatch.analysis.pickle.checks.registry`, which maps names to checks.
"""
