"""Provides the allowlist in force, and forgets verdicts that a change of it may change."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from picklewatch.config.risky_allowances import malicious_imports

if TYPE_CHECKING:
    from collections.abc import Callable

    from picklewatch.config.schema import Config
    from picklewatch.core.model import Policy
    from picklewatch.store import Store

_log = structlog.get_logger()


class PolicySource:
    """The policy in force: the configuration's, and the digests that `quarantine restore` allowed."""

    def __init__(self, store: Store, configured: Policy) -> None:
        self._store = store
        self._configured = configured
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._policy = configured

    def __call__(self) -> Policy:
        """Return the policy as it is now; any thread may call it."""
        with self._lock:
            seen = self._store.changes_by_others(), self._store.allowed.changes
            if seen != self._seen:
                digests = {**self._store.allowed.all(), **self._configured.allowed_digests}
                sizes = {**self._store.allowed.sizes(), **self._configured.allowed_sizes}
                self._policy = replace(self._configured, allowed_digests=digests, allowed_sizes=sizes)
                self._seen = seen
            return self._policy

    def adopt(self, configured: Policy) -> None:
        """Let another configuration's policy be in force."""
        with self._lock:
            self._configured, self._seen = configured, None


def end_allowances(store: Store, ask_for_walk: Callable[[str], None]) -> None:
    """Stop allowing contents whose time is over, and have their files looked at again."""
    ended = store.allowed.end_overdue(time.time())
    for each in ended:
        message = f"a content is not allowed any more: its time is over ({each.reason})"
        _log.warning("allowance.ended", sha256=each.sha256, message=message)
    if ended:
        ask_for_walk("allowance-ended")


def follow_allowlist(store: Store, config: Config) -> None:
    """Forget verdicts that the allowlist of *config* may change, and warn of allowed imports known for harm."""
    policy = config.policy()
    known = store.get_state("policy")
    allowed = [sorted(policy.allowed_imports.items()), sorted(policy.allowed_digests.items())]
    now = [[list(pair) for pair in part] for part in allowed]
    if known != now:
        if known is not None:
            _log.info("config.allowlist-changed", forgotten=store.records.forget_verdicts())
        store.put_state("policy", now)
    for subject, harm in malicious_imports(config.allow.imports).items():
        message = f"{subject} is allowed, which can {harm}: files that use it pass as clean"
        _log.warning("config.allows-malicious", subject=subject, reason=config.allow.imports[subject], message=message)
