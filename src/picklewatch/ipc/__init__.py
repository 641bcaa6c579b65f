"""Asks a running daemon, and answers: small typed messages over a Unix socket, with the kernel's word on who asks.

It must never believe a message before its types, lengths and numbers are checked, wait for a silent peer, or grow with
the number of clients. Start with `picklewatch.ipc.messages`; `picklewatch.ipc.server` is the daemon's side,
`picklewatch.ipc.client` the other.
"""
