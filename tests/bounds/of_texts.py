"""The bounds of what reads texts, and of formats that are recognised and not judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bounds import reach_texts as reach
from bounds.register import budget, careful, format_, sample, shown, told, whole

if TYPE_CHECKING:
    from bounds.register import Entry


BOUNDS: dict[str, list[Entry]] = {
    "analysis/formats/encoded.py": [
        careful(
            "the header of a pickle, and the least that one needs behind it: a shorter one calls nothing",
            "_HEADERS: Za-z0-9+/_-]{6,}",
            "_HEADERS: -9+/_-]{6,}={0,2}",
            "_HEADERS: 9a-fA-F]{2}){6,}",
        ),
        sample(
            "base64 within a pickle, which no loader decodes unless a call of the pickle does",
            r"_RUNS: {2}[\r\n \t]{0,2}",
            r"_RUNS: \n \t]{0,2}){8,}",
            "_RUNS: ]{0,2}){8,}={0,2}",
            r"_RUNS: \n \t]{0,2}){10,}",
            "EncodedPickles.__init__: len(part.data) <= _CLOSE_LIMIT",
        ),
        format_("base64 begins at one of four places in a group", "decoded: range(4)"),
    ],
    "analysis/formats/msgpack.py": [
        told("format-not-judged", reach.items, "items of what is taken for MessagePack", "_walks: range(_ITEMS)"),
    ],
    "analysis/formats/protobuf.py": [
        whole(
            "the next byte of a number is read, too",
            "fields: tag < _LONG",
            "fields: data[position] < _LONG",
        ),
        format_("a number has ten bytes at most", "_varint: range(position, min(position + 10, len(data)))"),
    ],
    "analysis/formats/text_pairs.py": [
        format_("in brackets there are no columns", "Pairs.take: self._scopes.leave(_NO_COLUMN)"),
    ],
    "analysis/formats/text_parts.py": [
        told("limit-depth", reach.nested_texts, "texts in strings of texts", "readings: depth >= NESTED_TEXTS"),
        format_("no tag, and no key with a value, is as short", "readings: len(inner) < 4"),
    ],
    "analysis/formats/text_signs.py": [
        whole(
            "the next piece follows, with the end of this one",
            "Signs.look_in: text[-_LONGEST:]",
            "_windows: text[-_LONGEST:]",
            "Signs._look_at: hits >= _OFTEN",
        ),
        format_("no text is read in more texts than these: `NESTED_TEXTS`", "_layers: range(_TEXTS_IN_TEXTS)"),
    ],
    "analysis/formats/toml_tables.py": [
        careful("more blanks before it count as the place of a key", "_is_key: max(at - _BLANKS, 0)"),
    ],
    "analysis/formats/unjudged.py": [
        format_("a node is recognised by its beginning", "_meta_graph: graph[:HEAD]"),
        careful(
            "such a content is told as `format-not-judged` and never clean",
            "_reader.read: search(scan, part, 0, _LOOKED_THROUGH, place=f'in a file of another kind ({what})')",
        ),
        careful("a longer tag is a network's if it begins like one", "_openvino: len(held) > CHUNK"),
        format_("HDF5's first place behind a user block", "_hdf5: offset = 512"),
        format_("Core ML's kinds of models", "_COREML: dict.fromkeys(range(200, 3001), _BYTES)"),
        careful("a later version is of no known kind, whose bytes are searched", r"_onnx_like: \x08[\x01-\x10"),
    ],
    "analysis/formats/spelling.py": [
        format_("the mark, or the zeros, of an encoding", "in_utf8: data[:4]"),
        whole(
            "pieces of a text",
            "in_utf8: begin + CHUNK >= len(data)",
            "pieces: min(begin + CHUNK, stop)",
        ),
        format_(
            "Unicode's own numbers",
            "_character: 55296 <= number < 56320",
            "_character: number = 65536 + ((number & 1023) << 10) + (int(match[2], 16) & 1023)",
            "_character: min(number, 1114111)",
        ),
    ],
    "analysis/jinja_lexer.py": [
        told(
            "template-unknown",
            reach.many_tokens,
            "tokens of a template",
            "lex: _block(text, found.end(), block, MOST_TOKENS - count)",
            "_block: len(brackets) > DEEPEST",
        ),
    ],
    "analysis/template_names.py": [
        format_(
            "nothings behind the last token",
            "understand: ReadBlock(block, [], {}, [], block.tokens, operators + [''] * _BEHIND)",
        ),
    ],
    "analysis/template_texts.py": [
        format_(
            "marks in the place of offsets",
            "_values: _Value((code.tokens[at].text,), code, _PARAMETER, number)",
            "_set: _Value(_names(code, 1, end), code, _BLOCK, 0)",
        ),
    ],
    "analysis/template_source.py": [
        budget("work", "Template.__init__: self.cost = int(PER_CHARACTER * len(text)) + PER_TOKEN * count"),
        shown("a name on no list", "Template._unknown: code.tokens[at].text[:40]"),
    ],
    "analysis/template_rules.py": [
        format_("operators have one or two characters", r"_MEASURED: .()\[\]<>=!]{1,2}"),
        shown(
            "what a summary shows of a template",
            "BlockJudge.reaches: spelt[:60]",
            "BlockJudge._called: named[:40]",
            "BlockJudge._name: target[:60]",
            "BlockJudge._by_attribute: named[:40]",
            "BlockJudge._format: text[:40]",
            "_private: text[:40]",
        ),
    ],
    "analysis/formats/templates.py": [
        told(
            "template-unknown", reach.long_template, "bytes of a template", "TemplateJudge.judge: len(text) > LONGEST"
        ),
    ],
    "analysis/formats/text.py": [
        whole(
            "what begins as a text is read as one, to its end; the rest of the sample only names it",
            "is_text: len(data) <= SAMPLE",
            "is_text: data[:SAMPLE]",
            "is_text: data[-SAMPLE:]",
            "may_be_read: data[:_AT_ONCE]",
            "may_be_rendered: data[:SAMPLE]",
            "_reads_as_text: text[:-4]",
            "_decodes: range(4)",
        ),
        format_(
            "the mark, or the zeros, of an encoding",
            "is_text: head[:4]",
            "may_be_read: head[:4]",
            "_reads_as_text: part[:4]",
        ),
    ],
    "analysis/formats/yaml_scanner.py": [
        whole(
            "a short stretch is read token by token",
            "YamlScanner._step_over: self._before(wanted) <= WORTH",
            "YamlScanner._step_over_lines: self._before(wanted) <= WORTH",
        ),
    ],
    "analysis/formats/inert.py": [
        format_("a message has a table behind its length", "_is_arrow_stream: len(head) < 24"),
        sample(
            "the head of a safetensors file's tensors",
            '_read_safetensors: search(scan, part, 8 + length, 8 + length + (1 << 20), place="in a tensor\'s bytes")',
        ),
        told(
            "malformed-safetensors",
            reach.safetensors_header,
            "the reference reader's own bound (safetensors/src/tensor.rs)",
            "_check_header: length > _SAFETENSORS_HEADER",
        ),
        whole(
            "pieces of a database, and what of one could begin a word",
            "_makes_blobs: text = behind + bytes(data[begin:begin + CHUNK]).lower()",
            "_makes_blobs: text[-5:]",
        ),
        sample("a shorter schema holds no pickle that does harm", "_SCHEMA: A-Za-z0-9+/]{16,}+"),
        format_(
            "what of a name in base64 does not depend on its neighbours",
            "_PICKLED_TYPE: base64.b64encode(bytes(skip) + _EXTENSION)[2 * skip and 4:-4]",
        ),
    ],
}
"""File → its bounds."""
