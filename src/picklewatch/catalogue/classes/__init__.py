"""The closed world of restoring: every class that was read, the hooks that it runs, and what those may reach.

The census (`tools/census`) lists the classes; `profiles` looks one up. A schema (`schema`, one file per library) says
what a hook function looks into. It must never guess: what is not here is not known. Start reading at `profiles`.
"""
