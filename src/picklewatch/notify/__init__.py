"""Tells people of finds: asks the daemon what is new, groups it, and passes messages on to sinks.

A process of its own (`picklewatch notify run`). It must never believe more of a find than its text, have a right that
the daemon has, or lose a find because a sink is dead: what no sink took is asked for again. Start with
`picklewatch.notify.dispatcher`.
"""
