"""The pickle machine: reads opcodes as CPython's C unpickler does (``Modules/_pickle.c``).

It must never do what an opcode says, only keep a stack of stand-ins. Start with
`picklewatch.analysis.pickle.vm.interpreter`.
"""
