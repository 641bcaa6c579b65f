"""Holds the opening of model files until they are judged, with the kernel's permission events (fanotify(7)).

Three processes: the answerer, which alone has the kernel's questions; the judge, which has the scanners and no
privilege; the warden, which ends an answerer that no longer answers, so that the kernel lets every open pass. The
answerer must never open, log, import, wait or parse anything once it is asked. Start with `picklewatch.guard.answerer`;
docs/guard.md has the reasons.
"""
