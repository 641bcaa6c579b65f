"""What templates of chats may use by name: filters, tests, tags, methods and functions that compute and do no more.

Read from jinja2 3.1.6 (filters.py, tests.py, parser.py, defaults.py, sandbox.py), transformers 5.24
(utils/chat_template_utils.py), llama-cpp-python 0.3 (llama_chat_format.py) and the templates that models ship. Python's
methods are those of str, list and dict that Jinja's sandbox lets templates call.
"""

from __future__ import annotations

FILTERS = frozenset(
    (
        "abs batch capitalize center count d default dictsort e escape filesizeformat first float forceescape format "
        "groupby indent int items join last length list lower map max min pprint random reject rejectattr replace "
        "reverse round safe select selectattr slice sort string striptags sum title tojson trim truncate unique upper "
        "urlencode urlize wordcount wordwrap xmlattr from_json fromjson to_json"
    ).split()
)
TESTS = frozenset(
    (
        "boolean callable defined divisibleby eq equalto escaped even false filter float ge greaterthan gt in integer "
        "iterable le lessthan lower lt mapping ne none None number odd sameas sequence string test true undefined "
        "upper not False True"
    ).split()
)
TAGS = frozenset(
    (
        "if elif else endif for endfor set endset macro endmacro call endcall filter endfilter with endwith block "
        "endblock do print raw endraw autoescape endautoescape break continue generation endgeneration trans endtrans "
        "pluralize"
    ).split()
)
FILES = frozenset({"include", "import", "from", "extends"})
"""Tags that load other templates."""
METHODS = frozenset(
    (
        "append capitalize casefold center clear copy count endswith expandtabs extend find format get index insert "
        "isalnum isalpha isascii isdecimal isdigit isidentifier islower isnumeric isspace istitle isupper items join "
        "keys ljust lower lstrip partition pop popitem removeprefix removesuffix remove replace reverse rfind rindex "
        "rjust rpartition rsplit rstrip setdefault sort split splitlines startswith strip swapcase title update upper "
        "values zfill cycle changed strftime isoformat"
    ).split()
)
FUNCTIONS = frozenset(
    "range dict namespace lipsum cycler joiner raise_exception strftime_now caller loop gettext ngettext _".split()
)
OBJECTS = frozenset({"lipsum", "cycler", "joiner", "self"})
"""Functions of Python that every template has: their attributes are the shortest way to ``os`` (jinja2/utils.py)."""
BY_ATTRIBUTE = frozenset({"map", "select", "reject", "selectattr", "rejectattr", "groupby"})
"""Filters whose first argument is an attribute, or the name of a filter or test."""
BY_NAME = BY_ATTRIBUTE | {"attr", "sort", "sum", "unique", "min", "max"}
"""Filters that take an attribute's name anywhere."""
MEASURES = frozenset({"length", "count", "int", "abs", "float", "round", "wordcount"})
"""Filters that make a number of anything."""
MAKERS = frozenset(
    (
        "join format replace string tojson to_json pprint urlencode xmlattr reverse random urlize escape forceescape e "
        "truncate center wordwrap indent filesizeformat striptags"
    ).split()
)
"""Filters that make a text out of other things."""
TEXT_METHODS = frozenset(
    "join format format_map replace translate decode encode cycle zfill ljust rjust center".split()
)
"""Methods that do."""
STORES = frozenset("append extend insert update setdefault add".split())
"""Methods that put their arguments into what they are called on."""
ASKS = frozenset(
    "get startswith endswith index find count rfind rindex keys values items range raise_exception pop split rsplit "
    "strftime_now strip lstrip rstrip removeprefix removesuffix".split()
)
"""Methods and functions whose arguments do not become part of the result."""
WORDS = frozenset("in is not and or if else true false none True False None recursive".split())
"""What looks like a name, and is none."""
SPECIAL = frozenset(
    f"__{name}__"
    for name in (
        "abs abstractmethods add aiter all alloc and anext annotate annotations args author await base bases "
        "basicsize bool breakpointhook build_class builtins bytes cached call cause ceil class class_getitem "
        "closure cmp code complex contains context copy defaults del delattr delete delitem dict dictoffset dir "
        "displayhook divmod doc enter eq excepthook exit file firstlineno flags float floor floordiv format "
        "fspath func ge get getattribute getformat getitem getnewargs getslice getstate globals gt hash html iadd "
        "iand import imul index init init_subclass instancecheck int interactivehook invert ior isabstractmethod "
        "isub itemsize iter ixor kwdefaults le len length_hint loader lshift lt match_args members metaclass "
        "methods missing mod module mro mro_entries mul name ne neg new next nonzero objclass or origin package "
        "parameters path pos pow prepare qualname radd rand rdivmod reduce reduce_ex repr reversed rfloordiv "
        "rlshift rmod rmul ror round rpow rrshift rshift rsub rtruediv rxor self self_class set set_name setattr "
        "setitem setstate sizeof slots spec static_attributes stderr stdin stdout str sub subclasscheck "
        "subclasses subclasshook suppress_context text_signature thisclass traceback truediv trunc type_params "
        "typing_unpacked_tuple_args unicode unpacked unraisablehook vectorcalloffset version weakref "
        "weakrefoffset wrapped xor "
    ).split()
)
"""Special names of Python's own objects: another one, written out, is a key of somebody's data (``__media__``)."""
