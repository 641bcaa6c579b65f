"""Decides which file is scanned next.

The rule: **the most urgent class goes first (a loader waits, an event, a walk), within it owners take turns, then each
owner's directories; every fourth file is the one that has waited longest.** Two limits keep a turn short: a scan that
takes longer than five seconds (half a second while somebody else waits) goes on in the slow lane, which has at most
half of the workers and leaves one to owners who have nothing in it; and a file that is written all the time is scanned
every 1.5 seconds.

Why two limits beside the rule: docs/decisions/0011-turns-and-two-limits.md.

Small files that a walk found go together with their neighbours in the same directory, until something urgent waits.

It must never let one owner's files hold up another's, and never lose what the store still has. Start with
`picklewatch.queue.schedule`.
"""
