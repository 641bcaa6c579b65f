"""picklewatch finds hostile model files on ML workstations and, if enabled, quarantines them."""

# No import here, not even of `__future__`: see __main__.py.

__version__ = "0.1.0"
