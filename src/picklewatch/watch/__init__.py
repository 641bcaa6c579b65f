"""Finds the files that may have to be scanned: from events, from walks, and from whatever events failed to announce.

It must never open the content of a file, and never trust watchdog to notice its own failures. Start with
`picklewatch.watch.supervisor`, which starts the threads; docs/watching.md lists what can go wrong.
"""
