"""Records, findings and views in words for a person.

It is pure and must never parse a scanned file: it only words what the sandbox reported. Start with
`picklewatch.explain.verdict_text`.
"""
