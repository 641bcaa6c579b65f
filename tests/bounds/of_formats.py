"""The bounds of the formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bounds import reach_formats as reach
from bounds import reach_texts
from bounds.register import budget, careful, format_, sample, shown, told, whole

if TYPE_CHECKING:
    from bounds.register import Entry

BOUNDS: dict[str, list[Entry]] = {
    "analysis/formats/python_files.py": [
        shown("calls that are harmless unless asked for", "_judge: others[:_SHOWN]"),
        shown("a command", "_script: attack.group()[:_EVIDENCE]"),
        told(
            "python-unread",
            reach_texts.long_module,
            "Python that is longer than what is read",
            "_windows: len(data) <= LARGEST",
            "_windows: data[:LARGEST]",
            "_windows: first_sign(data[:LARGEST]) >= 0",
            "_windows: data[line:line + LARGEST]",
        ),
        whole(
            "the next piece begins at a sign behind it, a longer line at its sign",
            "_windows: first_sign(data, line + LARGEST)",
            "_windows: max(at - _LINE, 0)",
            "_windows: line = at - len(bytes(data[max(at - _LINE, 0):at]).rpartition(b'\\n')[2])",
        ),
    ],
    "analysis/formats/__init__.py": [
        careful("what is longer is no tombstone of ours, and judged", "read_content: len(data) <= _TOMBSTONE_LIMIT"),
        whole("`Format.matches` has the whole besides", "read_content: data[:HEAD]"),
    ],
    "analysis/formats/context.py": [
        told(
            "limit-findings",
            reach.findings,
            "findings about different things",
            "Scan.findings: kept(self._findings, self.limits.findings)",
            "Scan.add: len(self._findings) > 4 * self.limits.findings",
        ),
        told(
            "limit-members",
            reach.members,
            "archive members of one file",
            "Scan.member: self.members_left < 0",
            "Scan.__init__: self.members_left = limits.members",
        ),
        told("limit-depth", reach.depth, "contents within contents", "Scan.content: part.depth > self.limits.depth"),
        told(
            "scan-evasion",
            reach.default_depth,
            "contents within contents, deeper than any honest ones",
            "Scan.content: part.depth > DEFAULT_LIMITS.depth",
        ),
        told(
            "scan-evasion",
            reach.looks,
            "the reserve for looks where the scan had to stop",
            "Scan.look: self._last_look.left <= 0",
        ),
        budget(
            "counted in trials.py and unpacking.py",
            "Scan.__init__: self.doubtful_left = limits.opcodes // 20",
            "Scan.__init__: self.unpacked_left = limits.unpacked",
        ),
        told(
            "limit-search",
            reach.searched,
            "bytes that could hide a pickle where no loader begins",
            "Scan.__init__: self.search_left = SEARCHED",
        ),
        careful("which of two rules tells it", "Scan.stopped: is_tiny_for(self.size, self.limits.memory)"),
        shown("the evidence of a finding", "Scan.finding: evidence[:self.limits.evidence]"),
        shown(
            "the imports that a record lists; no verdict asks for them",
            "Scan._note_imports: len(self.imports) >= self.limits.imports",
        ),
    ],
    "analysis/formats/part.py": [
        careful(
            "what no file holds is more than there is, so that a header which declares it is malformed",
            "bounded_product: min(factor, LARGEST)",
            "bounded_product: number >= LARGEST",
        ),
        whole("the next chunk follows", "_find: min(start + CHUNK, end)"),
    ],
    "analysis/formats/trials.py": [
        told(
            "limit-search",
            reach.places,
            "walks from places where no loader begins",
            "trial: scan.doubtful_left <= 0",
        ),
        told(
            "limit-search",
            reach.long_walk,
            "one walk from a place where no loader begins",
            "trial: scan.walk(part, start, most=TRIAL_OPCODES)",
            "trial: report.opcodes < TRIAL_OPCODES",
        ),
    ],
    "analysis/formats/unpacking.py": [
        told(
            "limit-unpacked",
            reach.unpacked,
            "bytes that one file unpacks to",
            "_count: scan.unpacked_left < 0",
        ),
        told("limit-member", reach.member, "bytes of one member", "_check: held.size > scan.limits.member"),
        told(
            "scan-evasion",
            reach.held,
            "bytes held for each byte of the file",
            "_check: scan.held + held.filled > max(HELD, RATIO * scan.size)",
            "_check: max(HELD, RATIO * scan.size)",
        ),
        whole(
            "how unpacked bytes are held",
            "Held.add: self.size + size <= CHUNK",
            "Held.add: mmap.mmap(-1, 4 * CHUNK, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)",
            "_ZEROS: bytes(CHUNK)",
        ),
    ],
    "analysis/formats/codecs.py": [
        format_(
            "a dictionary need not be larger than what it unpacks to",
            "lzma1: max(4096, min(int.from_bytes(properties[1:], 'little'), size + 4096))",
            "lzma1: min(int.from_bytes(properties[1:], 'little'), size + 4096)",
        ),
        whole(
            "the next piece follows",
            "Stream.chunks: self._data[self.position:min(self.position + CHUNK // 16, self._stop)]",
            "Stream.chunks: min(self.position + CHUNK // 16, self._stop)",
            "Stream.chunks: decoder.decompress(piece, CHUNK)",
        ),
        careful("what does not fail in so many bytes is a stream", "opens: limit=1 << 16"),
        budget(
            "what decompressors cost",
            "COSTS: Cost(0.1, 200)",
            "COSTS: Cost(0.5, 128)",
            "COSTS: Cost(0.1, 256)",
            "COSTS: Cost(2, 256)",
        ),
    ],
    "analysis/formats/hidden_pickles.py": [
        format_("CPython's protocols with a header", "_STARTS: \\x80[\\x02-\\x05", "_ANY: \\x80[\\x02-\\x05"),
        format_("less than the shortest pickle that does harm", "search: size < SMALLEST"),
        whole("a larger range is searched for each beginning by itself", "search: size <= _SMALL"),
        format_("two opcodes import and stop: they call nothing", "runs: report.opcodes <= _WORDS"),
    ],
    "analysis/formats/import_lines.py": [
        sample(
            "names of one byte's length at places where no loader begins; a header is found all the same",
            "SHORT_TEXTS: [\\x01-\\xff",
        ),
        whole("more is read as long as all of it are letters", "_last_word: size = _LINE"),
    ],
    "analysis/formats/numpy_literals.py": [
        told("malformed-npy", reach.long_number, "digits of a number", "_TOKEN: <number>-?\\d{1,19}"),
        told("malformed-npy", reach.deep_literal, "brackets in brackets", "_value: depth > _DEPTH"),
    ],
    "analysis/formats/numpy_files.py": [
        told(
            "malformed-npy",
            reach.long_dtype,
            "digits of a type's size and of a unit's, and letters of a unit",
            "_DTYPE: mMOSaUV])(\\d{1,9}",
            "_DTYPE: 9})?(?:\\[(\\d{0,9}",
            "_DTYPE: ,9}[A-Za-zμ]{1,7}",
        ),
        told("malformed-npy", reach.huge_shape, "more than any memory holds", "_times: product >= LARGEST"),
        sample(
            "the head of an array's numbers",
            "read: min(position, start + SAMPLE)",
            "read_on: chunk[:head.start + SAMPLE - len(sample)]",
        ),
    ],
    "analysis/formats/tar_headers.py": [
        format_("`int` takes no more digits (sys.int_info), and tarfile raises", "_RECORD: (\\d{1,4300}"),
        format_(
            "a header's block, and the numbers in it (Lib/tarfile.py)",
            "Headers._block: self._source.piece(offset, BLOCK)",
            "Headers._sparse: self._source.piece(at - BLOCK, BLOCK)",
            "Headers._sparse: _numbers(block, 386, 4)",
            "Headers._sparse: block[483:495]",
            "Headers._sparse: self._source.piece(at, BLOCK)",
            "Headers._sparse: len(block) < BLOCK",
            "Headers._sparse_map: self._source.piece(at, BLOCK)",
            "_numbers: range(at, at + 24 * count, 24)",
        ),
        format_("as tarfile takes a size that is no number", "_applied: entry._replace(size=0)"),
        whole("the next piece follows", "content: min(end - at, entry.size - at, CHUNK)"),
    ],
    "analysis/formats/torch_legacy.py": [
        sample("the head of torch's raw storages", "read: min(end, position + (1 << 20))"),
        format_("torch reads five pickles", "read: range(1, _PICKLES)"),
    ],
    "analysis/formats/last_look.py": [
        sample(
            "the last look where the scan had to stop, which is a finding already: the length of a name",
            "_NAME: -Za-z_][\\w.]{0,100}",
        ),
        sample(
            "the same: work, imports that are reported, bytes seen twice",
            "LastLook.__init__: self.left = LOOK",
            "LastLook.denied_imports: max(self.left // 4, _LEAST_LOOK)",
            "_Search.denied_imports: window = tail + bytes(chunk[:max(self._left, 0) * _PER_UNIT])",
            "_Search.denied_imports: chunk[:max(self._left, 0) * _PER_UNIT]",
            "_Search.denied_imports: window[-_OVERLAP:]",
            "_Search._charge: self._left < 0",
            "_Search._judge: len(self._names) >= _NAMES",
        ),
    ],
    "analysis/formats/lz4_frames.py": [
        format_("a block's matches reach back 64 KiB", "Lz4Decompressor._block: (window + out)[-_WINDOW:]"),
        format_("the length before a block", "Lz4Decompressor._block: self._held[:4]"),
    ],
    "analysis/formats/pickles.py": [
        whole("letters that are a whole pickle: what follows tells", "in_letters: report.opcodes <= _SHORTEST"),
        format_("the protocols that a header may name; any other is walked", "_CONSTANTS: (?:(?:\\x80[\\x02-\\x05"),
    ],
    "analysis/formats/sevenzip_headers.py": [
        format_(
            "7z's numbers are of one to nine bytes", "HeaderReader.number: extra < 8", "HeaderReader.number: extra < 7"
        ),
        format_(
            "the first header's size",
            "next_header: len(data) < SIGNATURE",
            "next_header: end = SIGNATURE + offset + size",
        ),
    ],
    "analysis/formats/sevenzip.py": [
        format_("offsets count from behind the first header", "_packed: at, pack = (SIGNATURE + streams.position, 0)"),
        format_(
            "a dictionary need not be larger than what it unpacks to",
            "_lzma2: max(4096, min(dictionary, size + 4096))",
            "_lzma2: min(dictionary, size + 4096)",
        ),
        budget("what unpacking costs", "_CHEAP: Cost(0.1, 128)"),
    ],
    "analysis/formats/streams.py": [
        whole(
            "what is asked whether a tar archive begins there",
            "_head: size >= HEAD",
            "_head: b''.join(taken)[:HEAD]",
        ),
        careful(
            "what does not fail in so many bytes is a stream",
            "_finishes: decoder.decompress(bytes(data[:CHUNK]), _PROSE)",
            "_finishes: data[:CHUNK]",
            "_finishes: len(out) >= _PROSE",
            "_finishes: len(data) > CHUNK",
            "_unpacks: packed = head[:1] + CHUNK.to_bytes(4, 'little') + bytes(data[5:CHUNK])",
            "_unpacks: head[:1]",
            "_unpacks: data[5:CHUNK]",
            "_unpacks: make().decompress(packed, _PROSE)",
        ),
        careful(
            "what begins with so many streams that hold nothing is a stream",
            "_is_lzma: left=_EMPTIES",
            "_in_turn: left=_EMPTIES",
        ),
        format_(
            "lzma-alone's properties, and the sizes that it takes (liblzma's alone_decoder.c)",
            "_is_lzma: head[0] >= _LZMA_PROPERTIES",
            "_is_lzma: _LARGEST < size < _UNKNOWN_SIZE",
        ),
        whole("the head of the next stream", "_in_turn: data[:HEAD]"),
        format_("joblib's old header", "_is_zfile: head[len(_ZFILE):_ZFILE_HEADER]"),
    ],
    "analysis/formats/tars.py": [
        format_(
            "a tar header's block, and the checksum in it",
            "matches: len(data) < BLOCK",
            "matches: head[:BLOCK]",
            "matches: block[148:149]",
            "matches: block[148:156]",
            "_after: data[start:start + BLOCK]",
        ),
        whole("the next piece follows", "_Window.rest: self.piece(offset, CHUNK)"),
        budget("what copying costs", "_member: unpack(scan, chunks, part.name(member.name), per_unit=_COPIED)"),
    ],
    "analysis/formats/zipkind.py": [
        sample(
            "the head of a tensor's raw bytes, unless a loader takes it for more", "ArchiveKind: raw_head: int = 4096"
        ),
    ],
    "analysis/formats/zipread.py": [
        format_(
            "an end record and the longest comment; miniz looks a little further, and such archives are malformed-zip",
            "_places: max(0, stop - END_WINDOW)",
        ),
    ],
    "analysis/formats/zip_ordinary.py": [
        format_("fields of a header", "ordinary: common[:10]", "ordinary: common[10:22]"),
        careful("a directory with another name is read by `zipread`", r"_NAMES: -]+(?:/(?!\.{1,2}"),
    ],
    "analysis/formats/zip_layout.py": [
        sample(
            "a gap as large as a data descriptor",
            "uncovered: member.header > at + 24",
            "uncovered: archive.directory > at + 24",
        ),
    ],
    "analysis/formats/zips.py": [
        format_("the size of an end record", "tail_archive: len(data) >= _SMALLEST"),
        careful(
            "a larger stored member's checksum is not compared: it is judged all the same, and as if it did not fit",
            "_content: len(held) <= CRC_LIMIT",
        ),
        sample(
            "the heads of tensors' raw bytes, unless a loader takes them for more",
            "_archive: max(512, min(RAW_HEAD, RAW_TOTAL // raw_members))",
            "_archive: min(RAW_HEAD, RAW_TOTAL // raw_members)",
            "_held: chunk[:RAW_HEAD - len(head)]",
        ),
        sample("less than the shortest pickle that does harm", "_plain_tensor: size >= SMALLEST"),
        sample(
            "local headers that no directory names, in a gap between members",
            "_gaps: find(data, LOCAL, start, min(stop, start + CHUNK)) >= 0",
            "_gaps: min(stop, start + CHUNK)",
        ),
    ],
}
