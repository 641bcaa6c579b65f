"""Showing a person what is inside a file: the views, as the sandboxed child makes them.

`collect` finds the pickles in a file as the scan does, `observer` follows the verdict's own walk over each, `views`
makes lines of what it sees (`value_text` and `opcode_text` write the details). It must never follow opcodes by rules of
its own. Only the child imports these; `explain.view_text` is the parent's. Start with `observer`.
"""
