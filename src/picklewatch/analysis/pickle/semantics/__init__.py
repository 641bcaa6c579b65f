"""The meaning of what a pickle does: imports, calls and states, judged while it is walked.

It must never build the objects that it judges: they are stand-ins that remember how they were made. Start with
`picklewatch.analysis.pickle.semantics.machine`.
"""
