"""The configuration: sources, their order, every mistake at once."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import doc_tables
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picklewatch.config import effective, schema, sources
from picklewatch.config.schema import Config, load
from picklewatch.core.errors import ConfigError, ExitStatus
from picklewatch.core.model import DEFAULT_LIMITS, Policy, Verdict

ROOT = Path(__file__).parents[2]
WRITE_A_SIZE = 'write a number of bytes, or text such as "512MiB", "8GiB", "10MB"'
EXAMPLE = ROOT / "config.example.toml"


@pytest.fixture(autouse=True)
def system_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An administrator's file that does not exist yet, and a process that is no system service."""
    path = tmp_path / "etc/config.toml"
    path.parent.mkdir()
    monkeypatch.setattr(sources, "SYSTEM_FILE", path)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    return path


def write(path: Path, text: str) -> Path:
    """Write *text* to *path* and return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def problems(path: Path | None, environ: dict[str, str] | None = None) -> tuple[str, ...]:
    """Load a bad configuration and return its mistakes."""
    with pytest.raises(ConfigError) as caught:
        load(path, environ or {})
    assert caught.value.status is ExitStatus.CONFIG
    return caught.value.problems


def test_without_any_source_the_defaults_hold() -> None:
    """No configuration is needed, and nothing is moved without one."""
    loaded = load(None, {"HOME": "/nonexistent"})
    assert loaded.config == Config()
    assert loaded.config.limits() == DEFAULT_LIMITS
    assert loaded.config.policy() == Policy()
    assert loaded.config.quarantine.level == "off"
    assert not any(loaded.config.quarantine.takes(verdict) for verdict in Verdict)
    assert loaded.origin(("log", "level")) == "default"


def test_a_user_overrides_the_administrator_key_by_key(system_file: Path, tmp_path: Path) -> None:
    """Keys that the user does not name stay the administrator's; the environment comes last."""
    write(system_file, '[log]\nlevel = "debug"\nformat = "json"\n[scan]\nworkers = 3\n[allow.imports]\n"a.b" = "x"\n')
    user = write(tmp_path / "cfg/picklewatch/config.toml", '[log]\nlevel = "error"\n[allow.imports]\n"c.d" = "y"\n')
    loaded = load(None, {"XDG_CONFIG_HOME": str(tmp_path / "cfg"), "PICKLEWATCH_SCAN_WORKERS": "7"})
    assert (loaded.config.log.level, loaded.config.log.format, loaded.config.scan.workers) == ("error", "json", 7)
    assert loaded.config.allow.imports == {"a.b": "x", "c.d": "y"}
    assert loaded.origin(("log", "level")) == f"{user}:2"
    assert loaded.origin(("log", "format")) == f"{system_file}:3"
    assert loaded.origin(("scan", "workers")) == "environment"
    assert loaded.origin(("allow", "imports", "c.d")) == f"{user}:4"


@pytest.mark.parametrize("environ", [{"STATE_DIRECTORY": "/var/lib/picklewatch"}, {}])
def test_root_and_system_services_read_only_the_administrators_file(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service must not depend on what lies in some home directory."""
    if not environ:
        monkeypatch.setattr("os.geteuid", lambda: 0)
    write(tmp_path / "cfg/picklewatch/config.toml", "[log]\nlevel = 'error'\n")
    assert load(None, {**environ, "XDG_CONFIG_HOME": str(tmp_path / "cfg")}).config.log.level == "info"


def test_an_instance_of_the_template_unit_is_its_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``picklewatch@alice`` is started by the machine and configured by alice."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    write(tmp_path / "cfg/picklewatch/config.toml", "[log]\nlevel = 'error'\n")
    environ = {"STATE_DIRECTORY": "/var/lib/picklewatch-users/alice", "XDG_CONFIG_HOME": str(tmp_path / "cfg")}
    assert load(None, environ).config.log.level == "error"


def test_every_section_can_be_set_by_the_environment() -> None:
    """Also those that came later: a variable with a section that is not known is passed over in silence."""
    assert set(sources.SECTIONS) == set(Config.model_fields)
    assert load(None, {"PICKLEWATCH_RECORDS_KEEP": "7"}).config.records.keep == 7


def test_a_given_file_is_the_only_one(system_file: Path, tmp_path: Path) -> None:
    """With -c nothing else is read but the environment."""
    write(system_file, "[scan]\nworkers = 3\n")
    loaded = load(write(tmp_path / "mine.toml", "[log]\nlevel = 'error'\n"), {})
    assert (loaded.config.scan.workers, loaded.config.log.level) == (0, "error")


def test_every_mistake_of_every_source_is_named_at_once(system_file: Path, tmp_path: Path) -> None:
    """With file, line, key, reason and what was probably meant."""
    write(system_file, "[quarantin]\nlevel = 'unsafe'\n")
    user = write(
        tmp_path / "cfg/picklewatch/config.toml",
        '[watch]\nrots = []\nroots = ["models"]\n[log]\nlevel = "wraning"\n[scan.limits]\nmemory = "lots"\n',
    )
    found = problems(None, {"XDG_CONFIG_HOME": str(tmp_path / "cfg"), "PICKLEWATCH_SCAN_WORKERS": "many"})
    assert found == (
        f'{system_file}:1: quarantin: unknown section; did you mean "quarantine"?',
        f'{user}:2: watch.rots: unknown key; did you mean "roots"?',
        f'{user}:3: watch.roots[0]: \'models\' is not absolute; begin it with "/" or "~/"',
        f'{user}:5: log.level: "wraning" is not one of "debug", "info", "warning", "error"; did you mean "warning"?',
        f"{user}:7: scan.limits.memory: 'lots' is no size; {WRITE_A_SIZE}",
        'environment variable PICKLEWATCH_SCAN_WORKERS: "many" is not a whole number',
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[watch]\ncaches = 'yes'", '"yes" is not true or false'),
        ("[watch]\nroots = '/x'", '"/x" is not a list'),
        ("[watch]\nroots = [3]", "3 is not a path"),
        ("[watch]\nexclude = ['']", "an empty pattern"),
        ("[watch]\nsettle = '2 weeks'", "no duration"),
        (
            "[watch]\nlevel = 'unsafe'",
            "did you mean 'level' in [quarantine] or 'level' in [notify] or 'level' in [log]?",
        ),
        ("[watch]\nxyzzy = 1", "known are caches, users"),
        ("[scan]\nworkers = 1.5", "1.5 is not a whole number"),
        ("[scan]\nworkers = -1", "at least 0"),
        ("[scan]\nlimits = 3", "3 is not a table"),
        ("[scan.limits]\ntime = 0", "0 would make every file unscannable"),
        ("[scan.limits]\nmemory = '1MiB'", "at least 128MiB"),
        ("[scan.limits]\ndepth = 65", "at most 64"),
        ("[allow.digests]\nabc = 'why'", "no SHA-256"),
        ("[allow.imports]\n'os.*' = 'why'", "without wildcards"),
        ("[allow.imports]\n'os.path' = ' '", "give a reason"),
        ("[allow.imports]\n'os.path' = 3", "3 is not text"),
        ("[allow]\nimports = ['os.path']", "is not a table"),
        ("[quarantine]\nlevel = 3", "3 is not one of"),
    ],
)
def test_each_kind_of_mistake_has_its_own_words(text: str, expected: str, tmp_path: Path) -> None:
    """No message needs knowledge of the library that found it."""
    (problem,) = problems(write(tmp_path / "c.toml", text))
    assert expected in problem
    assert "pydantic" not in problem


def test_toml_that_does_not_parse_is_named_with_its_place(tmp_path: Path) -> None:
    """Line and column, as an editor counts them."""
    path = write(tmp_path / "c.toml", '[log]\nlevel = "info\n')
    (problem,) = problems(path)
    assert problem.startswith(f"{path}:2:14: not valid TOML: ")


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """A given file that is missing, a directory, or not text is an error, never an empty configuration."""
    assert problems(tmp_path / "none.toml") == (f"{tmp_path / 'none.toml'}: No such file or directory",)
    assert "directory" in problems(tmp_path)[0]
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    assert problems(binary) == (f"{binary}: not UTF-8 at byte 0",)


def test_the_values_become_limits_and_policy(tmp_path: Path) -> None:
    """Units are resolved, digests are lower case, the environment reaches the limits."""
    digest = "AB" * 32
    path = write(
        tmp_path / "c.toml",
        f'[scan.limits]\nmemory = "256MiB"\ntime = "90s"\n[allow.digests]\n{digest} = "ours"\n'
        '[allow.imports]\n"m.C" = "reviewed"\n[quarantine]\nlevel = "unsafe"\nstore = "/srv/q"\n',
    )
    settings = load(
        path, {"PICKLEWATCH_SCAN_LIMITS_DEPTH": "3", "PICKLEWATCH_WATCH_ROOTS": '["/a", "~/b"]', "HOME": "/h"}
    )
    limits = settings.config.limits()
    assert (limits.memory, limits.seconds, limits.depth) == (256 << 20, 90.0, 3)
    assert settings.config.policy() == Policy(
        allowed_imports={"m.C": "reviewed"}, allowed_digests={digest.lower(): "ours"}
    )
    assert settings.config.watch.roots == (Path("/a"), Path("~/b").expanduser())
    assert settings.config.quarantine.store == Path("/srv/q")
    taken = [verdict for verdict in Verdict if settings.config.quarantine.takes(verdict)]
    assert taken == [Verdict.UNSAFE, Verdict.MALICIOUS]


def test_variables_of_no_known_section_are_left_alone() -> None:
    """``PICKLEWATCH_CONFIG`` and what others may define are not keys; a misspelt key of a section is a mistake."""
    assert (
        load(None, {"PICKLEWATCH_CONFIG": "/x", "PICKLEWATCH_FOO_BAR": "1", "PICKLEWATCH_WATCH": "1"}).config
        == Config()
    )
    assert "did you mean" in problems(None, {"PICKLEWATCH_LOG_LEVL": "info"})[0]


def uncommented(text: str) -> str:
    """Make a configuration of the example's commented defaults; prose lines stay comments."""
    lines: list[str] = []
    for line in text.splitlines():
        candidate = line.removeprefix("# ")
        names = {name for keys, _ in effective.entries(Config()) for name in keys[-1:]}
        is_key = line.startswith("# ") and " = " in candidate and candidate.split(" = ")[0] in names
        lines.append(candidate if is_key and "For example" not in previous(lines) else line)
    return "\n".join(lines)


def previous(lines: list[str]) -> str:
    """Return the last line, which says whether an example follows."""
    return lines[-1] if lines else ""


def test_the_example_explains_every_key_with_its_default() -> None:
    """Uncommented it is a valid configuration of defaults, and complete."""
    data = tomllib.loads(uncommented(EXAMPLE.read_text()))
    assert Config.model_validate(data) == Config()
    written = {keys for keys, _ in flat(data)}
    assert written == {keys for keys, _ in effective.entries(Config())}
    values = dict(flat(data))
    assert values == dict(effective.entries(Config()))
    assert {"digests", "sizes", "imports"} == set(data["allow"])


def test_the_example_as_it_is_changes_nothing() -> None:
    """Copying it is safe."""
    assert Config.model_validate(tomllib.loads(EXAMPLE.read_text())) == Config()


def flat(data: dict[str, Any], above: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Return *data*'s leaves with their keys."""
    found: list[tuple[tuple[str, ...], Any]] = []
    for key, value in data.items():
        found += flat(value, (*above, key)) if isinstance(value, dict) else [((*above, key), value)]
    return found


def test_what_is_shown_can_be_read_again(tmp_path: Path) -> None:
    """`config show` writes a configuration that means the same, with the origin as comments."""
    path = write(
        tmp_path / "c.toml",
        '[watch]\nroots = ["/srv/a b"]\nrescan = "90m"\n[scan.limits]\nmemory = 1000000000\n'
        '[allow.imports]\n"a.b" = "x \\"y\\""\n',
    )
    loaded = load(path, {})
    shown = effective.show_toml(loaded)
    assert load(write(tmp_path / "again.toml", shown), {}).config == loaded.config
    assert f"# {path}:3" in shown
    machine = json.loads(effective.show_json(loaded))
    assert machine["watch.rescan"] == {"value": "90m", "from": f"{path}:3"}
    assert machine["log.level"] == {"value": "info", "from": "default"}


def test_the_schema_describes_every_key() -> None:
    """An editor can explain each one."""
    schema = json.loads(effective.schema())
    assert schema["additionalProperties"] is False
    sections = {name: schema["$defs"][ref["$ref"].rsplit("/", 1)[1]] for name, ref in schema["properties"].items()}
    for section in sections.values():
        assert section["additionalProperties"] is False
        described = [key for key, value in section["properties"].items() if "description" in value or "$ref" in value]
        assert described == list(section["properties"])


def test_every_key_has_a_docstring() -> None:
    """The example, the schema and the documentation come from it."""
    table = doc_tables.keys_table()
    assert "|  |" not in table


@pytest.mark.parametrize("page", ["configuration.md", "caches.md", "detection.md"])
def test_the_documented_tables_are_in_step(page: str) -> None:
    """If this fails: ``python tools/doc_tables.py docs``."""
    text = (ROOT / "docs" / page).read_text()
    assert doc_tables.renew(text) == text
    assert "<!-- /" in text


def test_a_command_can_tell_that_nothing_is_configured(system_file: Path, tmp_path: Path) -> None:
    """Then it need not load what reads configurations; a file that is there, even bad, counts."""
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "cfg")}
    assert not sources.anything_configured(environ)
    assert sources.anything_configured({**environ, "PICKLEWATCH_LOG_LEVEL": "info"})
    write(system_file, "not toml")
    assert sources.anything_configured(environ)


def test_workers_are_one_a_processor_and_few() -> None:
    """Zero leaves the choice to us."""
    assert 1 <= schema.ScanConfig().worker_count <= sources.MAX_AUTOMATIC_WORKERS
    assert schema.ScanConfig(workers=9).worker_count == 9


VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)
KEYS = st.sampled_from(
    [*Config.model_fields, *schema.WatchConfig.model_fields, *schema.LimitsConfig.model_fields, "level", "store", "x"]
)
TABLES = st.dictionaries(
    KEYS, st.one_of(VALUES, st.dictionaries(KEYS, st.one_of(VALUES, st.dictionaries(KEYS, VALUES))))
)


@settings(max_examples=50)
@given(TABLES)
def test_whatever_a_file_says_is_good_or_a_list_of_mistakes(data: dict[str, Any]) -> None:
    """Never a traceback, and every mistake in one printable line once it is shown."""
    source = sources.ConfigSource(name="/etc/x.toml", data=data)
    found = schema._problems(source)
    assert all(problem.startswith("/etc/x.toml: ") for problem in found)
    if not found:
        Config.model_validate(data).limits()
