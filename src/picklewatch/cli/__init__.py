"""The command line: a thin shell over the same functions that the daemon uses.

Every command lives in its own module of this package, which exports ``command`` (a `click.Command`) and is
imported only when it is asked for, so that ``picklewatch --help`` answers at once. A command returns an
`picklewatch.core.errors.ExitStatus` (or nothing, which is success) and raises `picklewatch.core.errors.Error` for what
the user can fix. It must never call `sys.exit`, nor look at a content itself. Start with `picklewatch.cli.scan`.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from typing import TYPE_CHECKING, NoReturn, TextIO

import click

from picklewatch import __version__
from picklewatch.core.errors import ConfigError, Error, ExitStatus
from picklewatch.core.model import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COMMANDS: Mapping[str, str] = {
    "run": "Watch model caches, scan new files, log every verdict.",
    "scan": "Scan files and directories now.",
    "check": "Check files and directories, with the options of pytorch-check.",
    "status": "Show whether the daemon runs, whether it is healthy, and what it found.",
    "findings": "List what is unsafe now: files that are there, and that nobody allowed.",
    "history": "List everything that was judged, and what has become of each file.",
    "allow": "Allow contents; list them; stop allowing them.",
    "rescan": "Have the daemon judge files again.",
    "notify": "Tell people of finds, as [notify] in the configuration says.",
    "config": "Check, show and describe the configuration.",
    "guard": "Hold the opening of model files until they are judged.",
    "quarantine": "List, show, restore and delete quarantined files.",
    "explain": "Explain what FILE would do if it were loaded, and why it got its verdict.",
    "trace": "Follow the pickle machine step by step.",
    "disassemble": "List the opcodes of every pickle in a file.",
    "decompile": "Show a file's pickles as Python.",
    "rescue": "Save the weights of a file; nothing in it is executed.",
    "rules": "List the rules, or explain one.",
    "doctor": "Check this machine and prove that scanning works.",
}
"""Command → its short help, kept here so that the list needs no import; a test keeps the two in step."""

INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells report it."""
COMPLETION = "_PICKLEWATCH_COMPLETE"
"""The variable by which shells ask for completions (``_PICKLEWATCH_COMPLETE=bash_source picklewatch``)."""
BROKEN_PIPE = 141
"""The exit status when the reader of our output went away, as shells report it."""


class LazyGroup(click.Group):
    """The command group; it imports a command's module when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands in the order in which a new user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import the command *cmd_name*."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"picklewatch.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that *args* begins with; suggest one where there is none."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else " `picklewatch --help` lists the commands."
            ctx.fail(f"No such command {printable(args[0])!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the commands' short help from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


EPILOG = """\
\b
Examples:
  picklewatch run                        watch this user's model caches, report only
  picklewatch scan ~/Downloads           scan a directory now
  picklewatch explain model.bin          what it would do, and why it got its verdict

\b
Exit status:
  0  nothing unsafe          2  something could not be scanned, or a usage error
  1  something is unsafe    78  bad configuration

By default picklewatch only reports: no file is moved unless the configuration enables it.
"""


@click.group(
    cls=LazyGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", prog_name="picklewatch")
def cli() -> None:
    """Find hostile model files on this machine and, if enabled, quarantine them.

    picklewatch scans model files statically: nothing is ever unpickled, and no
    hostile byte is parsed outside a locked-down process.
    """


def main() -> NoReturn:
    """Run the command line and exit with its documented status."""
    status = invoke(sys.argv[1:])
    try:
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)
    sys.exit(status)


def invoke(args: Sequence[str]) -> int:
    """Run the command line with *args* and return the exit status; only a bug shows a traceback."""
    _open_standard_streams()
    _make_output_unbreakable()
    try:
        status = _dispatch(list(args))
        sys.stdout.flush()
    except BrokenPipeError:
        _discard(sys.stdout)
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return _interrupted()
    except ModuleNotFoundError:
        raise  # `picklewatch.__main__` knows what to do
    except Exception as error:  # noqa: BLE001 - whatever it is: Python's own ending would have the status of "unsafe"
        return _end(error)
    return status


def _end(error: Exception) -> int:
    if isinstance(error, OSError) and _output_is_broken():
        _discard(sys.stdout)
        _complain(f"picklewatch: error: the output can't be written: {error.strerror}")
        return int(ExitStatus.UNSCANNABLE)
    from picklewatch.cli.uncaught import ending

    text, status = ending(error)
    _complain(text)
    return int(status)


def _dispatch(args: list[str]) -> int:
    if COMPLETION in os.environ:
        cli.main(args, prog_name="picklewatch")
    try:
        # not `cli.main`: that turns a broken pipe into status 1, which is ours for "unsafe"
        with cli.make_context("picklewatch", args) as context:
            return int(cli.invoke(context) or ExitStatus.OK)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.Abort:
        return _interrupted()
    except click.ClickException as error:
        with contextlib.suppress(OSError):
            error.show()
        return error.exit_code
    except Error as error:
        sys.stdout.flush()
        _complain(error_text(error))
        return int(error.status)


def error_text(error: Error) -> str:
    """Return *error* as the user reads it: what happened, every problem of a configuration, what to do."""
    lines = [f"picklewatch: error: {printable(error.message)}"]
    if isinstance(error, ConfigError):
        lines += [f"  {printable(problem)}" for problem in error.problems]
    if error.hint:
        lines.append(f"hint: {printable(error.hint)}")
    return "\n".join(lines)


def _interrupted() -> int:
    _complain("picklewatch: interrupted")
    return INTERRUPTED


def _complain(text: str) -> None:
    with contextlib.suppress(OSError):
        click.echo(text, err=True)


def _open_standard_streams() -> None:
    """Open closed streams (``>&-``): the next file to be opened would take their place and get the output.

    A closed standard input is opened for writing, so that reading it fails instead of finding it empty.
    """
    for fd, name, mode in ((0, "stdin", os.O_WRONLY), (1, "stdout", os.O_WRONLY), (2, "stderr", os.O_WRONLY)):
        if getattr(sys, name) is None:
            with contextlib.suppress(OSError):
                os.fstat(fd)
                continue
            if os.open(os.devnull, mode) == fd:
                setattr(sys, name, open(fd, "r" if fd == 0 else "w", closefd=False))  # noqa: SIM115 - for good


def _output_is_broken() -> bool:
    """Return True if it is standard output that fails: then it fails again."""
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except OSError:
        return True
    return False


def _make_output_unbreakable() -> None:
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _discard(stream: TextIO) -> None:
    """Keep the interpreter's own flush at exit from failing where the stream already did."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        os.dup2(null, stream.fileno())
        os.close(null)
