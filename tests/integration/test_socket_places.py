"""Which sockets are believed, and what one costs a daemon."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest
from support.directories import open_directory
from support.vaulting import in_child
from support.watching import PATIENCE, eventually

from picklewatch.core.errors import Error
from picklewatch.core.state_layout import SOCKET
from picklewatch.ipc import places
from picklewatch.ipc.client import NobodyError, NotAnsweredError, SilentError, ask
from picklewatch.ipc.messages import Answerer, RefusalCause, RequestRefusal, StatusAnswer, StatusRequest
from picklewatch.ipc.places import SocketPlace, UntrustedSocketError
from picklewatch.ipc.server import SocketServer
from picklewatch.service.listening import Listening
from picklewatch.telemetry.health import Health

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from picklewatch.ipc.messages import Answer, Request
    from picklewatch.ipc.peers import Peer

MALLORY = 12345
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs two users")


def answer(peer: Peer, request: Request) -> Answer:
    """Answer who asks."""
    assert isinstance(request, StatusRequest)
    return StatusAnswer(by=Answerer(version="1", whole=True), status={"uid": peer.uid, "long": "x" * 100_000})


@pytest.fixture
def base() -> Iterator[Path]:
    """Give a directory that all users can reach."""
    with open_directory() as directory:
        yield directory


@contextlib.contextmanager
def listening(place: SocketPlace) -> Iterator[Listening]:
    """Listen in *place*."""
    made = Listening(place, answer, Health())
    made.look_after(1.0)
    try:
        yield made
    finally:
        made.stop()


def asked(place: SocketPlace) -> object:
    """Ask in *place*: the user that the daemon sees."""
    heard = ask(place, StatusRequest())
    assert isinstance(heard.answer, StatusAnswer)
    return heard.answer.status["uid"]


@needs_root
def test_everybody_may_ask_the_systems_daemon_and_is_known_by_the_kernel(base: Path) -> None:
    """Whatever the umask is; the answer is longer than the kernel keeps for a client."""
    before = os.umask(0o077)
    try:
        with listening(place := SocketPlace(base / "run/picklewatch", is_system=True)):
            (base / "run").chmod(0o755)  # as /run is

            def as_mallory() -> None:
                assert asked(place) == MALLORY

            assert in_child(as_mallory, uid=MALLORY) == 0
            assert asked(place) == 0
    finally:
        os.umask(before)
    assert not (place.directory / SOCKET).exists()


@needs_root
def test_a_daemon_of_ones_own_is_for_oneself(base: Path) -> None:
    """Others can't connect."""
    with listening(place := SocketPlace(base / "own")):

        def as_mallory() -> None:
            with pytest.raises(Error):
                asked(place)
            with socket.socket(socket.AF_UNIX) as connection, pytest.raises(PermissionError):
                connection.connect(str(place.directory / SOCKET))

        assert in_child(as_mallory, uid=MALLORY) == 0
        assert asked(place) == 0


@needs_root
@pytest.mark.parametrize("trick", ["directory", "parent", "link", "writable"])
def test_a_place_that_somebody_else_made_is_not_believed(base: Path, trick: str) -> None:
    """Their directory as one's own, a directory in theirs as the system's, a link, or one that all write to."""
    theirs = base / "theirs"
    theirs.mkdir()
    (theirs / "picklewatch").mkdir()
    if trick == "directory":
        os.chown(theirs, MALLORY, MALLORY)
        place = SocketPlace(theirs)
    elif trick == "parent":
        os.chown(theirs, MALLORY, MALLORY)
        place = SocketPlace(theirs / "picklewatch", is_system=True)
    elif trick == "link":
        (base / "link").symlink_to(theirs)
        place = SocketPlace(base / "link")
    else:
        theirs.chmod(0o777)
        place = SocketPlace(theirs)
    with listening(SocketPlace(place.directory.resolve())) as made:
        if trick in ("directory", "writable"):  # not even listened in
            assert [problem.what for problem in made._health.problems] == ["socket-missing"]
        with pytest.raises((UntrustedSocketError, SilentError, NobodyError)) as caught:
            asked(place)
        assert not isinstance(caught.value, NobodyError) or trick == "link"


@needs_root
def test_a_stranger_who_listens_in_the_right_place_is_not_believed(base: Path) -> None:
    """Somebody got hold of the directory once: the process at the other end has to be of its owner."""
    place = SocketPlace(base / "run")
    place.directory.mkdir(mode=0o777)
    place.directory.chmod(0o777)
    ready, done = os.pipe(), os.pipe()

    def listen() -> None:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(place.directory / SOCKET))
            listener.listen()
            os.write(ready[1], b"x")
            os.read(done[0], 1)

    fake = threading.Thread(target=in_child, args=(listen,), kwargs={"uid": MALLORY})
    fake.start()
    os.read(ready[0], 1)
    place.directory.chmod(0o755)
    with pytest.raises(UntrustedSocketError, match=f"user {MALLORY} listens there"):
        asked(place)
    os.write(done[1], b"x")
    fake.join(PATIENCE)


def test_what_a_dead_daemon_left_is_replaced_and_a_file_is_not(tmp_path: Path) -> None:
    """A socket is nobody's once the state is locked; anything else was put there by somebody."""
    place = SocketPlace(tmp_path / "run")
    places.listen(place).close()
    with pytest.raises(NobodyError):
        asked(place)
    with listening(place):
        assert asked(place) == os.geteuid()
    (place.directory / SOCKET).write_text("mine")
    with pytest.raises(UntrustedSocketError):
        places.listen(place)
    assert (place.directory / SOCKET).read_text() == "mine"


def test_a_socket_that_is_removed_is_made_again(tmp_path: Path) -> None:
    """And a place that can't be used is a problem until it can."""
    place = SocketPlace(tmp_path / "run/picklewatch")
    with listening(place) as made:
        (place.directory / SOCKET).unlink()
        made.look_after(2.0)  # too soon
        assert not (place.directory / SOCKET).exists()
        made.look_after(10.0)
        assert asked(place) == os.geteuid()
        (place.directory / SOCKET).unlink()
        place.directory.chmod(0o777)
        made.look_after(20.0)
        assert [problem.what for problem in made._health.problems] == ["socket-missing"]
        place.directory.chmod(0o700)
        made.look_after(30.0)
        assert not made._health.problems
        assert asked(place) == os.geteuid()


def test_a_directory_too_deep_for_a_sockets_address_will_do(tmp_path: Path) -> None:
    """An address has 108 bytes; the open directory's is short."""
    with listening(place := SocketPlace(tmp_path / ("d" * 120) / ("e" * 120))):
        assert asked(place) == os.geteuid()


def test_an_answer_that_hangs_hangs_nobody_else_and_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections are taken and ended in time meanwhile: the client is told to try again."""
    monkeypatch.setattr("picklewatch.ipc.clients.ANSWERING_SECONDS", 0.5)
    monkeypatch.setattr("picklewatch.ipc.clients.ASKING_SECONDS", 0.2)
    free = threading.Event()

    def hang(_peer: Peer, _request: Request) -> Answer:
        free.wait(PATIENCE)
        return RequestRefusal(why=RefusalCause.FAILED, message="late")

    place = SocketPlace(tmp_path / "run")
    server = SocketServer(places.listen(place), hang)
    server.start()
    for _ in range(2):
        with pytest.raises(NotAnsweredError, match="too much to answer"):
            asked(place)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.settimeout(PATIENCE)
        silent.connect(str(place.directory / SOCKET))
        assert silent.recv(1) == b""
    free.set()
    assert eventually(lambda: not server._is_answering)
    server.stop(PATIENCE)


def test_a_server_ends_with_its_clients(tmp_path: Path) -> None:
    """Nothing is left: no thread, no connection."""
    place = SocketPlace(tmp_path / "run")
    server = SocketServer(places.listen(place), answer)
    server.start()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(str(place.directory / SOCKET))
        server.stop(PATIENCE)
        with contextlib.suppress(ConnectionResetError):  # it was not accepted yet
            assert client.recv(1) == b""
    assert not any(thread.is_alive() for thread in server._threads)
    with pytest.raises(NobodyError):
        asked(place)
