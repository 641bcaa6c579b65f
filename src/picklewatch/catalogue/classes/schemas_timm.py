"""timm: optimizers, and a layer that adds a default to its state.

`Kron` has no schema: it compiles functions anew when it is restored.
"""

from __future__ import annotations

from typing import Final

from picklewatch.catalogue.classes.hook_schema import Schema
from picklewatch.catalogue.classes.schemas_torch import MODULE_LOOKS, optimizer

SCHEMAS: Final[tuple[Schema, ...]] = (
    optimizer("timm.optim.adabelief.AdaBelief", {"9cabb801303f9bad": "1.0.31", "a10712cde5849a94": "0.4.12"}),
    optimizer("timm.optim.adafactor.Adafactor", {"33e6804cfe11f915": "1.0.31"}),
    optimizer("timm.optim.adafactor_bv.AdafactorBigVision", {"cdea2ef5796bdbe2": "1.0.31"}),
    optimizer("timm.optim.adamw.AdamWLegacy", {"b89a3dc89cd73c86": "1.0.31"}),
    optimizer("timm.optim.adan.Adan", {"7783c9088d8dd164": "1.0.31"}),
    optimizer("timm.optim.adopt.Adopt", {"0b850aed6c33c182": "1.0.31"}),
    optimizer("timm.optim.lamb.Lamb", {"5590ff715475f8dd": "1.0.31"}),
    optimizer("timm.optim.laprop.LaProp", {"d8b40a5cf5c6a083": "1.0.31"}),
    optimizer("timm.optim.lars.Lars", {"f6d8eca7dc019c4f": "1.0.31"}),
    optimizer("timm.optim.lion.Lion", {"4345cdc57ae0e96f": "1.0.31"}),
    optimizer("timm.optim.mars.Mars", {"0938edec8c532cfa": "1.0.31"}),
    optimizer("timm.optim.muon.Muon", {"f23b3dbd56af4f6c": "1.0.31"}),
    optimizer("timm.optim.nadamw.NAdamW", {"78a56519e80ad42c": "1.0.31"}),
    optimizer("timm.optim.nvnovograd.NvNovoGrad", {"6ab635f21d625839": "1.0.31", "fe9b92939cb29d0a": "0.4.12"}),
    optimizer("timm.optim.rmsprop_tf.RMSpropTF", {"f86f9e085f645aa8": "1.0.31", "da405c6837b429e2": "0.4.12"}),
    optimizer("timm.optim.sgdw.SGDW", {"a274e1d4d7e0acfb": "1.0.31"}),
    Schema(
        function="timm.layers.ml_decoder.TransformerDecoderLayerOptimal.__setstate__",
        why="adds a function of torch to a state without an activation, then as Module",
        sources={"fb1217a347c3f124": "1.0.31"},
        looks=MODULE_LOOKS,
    ),
)
