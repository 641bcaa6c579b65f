"""What BUILD gives to objects whose ``__setstate__`` does something with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from picklewatch.analysis.pickle.checks import argument_signs, numpy_arrays, torch_tensors
from picklewatch.analysis.pickle.checks.scipy_kdtree import check_tree
from picklewatch.analysis.pickle.checks.stdlib_calls import kept
from picklewatch.analysis.pickle.render import render
from picklewatch.analysis.pickle.vm.values import Import, Obj, Persistent
from picklewatch.catalogue.imports.entries import Check, Kind
from picklewatch.core.model import Level

if TYPE_CHECKING:
    from picklewatch.analysis.pickle.semantics.build import Machine


def check_state(machine: Machine, target: Obj, state: Any, offset: int) -> None:
    """Look at the *state* that BUILD gives to *target*."""
    check = _BY_KIND.get(target.kind)
    if check is None and isinstance(target.callee, Import) and target.callee.judged.check is Check.FORMULA:
        check = _formula_state
    if check is not None:
        check(machine, target, state, offset)
    _generator_state(machine, state, offset)
    _view_state(machine, state, offset)
    check_tree(machine, target, state, offset)
    for attributes in state[:2] if isinstance(state, tuple) else (state,):
        if isinstance(attributes, dict):
            for name, look in _BY_ATTRIBUTE.items():
                if name in attributes:
                    look(machine, attributes, attributes[name], offset)


def _generator_state(machine: Machine, state: Any, offset: int) -> None:
    """A generator's position in its own table, which numpy takes for an index (``mt19937.h``, ``philox.h``)."""
    if isinstance(state, tuple) and state:
        fewest = 3
        if state[0] == "MT19937" and len(state) >= fewest:
            state = {"bit_generator": state[0], "state": {"pos": state[2]}}
        else:
            state = state[0]
    if not isinstance(state, dict) or "bit_generator" not in state:
        return
    inner = state.get("state")
    for held, name, most in ((inner, "pos", 624), (state, "buffer_pos", 4)):
        position = held.get(name) if isinstance(held, dict) else None
        if position is None:
            continue
        number = numpy_arrays.integer(position)
        if number is None or not 0 <= number <= most:
            machine.finding(
                "numpy-size-mismatch",
                Level.MALICIOUS,
                offset,
                "a random generator is to read beyond its own table",
                render(position, 100),
            )


def _view_state(machine: Machine, state: Any, offset: int) -> None:
    """A tensor's own ``__setstate__`` takes ``(storage, offset, size, stride)``, by whatever name its class came."""
    parts = 4
    if not isinstance(state, tuple) or len(state) != parts or not isinstance(state[0], Persistent):
        return
    summary = torch_tensors.out_of_bounds(state, machine.budget)
    if summary:
        machine.finding("tensor-out-of-bounds", Level.MALICIOUS, offset, summary, render(state, 200))


def _code_template(machine: Machine, attributes: dict[Any, Any], value: Any, offset: int) -> None:
    """Distributions of scipy exec ``_parse_arg_template`` when restored (``scipy/stats/_distn_infrastructure.py``)."""
    lines = value.split("\n") if isinstance(value, str) else [""]
    longest, most = 200, 60  # what scipy writes has a fifth of that; anything else is told
    machine.budget.charge(len(value) if isinstance(value, str) else 1)
    fits = isinstance(value, str) and len(lines) <= most
    if fits and all(len(line) <= longest and _TEMPLATE_LINE.match(line) for line in lines):
        return
    machine.finding(
        "hijacked-method",
        Level.MALICIOUS,
        offset,
        "a code template that scipy runs on loading was changed",
        render(value, 300),
    )


def _file_resource(machine: Machine, attributes: dict[Any, Any], value: Any, offset: int) -> None:
    """sklearn_crfsuite writes these bytes to the file that the state names."""
    name = attributes.get("name")
    if name is None or (isinstance(name, str) and _TEMPORARY.match(name)):
        machine.once(
            "unvouched-class", Level.UNVERIFIED, offset, "writes bytes of its own to a temporary file", render(name)
        )
    else:
        machine.finding(
            "file-access", Level.MALICIOUS, offset, "writes bytes of its own to a file that it names", render(name)
        )


def _handle(machine: Machine, attributes: dict[Any, Any], value: Any, offset: int) -> None:
    """A handle of native code is a pointer: the object's destructor would free it."""
    smallest = 1 << 16
    if type(value) is int and value >= smallest:
        machine.finding(
            "opcode-out-of-kind", Level.UNSAFE, offset, "sets a native handle, a pointer, from the file", render(value)
        )


def _node_count(machine: Machine, attributes: dict[Any, Any], value: Any, offset: int) -> None:
    """A tree of scikit-learn walks as many nodes as its state says, in a table of as many as its array has."""
    nodes = attributes.get("nodes")
    full = 5
    if not isinstance(nodes, Obj) or not isinstance(nodes.state, tuple) or len(nodes.state) < full:
        return
    rows, said = numpy_arrays.count(nodes.state[1]), numpy_arrays.integer(value)
    if rows is not None and (said is None or not 0 <= said <= rows):
        machine.finding(
            "numpy-size-mismatch",
            Level.MALICIOUS,
            offset,
            f"a tree says that it has more nodes than the {rows} that it brings",
            render(value, 100),
        )


def _labels(machine: Machine, attributes: dict[Any, Any], value: Any, offset: int) -> None:
    """A configuration of transformers makes a name for each label as soon as it is given their number."""
    most = 1 << 24
    if type(value) is int and value > most:
        machine.finding(
            "resource-bomb", Level.UNSAFE, offset, "is given more labels than memory can hold", render(value)
        )


_TEMPLATE_LINE = re.compile(
    r"\s*(def _parse_args(_rvs|_stats)?\(self,?[\w ,=*']*\):|return \(?[\w, ]*+(\)[\w, ]*+)?"
    r"((?<=\bself)\._argcheck_rvs\([\w, =]*\)[\w, ]*+)?)?\s*\Z"
)
_TEMPORARY = re.compile(r"(/tmp|/var/tmp|/var/folders/[\w/+-]+|[A-Za-z]:\\[\w \\.~-]+\\Temp)[/\\][\w.-]+\Z")
_BY_ATTRIBUTE = {
    "_parse_arg_template": _code_template,
    "__FILE_RESOURCE_DATA__": _file_resource,
    "node_count": _node_count,
    "handle": _handle,
    "_handle": _handle,
    "num_labels": _labels,
}


def _ndarray_state(machine: Machine, target: Obj, state: Any, offset: int) -> None:
    """``(version, shape, dtype, is Fortran, data)``, for exact arrays; subclasses wrap it."""
    exact = (
        isinstance(target.args, tuple)
        and target.args
        and isinstance(target.args[0], Import)
        and target.args[0].name == "ndarray"
    )
    fewest = 4
    if not exact and isinstance(state, tuple) and state and isinstance(state[0], tuple) and len(state[0]) > fewest:
        state = state[0]
    if not isinstance(state, tuple) or len(state) < fewest:
        if exact or isinstance(state, Obj):
            machine.finding(
                "numpy-size-mismatch",
                Level.MALICIOUS,
                offset,
                "an array is given a state that is none of an array",
                render(state, 200),
            )
        return
    shape_at = 0 if len(state) == fewest else 1
    shape, dtype, raw = state[shape_at], state[shape_at + 1], state[shape_at + 3]
    rule, summary = numpy_arrays.mismatch(shape, dtype, raw, machine)
    if rule:
        machine.finding(rule, Level.MALICIOUS, offset, summary, render(state, 300))


def _dtype_state(machine: Machine, target: Obj, state: Any, offset: int) -> None:
    """What ``dtype.__reduce__`` gives: byte order, parts, names, size, alignment, flags."""
    if target.used:
        machine.finding(
            "numpy-size-mismatch",
            Level.MALICIOUS,
            offset,
            "the description of an array's elements changes after an array was made of it",
            render(state, 300),
        )
    parts = state[2:5] if isinstance(state, tuple) else ()
    machine.budget.charge(sum(12 * len(fields) for fields in parts if isinstance(fields, dict)))
    problem = numpy_arrays.bad_type(state, numpy_arrays.item_size(target))
    if problem:
        machine.finding(
            "object-dtype-over-bytes"
            if problem in {numpy_arrays.HIDES_OBJECTS, numpy_arrays.POINTERS_FROM_NOWHERE}
            else "numpy-size-mismatch",
            Level.UNSAFE if problem == numpy_arrays.UNKNOWN_PART else Level.MALICIOUS,
            offset,
            f"the description of an array's elements {problem}",
            render(state, 300),
        )


def _wrapper_state(machine: Machine, target: Obj, state: Any, offset: int) -> None:
    """Joblib's separate files: beside this one, nowhere else."""
    name = state.get("filename") if isinstance(state, dict) else None
    if isinstance(name, str) and ("/" in name or "\\" in name or name.startswith("..")):
        machine.finding(
            "suspicious-arguments", Level.UNSAFE, offset, "names an array file outside its own directory", render(name)
        )
    else:
        machine.once(
            "separate-array-file",
            Level.UNVERIFIED,
            offset,
            "has joblib load an array from another file beside it",
            render(state, 200),
        )


def _formula_state(machine: Machine, target: Obj, state: Any, offset: int) -> None:
    """Statsmodels evaluates a model's formula as Python when it restores the model's data."""
    text = state.get("formula") if isinstance(state, dict) else None
    if isinstance(text, str) and argument_signs.sign((text,), machine):
        machine.finding(
            "suspicious-arguments",
            Level.MALICIOUS,
            offset,
            "a formula that statsmodels evaluates on loading holds code",
            render(text),
        )
    elif text is not None and not (isinstance(text, str) and _plain_formula(machine, text)):
        machine.finding(
            "suspicious-arguments",
            Level.UNVERIFIED,
            offset,
            "a formula that statsmodels evaluates on loading",
            render(text),
        )


def _plain_formula(machine: Machine, text: str) -> bool:
    """Whether *text* is made of names, numbers, operators and the usual transformations alone."""
    machine.budget.charge(len(text) // 2)
    return _FORMULA.fullmatch(_TRANSFORMATION.sub("(", text)) is not None


_TRANSFORMATION = re.compile(
    r"(?<![\w.])(?:(?:np\.)?(?:log|log2|log10|log1p|exp|expm1|sqrt|abs|square|power|sin|cos)|C|I|scale|center|standardize)\("
)
_FORMULA = re.compile(r"(?:[A-Za-z_]\w*+(?!\s*\()|\d++(?:\.\d*+)?|\)(?!\s*\()|[\s~+*/:^|(,-])*+")


def _partial_state(machine: Machine, target: Obj, state: Any, offset: int) -> None:
    """``partial.__setstate__((function, args, kwargs, dict))`` replaces what is kept."""
    if isinstance(target.callee, Import) and target.callee.name == "partial":
        values = state if isinstance(state, tuple) else (None,)
        doubt = kept(machine, target.callee, values)
        if doubt is not None:
            machine.note(target.callee, doubt, offset, lambda: f"{render(target)}.__setstate__({render(state, 200)})")
            target.known = False


_BY_KIND = {
    Kind.NDARRAY: _ndarray_state,
    Kind.DTYPE: _dtype_state,
    Kind.ARRAY_FILE: _wrapper_state,
    Kind.CALLABLE: _partial_state,
}
