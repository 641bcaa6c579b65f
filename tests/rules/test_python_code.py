"""Python source: what hubs' clients and people import and run."""

from __future__ import annotations

import pytest
from samples.containers import zipped
from samples.judging import judged, levels, verdict

from picklewatch.core.model import Level, Verdict

CODE = {
    "an import": b"import torch\n",
    "a class of a hub": b"from transformers import PreTrainedModel\n\nclass X(PreTrainedModel):\n    pass\n",
    "hub's entry points": b"dependencies = ['torch']\n\ndef model():\n    return 1\n",
    "a call alone": b"print('x')\n",
    "a name that is fetched": b"[].__class__.__name__.upper()\n",
    "a lambda": b"f = lambda: 1\n",
    "an indented import": b"if 1:\n\timport os\n",
    "behind a mark": b"\xef\xbb\xbfimport os\n",
    "with form feeds": b"\x0cimport os\n\x0c\n",
    "with old line ends": b"x = 1\rimport os\r",
    "in another encoding": b"# coding: latin-1\n# \xe9\nimport os\n",
    "with no encoding": b"# \xe9\nimport os\n",
    "with control characters": b"# \x01\nimport os\n",
    "with a zero": b"# \0\nimport os\n",
    "in letters of an image": b"BM = 1\nimport os\n",
    "of Python 2": b"import os\nprint 'x'\nexcept_ = 1\n",
    "of a later Python": b"type X = int\ndef f[T](x: T) -> T:\n    import os\n    return x\n",
    "a template of code": b"import os\n\ndef {{ name }}():\n    pass\n",
    "in a string that does not end": b"import os\nx = '''\n",
    "under a docstring of prose": b'"""This is a model.\n\nIt has some words in it.\n"""\nimport os\n',
}
PROSE = {
    "a card": b"# A model\n\nThis is a model of ours.\n\n```python\nimport os\nos.getcwd()\n```\n\nUse it as you do.\n",
    "a card of code": b"Usage of the model:\n\n    import torch\n    torch.hub.load('a', 'b')\n",
    "a license": b"Redistribution and use in source form are permitted (see below).\n\nfrom time import to time\n",
    "a table": b"name,expression\nx,sin(x)\ny,log(2)\n",
    "labels": b"tench\ngoldfish\nimport\nclass\nprint\n",
    "numbers": b"[1, 2, 3]\n",
    "json": b'{"text": "import os\\nos.system(1)", "n": [1, 2]}',
    "yaml with code in it": b"train: a\ndownload: |\n  import os\n  print(1)\n",
    "constants": b"__version__ = '1.0'\nX = [1, 2]\n",
    "ini": b"[metadata]\nname = x\n",
    "requirements": b"torch>=2.0\nnumpy\n",
}


@pytest.mark.parametrize("name", CODE)
def test_code_is_never_skipped(name: str) -> None:
    """By its content, whatever it is called and in whatever it is packed."""
    report, level = judged(CODE[name])
    assert (report.format, level) == ("python", Verdict.UNVERIFIED)
    assert {finding.rule for finding in report.findings} == {"python-code"}
    assert verdict(zipped({"a": CODE[name]})) is Verdict.UNVERIFIED


@pytest.mark.parametrize("name", PROSE)
def test_prose_and_data_that_mention_code_stay_skipped(name: str) -> None:
    """Cards, tables and lists: no Python executes them, or they do nothing."""
    assert levels(PROSE[name]) == {}
    assert verdict(PROSE[name]) is Verdict.SKIPPED


def test_one_bad_statement_hides_none_of_the_others() -> None:
    """A text that this Python does not read is read in parts."""
    code = b"x = 1\n" + b"print 'x'\n" * 20 + b"def f():\n    import os\n"
    assert levels(code) == {"python-code": Level.UNVERIFIED}
