"""The vocabulary that every package shares: verdicts, findings, records, errors, units and patterns.

It does no I/O, must never import another package of ours, and decides verdicts in one place, `picklewatch.core.policy`.
Start with `picklewatch.core.model`.
"""
