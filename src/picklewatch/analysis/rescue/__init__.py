"""The sandboxed half of ``picklewatch rescue``: which bytes of a file are which tensor. Nothing in it is executed.

`contents` finds the value that a loader would return, `names` or `anew` what of it can be saved, and `planning` says
that to the parent (`picklewatch.rescue`), which copies. Start with `plan.rescue`.
"""

from __future__ import annotations
