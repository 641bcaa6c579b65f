"""The bounds of texts, and of content that is recognised and not judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bounds import reach_texts as reach
from bounds.register import careful, format_, sample, told, whole

if TYPE_CHECKING:
    from bounds.register import Entry

BOUNDS: dict[str, list[Entry]] = {
    "formats/encoded.py": [
        sample(
            "base64 and hexadecimal that no loader decodes: shorter runs, other breaks, larger pickles",
            "_HEADERS: Za-z0-9+/_-]{6,}",
            "_HEADERS: -9+/_-]{6,}={0,2}",
            "_HEADERS: 9a-fA-F]{2}){6,}",
            "_RUNS: {2}[\\r\\n \\t]{0,2}",
            "_RUNS: \\n \\t]{0,2}){8,}",
            "_RUNS: ]{0,2}){8,}={0,2}",
            "_RUNS: \\n \\t]{0,2}){10,}",
            "search_runs: len(part.data) > _CLOSE_LIMIT",
        ),
        format_("base64 has four places in which a letter may stand", "decoded: range(4)"),
    ],
    "formats/msgpack.py": [
        careful("what is a map for so many items counts as one", "_walks: range(_ITEMS)"),
    ],
    "formats/protobuf.py": [
        format_(
            "its bytes say by their first bit whether another follows",
            "fields: tag < _LONG",
            "fields: data[position] < _LONG",
        ),
        format_(
            "a varint is of at most ten bytes",
            "_varint: range(position, min(position + 10, len(data)))",
        ),
    ],
    "formats/reading.py": [
        format_("no text with a meaning is shorter: ``{{x``", "readings: len(inner) < 4"),
        told("limit-depth", reach.texts_in_texts, "texts in strings of texts", "readings: depth >= NESTED_TEXTS"),
    ],
    "formats/second.py": [
        sample(
            "hidden pickles in content that is told as format-not-judged",
            "_reader.read: search(scan, part, 0, _LOOKED_THROUGH, place=f'in a file of another kind ({what})')",
        ),
        format_("HDF5's first user block; the loop goes to the end", "_hdf5: offset = 512"),
        format_("fields of Core ML's models", "_COREML: dict.fromkeys(range(200, 3001), _BYTES)"),
        format_("ONNX's versions of its representation", "_onnx_like: \\x08[\\x01-\\x10"),
    ],
    "formats/spelling.py": [
        format_("a mark, or the places of zeros in two or four bytes", "in_utf8: data[:4]"),
        whole("the last chunk ends the decoder", "in_utf8: begin + CHUNK >= len(data)"),
        whole("the next piece follows", "pieces: min(begin + CHUNK, len(data))"),
        format_(
            "Unicode's surrogates, and its last character",
            "_said: 55296 <= number < 56320",
            "_said: number = 65536 + ((number & 1023) << 10) + (int(match[2], 16) & 1023)",
            "_said: min(number, 1114111)",
        ),
    ],
    "formats/text.py": [
        whole(
            "what begins as a text is read to its end as one, whatever stands between",
            "is_text: len(data) <= SAMPLE",
            "is_text: data[:SAMPLE]",
            "is_text: data[-SAMPLE:]",
            "may_be_read: data[:SAMPLE]",
        ),
        format_(
            "a mark, or the places of zeros in two or four bytes",
            "is_text: head[:4]",
            "may_be_read: head[:4]",
            "_reads_as_text: part[:4]",
        ),
        format_("a character of UTF-8, cut off", "_reads_as_text: text[:-4]", "_decodes: range(4)"),
    ],
    "formats/yamlscan.py": [
        whole(
            "a short way is gone step by step",
            "Scanner._step_over: self._before(wanted) <= _WORTH",
            "Scanner._step_over_lines: self._before(wanted) <= _WORTH",
        ),
    ],
    "formats/inert.py": [
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
            "the next chunk follows, with the end of this one",
            "_keeps_bytes: text = behind + bytes(data[begin:begin + CHUNK]).lower()",
            "_keeps_bytes: text[-5:]",
        ),
        sample(
            "hidden pickles in a schema; a pickled type is searched for in the whole",
            "_SCHEMA: A-Za-z0-9+/]{16,}+",
        ),
        format_(
            "the letters of base64 that depend on what stands beside",
            "_PICKLED_TYPE: base64.b64encode(bytes(skip) + _EXTENSION)[2 * skip and 4:-4]",
        ),
    ],
}
