"""Asks one scanner about many files: ``python adapters.py TOOL < paths``, in the scanner's own environment.

Prints a JSON object a file: ``verdict`` is ``flagged`` (what makes the tool's own command fail by default), ``warned``
(told, but below that), ``passed``, ``skipped`` (told that it did not look), ``error`` or ``timeout``. Imports nothing
of ours: it runs in environments that have only the scanner. Uses each tool's own Python interface, so that the tool's
start-up is paid once.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import logging
import pathlib
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[[str], str]

FLAGGED, WARNED, PASSED, SKIPPED, ERROR = "flagged", "warned", "passed", "skipped", "error"
SECONDS_A_FILE = 30


def _import(name: str) -> Any:
    return importlib.import_module(name)


def _worst(severities: set[str]) -> str:
    """By the names that most of these tools share."""
    if severities & {"CRITICAL", "HIGH"}:
        return FLAGGED
    return WARNED if severities & {"MEDIUM", "WARNING"} else PASSED


def picklescan(*, strict: bool = False) -> Ask:
    """Picklescan: an issue is a dangerous global."""
    scanner = _import("picklescan.scanner")

    def ask(path: str) -> str:
        result = scanner.scan_file_path(path, strict=strict)
        if result.issues_count:
            return FLAGGED
        if result.scan_err:
            return ERROR
        if getattr(result, "suspicious_count", 0):
            return WARNED
        return PASSED if result.scanned_files else SKIPPED

    return ask


def modelscan() -> Ask:
    """Modelscan: any issue."""
    module, settings = _import("modelscan.modelscan"), _import("modelscan.settings")

    def ask(path: str) -> str:
        scan = module.ModelScan(settings=settings.DEFAULT_SETTINGS)
        scan.scan(path)
        if scan.issues.all_issues:
            return FLAGGED
        if scan.errors:
            return ERROR
        return PASSED if scan.scanned else SKIPPED

    return ask


def modelaudit() -> Ask:
    """Modelaudit: a critical issue; a warning makes its command fail as well, and is counted apart."""
    core = _import("modelaudit.core")

    def ask(path: str) -> str:
        result = core.scan_model_directory_or_file(path, timeout=SECONDS_A_FILE, cache_enabled=False)
        levels = {getattr(issue.severity, "name", str(issue.severity)).upper() for issue in result.issues}
        if "CRITICAL" in levels:
            return FLAGGED
        if "WARNING" in levels:
            return WARNED
        return {0: PASSED, 1: WARNED}.get(core.determine_exit_code(result), ERROR)

    return ask


def modelaudit_picklescan() -> Ask:
    """Modelaudit's pickle core alone."""
    api = _import("modelaudit_picklescan")

    def ask(path: str) -> str:
        report = api.scan_file(path)
        verdict = getattr(report.verdict, "value", report.verdict)
        return {"malicious": FLAGGED, "suspicious": WARNED, "clean": PASSED}.get(verdict, ERROR)

    return ask


def fickling() -> Ask:
    """Fickling as its command does: anything above "likely safe"; zip archives by its loader for them."""
    loader, severity = _import("fickling.loader"), _import("fickling.analysis").Severity
    zipfile = _import("zipfile")

    def ask(path: str) -> str:
        if zipfile.is_zipfile(path):
            results = list(loader.scan_zip_archive(path, graceful=True).values())
        else:
            results = [loader.scan_file(path, graceful=True)]
        if not results:
            return SKIPPED
        found = [result for result in results if result.results]
        if any(result.severity > severity.LIKELY_SAFE for result in found):
            return FLAGGED
        return ERROR if any(result.errors for result in results) else PASSED

    return ask


def pytorch_check() -> Ask:
    """pytorch-check: a file that it cannot read is told to be "potentially unsafe" as well; counted as an error."""
    module = _import("pytorch_check")

    def ask(path: str) -> str:
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            safe = module.check_file(path)
        if "Exception " in said.getvalue():
            return ERROR
        return PASSED if safe else FLAGGED

    return ask


def hayward() -> Ask:
    """Hayward: severity high and above."""
    scanner = _import("hayward.scanner").ModelFileScanner()

    def ask(path: str) -> str:
        return _worst(
            {str(getattr(f.severity, "value", f.severity)).upper() for f in scanner.scan_file(pathlib.Path(path))}
        )

    return ask


def modelwarden() -> Ask:
    """Modelwarden: severity high and above."""
    engine = _import("modelwarden.core.engine")

    def ask(path: str) -> str:
        result = engine.scan_paths([pathlib.Path(path)])
        if result.skipped:
            return SKIPPED
        return _worst({f.severity.name for f in result.findings})

    return ask


def pickleguard() -> Ask:
    """Pickleguard: risk high and above."""
    scanner = _import("pickle_scanner.core.scanner")

    def ask(path: str) -> str:
        result = scanner.scan_file(path)
        level = result.report.risk_level.name
        return _worst({level}) if result.success or level in {"CRITICAL", "HIGH"} else ERROR

    return ask


def aisbom_cli() -> Ask:
    """AIsbom: a risk of critical or high."""
    module = _import("aisbom.scanner")

    def ask(path: str) -> str:
        scanner = module.DeepScanner(path)
        scanner.scan()
        risks = " ".join(str(artifact.get("risk_level")) for artifact in scanner.artifacts).upper()
        if "CRITICAL" in risks or "HIGH" in risks:
            return FLAGGED
        if scanner.errors:
            return ERROR
        if "MEDIUM" in risks:
            return WARNED
        return PASSED if scanner.artifacts else SKIPPED

    return ask


def weightguard() -> Ask:
    """Weightguard: severity high and above."""
    scanner = _import("weightguard.scanner")

    def ask(path: str) -> str:
        return _worst({finding.severity.value for finding in scanner.scan_path(pathlib.Path(path)).findings})

    return ask


def pkl_inspector() -> Ask:
    """pkl-inspector: dangerous and critical."""
    inspector = _import("pkl_inspector").PklInspector()

    def ask(path: str) -> str:
        verdict = inspector.scan(path)["verdict"]
        return {"CRITICAL": FLAGGED, "DANGEROUS": FLAGGED, "SUSPICIOUS": WARNED, "CLEAN": PASSED}.get(verdict, ERROR)

    return ask


def nullsec_modelaudit() -> Ask:
    """nullsec-modelaudit: severity high and above."""
    module = _import("nullsec_modelaudit.inspector")

    def ask(path: str) -> str:
        return _worst({str(f["severity"]).upper() for f in module.inspect(path).get("findings", [])})

    return ask


TOOLS: dict[str, Callable[[], Ask]] = {
    "picklescan": picklescan,
    "picklescan-strict": lambda: picklescan(strict=True),
    "modelscan": modelscan,
    "modelaudit": modelaudit,
    "modelaudit-picklescan": modelaudit_picklescan,
    "fickling": fickling,
    "pytorch-check": pytorch_check,
    "hayward": hayward,
    "modelwarden": modelwarden,
    "pickleguard": pickleguard,
    "aisbom-cli": aisbom_cli,
    "weightguard": weightguard,
    "pkl-inspector": pkl_inspector,
    "nullsec-modelaudit": nullsec_modelaudit,
}
"""Tool → how to ask it."""


class _TooLong(BaseException):
    """Not an `Exception`, so that no scanner swallows it."""


def _alarm(*_: object) -> None:
    raise _TooLong


def main() -> None:
    """Answer for every path on standard input."""
    answers = sys.stdout
    sys.stdout = io.StringIO()  # what tools print is not an answer
    logging.disable(logging.CRITICAL)
    ask = TOOLS[sys.argv[1]]()
    signal.signal(signal.SIGALRM, _alarm)
    for line in sys.stdin:
        path = line.rstrip("\n")
        begun = time.perf_counter()
        note = ""
        try:
            signal.alarm(SECONDS_A_FILE)
            verdict = ask(path)
        except _TooLong:
            verdict = "timeout"
        except BaseException as error:  # noqa: BLE001 - a scanner that dies on a file has an error, and the next file waits
            verdict, note = ERROR, f"{type(error).__name__}: {error}"[:200]
        finally:
            signal.alarm(0)
        sys.stdout.seek(0)
        sys.stdout.truncate()
        seconds = round(time.perf_counter() - begun, 6)
        print(
            json.dumps({"path": path, "verdict": verdict, "seconds": seconds, "note": note}), file=answers, flush=True
        )


if __name__ == "__main__":
    main()
