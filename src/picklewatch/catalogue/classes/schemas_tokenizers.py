"""tokenizers: native objects that read JSON out of bytes."""

from __future__ import annotations

from typing import Final

from picklewatch.catalogue.classes.hook_schema import COMPILED, Schema, data_and, spelt

_PARTS: Final = (
    "models.Model models.BPE models.WordPiece models.WordLevel models.Unigram AddedToken Encoding Tokenizer "
    "decoders.Decoder normalizers.Normalizer pre_tokenizers.PreTokenizer processors.PostProcessor trainers.Trainer"
)
_OF_TOKENIZERS: Final = data_and(spelt("tokenizers", _PARTS), spelt("tokenizers.tokenizers", _PARTS))

SCHEMAS: Final[tuple[Schema, ...]] = tuple(
    Schema(
        function=f"tokenizers.{name}",
        why="reads JSON out of bytes by a native reader; a tokenizer is made with a model, whose type is checked",
        sources={COMPILED: "0.23.3"},
        rest=_OF_TOKENIZERS,
        state=_OF_TOKENIZERS,
    )
    for part in _PARTS.split()
    for name in (part, f"{part}.__setstate__", f"{part}.__new__")
)
