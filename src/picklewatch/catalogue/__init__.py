"""What a security researcher edits: the lists of imports, and the rules with their pages.

It is data and must never read a file or depend on what is installed. Start with
`picklewatch.catalogue.imports.classify` or `picklewatch.catalogue.rules`.
"""
