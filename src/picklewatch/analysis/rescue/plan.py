"""The sandbox's job: plan what can be saved of a file, and write what lies in it in another form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from picklewatch.analysis.pickle.report import Budget, LimitReached
from picklewatch.analysis.rescue import anew
from picklewatch.analysis.rescue.byte_sources import NotSavedError
from picklewatch.analysis.rescue.contents import Reader
from picklewatch.analysis.rescue.held_values import subtree
from picklewatch.analysis.rescue.names import NamedTensors
from picklewatch.analysis.rescue.planning import RescuePlan

if TYPE_CHECKING:
    from picklewatch.analysis.rescue.planning import Put, Write
    from picklewatch.core.model import Limits


def rescue(data: Any, limits: Limits, request: dict[str, Any], put: Put, write: Write) -> None:
    """Say what can be saved of *data* to *put*, and give *write* the bytes that do not lie in it as they are."""
    view = memoryview(data)
    plan = RescuePlan(put, len(view))
    reader = Reader(view, Budget(limits=limits, size=len(view)), plan.left)
    try:
        content = reader.read()
        value = content.value if request["only"] is None else subtree(content.value, request["only"])
        if request["anew"]:
            plan.pickle = anew.pickled(value, content, reader.sources, plan)
        else:
            NamedTensors(content, reader.sources, plan).collect(value)
    except (NotSavedError, LimitReached) as error:
        plan.left("", str(error))
        if request["anew"]:  # half a structure is none
            plan.pickle = b""
            plan.parts.clear()
    plan.say(write)
