"""Takes a file through all stages: opened, scanned in the sandbox, judged by the policy, named for a person.

It must never read a content itself, and never call a file clean whose scan did not reach the end. Start with
`picklewatch.scanning.scan_file`.
"""
