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
from picklewatch.store.found_records import LOOKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
            files = list(self._below(viewer, request))
            for path, file in files[:RESCANS]:
                self._store.records.judge_again(file)
                self._look_again(path)
            return RescanAnswer(by=by, files=len(files[:RESCANS]), more=len(files) > RESCANS)
        if not viewer.whole:
            return _WHOLE
        number = self._store.records.judge_all_again(request.verdicts or tuple(Verdict))
        self._walk("rescan")
        return RescanAnswer(by=by, files=number)

    def _below(self, viewer: Viewer, request: RescanRequest) -> Iterator[tuple[str, FileId]]:
        """Yield up to one more file than is queued, with its present state."""
        wanted = RecordFilter(
            verdicts=frozenset(request.verdicts or tuple(Verdict)),
            under=request.under,
            uid=None if viewer.whole else viewer.uid,
            homes=viewer.homes,
        )
        looking, number = self._store.found.looking(quickly_answering()), 0
        for found in looking.newest_first(wanted, looks=LOOKS):
            if not found.where.is_there or found.lies_at is None or number > RESCANS:
                continue
            with contextlib.suppress(OSError):
                yield found.lies_at, FileId.of(os.stat(found.lies_at))  # noqa: PTH116 - any bytes
                number += 1
