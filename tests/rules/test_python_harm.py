"""Python that acts when it is imported, or in what a loader calls."""

from __future__ import annotations

import pytest
from samples.containers import zipped
from samples.judging import judged, levels, verdict

from picklewatch.core.model import Level, Verdict

ACT = "os.system('touch x')"
IMPORTED = {
    "at import": f"import os\n{ACT}\n",
    "by another name": "from os import system as s\ns('touch x')\n",
    "by a variable": "import os\nr = os.system\nr('touch x')\n",
    "imported in place": "__import__('os').system('touch x')\n",
    "by importlib": "import importlib as i\ni.import_module('os').system('touch x')\n",
    "with all names": "from os import *\nsystem('touch x')\n",
    "in a try": f"try:\n    import os\n    {ACT}\nexcept Exception:\n    pass\n",
    "in a function that is called": f"import os\ndef f():\n    {ACT}\ndef g():\n    f()\ng()\n",
    "in a class that is made": f"import os\nclass A:\n    def __init__(self):\n        {ACT}\nA()\n",
    "in a class's body": f"import os\nclass A:\n    {ACT}\n",
    "in a default": f"import os\ndef f(a={ACT}):\n    pass\n",
    "in a decorator": f"import os\ndef d(f):\n    {ACT}\n    return f\n@d\ndef g():\n    pass\n",
    "a metaclass": f"import os\nclass M(type):\n    def __new__(*a):\n        {ACT}\nclass A(metaclass=M): ...\n",
    "in a lambda": f"import os\n(lambda: {ACT})()\n",
    "given to a thread": "import os, threading\nthreading.Thread(target=os.system, args=('touch x',)).start()\n",
    "given to map": "import os\nlist(map(os.system, ['touch x']))\n",
    "from a table": "import os\nd = {'x': os.system}\nd['x']('touch x')\n",
    "from a choice": "import os\n(os.system if os else print)('touch x')\n",
    "by a dunder": "import os\nos.__getattribute__('system')('touch x')\n",
    "by an operator": "import os, operator\noperator.attrgetter('system')(os)('touch x')\n",
    "a module that is returned": "def o():\n    return __import__('os')\no().system('touch x')\n",
    "from a text": "exec(\"import os; os.system('touch x')\")\n",
    "a socket": "import socket\ns = socket.socket()\ns.connect(('203.0.113.7', 1))\n",
    "the network": "from urllib.request import urlopen\nurlopen('http://203.0.113.7/x')\n",
    "a file elsewhere": "open('/etc/cron.d/x', 'w').write('x')\n",
    "a path at home": "from pathlib import Path\n(Path.home() / '.config' / 'autostart' / 'x').write_text('x')\n",
    "a folder at home": "import shutil, os\nshutil.rmtree(os.path.expanduser('~'))\n",
    "other data": "import pickle\npickle.loads(open('x', 'rb').read())\n",
    "a key": "open('/root/.ssh/id_rsa').read()\n",
    "packages": "import sys, subprocess\nsubprocess.run([sys.executable, '-m', 'pip', 'install', 'x'])\n",
    "a marker": "import os\nos.system('echo owned')\n",
    "a module as a program": "from runpy import run_path as r\nr('x.py')\n",
    "a browser": "import webbrowser\nwebbrowser.open('http://203.0.113.7')\n",
    "a server": "import socketserver\nsocketserver.TCPServer(('', 1), None).serve_forever()\n",
    "data as code": "exec(open('weights.bin').read())\n",
    "an attribute that is computed": "import os, sys\ngetattr(os, sys.argv[1])('x')\n",
    "a module of another's": "import torch\ntorch.os.system('touch x')\n",
    "the C library": "import ctypes\nctypes.CDLL(None).system(b'touch x')\n",
    "a socket's own module": "import _socket\ns = _socket.socket()\ns.connect(('203.0.113.7', 1))\n",
    "another spawn": "from distutils.spawn import spawn\nspawn(['touch', 'x'])\n",
    "a timed text": "from timeit import timeit\ntimeit(\"import os; os.system('touch x')\", number=1)\n",
    "a class's attribute": "import os\nclass A:\n    f = os.system\nA.f('touch x')\n",
    "an object's end": f"import os\nclass A:\n    def __del__(self):\n        {ACT}\nA()\n",
    "an item of a class": f"import os\nclass A:\n    def __class_getitem__(c, k):\n        {ACT}\nx: A[1] = 1\n",
    "a picture as code": "from PIL import Image\nexec(bytes(Image.open('x.png').getdata()))\n",
    "native code": "import ctypes\nctypes.CDLL('./kernel.so')\n",
}
LOADED = {
    "hub's entry point": f"dependencies = ['torch']\ndef model():\n    import os\n    {ACT}\n",
    "a constructor": f"import os, torch\nclass M(torch.Module):\n    def __init__(self):\n        {ACT}\n",
    "a model's method": f"import os, torch\nclass M(torch.nn.Module):\n    def forward(self, x):\n        {ACT}\n",
    "a handler": f"import os\nclass EndpointHandler:\n    def __init__(self, path=''):\n        {ACT}\n",
    "a class of one": f"import os\nclass B(Module): 1\nclass M(B):\n    def __init__(self):\n        {ACT}\n",
    "another name's": f"import os\nfrom t import BaseHandler as B\nclass H(B):\n    def handle(self):\n        {ACT}\n",
    "MLflow's function": f"import os\ndef _load_pyfunc(path):\n    {ACT}\n",
    "a module's attributes": f"import os\ndef __getattr__(name):\n    {ACT}\n",
    "a data set": f"import os\nclass D(GeneratorBasedBuilder):\n    def _split_generators(self, m):\n        {ACT}\n",
}
HONEST = {
    "only if asked": f"import os\ndef train():\n    {ACT}\n",
    "as a program": f"import os\nif __name__ == '__main__':\n    {ACT}\n",
    "the revision": "import subprocess\nr = subprocess.check_output(['git', 'rev-parse', 'HEAD'])\n",
    "a screen": "import os\nos.system('cls')\n",
    "a system's library": "import ctypes\nctypes.CDLL('libc.so.6')\n",
    "a file beside it": "import os\nv = open(os.path.join(os.path.dirname(__file__), 'x.txt')).read()\n",
    "a version": "exec(open('version.py').read())\n",
    "a method": "import torch\nm = torch.nn.Linear(1, 1)\nm.eval()\n",
    "an own function": "def system(x):\n    return x\nsystem('a')\n",
    "weights of a hub": "import torch\ndependencies = []\ndef m():\n    return torch.hub.load('x')\n",
    "a cache": "import os\nos.makedirs(os.path.expanduser('~/.cache/x'), exist_ok=True)\n",
}


@pytest.mark.parametrize("name", IMPORTED)
def test_what_acts_at_import_is_unsafe(name: str) -> None:
    """However it is spelt."""
    report, level = judged(IMPORTED[name].encode())
    assert level is Verdict.UNSAFE
    assert {finding.rule for finding in report.findings} == {"python-code", "python-harm"}
    assert verdict(zipped({"a": IMPORTED[name].encode()})) is Verdict.UNSAFE


@pytest.mark.parametrize("name", LOADED)
def test_what_acts_in_what_a_loader_calls_is_unsafe(name: str) -> None:
    """Constructors, entry points, hooks."""
    assert levels(LOADED[name].encode())["python-harm"] is Level.UNSAFE


@pytest.mark.parametrize("name", HONEST)
def test_what_honest_modules_do_is_no_harm(name: str) -> None:
    """Arguments decide, and whether anything calls it."""
    assert levels(HONEST[name].encode()) == {"python-code": Level.UNVERIFIED}


def test_what_is_only_done_if_asked_is_evidence() -> None:
    """For whoever reads the code."""
    report, _ = judged(HONEST["only if asked"].encode())
    assert [finding.evidence for finding in report.findings] == ["line 3: os.system('touch x')"]


def test_the_place_of_the_harm_is_told() -> None:
    """The line, and the offset as in other findings."""
    report, _ = judged(b"import os\r\n\r\nos.system('touch x')\r\n")
    (harm,) = (finding for finding in report.findings if finding.rule == "python-harm")
    assert harm.where == "0xd"
    assert harm.summary == "Line 3: It runs a program when it is imported."


def test_a_statement_that_is_not_read_hides_no_harm() -> None:
    """The others are judged."""
    assert levels(b"import os\nprint 'x'\nos.system('touch x')\n")["python-harm"] is Level.UNSAFE


def test_more_assignments_than_are_followed_make_nothing_clean() -> None:
    """Names that stand for one another a hundred times over: a bound, which is told."""
    chain = "".join(f"a{number + 1} = a{number}\n" for number in range(100))
    assert levels(f"import os\na0 = os\n{chain}a100.system('touch x')\n".encode()) == {
        "python-code": Level.UNVERIFIED,
        "python-unread": Level.UNSCANNABLE,
    }
    assert levels(b"import os\ndef a():\n    return b()\ndef b():\n    return a()\na().system('x')\nx = x + x\n") == {
        "python-code": Level.UNVERIFIED
    }
