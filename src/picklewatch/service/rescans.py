"""Has judged files judged again because somebody asked for it. Any thread may use it."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

from picklewatch.core.found_record import RecordFilter
from picklewatch.core.model import FileId, Verdict
from picklewatch.ipc.messages import RESCANS, RequestRefusal, RescanAnswer
from picklewatch.ipc.messages import RefusalCause as Cause
from picklewatch.service.viewers import quickly_answering

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.ipc.messages import Answerer, RescanRequest
    from picklewatch.service.viewers import Viewer
    from picklewatch.store import Store

_WHOLE: Final = RequestRefusal(
    why=Cause.FORBIDDEN,
    message="only the administrator may have everything judged again",
    hint="Name a file or a directory of yours.",
)


class Rescans:
    """Takes verdicts back; *look_again* has a look taken at a path, *walk* at everything."""

    def __init__(self, store: Store, look_again: Callable[[str], None], walk: Callable[[str], None]) -> None:
        self._store, self._look_again, self._walk = store, look_again, walk

    def __call__(self, viewer: Viewer, request: RescanRequest, by: Answerer) -> RescanAnswer | RequestRefusal:
        """Have what *request* names judged again, of the files that *viewer* may see.

        What lies below one path is queued as if it had just been announced; everything, or all with one of some
        verdicts, waits behind new files.
        """
        if request.under:
            files, more = self._below(viewer, request)
            for path, file in files:
                self._store.records.judge_again(file)
                self._look_again(path)
            return RescanAnswer(by=by, files=len(files), more=more)
        if not viewer.whole:
            return _WHOLE
        number = self._store.records.judge_all_again(request.verdicts or tuple(Verdict))
        self._walk("rescan")
        return RescanAnswer(by=by, files=number)

    def _below(self, viewer: Viewer, request: RescanRequest) -> tuple[list[tuple[str, FileId]], bool]:
        """Return the files that are there, each with its present state, and whether there may be more."""
        wanted = RecordFilter(
            verdicts=frozenset(request.verdicts or tuple(Verdict)),
            under=request.under,
        )
        page = self._store.found.looking(quickly_answering()).page(
            wanted,
            limit=RESCANS,
            sees=lambda found: found.where.is_there and viewer.sees_record(found, ()),
        )
        files = []
        for path in (found.lies_at for found in page.found if found.lies_at is not None):
            with contextlib.suppress(OSError):
                files.append((path, FileId.of(os.stat(path))))  # noqa: PTH116 - any bytes
        return files, page.before > 0
