"""The vault: moves a scanned file out of reach and gives it back, with a journal that survives a crash at any step.

It must never follow a link, never lose or change a content, and never move a file that the user whose cache it is could
not move. Start with `picklewatch.quarantine.vault`; docs/quarantine.md describes the layout on disk.
"""
