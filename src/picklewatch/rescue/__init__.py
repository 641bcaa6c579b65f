"""The trusted half of ``picklewatch rescue``: copies what the sandboxed child planned, and publishes what is proven.

It must never parse a hostile byte, believe a number of the plan that it has not checked, or give the new file its name
before the ordinary scan has proven it harmless. `planned` reads the plan as if an attacker had written it,
`safetensors_file` and `torch_archive` lay the new file out, and `new_file` makes it. Start with `rescuing.rescue`.
"""

from __future__ import annotations
