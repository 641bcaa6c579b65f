"""Parses hostile bytes, and runs only in the sandboxed child.

No other package but `picklewatch.sandbox` may import it (an import contract says so), and it must never load, import or
execute what it reads. Start with `picklewatch.analysis.content`, which judges one content.
"""
