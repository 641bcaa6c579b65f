"""The daemon: start-up, main loop, shutdown.

    events, walks -> WatchLoop -> CandidateQueue -> Store -> Workers -> Actions

Every stage runs in threads of its own and meets the next only in the store. This thread starts them, answers
signals, looks after their health, and tells systemd.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING, Any, Final

import structlog

from picklewatch import __version__
from picklewatch.access.free_memory import return_free_memory
from picklewatch.access.open_file import OpenFailure
from picklewatch.core.errors import ConfigError, ExitStatus
from picklewatch.core.model import Verdict
from picklewatch.core.state_layout import StateLayout
from picklewatch.ipc.places import SocketPlace
from picklewatch.queue.schedule import Schedule
from picklewatch.service.actions import Actions
from picklewatch.service.background import BackgroundTask
from picklewatch.service.candidate_queue import CandidateQueue
from picklewatch.service.daemon_status import Snapshot
from picklewatch.service.guard_link import GuardLink
from picklewatch.service.heartbeat import Heartbeat
from picklewatch.service.interval import Interval
from picklewatch.service.late_names import LateNames
from picklewatch.service.listening import Listening
from picklewatch.service.move_retries import MoveRetries
from picklewatch.service.moves import Mover
from picklewatch.service.new_finds import Notifiers
from picklewatch.service.outcome_log import OutcomeLog
from picklewatch.service.people_finder import PeopleFinder
from picklewatch.service.policy_source import PolicySource, end_allowances, follow_allowlist
from picklewatch.service.quarantine_policy import QuarantinePolicy
from picklewatch.service.rescans import Rescans
from picklewatch.service.responder import Responder
from picklewatch.service.scan_context import ScanStatistics, Stages
from picklewatch.service.self_test_answers import SelfTestAnswers
from picklewatch.service.signals import Signals
from picklewatch.service.state_hold import StateHold, hold_state
from picklewatch.service.status_reporter import StatusReporter
from picklewatch.service.upgrade_detector import UpgradeDetector
from picklewatch.service.vault_source import VaultSource
from picklewatch.service.viewers import Viewers
from picklewatch.service.watch_plan import WatchedRoots, excluded, vault_directory
from picklewatch.service.worker_pools import WorkerPools
from picklewatch.store.database import STORE_ERRORS
from picklewatch.telemetry.health import Health
from picklewatch.watch.linked_directories import LinkedDirectories
from picklewatch.watch.settle import Delays
from picklewatch.watch.supervisor import SILENCE_SECONDS, WatchSupervisor
from picklewatch.watch.timing import Timing

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from picklewatch.config.schema import Config, SocketConfig
    from picklewatch.core.candidate import Candidate
    from picklewatch.service.dependencies import Dependencies
    from picklewatch.service.quarantine_policy import SupportsQuarantine
    from picklewatch.telemetry.sd_notify import Notifier

_log = structlog.get_logger()

LOOP_SECONDS: Final = 1.0
_STATUS_SECONDS: Final = 2.0
_MOVES_SECONDS: Final = 20.0
_PEOPLE_SECONDS: Final = 2.0
"""For the search for people at the start; a directory service that takes longer is not waited for."""
_STORES_SECONDS: Final = 300.0
_TIDY_SECONDS: Final = 3600.0
_UPGRADE_SECONDS: Final = 5.0
_GRACE_SECONDS: Final = 20.0
_TASKS_SECONDS: Final = 5.0
"""For the tasks that read the database: a disk that does not answer is not waited for."""
_STOP_SECONDS: Final = 75.0
"""Shorter than the units' TimeoutStopSec; what takes longer is judged after the next start."""
_DENIED_REMEMBERED: Final = 1_000


@contextlib.contextmanager
def open_daemon(
    state: Path, paths: tuple[str, ...], config: Config, dependencies: Dependencies, notifier: Notifier
) -> Iterator[Daemon]:
    """Give a daemon that owns the state directory *state*, to `run` once.

    Raises `StateError` if it can't have it.
    """
    health = Health()
    upgrade = UpgradeDetector()  # first of all: an upgrade may come while the state directory is waited for
    with Signals() as signals, hold_state(state, health, signals.wait) as hold:
        yield Daemon(hold, health, signals, paths, config, dependencies, notifier, upgrade)


class Daemon:
    """One daemon over one state directory; see `open_daemon`."""

    def __init__(  # noqa: PLR0913, PLR0917 - everything that it owns
        self,
        hold: StateHold,
        health: Health,
        signals: Signals,
        paths: tuple[str, ...],
        config: Config,
        dependencies: Dependencies,
        notifier: Notifier,
        upgrade: UpgradeDetector,
    ) -> None:
        self._stirred_at = time.monotonic()
        store, failures, schedule = hold.store, hold.failures, Schedule(hold.store)
        self.health, self.store = health, store
        self._hold, self._signals, self._notifier = hold, signals, notifier
        self._config, self._dependencies = config, dependencies
        self._candidates = candidates = CandidateQueue(store, failures, schedule, dependencies.engine.key)
        is_excluded = excluded(config, hold.directory)
        self._links = links = LinkedDirectories(is_excluded)
        self._watching = WatchSupervisor(
            self._offer,
            health,
            canary=StateLayout(hold.directory).canary,
            delays=Delays(patience=config.watch.settle),
            timing=Timing(rescan=config.watch.rescan),
            is_excluded=is_excluded,
            note_link=self._note_link,
            names_of=candidates.names_of,
        )
        self._roots = WatchedRoots(self._watching, links, store, failures, health, hold.directory, paths)
        vault = VaultSource(store, dependencies.vault, self._vault_directory)
        outcomes, mover = OutcomeLog(store), Mover(store, health, vault, self._quarantine_policy)
        self._late_names = LateNames(store, outcomes)
        actions = Actions(outcomes, mover, self._late_names)
        self._moves = MoveRetries(store, health, vault, actions)
        self._policy = PolicySource(store, config.policy())
        stages = Stages(
            store=store,
            store_failures=failures,
            schedule=schedule,
            actions=actions,
            watch=self._watching,
            self_tests=SelfTestAnswers(store, StateLayout(hold.directory).canary, vault, self._quarantine_policy),
            statistics=ScanStatistics(),
        )
        self._people = PeopleFinder(health, self._watching.watch_places, failures.report)
        self._people.find_at_once(config.watch, _PEOPLE_SECONDS)
        self._roots.plan(config)
        dependencies.introduce(self._watching.roots)
        self._pools = WorkerPools(stages, dependencies, self._policy, self._roots.trees, config)
        self._notifiers = Notifiers(health)
        self._snapshot = Snapshot(
            store,
            health,
            started=time.time(),
            in_force=self._in_force,
            not_watched=lambda: self._roots.not_watched,
            sinks=self._notifiers.reports,
        )
        self._reporter = StatusReporter(hold, health, notifier, self._snapshot, outcomes)
        self._heartbeat = Heartbeat(health, notifier)
        self._listening = Listening(
            dependencies.socket or SocketPlace(hold.directory),
            Responder(
                store,
                self._used_vault(vault),
                self._socket_config,
                Viewers(self._socket_config),
                Rescans(store, self._watching.look_again, self._watching.ask_for_walk),
                self._notifiers,
            ),
            health,
        )
        self._guard = GuardLink(config.guard.socket, store, dependencies.engine.key, self._policy)
        store.subscribe(self._guard.tell)
        self._upgrade = upgrade
        self._tidying = BackgroundTask("tidy", self._tidy, failures.report)
        self._naming = BackgroundTask("names", self._late_names.report, failures.report)
        self._ending = BackgroundTask("allowances", self._end_allowances, failures.report)
        self._checking = BackgroundTask("check-store", store.check, failures.report)
        self._moving = BackgroundTask("moves", self._moves.retry, failures.report)
        self._following = BackgroundTask("move-contents", self._moves.finish, failures.report)
        first = time.monotonic() + _MOVES_SECONDS
        self._status_due, self._upgrade_due = Interval(_STATUS_SECONDS), Interval(_UPGRADE_SECONDS)
        self._moves_due, self._tidy_due = Interval(_MOVES_SECONDS, first), Interval(_TIDY_SECONDS, first)
        self._stores_due = Interval(_STORES_SECONDS, first)
        self._is_ready = False

    def run(self) -> int:
        """Work until a signal ends it.

        Return the exit status; `StateError`, `SandboxError` if it can't start.
        """
        status = int(ExitStatus.OK)
        try:
            self._start_up()
            status = self._main_loop()
        finally:
            forced = self._shut_down()
        return forced or status

    def end(self) -> None:
        """End as by SIGTERM; any thread may call it."""
        self._signals.send(signal.SIGTERM)

    def reload(self) -> None:
        """Read the configuration again as by SIGHUP; any thread may call it."""
        self._signals.send(signal.SIGHUP)

    # --- start-up

    def _start_up(self) -> None:
        """Start every stage, the last first; what a former daemon left is done before anything is watched."""
        protections = self._pools.current.protections()
        self._snapshot.unprotected = missing = list(getattr(protections, "missing", ()))
        _log.log(30 if missing else 20, "scan.sandbox", complete=not missing, missing=missing)
        follow_allowlist(self.store, self._config)
        self._guard.start()
        self._moves.catch_up(self._config, self._vault_directory())
        self._look_again_after_denied_files()
        self._pools.current.start()
        self._watching.start()
        state = str(self._hold.directory)
        _log.info("daemon.started", version=__version__, pid=os.getpid(), state=state, **self._in_force())

    def _look_again_after_denied_files(self) -> None:
        """Have files watched that could not be read in an earlier run: their modes may change."""
        for record in self.store.records.latest((Verdict.UNSCANNABLE,), limit=_DENIED_REMEMBERED):
            if OpenFailure.DENIED.value in record["reasons"]:
                self._watching.unread(record["path"], None)

    # --- main loop

    def _main_loop(self) -> int:
        """Look after everything each second, or while idle each beat, until a signal, a dead thread or an upgrade."""
        was_idle = False
        while True:
            if (is_idle := self._is_idle()) and not was_idle:
                return_free_memory()  # a walk, a plan of thousands of roots: their memory is free, and still ours
            was_idle = is_idle
            pause = self._heartbeat.seconds if is_idle else LOOP_SECONDS if self._is_ready else LOOP_SECONDS / 10
            self._signals.wait(pause, may_be_woken=is_idle)
            if self._is_ended():
                return ExitStatus.OK
            if (dead := self._watching.dead()) is not None:
                _log.critical("daemon.failed", message=f"{dead}; ending, to be started again")
                return ExitStatus.INTERNAL
            if self._is_outdated(time.monotonic()):
                _log.warning("daemon.outdated", message="picklewatch was upgraded; ending, to be started again")
                return ExitStatus.UNAVAILABLE
            self._look_after(time.monotonic())

    def _is_idle(self) -> bool:
        """Return True if nothing waits, nothing is wrong and nothing is being done."""
        is_at_rest = self._is_ready and not self.health.problems and not self._late_names
        is_working = self._pools.current.files_claimed() or self._moves.has_unfinished or self._snapshot.queue
        is_quiet = time.monotonic() - self._stirred_at > 2 * _STATUS_SECONDS
        return is_at_rest and is_quiet and not is_working and self._watching.walking() is None

    def _offer(self, candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
        """Queue what watching found; any thread may call it."""
        try:
            return self._candidates.offer(candidates)
        finally:
            self._stir()

    def _note_link(self, path: str) -> None:
        """Follow a link soon; any thread may call it."""
        self._links.note(path)
        self._stir()

    def _stir(self) -> None:
        """Have the main loop look after everything, and for a while every second."""
        self._stirred_at = time.monotonic()
        self._signals.wake()

    def _look_after(self, now: float) -> None:
        self._pools.current.look_after(now)
        self._listening.look_after(now)
        self._roots.follow_links()
        self._watching.look_after(now)
        if not self._is_ready and self._watching.is_ready(now):
            self._become_ready()
        if self._hold.failures.walk_again.is_set():
            self._hold.failures.walk_again.clear()
            self._watching.ask_for_walk("store-rebuilt")
        self._reporter.look_after_log()
        if self._late_names:
            self._naming.start()
        self._heartbeat.beat(now, self._stuck(now))
        if self._people.look_after(self._config.watch, now, is_announced=self._watching.are_people_announced()):
            self._roots.plan(self._config)
        if self._stores_due.is_due(now):
            self._roots.find_not_watched(self._config)
        if self._moves_due.is_due(now):
            self._moving.start()
            self._ending.start()
        if self._moves.has_unfinished:
            self._following.start()
        if self._tidy_due.is_due(now):
            self._tidying.start()
        if self._status_due.is_due(now):
            self._report_status(now)

    def _is_ended(self) -> bool:
        """Answer the signals that came; several of SIGHUP are one.

        Return True if one ends the daemon.
        """
        is_reloading = False
        while (number := self._signals.take()) is not None:
            if number != signal.SIGHUP:
                _log.info("daemon.stopping", signal=signal.Signals(number).name)
                return True
            is_reloading = True
        if is_reloading:
            self._reload()
        return False

    def _is_outdated(self, now: float) -> bool:
        """Return True if an upgrade replaced this picklewatch, and a service manager will start the new one."""
        if not self._upgrade_due.is_due(now) or not self._upgrade.is_replaced():
            return False
        if not self._notifier.has_manager:
            reason = f"picklewatch was upgraded; this is still {__version__}"
            self.health.degrade("daemon-outdated", reason, hint="Start it again.")
        return self._notifier.has_manager

    def _become_ready(self) -> None:
        self._is_ready = True
        self._notifier.ready(self._snapshot.line())
        there = [root.path for root in self._watching.roots if root.path is not None]
        _log.info("watch.ready", roots=there, waiting=len(self._watching.roots) - len(there))

    def _report_status(self, now: float) -> None:
        place = self._dependencies.socket
        is_shared = place is not None and place.is_system  # one's own daemon reads the administrator's wishes, too
        self._notifiers.look_after(now, is_wanted=is_shared and self._config.notify.is_wanted)
        is_written = self._reporter.report(now, self._pools.current, self._watching, ready=self._is_ready)
        wanted = self._hold.failures.check_wanted
        if is_written and wanted.is_set():
            wanted.clear()
            if not self._checking.start():  # one still runs, which may have read past the error's place: again
                wanted.set()

    def _stuck(self, now: float) -> str | None:
        silent = self._watching.silent(now)
        if silent > SILENCE_SECONDS:
            return f"the watching thread has been silent for {silent:.0f} s"
        return self._pools.current.stuck(now)

    # --- reload

    def _reload(self) -> None:
        self._notifier.reloading()
        try:
            config = self._dependencies.load()
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
        former, self._config = self._config, config
        self._dependencies.configure_log(config)
        self._roots.apply(config)
        self._policy.adopt(config.policy())
        if (config.scan, config.limits()) != (former.scan, former.limits()):
            self._pools.replace(config)
        follow_allowlist(self.store, config)
        self._watching.ask_for_walk("reload")
        self._moves.want(config)
        self._moves_due.expire()

    # --- shutdown

    def _shut_down(self) -> int:
        """End everything in order: no new work, the running scans, the last status.

        A second signal ends it at once.

        Return 128 + that signal, or 0.
        """
        self._notifier.stopping()
        self._listening.stop()
        self._guard.stop()
        workers = self._pools.current
        workers.ask_to_stop()
        self._watching.stop()
        self._tidying.ask_to_stop()
        self._checking.ask_to_stop()
        forced, now = 0, time.monotonic()
        end = now + min(self._config.limits().seconds + _GRACE_SECONDS, _STOP_SECONDS)
        while not self._has_ended(now + _TASKS_SECONDS) and time.monotonic() < end and not forced:
            self._notifier.alive()
            number = self._signals.take()
            forced = 128 + number if number not in (None, signal.SIGHUP) else 0
        self._pools.end()
        self._naming.ask_to_stop()
        self._naming.start()
        self._naming.join(_TASKS_SECONDS)
        try:
            self._snapshot.write(workers, self._watching.roots, None, ready=False, stopped=time.time())
        except STORE_ERRORS as error:
            self._hold.failures.report(error)
        _log.info("daemon.stopped", queue=self._snapshot.queue, judged=workers.judged, forced=bool(forced))
        return forced

    def _has_ended(self, tasks_end: float) -> bool:
        """Wait a moment for the workers, and for the tasks that use the store until *tasks_end*.

        Return True if nothing is left to wait for.
        """
        if not self._pools.current.join(0.1):
            return False
        return time.monotonic() > tasks_end or (self._tidying.join(0.1) and self._checking.join(0.1))

    # --- what is in force

    def _in_force(self) -> dict[str, Any]:
        return {"quarantine": self._config.quarantine.level, "engine": self._dependencies.engine.key}

    def _quarantine_policy(self) -> QuarantinePolicy:
        quarantine = self._config.quarantine
        return QuarantinePolicy(takes=quarantine.takes, tombstones=quarantine.tombstones, trees=self._roots.trees)

    def _socket_config(self) -> SocketConfig:
        return self._config.socket

    def _used_vault(self, vault: VaultSource) -> Callable[[], SupportsQuarantine | None]:
        """Return what gives the vault if there is one: asking makes none."""
        return lambda: vault() if os.path.lexists(self._vault_directory()) else None

    def _vault_directory(self) -> Path:
        return vault_directory(self._config, self._hold.directory)

    def _end_allowances(self, _stopping: threading.Event) -> None:
        end_allowances(self.store, self._watching.ask_for_walk)

    def _tidy(self, stopping: threading.Event) -> None:
        self.store.tidying.run(self._config.records.keep, stopping)
