"""picklewatch and other scanners, side by side on attacks and on ordinary files."""
