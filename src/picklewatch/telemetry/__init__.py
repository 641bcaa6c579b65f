"""Everything that others can observe: log events, health, metrics, and notifications to systemd.

It must never hold up the work that it reports on, and never let a scanned file's text reach a terminal raw. Start with
`picklewatch.telemetry.health`.
"""
