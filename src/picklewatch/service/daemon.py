"""The daemon: start-up, loop, shutdown.

    events, walks -> WatchLoop -> Store -> Workers -> Actions

Every stage runs in threads of its own and meets the next only in the store. This thread starts them, answers
signals, looks after their health, and tells systemd.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Final

import structlog

from picklewatch import __version__
from picklewatch.access.open_file import OpenFailure
from picklewatch.access.opening import Opener
from picklewatch.config.risky_allowances import malicious_imports
from picklewatch.core.candidate import Candidate, Source, UnavailableError
from picklewatch.core.errors import ConfigError, ExitStatus, StateError, StateUnavailableError
from picklewatch.core.model import Policy, Verdict, printable
from picklewatch.core.state_layout import StateLayout
from picklewatch.queue.schedule import Schedule
from picklewatch.service import watch_plan
from picklewatch.service.actions import Actions
from picklewatch.service.background import BackgroundTask
from picklewatch.service.daemon_status import Snapshot
from picklewatch.service.dependencies import Parts, PolicySource, VaultSource, open_store, take_state
from picklewatch.service.moves import Mover, QuarantinePolicy
from picklewatch.service.outcome_log import OutcomeLog
from picklewatch.service.scan_context import ScanContext, ScanStatistics, Stages
from picklewatch.service.scan_workers import Workers
from picklewatch.service.upgrade_detector import Program
from picklewatch.store.database import STORE_ERRORS
from picklewatch.store.failures import StoreFailures
from picklewatch.telemetry import log
from picklewatch.telemetry.health import Health
from picklewatch.telemetry.sd_notify import Notifier
from picklewatch.watch.roots import COMMAND_LINE, Root, find, look_at
from picklewatch.watch.settle import Delays
from picklewatch.watch.supervisor import SILENCE_SECONDS, WatchSupervisor
from picklewatch.watch.timing import Timing

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence
    from pathlib import Path
    from types import FrameType

    from picklewatch.access.ownership import Tree
    from picklewatch.config.schema import Config

_log = structlog.get_logger()

EX_SOFTWARE: Final = 70
"""The exit status after a thread of ours died (sysexits.h); the service manager starts the daemon again."""
LOOP_SECONDS: Final = 0.5
_SNAPSHOT_SECONDS: Final = 2.0
_PROGRESS_SECONDS: Final = 10.0
_MOVES_SECONDS: Final = 20.0
_PLAN_SECONDS: Final = 300.0
_GRACE_SECONDS: Final = 20.0
_STOP_SECONDS: Final = 75.0
"""Shorter than the units' TimeoutStopSec; what takes longer is judged after the next start."""
_DENIED_REMEMBERED: Final = 1_000
_MISSED_LINES_SECONDS: Final = 0.2
_PROGRAM_SECONDS: Final = 5.0
_TIDY_SECONDS: Final = 3600.0


class Daemon:
    """One daemon over one state directory. `run` it in the main thread, once."""

    def __init__(self, state: Path, paths: tuple[str, ...], parts: Parts, notifier: Notifier | None = None) -> None:
        self.health = Health()
        self._state, self._paths, self._parts = state, paths, parts
        self._notifier = notifier or Notifier()
        self._signals: deque[int] = deque()
        self._wake_reading, self._wake_writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._program = Program()
        self._program_at = 0.0
        self._former: list[Workers] = []
        """Pools that reloads replaced and that may still be scanning a file."""
        self._status = int(ExitStatus.OK)
        self._ready = False
        self._beat_at = self._snapshot_at = self._progress_at = 0.0
        self._moves_at = self._tidy_at = self._plan_at = time.monotonic() + _MOVES_SECONDS

    def run(self, config: Config) -> int:
        """Work until a signal ends it; the exit status. Raises `StateError`, `SandboxError` if it can't start."""
        self._lock = take_state(self._state)
        former = self._catch_signals()
        try:
            self._build(config)
            try:
                self._start(config)
                self._loop()
            finally:
                status = self._stop()
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)
            self._lock.release()
            os.close(self._wake_reading)
            os.close(self._wake_writing)
        return status

    # --- start-up

    def _build(self, config: Config) -> None:
        self._config = config
        self._store = open_store(self._state, wait=self._wait_for_disk)
        self._store_failures = StoreFailures(self._store, self.health, self._lock.note)
        self._store_failures.resolved()
        self._parts.introduce()
        report = self._store_failures.report
        self._tidying = BackgroundTask("tidy", self._tidy, report)
        self._checking = BackgroundTask("check-store", self._store.check, report)
        self._moving = BackgroundTask("moves", self._retry_moves, report)
        self._vault = VaultSource(
            self._store, self._parts.vault, lambda: watch_plan.vault_directory(self._config, self._state)
        )
        mover = Mover(self._store, self.health, self._vault, self._quarantine_policy)
        self._actions = Actions(OutcomeLog(self._store), mover)
        self._schedule = Schedule(self._store)
        self._watching = WatchSupervisor(
            self._offer,
            self.health,
            canary=StateLayout(self._state).canary,
            delays=Delays(patience=config.watch.settle),
            timing=Timing(rescan=config.watch.rescan),
            is_excluded=watch_plan.excluded(config, self._state),
        )
        self._snapshot = Snapshot(self._store, self.health, started=time.time(), in_force=self._in_force)
        self._stages = Stages(
            store=self._store,
            store_failures=self._store_failures,
            schedule=self._schedule,
            actions=self._actions,
            watch=self._watching,
            statistics=ScanStatistics(),
        )
        self._workers = self._make_workers(config)
        self._apply(config)

    def _start(self, config: Config) -> None:
        protections = self._workers.protections()
        self._snapshot.unprotected = missing = list(getattr(protections, "missing", ()))
        _log.log(30 if missing else 20, "scan.sandbox", complete=not missing, missing=missing)
        self._follow_policy(config)
        self._catch_up(config)
        self._workers.start()
        self._watching.start()
        _log.info("daemon.started", version=__version__, pid=os.getpid(), state=str(self._state), **self._in_force())

    def _wait_for_disk(self, error: sqlite3.Error) -> bool:
        """Say that the store can't be opened yet, and wait a second; whether a signal came."""
        self.health.degrade("store-unwritable", f"the database can't be opened: {error}; trying on")
        return bool(select.select([self._wake_reading], [], [], 1.0)[0])

    def _apply(self, config: Config) -> None:
        """Let *config* be in force, except for what the workers hold."""
        self._config = config
        self._plan_roots()
        self._watching.configure(watch_plan.excluded(config, self._state), config.watch.rescan)
        self._policy = PolicySource(self._store, config.policy())

    def _quarantine_policy(self) -> QuarantinePolicy:
        quarantine = self._config.quarantine
        return QuarantinePolicy(takes=quarantine.takes, tombstones=quarantine.tombstones, trees=self._trees)

    def _plan_roots(self) -> None:
        """Find out what to watch; users and caches come and go."""
        former = {root.plan: root for root in self._watching.roots}
        wanted = [former.get(root.plan, root) for root in watch_plan.roots(self._config, self._paths)]
        if wanted != list(self._watching.roots):
            find([root for root in wanted if root.plan not in former])  # what is judged or moved next has to lie in one
            self._watching.set_roots(wanted)

    def _trees(self) -> tuple[Tree, ...]:
        """What is watched now, as it was found."""
        found = [root.tree for root in self._watching.roots if root.tree is not None]
        canary = look_at(Root(str(StateLayout(self._state).canary), COMMAND_LINE)).tree
        return (*found, *([] if canary is None else [canary]))

    def _make_workers(self, config: Config) -> Workers:
        context = ScanContext(
            make_scanner=lambda: self._parts.scanner(config),
            policy=self._current_policy,
            engine=self._parts.engine,
            opens=Opener(self._trees),
            seconds=config.limits().seconds,
        )
        return Workers(self._stages, context, config.scan.worker_count)

    def _current_policy(self) -> Policy:
        return self._policy()

    def _follow_policy(self, config: Config) -> None:
        """Judge again what another allowlist may judge otherwise."""
        policy = config.policy()
        told = [sorted(policy.allowed_imports.items()), sorted(policy.allowed_digests.items())]
        known = self._store.get_state("policy")
        if known != (now := [[list(pair) for pair in part] for part in told]):
            if known is not None:
                _log.info("config.allowlist-changed", forgotten=self._store.records.forget_verdicts())
            self._store.put_state("policy", now)
        for subject, harm in malicious_imports(config.allow.imports).items():
            message = f"{subject} is allowed, which can {harm}: files that use it pass as clean"
            _log.warning(
                "config.allows-malicious", subject=subject, reason=config.allow.imports[subject], message=message
            )

    def _catch_up(self, config: Config) -> None:
        """Do what a former daemon left: end the vault's steps, write missing lines, move what is to be moved."""
        moved = [verdict for verdict in Verdict if config.quarantine.takes(verdict)]
        if moved:
            self._store.intents.want_all(moved)
        try:
            if moved or watch_plan.vault_directory(config, self._state).exists():
                self._actions.mover.recover()
        except StateError as error:
            if moved and not isinstance(error, StateUnavailableError):
                raise
            self._without_vault(error)  # nothing is to be moved, or its disk is missing: no reason not to watch
        try:
            self._actions.catch_up()
        except StateUnavailableError as error:
            self._without_vault(error)
        self._remember_denied()

    def _remember_denied(self) -> None:
        """Look again after the files that could not be read in an earlier run."""
        for told in self._store.records.latest((Verdict.UNSCANNABLE,), limit=_DENIED_REMEMBERED):
            if OpenFailure.DENIED.value in told["reasons"]:
                self._watching.unread(told["path"], None)

    def _offer(self, candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
        """Queue candidates of the watching threads."""
        try:
            offered = self._store.jobs.offer(candidates, self._parts.engine.key)
        except STORE_ERRORS as error:
            self._store_failures.report(error)
            raise UnavailableError from error
        except Exception:  # noqa: BLE001 - whatever it is: one file must not hold up the others
            if len(candidates) > 1:
                return tuple(queued for candidate in candidates for queued in self._offer([candidate]))
            _log.exception("watch.failed", path=printable(candidates[0].path))
            self.health.count("watch-errors")
            return ()
        self._store_failures.resolved()
        if offered.queued or offered.waiting:
            announced = [candidate for candidate in candidates if candidate.source <= Source.EVENT]
            self._schedule.announce(announced or offered.queued)
        return offered.queued

    # --- the loop

    def _loop(self) -> None:
        while True:
            self._wait()
            if self._is_ended():
                return
            dead = self._watching.dead()
            if dead is not None:
                _log.critical("daemon.failed", message=f"{dead}; ending, to be started again")
                self._status = EX_SOFTWARE
                return
            if self._is_outdated(time.monotonic()):
                _log.warning("daemon.outdated", message="picklewatch was upgraded; ending, to be started again")
                self._status = ExitStatus.UNAVAILABLE
                return
            self._look_after(time.monotonic())

    def _is_ended(self) -> bool:
        """Answer the signals that came; several of SIGHUP are one."""
        reloading = False
        while self._signals:
            number = self._signals.popleft()
            if number != signal.SIGHUP:
                _log.info("daemon.stopping", signal=signal.Signals(number).name)
                return True
            reloading = True
        if reloading:
            self._reload()
        return False

    def _is_outdated(self, now: float) -> bool:
        """Whether another picklewatch was installed in the place of this one, and somebody will start it."""
        if now < self._program_at:
            return False
        self._program_at = now + _PROGRAM_SECONDS
        if not self._program.is_replaced():
            return False
        if not self._notifier.has_manager:
            reason = f"picklewatch was upgraded; this is still {__version__}"
            self.health.degrade("daemon-outdated", reason, hint="Start it again.")
        return self._notifier.has_manager

    def _look_after(self, now: float) -> None:
        self._workers.look_after(now)
        self._watching.look_after(now)
        if not self._ready and self._watching.is_ready(now):
            self._ready = True
            self._notifier.ready(self._snapshot.line())
            there = [root.path for root in self._watching.roots if root.path is not None]
            _log.info("watch.ready", roots=there, waiting=len(self._watching.roots) - len(there))
        if self._store_failures.walk_again.is_set():
            self._store_failures.walk_again.clear()
            self._watching.ask_for_walk("store-rebuilt")
        self._look_after_log()
        self._beat(now)
        if now >= self._plan_at:
            self._plan_at = now + _PLAN_SECONDS
            self._plan_roots()
        if now >= self._moves_at:
            self._moves_at = now + _MOVES_SECONDS
            self._moving.start()
        try:
            self._write(now)
        except STORE_ERRORS as error:
            self._store_failures.report(error)
        except StateUnavailableError as error:
            self.health.degrade("store-unwritable", error.message, hint=error.hint)

    def _beat(self, now: float) -> None:
        """Tell systemd that all is well, unless a thread of ours is stuck."""
        late = self._late(now)
        if late is not None:
            self.health.degrade("daemon-stuck", late)
            return
        self.health.repair("daemon-stuck")
        pause = min(5.0, (self._notifier.watchdog_seconds or 15.0) / 3)
        if now - self._beat_at >= pause:
            self._beat_at = now
            self._notifier.alive()

    def _look_after_log(self) -> None:
        """Say when the log takes nothing, and write what it missed when it does again."""
        log.OUTLET.retry()
        try:
            self._actions.outcomes.report_missed(_MISSED_LINES_SECONDS)
        except STORE_ERRORS as error:
            self._store_failures.report(error)
        trouble = log.OUTLET.trouble
        if trouble is None:
            self.health.repair("log-unwritable")
            return
        hint = "Nothing else waits for it. The verdicts that it misses are written to it later."
        self.health.degrade("log-unwritable", f"the log can't be written: {trouble}", hint=hint)

    def _late(self, now: float) -> str | None:
        silent = self._watching.silent(now)
        if silent > SILENCE_SECONDS:
            return f"the watching thread has been silent for {silent:.0f} s"
        return self._workers.stuck(now)

    def _write(self, now: float) -> None:
        """Keep what `status` shows, and show progress."""
        if now >= self._tidy_at:
            self._tidy_at = now + _TIDY_SECONDS
            self._tidying.start()
        if now - self._snapshot_at < _SNAPSHOT_SECONDS:
            return
        self._snapshot_at = now
        try:
            self._keep_state()
            self._store_failures.check_files()
            self._snapshot.write(self._workers, self._watching.roots, self._watching.walking(), ready=self._ready)
            self._store_failures.resolved()
            if self._store_failures.check_wanted.is_set():
                self._store_failures.check_wanted.clear()
                self._checking.start()
        finally:  # the manager is told what is wrong even if the store can't be
            self._notifier.status(self._snapshot.line())
        waiting = self._snapshot.queue
        if waiting > self._workers.files_claimed() and now - self._progress_at >= _PROGRESS_SECONDS:
            if self._progress_at:
                _log.info("scan.progress", **self._snapshot.progress(now, self._workers))
            self._progress_at = now

    def _keep_state(self) -> None:
        """Stay the state's only daemon if somebody removed the directory. `StateError` if another has it by now."""
        if self._lock.is_in_place():
            return
        path = str(self._state)
        self.health.incident("store-removed", "the state directory or its lock was removed; made again", path=path)
        self._lock.retake()

    def _in_force(self) -> dict[str, Any]:
        return {"quarantine": self._config.quarantine.level, "engine": self._parts.engine.key}

    def _tidy(self, stopping: threading.Event) -> None:
        self._store.tidying.run(self._config.records.keep, stopping)

    def _retry_moves(self, _stopping: threading.Event) -> None:
        try:
            self._actions.mover.retry_all()
            if any(problem.what == "quarantine-store" for problem in self.health.problems):
                self._vault()
        except StateError as error:
            self._without_vault(error)
        else:
            self.health.repair("quarantine-store")

    def _without_vault(self, error: StateError) -> None:
        self.health.degrade("quarantine-store", error.message, hint=error.hint)

    def _reload(self) -> None:
        self._notifier.reloading()
        try:
            config = self._parts.load()
        except ConfigError as error:
            _log.error("config.rejected", message=error.message, problems=list(error.problems), hint=error.hint or None)
            first = error.problems[0] if error.problems else error.message
            reason = f"the configuration was rejected, the former one holds: {first}"
            self.health.degrade(
                "config-rejected", reason, hint="`picklewatch config check` says all of it; then reload."
            )
        else:
            self._change_to(config)
            self.health.repair("config-rejected")
            _log.info("config.reloaded", **self._in_force())
        self._notifier.ready(self._snapshot.line())

    def _change_to(self, config: Config) -> None:
        scanning_changed = (config.scan, config.limits()) != (self._config.scan, self._config.limits())
        self._parts.configure_log(config)
        self._apply(config)
        if scanning_changed:
            former = self._workers
            self._workers = self._make_workers(config)
            former.ask_to_stop()
            self._former = [pool for pool in (*self._former, former) if not pool.join(0.0)]
            self._workers.start()
        self._follow_policy(config)
        self._watching.ask_for_walk("reload")
        self._store.intents.want_all(verdict for verdict in Verdict if config.quarantine.takes(verdict))
        self._moves_at = 0.0

    # --- shutdown

    def _stop(self) -> int:
        """End everything in order: no new work, the running scans, the last status. A second signal ends it at once."""
        self._notifier.stopping()
        self._workers.ask_to_stop()
        self._watching.stop()
        self._tidying.stop()
        self._checking.stop()
        status = self._status
        end = time.monotonic() + min(self._config.limits().seconds + _GRACE_SECONDS, _STOP_SECONDS)
        while not self._workers.join(0.1) and time.monotonic() < end:
            self._notifier.alive()
            if self._signals:
                number = self._signals.popleft()
                if number != signal.SIGHUP:
                    status = 128 + number
                    break
        for pool in (*self._former, self._workers):
            pool.cancel()
        for pool in (*self._former, self._workers):
            pool.join(5.0)
        try:
            self._snapshot.write(self._workers, self._watching.roots, None, ready=False, stopped=time.time())
        except STORE_ERRORS as error:
            self._store_failures.report(error)
        _log.info("daemon.stopped", queue=self._snapshot.queue, judged=self._workers.judged, forced=status > 128)  # noqa: PLR2004 - 128 + a signal
        self._store.close()
        return status

    # --- signals

    def end(self) -> None:
        """End as by SIGTERM; may be called by any thread."""
        self._on_signal(signal.SIGTERM, None)

    def reload(self) -> None:
        """Read the configuration again as by SIGHUP; may be called by any thread."""
        self._on_signal(signal.SIGHUP, None)

    def _catch_signals(self) -> dict[int, Any]:
        if threading.current_thread() is not threading.main_thread():  # only there does Python allow it
            return {}
        return {
            number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        }

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._signals.append(number)
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_writing, b"!")

    def _wait(self) -> None:
        pause = LOOP_SECONDS if self._ready else LOOP_SECONDS / 10
        if select.select([self._wake_reading], [], [], pause)[0]:
            os.read(self._wake_reading, 1024)
