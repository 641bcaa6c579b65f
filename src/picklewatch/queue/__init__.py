"""Which file is scanned next: priorities, fairness between owners and directories, back-off, the slow lane.

It must never let one owner's files hold up another's, and never lose what the store still has. Start with
`picklewatch.queue.schedule`.
"""
