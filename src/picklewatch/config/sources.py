"""The sources of the configuration: files and environment variables, with the line of each key.

Imports the standard library only, so that a command that finds no configuration starts fast.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picklewatch.core.errors import ConfigError

if TYPE_CHECKING:
    import tomllib
    from collections.abc import Mapping

SYSTEM_FILE = Path("/etc/picklewatch/config.toml")
"""The administrator's file."""

SECTIONS = ("watch", "scan", "quarantine", "guard", "records", "socket", "notify", "log", "allow")
"""The tables that the file may have."""

MAX_AUTOMATIC_WORKERS = 4
"""Workers that ``workers = 0`` starts at most: scanning is a guest on a workstation."""

PREFIX = "PICKLEWATCH_"
"""The prefix of environment variables that set a key: ``PICKLEWATCH_SCAN_WORKERS``."""

_NAME = r"(?:[\w-]+|\"[^\"]*\"|'[^']*')"
_HEADER = re.compile(r"\s*\[+\s*([^\[\]]+?)\s*\]+\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(rf"\s*({_NAME}(?:\s*\.\s*{_NAME})*)\s*=")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigSource:
    """One file, or the environment, that sets keys."""

    name: str
    """The file's path, or ``environment``."""
    data: dict[str, Any]
    """Its keys and values, nested as in TOML."""
    text: str = ""
    """The file's text, to find lines in; empty for the environment."""

    def line_of(self, keys: tuple[str, ...]) -> int | None:
        """Return the line, counted from 1, that sets the key *keys* (its table included), or None."""
        return _line_of(self.text, keys)


def is_system_service(environ: Mapping[str, str] = os.environ) -> bool:
    """Return True for root and the system service, which read the administrator's file only.

    An instance of the template unit is a person's own; its state is in ``/var/lib/picklewatch-users``.
    """
    return os.geteuid() == 0 or environ.get("STATE_DIRECTORY") == "/var/lib/picklewatch"


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """Return this user's home directory; ``/`` for one that has none, as in a container that runs as any number."""
    try:
        return Path(environ.get("HOME") or Path.home())
    except RuntimeError:
        return Path("/")


def user_file(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the path of this user's own file."""
    base = environ.get("XDG_CONFIG_HOME", "")
    directory = Path(base) if base.startswith("/") else home(environ) / ".config"
    return directory / "picklewatch/config.toml"


def candidates(environ: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """Return the files that are read if they exist; a later one overrides an earlier one, key by key."""
    return (SYSTEM_FILE,) if is_system_service(environ) else (SYSTEM_FILE, user_file(environ))


def anything_configured(environ: Mapping[str, str] = os.environ) -> bool:
    """Return True if there is any configuration, good or bad, besides the defaults."""
    return any(_is_there(file) for file in candidates(environ)) or bool(from_environment(environ))


def automatic_workers() -> int:
    """Return the number of files that are scanned at the same time by default."""
    return max(1, min(MAX_AUTOMATIC_WORKERS, len(os.sched_getaffinity(0))))


def read_sources(path: Path | None, environ: Mapping[str, str] = os.environ) -> tuple[ConfigSource, ...]:
    """Read the sources that configure this process, least important first; *path* if given is the only file.

    Raises `ConfigError` for a file that can't be read or is not TOML; every such file is named.
    """
    files = (path,) if path is not None else tuple(file for file in candidates(environ) if _is_there(file))
    sources: list[ConfigSource] = []
    problems: list[str] = []
    for file in files:
        try:
            sources.append(read_file(file))
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise config_error(problems)
    variables = from_environment(environ)
    return (*sources, ConfigSource(name="environment", data=variables)) if variables else tuple(sources)


def config_error(problems: list[str]) -> ConfigError:
    """Make the error that lists *problems*."""
    count = "a mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
    hint = "`picklewatch config check` checks again; `picklewatch config example` explains every key."
    return ConfigError(f"the configuration has {count}:", tuple(problems), hint)


def read_file(path: Path) -> ConfigSource:
    """Read one TOML file, or raise `ConfigError`."""
    import tomllib

    try:
        text = path.read_bytes().decode("utf-8-sig")
        return ConfigSource(name=str(path), data=tomllib.loads(text), text=text)
    except OSError as error:
        raise config_error([f"{path}: {error.strerror or error}"]) from None
    except UnicodeDecodeError as error:
        raise config_error([f"{path}: not UTF-8 at byte {error.start}"]) from None
    except tomllib.TOMLDecodeError as error:
        raise config_error([f"{path}{_place(error)}: not valid TOML: {_reason(error)}"]) from None


def from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Collect the keys that environment variables set, as ``PICKLEWATCH_<SECTION>_<KEY>``.

    A value is read as TOML where it is TOML, else as text. Variables with the prefix and no known section are
    not ours to judge.
    """
    data: dict[str, Any] = {}
    for variable in sorted(environ):
        section, _, key = variable.removeprefix(PREFIX).lower().partition("_")
        if not variable.startswith(PREFIX) or section not in SECTIONS or not key:
            continue
        table = data.setdefault(section, {})
        if section == "scan" and key.startswith("limits_"):
            table, key = table.setdefault("limits", {}), key.removeprefix("limits_")
        table[key] = _value(environ[variable])
    return data


def _value(text: str) -> Any:
    import tomllib

    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _is_there(path: Path) -> bool:
    """Return True if *path* exists; a file in a closed directory counts, and reading it reports the reason."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _place(error: tomllib.TOMLDecodeError) -> str:
    match = re.search(r"at line (\d+), column (\d+)", str(error))
    return f":{match[1]}:{match[2]}" if match else ""


def _reason(error: tomllib.TOMLDecodeError) -> str:
    return re.sub(r" \(at (?:line \d+, column \d+|end of document)\)", "", str(error))


def _line_of(text: str, keys: tuple[str, ...]) -> int | None:
    """Find a key's line by reading the text as simple TOML: headers, ``key =`` lines, dotted keys."""
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = here = _keys(header[1])
        elif assignment := _ASSIGNMENT.match(line):
            here = (*table, *_keys(assignment[1]))
        else:
            continue
        if here[: len(keys)] == keys:
            return number
    return None


def _keys(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_NAME, dotted))
