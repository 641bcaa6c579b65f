"""The engine's bounds, and those of the scan around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bounds import reach, reach_texts
from bounds.register import budget, careful, format_, sample, shown, told, whole

if TYPE_CHECKING:
    from bounds.register import Entry

SHOWN_FILES = {
    "analysis/pickle/render.py": "makes one line for people of a value; no verdict asks for it",
    "analysis/pickle/fickling_evidence.py": "fickling's second opinion, as evidence: ours stands without it",
}
"""Files whose every bound only shortens what people read."""

BOUNDS: dict[str, list[Entry]] = {
    "analysis/pickle/checks/numpy_arrays.py": [
        format_("numpy's own integers are of 64 bits: more digits are no size", "_of_spelling: len(match[2]) > 18"),
        told(
            "numpy-size-mismatch",
            reach.many_fields,
            "a type with so many fields may hide some",
            "bad_type: len(fields) >= DICT_CAP",
        ),
        format_("a pointer's size", "_bad_subtype: one = _POINTER", "_bad_field: one = _POINTER"),
        format_("numpy's arrays have at most 64 dimensions (NPY_MAXDIMS)", "count: len(shape) > _DIMENSIONS"),
    ],
    "analysis/pickle/checks/patterns.py": [
        told(
            "resource-bomb",
            reach.costly_patterns,
            "patterns that would be compiled for minutes",
            "pattern: observations.pattern_work > _WORK",
        ),
    ],
    "analysis/pickle/semantics/calls.py": [
        told(
            "computed-call",
            reach.calls_of_calls,
            "what a call returned is called, however deep the first callee lies",
            "CallJudge._computed_call: range(_CHAIN)",
        ),
    ],
    "analysis/pickle/checks/arguments.py": [
        told(
            "resource-bomb",
            reach.huge_exponent,
            "a number that would take for ever to be worked out",
            "number: len(exponent[1]) > _DIGITS",
            "number: abs(one) >= 10 ** _DIGITS",
        ),
        format_(
            "with more arguments than `range` takes Python's own constructors raise",
            "bounded: values_of(args)[:_SIZES]",
            "bounded: max((abs(one) for one in inner[:_SIZES] if type(one) is int), default=0)",
            "bounded: inner[:_SIZES]",
        ),
        told("resource-bomb", reach.huge_size, "more items than memory holds", "bounded: number > HUGE"),
    ],
    "analysis/pickle/checks/class_arguments.py": [
        format_(
            "the first two arguments are the classes; all of them are looked at as data", "masked: values_of(args)[:2]"
        ),
    ],
    "analysis/pickle/checks/numpy_calls.py": [
        told("resource-bomb", reach.huge_array, "an array of an impossible shape", "np_reconstruct: elements > HUGE"),
    ],
    "analysis/pickle/checks/sklearn_trees.py": [
        format_(
            "the place of the number of outputs in a tree's and a criterion's arguments",
            "tree: values[2:3]",
            "tree: values[:1]",
        ),
    ],
    "analysis/pickle/checks/kept_calls.py": [
        format_("methodcaller's first argument is the name, all are looked at for signs", "getter: values[:1]"),
    ],
    "analysis/pickle/vm/opcodes_constants.py": [
        whole("a long text stays in the data and is read from there", "_text: end - start > TEXT_CAP"),
        whole("long bytes stay in the data and are read from there", "_constant: end - start > TEXT_CAP"),
        whole(
            "the next chunk follows",
            "long_text: state.data[begin:min(begin + _CHUNK, last)]",
            "long_text: min(begin + _CHUNK, last)",
        ),
        careful("a longer number is an `Opaque`, whose value no check knows", "_counted_long: longest = 256"),
    ],
    "analysis/pickle/checks/unvouched.py": [
        shown("the text of a finding", "referenced: imported.key[:200]", "referenced: imported.module[:200]"),
        shown(
            "the text of a finding",
            "concern_about: callee.key[:200]",
            "_carried: callee.key[:200]",
            "_denied_call: callee.key[:200]",
            "_listed_call: callee.key[:200]",
            "_made: callee.key[:200]",
            "_foreign_call: callee.key[:200]",
            "_foreign_call: callee.module[:200]",
            "_vouched_call: callee.key[:200]",
        ),
        careful("a longer text is no label", "_LABEL: [\\w :.+#%,-]{0,80}"),
    ],
    "analysis/pickle/analyse.py": [
        shown(
            "whether fickling is asked for evidence", "_report: walk.opcodes <= machine.budget.limits.fickling_opcodes"
        ),
        shown("whether fickling is asked for evidence", "_report: machine.budget.fickling_seconds_left > 0"),
        shown("the evidence of a finding", "_about: imported.module[:200]", "_about: imported.name[:200]"),
    ],
    "analysis/pickle/semantics/data.py": [
        whole("a longer tuple of constants is remembered as any other value", "is_short: len(value) <= _SHORT"),
    ],
    "analysis/pickle/semantics/hazards.py": [
        whole("a short tuple of constants costs nothing", "Hazards.hashed: len(value) <= _SMALL"),
        told(
            "resource-bomb",
            reach.costly_hash,
            "shared tuples that would be hashed for minutes",
            "Hazards.hashed: self._hash_work > _HASH_WORK",
            "_nodes: min(size, _HASH_WORK + 1)",
        ),
        shown("the text of a finding", "Hazards.out_of_kind: target.key[:200]"),
    ],
    "analysis/pickle/vm/joblib_arrays.py": [
        told(
            "scan-evasion",
            reach.arrays_in_arrays,
            "arrays of objects within each other",
            "_objects: walk.depth >= _DEPTH",
        ),
        told(
            "array-payload",
            reach.long_array_payload,
            "an array's bytes that go on as opcodes",
            "other_reading: other.limit = _OTHER_READING",
        ),
    ],
    "catalogue/imports/classify.py": [
        format_("as far as any list goes down", "_parents: module.split('.')[:_DEEPEST]"),
    ],
    "analysis/pickle/vm/protocol0.py": [
        whole(
            "a line that does not end near is searched for to the end of the data",
            "line_end: NEWLINE.search(data, position, position + _NEAR)",
            "line_end: sparse.first(NEWLINE, data, position + _NEAR)",
        ),
        careful(
            "a name of which this is the beginning exists nowhere, see `LONGEST_NAME`",
            "name: end - position <= LONG_LINE",
            "name: data[position:min(end, position + LONG_LINE)]",
            "name: min(end, position + LONG_LINE)",
        ),
        whole("a longer one is read up to a character that no number has", "digits: end - position > LONG_LINE"),
        whole("a long number is read by its digits", "_number: len(text) > _EXACT_DIGITS"),
        careful("a number of more digits is an `Opaque`", "_long_number: len(digits) > _EXACT_DIGITS"),
        whole("an index of more digits is kept as they are", "index: len(digits) > _INDEX_DIGITS"),
    ],
    "analysis/loader_acts.py": [
        told(
            "config-target",
            reach.many_modules,
            "more modules and names than are put together",
            "_joined: number >= MOST_PAIRS",
        ),
        told(
            "template-unknown",
            reach_texts.long_chat_template,
            "characters of a template",
            "_template: len(text) > LONGEST_TEMPLATE",
        ),
        budget("work", "_joined: held.cost(_PER_NAME)"),
        format_("diffusers unpacks two, and raises for more", "_components: 0 < len(texts) <= _PACKAGE_AND_CLASS"),
        shown("a resolver's name", "_resolved: name[:40]"),
    ],
    "analysis/python_source.py": [
        told("config-code", reach.long_source, "source too long to be parsed", "judge_python: len(text) > LONGEST"),
    ],
    "analysis/python/call_arguments.py": [
        format_(
            "so many arguments of these functions are paths, modes or data",
            "_write: call.args[:2]",
            "_read: given[:1]",
            "_unpickle: call.args[:1]",
        ),
    ],
    "analysis/python/folding.py": [
        careful(
            "a text that is not put together is not known, and code that is made of it is harm; Python is never clean",
            "operated: 0 <= count * len(left) <= LONGEST",
            "_added: size > LONGEST",
            "_filled: len(value) * (len(given[1]) + 1) <= LONGEST",
            "_join: parts.elts[:_MOST + 1]",
            "_join: len(pieces) > _MOST",
            "_of_numbers: len(node.elts) > _MOST",
            "_inflated: zlib.decompressobj().decompress(data, LONGEST)",
        ),
        format_(
            "characters and bytes have no other numbers, the alphabet has 26 letters",
            "_character: 0 <= code <= _LAST_CHARACTER",
            "_of_numbers: 0 <= code <= _LAST_BYTE",
            "_TURNED: _LETTERS[:13]",
        ),
    ],
    "analysis/python/code_judge.py": [
        shown(
            "the source of a call",
            "_shown: sum((1 for _ in zip(ast.walk(node), range(_NODES), strict=False))) >= _NODES",
            "_shown: range(_NODES)",
            "_shown: ast.unparse(node)[:_EVIDENCE]",
        ),
    ],
    "analysis/python/import_names.py": [
        told(
            "python-unread",
            reach.long_chain,
            "names that stand for one another",
            "PythonNames._goes_on: depth >= DEEPEST",
            "PythonNames._goes_on: depth < DEEPEST",
        ),
        careful("a text that is not known", "PythonNames.text: len(found) <= LONGEST"),
    ],
    "analysis/python/data_origins.py": [
        told(
            "python-unread",
            reach.long_argument,
            "parts of an argument that are looked through",
            "Values.origin: number > _STEPS",
        ),
        careful("a path that is not known", "Values.path: len(found) <= LONGEST"),
    ],
    "analysis/python/decoding.py": [shown("an encoding's name", "decode: name.decode('latin-1')[:40]")],
    "analysis/python/nature.py": [
        careful("words spelt as they usually are; whatever has one is parsed", "first_sign: len(data) <= PLAINLY"),
    ],
    "analysis/python/reading.py": [
        told(
            "python-unread",
            reach.long_statement,
            "a statement that is longer than what is parsed at a time",
            "_in_parts: statement.weight > MOST",
        ),
        told(
            "python-unread",
            reach.many_statements,
            "statements that are longer together than what is parsed",
            "_in_parts: bounded, left, prose = ('', _TREES, 0)",
            "_in_parts: left < 0",
        ),
        whole("it is parsed in parts", "read: len(text) <= MOST"),
        format_(
            "no Python of any version executes a text with sentences in it",
            "_in_parts: prose >= _PROSE_LINES",
            "_in_parts: prose * _PROSE_SHARE >= number",
            "_in_parts: prose * _PROSE_SHARE >= len(unread) + len(trees)",
        ),
    ],
    "analysis/script_source.py": [
        sample(
            "a script that does not look like one at its beginning: no loader runs it",
            "script_kind: data[:HEAD]",
            "script_kind: sum(map(is_sentence, others)) * _PROSE > len(lines)",
            "script_kind: (len(lines) - len(others)) * _SHARE >= max(len(lines), 1)",
        ),
    ],
    "analysis/dataset_script.py": [
        told(
            "config-script",
            reach_texts.long_script,
            "a script too long to be parsed",
            "judge_dataset_script: len(text) > LONGEST",
        ),
        shown("reasons", "_value: node.value[:40]", "_imported: module[:60]", "_reached: name[:60]"),
    ],
    "catalogue/loaders/loader_scripts.py": [
        shown(
            "names in summaries",
            "judge_loader: module[:80]",
            "judge_source: path[:80]",
            "judge_parent: module[:80]",
            "judge_requirement: requirement[:80]",
        ),
    ],
    "catalogue/loaders/loader_names.py": [
        told(
            "config-target",
            reach.long_target,
            "a name that is longer than any honest one",
            "judge_call: len(name) > LONGEST_NAME",
        ),
        shown(
            "names in summaries",
            "_verdict: name[:120]",
            "judge_component: key[:80]",
            "judge_component: name[:80]",
            "judge_component: package[:80]",
            "judge_file: value[:80]",
            "judge_library: value[:80]",
            "judge_kernel: value[:80]",
            "judge_repository: value[:80]",
        ),
    ],
    "analysis/pickle/semantics/kept_keys.py": [
        whole("keys beyond it are kept apart", "KeptKeys.put: len(target) < DICT_CAP"),
        shown("evidence", "KeptKeys.finish: cut(evidence, 400)"),
    ],
    "analysis/pickle/semantics/machine.py": [
        told(
            "hijacked-method",
            reach.many_attributes,
            "a dictionary that lacks keys is blind, and a state with such a one is told; values are kept under `REST`",
            "Machine._fill: len(target) >= DICT_CAP",
            "Machine._note_keys: len(target) < DICT_CAP",
        ),
        whole(
            "keys that could be chosen to collide are kept under `REST`",
            "Machine._fill: -HASHED_PLAINLY < key < HASHED_PLAINLY",
        ),
        whole(
            "a list leaves out plain numbers alone, and they are counted",
            "Machine.append: len(target) >= LIST_CAP",
        ),
    ],
    "analysis/pickle/semantics/observations.py": [
        shown(
            "of each level so many: one alone decides, and nobody reads more",
            "Observations.finding: self._kept[level] <= _FINDINGS",
        ),
        shown(
            "the texts of a finding, and the name that an operator may allow",
            "Observations.made: cut(summary, 400)",
            "Observations.made: cut(evidence, self.budget.limits.evidence)",
            "Observations.made: len(subject) < LONGEST_NAME",
        ),
        sample(
            "the look of a pickle within bytes that nothing unpickles",
            "_EMBEDDED_TEXT: [c(]{1,3}",
            "Observations.embedded: data[-8:]",
        ),
        format_(
            "no denied module has a longer name: `test_lists_fit` compares",
            "Observations._embedded_import: max(0, len(module) + len(name) - LONGEST_NAME)",
        ),
        whole(
            "the loop goes on with the step before",
            "_ends_with_stop: step = 1 << 16",
            "_ends_with_stop: max(begin, end - step)",
        ),
    ],
    "analysis/pickle/vm/opcodes.py": [
        told(
            "resource-bomb",
            reach.far_memo,
            "C's memo would be a table of as many entries",
            "_put: index > MEMO_GAP",
            "sparse: index > MEMO_GAP + 8 * len(state.memo)",
        ),
        shown(
            "a persistent id's text, which decides nothing",
            "_persid: state.data[position + 1:min(end, position + 1 + TEXT_CAP)]",
            "_persid: min(end, position + 1 + TEXT_CAP)",
        ),
        format_("CPython has no higher protocol, and raises", "_proto: protocol > _HIGHEST_PROTOCOL"),
    ],
    "analysis/pickle/semantics/imports.py": [
        told(
            "dotted-import",
            reach.long_name,
            "a name too long to be looked up",
            "ImportTable.judged: len(module) + len(name) < LONGEST_NAME",
            "ImportTable.judged: min(len(module) + len(name), LONGEST_NAME)",
            "ImportTable.global_: cut(module, LONGEST_NAME)",
            "ImportTable.global_: cut(name, LONGEST_NAME)",
        ),
    ],
    "analysis/pickle/report.py": [
        told(
            "scan-evasion",
            reach.work,
            "work out of all proportion to the file's size",
            "Budget.charge: self.work_left < 0",
            "Budget.__post_init__: self.work_left = WORK + WORK_PER_BYTE * above(self.size)",
            "Budget.__post_init__: self.work_left < 0",
        ),
        told(
            "limit-opcodes",
            reach.opcodes,
            "opcodes of one file",
            "Budget.spend: self.opcodes_left <= 0",
            "Budget.__post_init__: self.opcodes_left < 0",
            "Budget.__post_init__: self.opcodes_left = self.limits.opcodes",
        ),
        told(
            "scan-evasion",
            reach.objects,
            "Python objects of one file",
            "Budget.spend: opcodes >= _MANY",
            "Budget._check_memory: allowed = MEMORY + WORK_PER_BYTE * _BLOCK * above(self.size)",
            "Budget._check_memory: (blocks - self.blocks) * _BLOCK + held > allowed",
        ),
        told(
            "scan-evasion",
            reach.value,
            "one value many times as large as the file",
            "Budget.copy: size > LARGEST_VALUE",
            "Budget.copy: size > LARGEST_VALUE + 8 * above(self.size)",
        ),
        told(
            "limit-time",
            reach.time,
            "the time of one file",
            "Budget.__post_init__: self.deadline = time.monotonic() + self.limits.seconds",
        ),
        shown(
            "whether fickling is asked for evidence",
            "Budget.__post_init__: self.fickling_seconds_left < 0",
            "Budget.__post_init__: self.fickling_seconds_left = self.limits.fickling_seconds",
        ),
        budget(
            "a part's share of what is left, and the reserve besides",
            "Budget: reserve_left: int = _RESERVE",
            "Budget.share: min(_LEAST, self.reserve_left)",
            "Budget.share: min(now + max((whole[2] - now) * 3 / 4, _LEAST_SECONDS), self._last)",
            "Budget.share: max((whole[2] - now) * 3 / 4, _LEAST_SECONDS)",
        ),
    ],
    "analysis/pickle/checks/argument_signs.py": [
        format_("a redirection; all else that makes a shell line is in other patterns", "_SHELL: |(?:^|\\s)2?>{1,2}"),
        format_("``./`` and ``../``", "_PATH: ^(?:/|~|\\.{1,2}"),
        format_("an IPv4 address", "_HOST: ^(?:\\d{1,3}", "_HOST: {1,3}(?:\\.\\d{1,3}"),
        format_(
            "ports, and hosts: resolvers take no longer names",
            "_of_pair: 0 < port <= _MAX_PORT",
            "_of_pair: 0 < len(host) <= _LONGEST_HOST",
        ),
        whole("a short text is looked at each time, a long one once", "_of_text: size <= _SHORT"),
        format_("bytes that do not begin as a text are none to those whom they are given to", "_spelt: value[:64]"),
        careful("a longer name counts as a denied one", "_names_denied: len(text) > LONGEST_NAME"),
    ],
    "analysis/pickle/sniff.py": [
        careful("so many pickles that say nothing are pickles", "looks_like_pickle: range(_TRIVIAL)"),
        format_("CPython has no higher protocol, and raises", "_looks: second <= _NEWEST"),
        careful(
            "what goes on for so long is a pickle",
            "_walked: Budget(work_left=_SNIFFED_WORK, opcodes_left=_SNIFFED_OPCODES * 2, deadline=budget.deadline)",
            "_walked: walk.limit = _SNIFFED_OPCODES",
        ),
        whole("what says nothing: what follows it tells", "_walked: walk.opcodes > _SHORTEST"),
    ],
    "analysis/pickle/checks/scipy_kdtree.py": [
        format_(
            "a state's parts (scipy/spatial/_ckdtree.pyx)", "check_tree: len(state) >= _FULL", "check_tree: state[2:4]"
        ),
        format_("a state's parts", "_filled: state[5:8]"),
    ],
    "analysis/pickle/checks/build_state.py": [
        format_("the unpickler's state is the ``__dict__`` and the slots", "check_state: state[:2]"),
    ],
    "analysis/pickle/checks/scipy_distributions.py": [
        told("hijacked-method", reach.long_template, "scipy's templates", "code_template: longest, most = (200, 60)"),
    ],
    "analysis/pickle/checks/native_handles.py": [
        format_("Linux maps nothing below (vm.mmap_min_addr)", "handle: smallest = 1 << 16"),
    ],
    "analysis/pickle/checks/transformers_labels.py": [
        told("resource-bomb", reach.labels, "labels of a configuration", "labels: most = 1 << 24"),
    ],
    "analysis/pickle/checks/numpy_states.py": [
        format_("the parts of an element type's state", "dtype_state: state[2:5]"),
    ],
    "analysis/pickle/vm/torch_storages.py": [
        format_("torch's legacy file: the object's pickle is the fourth", "read_storage: range(_BEFORE + 1)"),
        told(
            "tensor-out-of-bounds",
            reach.long_storage,
            "a storage behind so many opcodes is one that nobody knows",
            "read_storage: walk.limit = _OPCODES",
        ),
    ],
    "analysis/pickle/checks/torch_indices.py": [
        format_("a block of a sparse matrix has two dimensions", "_compressed: shape[1:3]"),
        format_("sizes and strides are the second and third argument", "_nested: values[1:3]"),
        careful(
            "a matrix has two dimensions at least; anything else is not compared, and unverified",
            "_compressed: max(len(size) - _MATRIX, 0)",
            "_compressed: len(size) < _MATRIX",
        ),
    ],
    "analysis/pickle/checks/torch_tensors.py": [
        format_(
            "torch's sizes are of 64 bits",
            "storage_of: 0 <= elements < _SIZE_LIMIT",
            "sizes: 0 <= number < _SIZE_LIMIT",
        ),
        careful("an unknown type counts with the largest element", "_extent: DTYPE_SIZES.get(dtype.name, _LARGEST)"),
    ],
    "analysis/pickle/vm/interpreter.py": [
        whole("the loop goes on with the next opcodes", "Walk.run: min(_SLICE, self.limit, budget.opcodes_left + 1)"),
        told("resource-bomb", reach.far_binary_memo, "see `sparse`", "Walk._slice: index > MEMO_GAP"),
        whole("others are kept each by itself", "Walk._slice: len(self._texts) < _TEXTS"),
        whole("a long text stays in the data", "Walk._slice: end - position > TEXT_CAP"),
    ],
    "analysis/pickle/vm/number_runs.py": [
        whole(
            "the walk reads what is no run",
            "push_numbers: most >= LEAST",
            "push_numbers: last = position + width * (LEAST - 1)",
        ),
    ],
    "analysis/pickle/vm/tensor_lane.py": [
        whole(
            "the walk reads what is no repetition",
            r"_SHAPE: (?:%b{1,3}",
            r"_SHAPE: 5-\x87]|\(%b{4,8}",
            r"_TENSOR: \x14])([0-9]{1,20}",
            r"_TENSOR: (X[\x01-\x14",
            r"_TENSOR: ]\0\0\0|\x8c[\x01-\x14",
            "TensorLane.__init__: self._patience = _PATIENCE",
            "TensorLane._learn: len(self._kinds) < _KINDS",
            "_count: index + count < MEMO_GAP",
        ),
        format_(
            "opcodes of a tensor",
            "TensorLane.passed: opcodes = _FEWEST_OPCODES + _inside(place) + _inside(stride)",
        ),
    ],
    "core/proportion.py": [
        budget(
            "what is in proportion to a size",
            "above: max(0, size - SMALL)",
            "is_tiny_for: max(size, SMALL) * RATIO < memory",
            "is_tiny_for: max(size, SMALL)",
        ),
    ],
    "analysis/sparse.py": [
        whole("the range goes on behind the hole", "solid: min(begin + _EDGE, end, stop)"),
        format_("every parser of texts refuses zeros", "before_hole: data[:0]"),
    ],
    "analysis/content.py": [
        budget(
            "seconds between two looks at the clocks",
            "_interrupted: signal.setitimer(signal.ITIMER_REAL, min(_INTERVAL, max(budget.limits.seconds, 0.001)), "
            "_INTERVAL)",
            "_interrupted: min(_INTERVAL, max(budget.limits.seconds, 0.001))",
            "_interrupted: max(budget.limits.seconds, 0.001)",
        ),
        careful(
            "harm that is said before the scan ends: of each level as much, and limit-findings for the rest of it",
            "_EarlyHarm.__init__: self._most = limits.findings",
        ),
    ],
}
