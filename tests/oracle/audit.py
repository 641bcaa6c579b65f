"""Events: what a load does that reaches beyond the unpickler, by audit hooks and by what is called."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING

from oracle.stand_ins import NATIVE, load, place_of
from oracle.templates import Templates

if TYPE_CHECKING:
    from types import FrameType

    from oracle.subject import Subject


class RefusedError(PermissionError):
    """The cage refuses what the audit hook was told of."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that a load did."""

    what: str
    """The audit event (``open``, ``import``), or ``called``, ``died``, ``hung``."""
    detail: str
    place: str = ""
    """The functions of Python that led to it: the hook and the innermost."""

    @property
    def key(self) -> tuple[str, str, str]:
        """Return what is alike in events that were seen before."""
        return self.what, self.detail[:60], self.place


_HARMLESS = (
    *("array.", "cpython.", "gc.", "time.", "builtins.id", "marshal.loads", "sys._getframe", "sys._current_frames"),
    *("sys.setprofile", "sys.unraisablehook", "object.__getattr__", "object.__setattr__", "object.__delattr__"),
)
"""Events of an interpreter that reaches nothing by them."""
_GO_ON = ("open", "import", "exec", "compile", "pickle.find_class", "os.listdir", "os.scandir", "code.__new__")
"""Events that are reported and then happen, so that what follows is seen too; all others are refused."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_MODULE_FILES = (".py", ".pyc", ".so")
LIBRARIES = tuple(sorted({sys.prefix, sys.base_prefix, *map(os.path.realpath, (sys.prefix, sys.base_prefix))}))
_MOST = 40


@dataclass(slots=True)
class Watch:
    """Listens while a subject is loaded, and keeps what happens."""

    events: list[Event] = field(default_factory=list)
    reached: set[str] = field(default_factory=set)
    """The functions that ran."""
    _subject: Subject | None = None
    _mentioned: dict[CodeType, str] = field(default_factory=dict)
    _templates: Templates = field(default_factory=Templates)

    def begin(self, subject: Subject, mentioned: dict[CodeType, str]) -> None:
        """Listen from now on; *mentioned*: functions that the pickle keeps, whose call is an event."""
        self.events.clear()
        self.reached.clear()
        self._mentioned = mentioned
        self._subject = subject
        if subject.traced:
            sys.setprofile(self._profile)

    def end(self) -> None:
        """Listen no more."""
        sys.setprofile(None)
        self._subject = None

    def audit(self, event: str, arguments: tuple[object, ...]) -> None:
        """Take an audit event; raise `RefusedError` for what reaches outside."""
        if self._subject is None or event.startswith(_HARMLESS):
            return
        detail = self._detail(event, arguments)
        if detail is None:
            return
        way, importing = _way()
        if not importing:
            self._add(event, detail, way)
        if event not in _GO_ON or (event == "open" and detail.startswith("write ")):
            raise RefusedError(f"the cage refuses {event}")

    def _detail(self, event: str, arguments: tuple[object, ...]) -> str | None:
        """Return what to report of an event, None if it is no concern."""
        if event == "open":
            return _opened(str(arguments[0]), arguments[2])
        if event == "pickle.find_class":
            assert self._subject is not None
            return None if tuple(arguments) in self._subject.names else ".".join(map(str, arguments))
        if event == "import":
            return str(arguments[0])
        if event in {"exec", "compile"}:
            return self._code(arguments)
        return repr(arguments)[:160]

    def _code(self, arguments: tuple[object, ...]) -> str | None:
        """Return what is compiled or run; None for a library's own file that is compiled to be run, and a template.

        importlib.import_module raises no ``import``: the module's code, run, tells.
        """
        source = arguments[0]
        if isinstance(source, CodeType) and source.co_filename.startswith(LIBRARIES):
            return f"import {source.co_filename}"
        if len(arguments) > 1 and str(arguments[1]).startswith(LIBRARIES):
            return None
        if self._templates.allow(source):
            return None
        return f"{source.co_name} in {source.co_filename}" if isinstance(source, CodeType) else repr(source)

    def _add(self, what: str, detail: str, way: str) -> None:
        if len(self.events) < _MOST:
            self.events.append(Event(what, detail[:200], way))

    def _profile(self, frame: FrameType, event: str, _argument: object) -> None:
        if event != "call":
            return
        code = frame.f_code
        self.reached.add(f"{code.co_filename[-40:]}:{code.co_firstlineno}:{code.co_name}")
        if code in self._mentioned:
            self._add("called", self._mentioned[code], _way()[0])


def _opened(path: str, flags: object) -> str | None:
    if isinstance(flags, int) and flags & _WRITING:
        return f"write {path}"
    if path.startswith(LIBRARIES) and path.endswith(_MODULE_FILES):
        return None  # part of an import, which is an event itself
    return f"read {path}"


def _way() -> tuple[str, bool]:
    """Return the functions of Python that led here, the hook and the innermost, and True if a module is being imported.

    The frames of the import system and of the oracle itself are left out.
    """
    names: list[str] = []
    importing = False
    frame: FrameType | None = sys._getframe(3)
    while frame is not None and frame.f_code is not load.__code__:
        filename = frame.f_code.co_filename
        importing = importing or (frame.f_code.co_name == "<module>" and filename.startswith(LIBRARIES))
        if not filename.startswith(("<frozen importlib", _OURS)):
            names.append(place_of(frame))
        frame = frame.f_back
    return " … ".join(dict.fromkeys((names[-1], names[0]))) if names else NATIVE, importing


_OURS = str(Path(__file__).parent)
