"""The bounds of the formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bounds import reach_formats as reach
from bounds.register import budget, careful, format_, sample, shown, told, whole

if TYPE_CHECKING:
    from bounds.register import Entry

BOUNDS: dict[str, list[Entry]] = {
    "formats/__init__.py": [
        careful("what is longer is no tombstone of ours, and judged", "read_content: len(data) <= _TOMBSTONE_LIMIT"),
        whole("`Format.matches` has the whole besides", "read_content: data[:HEAD]"),
    ],
    "formats/base.py": [
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
        told(
            "limit-unpacked",
            reach.unpacked,
            "bytes that one file unpacks to",
            "Scan.unpacked: self.unpacked_left < 0",
            "Scan.__init__: self.unpacked_left = limits.unpacked",
        ),
        told("limit-member", reach.member, "bytes of one member", "Scan._check_held: held.size > self.limits.member"),
        told(
            "scan-evasion",
            reach.held,
            "bytes held for each byte of the file",
            "Scan._check_held: self.held + held.filled > max(HELD, RATIO * self.size)",
            "Scan._check_held: max(HELD, RATIO * self.size)",
        ),
        told("limit-depth", reach.depth, "contents within contents", "Scan.content: part.depth > self.limits.depth"),
        told(
            "scan-evasion",
            reach.default_depth,
            "contents within contents, deeper than any honest ones",
            "Scan.content: part.depth > DEFAULT_LIMITS.depth",
        ),
        told(
            "limit-search",
            reach.places,
            "walks from places where no loader begins",
            "Scan.trial: self.doubtful_left <= 0",
            "Scan.__init__: self.doubtful_left = limits.opcodes // 20",
        ),
        budget(
            "the reserve for looks where the scan had to stop, which is a finding already",
            "Scan.__init__: self.look_left = LOOK",
            "Scan.look: max(self.look_left // 4, _LEAST_LOOK)",
        ),
        budget(
            "a walk from a place where no loader begins has a budget of its own",
            "Scan.trial: replace(self.budget, opcodes_left=self.limits.opcodes)",
        ),
        careful("which of two rules tells it", "Scan.stopped: is_tiny_for(self.size, self.limits.memory)"),
        shown("the evidence of a finding", "Scan.finding: evidence[:self.limits.evidence]"),
        shown(
            "the imports that a record lists; no verdict asks for them",
            "Scan._note_imports: len(self.imports) >= self.limits.imports",
        ),
        whole(
            "how unpacked bytes are held",
            "Held.add: self.size + len(chunk) <= CHUNK",
            "Held._append: mmap.mmap(-1, 4 * CHUNK, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)",
            "_ZEROS: bytes(CHUNK)",
        ),
        whole("the next chunk follows", "find: min(start + CHUNK, end)"),
    ],
    "formats/codecs.py": [
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
    ],
    "formats/legacy.py": [
        sample("the head of torch's raw storages", "read: min(end, position + (1 << 20))"),
        format_("torch reads five pickles", "read: range(1, _PICKLES)"),
    ],
    "formats/look.py": [
        sample(
            "the last look where the scan had to stop, which is a finding already: the length of a name",
            "_NAME_LINE: -Za-z_][\\w.]{0,200}",
        ),
        sample("the same", "_NAME: -Za-z_][\\w.]{0,100}", "_PAIRS: \\x8c[\\x01-\\xff"),
        sample(
            "the same: time, imports that are told, bytes seen twice",
            "denied_imports: ends = time.process_time() + SECONDS",
            "denied_imports: window[-_OVERLAP:]",
            "denied_imports: len(found) >= _NAMES",
            "denied_imports: list(found)[:_NAMES]",
            "_spelt: max(0, match.start() - _MODULE_LENGTH)",
        ),
    ],
    "formats/lz4frame.py": [
        format_("a block's matches reach back 64 KiB", "Lz4Decompressor._block: (window + out)[-_WINDOW:]"),
        format_("the length before a block", "Lz4Decompressor._block: self._held[:4]"),
    ],
    "formats/pickles.py": [
        whole("letters that are a whole pickle: what follows tells", "in_letters: report.opcodes <= _SHORTEST"),
    ],
    "formats/sevenhead.py": [
        format_("7z's numbers are of one to nine bytes", "Reader.number: extra < 8", "Reader.number: extra < 7"),
        format_(
            "the first header's size",
            "next_header: len(data) < SIGNATURE",
            "next_header: end = SIGNATURE + offset + size",
        ),
        told("malformed-7z", reach.seven_header, "the header's size", "next_header: size > HEADER_LIMIT"),
    ],
    "formats/sevenzip.py": [
        format_("offsets count from behind the first header", "_unfold: at, pack = (SIGNATURE + streams.position, 0)"),
        format_(
            "a dictionary need not be larger than what it unpacks to",
            "_lzma2: max(4096, min(dictionary, size + 4096))",
            "_lzma2: min(dictionary, size + 4096)",
        ),
        told(
            "malformed-7z",
            reach.seven_packed_header,
            "the unpacked header's size, and headers packed within each other",
            "_members: range(4)",
            "_members: len(unfolded) > HEADER_LIMIT",
        ),
    ],
    "formats/streams.py": [
        whole(
            "the next zeros follow",
            "_Streams._skip_zeros: self._data[position:position + HEAD]",
        ),
        whole("what is asked whether a tar archive begins there", "_head: len(held) >= HEAD", "_head: held[:HEAD]"),
        careful(
            "what does not fail in so many pieces is a stream", "_finishes: islice(stream.chunks(), _PROSE_CHUNKS)"
        ),
        format_(
            "lzma-alone's properties, and the sizes that it takes (liblzma's alone_decoder.c)",
            "_is_lzma: head[0] >= _LZMA_PROPERTIES",
            "_is_lzma: _LARGEST < size < _NOT_TOLD",
        ),
        whole("the head of the next stream", "_in_turn: data[:HEAD]"),
        format_("joblib's old header", "_is_zfile: head[len(_ZFILE):_ZFILE_HEADER]"),
    ],
    "formats/tars.py": [
        format_(
            "a tar header's block, and the checksum in it",
            "matches: len(data) < BLOCK",
            "matches: head[:BLOCK]",
            "matches: block[148:149]",
            "matches: block[148:156]",
            "_after: data[start:start + BLOCK]",
        ),
        told(
            "limit-member", reach.tar_member, "a member that is read on", "_read_on: member.size > scan.limits.member"
        ),
        whole("the next piece follows", "_member: source.read(1 << 20)", "_after: data[start:start + (1 << 16)]"),
    ],
    "formats/zipkind.py": [
        sample("the head of a tensor's raw bytes, unless a loader takes it for more", "Kind: raw_head: int = 4096"),
    ],
    "formats/zipread.py": [
        format_(
            "an end record and the longest comment; miniz looks a little further, and such archives are malformed-zip",
            "_places: max(0, stop - END_WINDOW)",
        ),
        format_("a flag bit", "decode_name: utf8 = 2048"),
        sample(
            "a gap as large as a data descriptor",
            "uncovered: member.header > at + 24",
            "uncovered: archive.directory > at + 24",
        ),
    ],
    "formats/zips.py": [
        format_("the size of an end record", "tail_archive: len(data) >= _SMALLEST"),
        told(
            "zip-entry-count",
            reach.oddities,
            "one oddity is enough",
            "_archive: archive.oddities[:scan.limits.findings]",
        ),
        sample(
            "the heads of tensors' raw bytes, unless a loader takes them for more",
            "_archive: max(512, min(RAW_HEAD, RAW_TOTAL // raw_members))",
            "_archive: min(RAW_HEAD, RAW_TOTAL // raw_members)",
            "_unpack: chunk[:RAW_HEAD - len(held)]",
        ),
        sample("less than the shortest pickle that does harm", "_plain_tensor: size >= SMALLEST"),
        sample(
            "local headers that no directory names, in a gap between members",
            "_gaps: find(data, LOCAL, start, min(stop, start + CHUNK)) >= 0",
            "_gaps: min(stop, start + CHUNK)",
        ),
    ],
}
