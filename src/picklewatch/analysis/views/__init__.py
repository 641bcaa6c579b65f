"""Showing a person what is inside a file: the views, as the sandboxed child makes them.

`opcodes` reads a pickle's opcodes, `machine` follows them without executing anything (by the table of `handlers`),
`collect` finds the pickles in a file as the scan does, `views` makes lines of them. Only the child imports these;
`present` is the parent's.
"""
