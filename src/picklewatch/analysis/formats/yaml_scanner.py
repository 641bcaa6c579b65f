"""A scanner of YAML, and of JSON as a part of it: the tags, keys and values of a text, with their places.

Mirrors PyYAML's scanner.py and, where that one gives up, libyaml's scanner.c: one of the two loads most
configurations, and both run what a tag names. Text that either accepts is read as it does; where both refuse it, the
scanner goes on at the next character, since a text need not be YAML from its first line.

Our own, because PyYAML stops at the first error, recurses, and takes quadratic time for some texts: an attacker would
put such a text in front of the tag. Here nothing recurses, and every byte is looked at a fixed number of times.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from picklewatch.analysis.formats.spelling import unescaped
from picklewatch.analysis.formats.yaml_tokens import (
    ALONE,
    BLANK,
    BLANKS,
    BRACKETS,
    COMMA,
    DIRECTIVE,
    DOUBLE,
    EMPTY_LINES,
    FOLDED,
    HEADER,
    MARK,
    NAME,
    NO_PLAIN,
    SINGLE,
    STANDARD,
    TAG,
    WHITE,
    WORTH,
    Token,
    TokenKind,
    block_lines,
    dull,
    dull_lines,
    plain_scalar,
    unquoted,
    word_lines,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class YamlScanner:
    """Reads *data*, which is UTF-8, from its start, or as if it stood between brackets (*flow*).

    Stretches of JSON that do not match *wanted* are skipped.
    """

    def __init__(
        self, data: memoryview | bytes, *, flow: bool = False, wanted: re.Pattern[bytes] | None = None
    ) -> None:
        self.data = data
        self.depth = int(flow)
        """The number of open brackets."""
        self.whole = False
        """True while nothing may be skipped."""
        self.refused = 0
        """Places at which every parser of YAML would stop."""
        self._size = len(data)
        self._at = 0
        self._line = 0
        """Offset of the current line."""
        self._indents = [-1]
        self._may_be_key = True
        """True if a key without a ``?`` may begin here (PyYAML: ``allow_simple_key``)."""
        self._key: tuple[int, int] | None = None
        """Line and column of a token that may turn out to be such a key."""
        self._required = False
        """True while that token must turn out to be one: it stands where the keys of a mapping do."""
        self._handles = dict(STANDARD)
        self._declared: dict[bytes, bytes] = {}
        self._ever: dict[bytes, bytes] = {}
        self._wanted = wanted
        self._next = -1
        self._unclosed = False

    def __iter__(self) -> Iterator[Token]:  # noqa: C901  (one loop over all tokens, for speed)
        data, size, handlers = self.data, self._size, self._HANDLERS
        while (at := self._at) < size:
            if self._required and (self._key is None or self._key[0] != self._line):
                self._required = False
                self.refused += 1
            first = data[at]
            if first in BLANKS and self._skip_blanks():
                if self._wanted is not None and self.depth == 0 and self._step_over_lines(self._wanted):
                    yield Token(TokenKind.ENTRY, at)
                continue
            if first == COMMA and self._wanted is not None and not self.whole and self._step_over(self._wanted):
                yield Token(TokenKind.ENTRY, at)
                continue
            if self.depth == 0:
                while self._indents[-1] > at - self._line:
                    self._indents.pop()
            if at == self._line and first in ALONE:
                token = self._line_of_its_own(at, first)
                if token is not None:
                    yield token
                    continue
            handler = handlers.get(first)
            token = handler(self, at) if handler is not None else None
            if token is None:
                token = self._scalar(at, first)
            if token is not None:
                yield token

    def column(self, at: int) -> int:
        """Return the column of *at*, which lies on the line of the token that was read last."""
        return at - self._line

    def _step_over(self, wanted: re.Pattern[bytes]) -> bool:
        """Skip JSON without a *wanted* match, from a comma on; return True if there was any."""
        if not self.depth or self._before(wanted) <= WORTH:
            return False
        match = dull().match(self.data, self._at, self._next)
        assert match is not None  # it may be empty
        self._at = match.end()
        return True

    def _step_over_lines(self, wanted: re.Pattern[bytes]) -> bool:
        """Skip lines of JSON, or of single words in a block, without a *wanted* match; True if any were."""
        column = self._at - self._line
        if not self._may_be_key or self._before(wanted) <= WORTH:
            return False
        if column == 0 and self.data[self._at] in b"[{":
            pattern = dull_lines()
        elif column == self._indents[-1]:
            pattern = word_lines(column)
        else:
            return False
        match = pattern.match(self.data, self._at, self._next)
        if match is None or match.end() == self._at:
            return False
        self._at = match.end()
        self._line = self._at - column
        self._key, self._required = None, False
        return True

    def _before(self, wanted: re.Pattern[bytes]) -> int:
        """Return the number of bytes before the next *wanted* match."""
        if self._next < self._at:
            found = wanted.search(self.data, self._at)
            self._next = found.start() if found is not None else self._size
        return self._next - self._at

    def _skip_blanks(self) -> bool:
        """Skip blanks, comments and line breaks; return True if there were any."""
        match = BLANK.match(self.data, self._at)
        if match is None or match.end() == self._at:
            return False
        if match.end(1) > self._at:
            self._line = match.end(1)
            if not self.depth:
                self._may_be_key = True
        self._at = match.end()
        return True

    def _line_of_its_own(self, at: int, first: int) -> Token | None:
        """Read a directive, or the mark of a document's start or end, if one is there."""
        if first == ord("%"):
            return self._directive(at)
        return self._document(at) if MARK.match(self.data, at) is not None else None

    def _directive(self, at: int) -> Token | None:
        match = DIRECTIVE.match(self.data, at)
        assert match is not None  # a % is all that it needs
        if match[1] is not None:
            self._declared[match[1]] = self._ever[match[1]] = unquoted(match[2])
        self._at = match.end()
        self._key, self._may_be_key = None, False
        self._indents = [-1]
        return Token(TokenKind.DOCUMENT, at)

    def _document(self, at: int) -> Token:
        self._handles = {**STANDARD, **self._declared} if self.data[at] == ord("-") else dict(STANDARD)
        self._declared = {}
        self._at = at + 3
        self._key, self._may_be_key, self.depth = None, False, 0
        self._indents = [-1]
        return Token(TokenKind.DOCUMENT, at)

    def _open(self, at: int) -> Token:
        self._begin_node(at)
        self.depth += 1
        self._at, self._may_be_key = at + 1, True
        return Token(TokenKind.OPEN, at, bytes(self.data[at : at + 1]))

    def _close(self, at: int) -> Token:
        self.refused += not self.depth
        self.depth = max(0, self.depth - 1)
        self._at, self._may_be_key = at + 1, False
        return Token(TokenKind.CLOSE, at, bytes(self.data[at : at + 1]))

    def _comma(self, at: int) -> Token:
        self._at, self._may_be_key = at + 1, True
        return Token(TokenKind.ENTRY, at, b",")

    def _item(self, at: int) -> Token | None:
        if not self._white(at + 1):
            return None
        if not self.depth and self._may_be_key:
            self._indent(at - self._line)
        if not self.depth:
            self._key = None
        self._at, self._may_be_key = at + 1, True
        return Token(TokenKind.ENTRY, at, b"-")

    def _key_mark(self, at: int) -> Token | None:
        if not self.depth and not self._white(at + 1):
            return None
        if not self.depth and self._may_be_key:
            self._indent(at - self._line)
        if not self.depth:
            self._key = None
        self._at, self._may_be_key = at + 1, not self.depth
        return Token(TokenKind.KEY, at)

    def _value(self, at: int) -> Token | None:
        beside = at > 0 and self.data[at - 1] in b"\"'"  # JSON's; YAML refuses it outside of brackets
        if not self.depth and not beside and not self._white(at + 1):
            return None
        if not self.depth:
            fresh = self._key is not None and self._key[0] == self._line
            if not fresh and not self._may_be_key and not beside:
                self.refused += 1
            if fresh and self._key is not None:
                self._indent(self._key[1])
            elif self._may_be_key:
                self._indent(at - self._line)
            self._may_be_key = not fresh
            self._key, self._required = None, False
        self._at = at + 1
        return Token(TokenKind.VALUE, at)

    def _name(self, at: int) -> Token:
        self._begin_node(at)
        match = NAME.match(self.data, at)
        assert match is not None
        self._at = match.end()
        kind = TokenKind.ANCHOR if self.data[at] == ord("&") else TokenKind.ALIAS
        return Token(kind, at, match[1])

    def _tag(self, at: int) -> Token:
        self._begin_node(at)
        match = TAG.match(self.data, at)
        assert match is not None  # a ! is all that it needs
        self._at = match.end()
        if match[1] is not None:
            return Token(TokenKind.TAG, at, unquoted(match[1]))
        longer = BRACKETS.match(self.data, self._at)
        assert longer is not None  # it may be empty
        suffix = match[3] + longer.group()
        if not (self.depth and longer.group()[:1] == b","):  # libyaml ends the tag at the comma, PyYAML behind it all
            self._at = longer.end()
        start = self._handles.get(match[2]) or self._ever.get(match[2], match[2])
        return Token(TokenKind.TAG, at, start + unquoted(suffix))

    def _double(self, at: int) -> Token | None:
        match = None if self._unclosed else DOUBLE.match(self.data, at)
        if match is None:
            self._unclosed = True  # no later one is closed either: what follows holds none that is not escaped
            return None
        return self._quoted(at, match, unescaped(match[1]))

    def _single(self, at: int) -> Token | None:
        match = SINGLE.match(self.data, at)
        return None if match is None else self._quoted(at, match, match[1].replace(b"''", b"'"))

    def _quoted(self, at: int, match: re.Match[bytes], text: bytes) -> Token:
        self._begin_node(at)
        self._at = match.end()
        self._see_lines(match.start(1), match[1])
        return Token(TokenKind.SCALAR, at, text, quoted=True)

    def _block_scalar(self, at: int) -> Token | None:
        header = HEADER.match(self.data, at)
        if self.depth or header is None:
            return None
        indent = max(1, self._indents[-1] + 1)
        self._at = self._line = header.end()
        self._key, self._may_be_key = None, True
        if not self._white(self._at):
            return Token(TokenKind.SCALAR, at, quoted=True)
        given = header[1] or header[2]
        if given is not None:
            indent += int(given) - 1
        else:
            indent = max(indent, self._deepest(header.end()))
        match = block_lines(indent).match(self.data, header.end())
        assert match is not None
        self._at = self._line = match.end()
        return Token(TokenKind.SCALAR, at, match.group(), quoted=True)

    def _deepest(self, at: int) -> int:
        """Return the width of the widest of the empty lines at *at* and the line behind them: a block's indentation."""
        match = EMPTY_LINES.match(self.data, at)
        assert match is not None
        widest = max(map(len, re.split(rb"[\r\n]", match[1]))) if match[1] else 0
        return max(widest, match.end() - match.end(1))

    def _scalar(self, at: int, first: int) -> Token | None:
        """Read a plain scalar, or skip a character that begins no token."""
        inside = 1 if self.depth else 0
        allowed = first not in NO_PLAIN
        if not allowed and not self._white(at + 1):
            allowed = first == ord("-") or (first in b"?:" and not inside)
        match = plain_scalar(0 if inside else self._indents[-1] + 1, inside).match(self.data, at) if allowed else None
        if match is None:
            self.refused += 1
            self._at = at + 1
            return None
        self._begin_node(at)
        self._at = match.end()
        text = match.group()
        if b"\n" in text or b"\r" in text:
            self._see_lines(at, text)
            text = FOLDED.sub(b" ", text)
        return Token(TokenKind.SCALAR, at, text)

    def _see_lines(self, at: int, text: bytes) -> None:
        """Record the offset of the last line of *text*, which stands at *at*."""
        broken = max(text.rfind(b"\n"), text.rfind(b"\r"))
        if broken >= 0:
            self._line = at + broken + 1

    def _begin_node(self, at: int) -> None:
        if not self.depth and self._may_be_key:
            self._key = self._line, at - self._line
            self._required = self._key[1] == self._indents[-1]
        self._may_be_key = False

    def _indent(self, column: int) -> None:
        if self._indents[-1] < column:
            self._indents.append(column)

    def _white(self, at: int) -> bool:
        return at >= self._size or self.data[at] in WHITE

    _HANDLERS: ClassVar[dict[int, Callable[[YamlScanner, int], Token | None]]] = {
        ord(character): handler
        for characters, handler in (
            ("[{", _open), ("]}", _close), (",", _comma), ("-", _item), ("?", _key_mark), (":", _value),
            ("&*", _name), ("!", _tag), ('"', _double), ("'", _single), ("|>", _block_scalar),
        )
        for character in characters
    }  # fmt: skip
    """First character of a token → its reader, which returns None if only a plain scalar can begin so."""
