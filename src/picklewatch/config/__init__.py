"""The configuration: keys, files, environment, mistakes, and the effective values as text.

It must never apply a part of a configuration that has mistakes. Start with `picklewatch.config.schema`.
"""
