"""Runs the daemon: its start-up, loop and shutdown, its workers, and what follows from a verdict.

It must never parse a content, and never move a file without an intent in the journal. Start with
`picklewatch.service.daemon`.
"""
