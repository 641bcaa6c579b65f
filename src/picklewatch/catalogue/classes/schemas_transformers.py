"""transformers and accelerate: what is asked for a method before anything is restored."""

from __future__ import annotations

from typing import Final

from picklewatch.catalogue.classes.hook_schema import ABSENT, DATA, Schema

SCHEMAS: Final[tuple[Schema, ...]] = (
    *(
        Schema(
            function=f"transformers.configuration_utils.{name}.__getattribute__",
            why="looks a name up in attribute_map of its class and then as object does; a map in the state could lead "
            "__setstate__ to another attribute, which a second BUILD would call",
            sources={"827c39c5adc3b203": version},
            looks={"attribute_map": ABSENT, "__setstate__": ABSENT},
        )
        for name, version in (("PreTrainedConfig", "5.24.0"), ("PretrainedConfig", "4.18.0"))
    ),
    Schema(
        function="transformers.tokenization_utils_base.PreTrainedTokenizerBase.__getattr__",
        why="compares the name with those of special tokens, then searches the class; only for such a name it would "
        "make a "
        "text of a token",
        sources={"534c7a8107bf55b4": "5.24.0"},
        looks={"SPECIAL_TOKENS_ATTRIBUTES": ABSENT, "__setstate__": ABSENT},
    ),
    Schema(
        function="accelerate.state.PartialState.__getattr__",
        why="compares the name with a list of its class and raises",
        sources={"b062933e664850a1": "1.15.0"},
        looks={"_known_attrs": DATA},
    ),
    Schema(
        function="accelerate.state.AcceleratorState.__getattr__",
        why="compares the name with a list of its class and raises",
        sources={"55021ed6f0a1cd75": "1.15.0"},
        looks={"_known_attrs": DATA},
    ),
    *(
        Schema(
            function=f"transformers.models.{name}.__setstate__",
            why="makes the state its __dict__ and imports sacremoses, a fixed name; looks into nothing",
            sources={"113f7f49ebb6c928": "5.24.0"},
            state=ABSENT,
        )
        for name in (
            "biogpt.tokenization_biogpt.BioGptTokenizer",
            "flaubert.tokenization_flaubert.FlaubertTokenizer",
            "fsmt.tokenization_fsmt.FSMTTokenizer",
            "xlm.tokenization_xlm.XLMTokenizer",
        )
    ),
)
