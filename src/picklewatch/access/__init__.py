"""The way to a file: which links are followed, with whose rights, and what opens.

It must never decide by a name, never follow a link that its owner could not follow, and never open anything but
regular files. Start with `picklewatch.access.opening`, which opens files for scanning.
"""
