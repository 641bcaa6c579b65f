"""Hooks that do harm with nothing but data: their objects may have no state at all.

For these the rule "without a schema, data" would be wrong: a path is removed, a descriptor closed, an address freed,
bytes are unpickled.
"""

from __future__ import annotations

from typing import Final

from picklewatch.catalogue.classes.schema import ABSENT, Schema


def _refused(function: str, sources: dict[str, str], why: str) -> Schema:
    """Return the schema of a hook that nothing may be given to."""
    return Schema(function=function, why=why, sources=sources, rest=ABSENT, state=ABSENT, items=ABSENT)


SCHEMAS: Final[tuple[Schema, ...]] = (
    _refused(
        "torch.utils.data.datapipes.datapipe._DataPipeSerializationWrapper.__setstate__",
        {"04469b201ad3dd27": "2.14.1"},
        "hands bytes of the state to pickle.loads",
    ),
    _refused(
        "transformers.integrations.integration_utils.NeptuneCallback.__del__",
        {"8a774645285f7c66": "5.24.0"},
        "removes the directory that an attribute names",
    ),
    _refused(
        "gensim.models.wrappers.ldavowpalwabbit.LdaVowpalWabbit.__del__",
        {"c3b89aeaa7265ec6": "3.8.3"},
        "removes the directory that an attribute names",
    ),
    _refused(
        "filelock._core._lock.BaseFileLock.__del__",
        {"b99db1b7c7c965fd": "2.14.1"},
        "releases a lock: closes a descriptor and may remove the file that an attribute names",
    ),
    _refused(
        "torch.cuda.gds.GdsFile.__del__",
        {"0064905714e0b88f": "2.14.1"},
        "closes the descriptor that an attribute names",
    ),
    _refused(
        "joblib.externals.loky.backend.stdlib_py314_resource_tracker.ResourceTracker.__del__",
        {"a376a3ae0c612de8": "1.6.0"},
        "closes a descriptor and waits for a process that attributes name",
    ),
    _refused(
        "joblib.externals.loky.backend.synchronize.SemLock.__setstate__",
        {"7aa27cd0cd8e730c": "1.6.0", "323aee27776e9bee": "0.14.1"},
        "opens a semaphore of the system by its name or handle",
    ),
    _refused(
        "transformers.models.fastspeech2_conformer.tokenization_fastspeech2_conformer.FastSpeech2ConformerTokenizer."
        "__setstate__",
        {"5b142e1c405d3675": "5.24.0"},
        "makes a G2p, which downloads its data",
    ),
    _refused(
        "transformers.models.bert_japanese.tokenization_bert_japanese.BertJapaneseTokenizer.__setstate__",
        {"67b6030ba60486b9": "5.24.0"},
        "makes a native tokenizer with options of the state, dictionaries to open among them",
    ),
    _refused(
        "torch._inductor.runtime.autotune_cache.AutotuneCache.__setstate__",
        {"9c4cc9bd32013e78": "2.14.1"},
        "connects to a remote cache",
    ),
    _refused(
        "torch._inductor.runtime.triton_heuristics.CachingAutotuner.__setstate__",
        {"c3ab100b8dc4e508": "2.14.1"},
        "restores a compiler's kernels and asks plug-ins",
    ),
    _refused(
        "torch._inductor.runtime.triton_heuristics.TritonCompileResult.__setstate__",
        {"abf5367dd4703b13": "2.14.1"},
        "restores a compiled kernel",
    ),
    _refused(
        "torch._inductor.runtime.static_triton_launcher.StaticallyLaunchedTritonKernel.__del__",
        {"ea161f00ad3651da": "2.14.1"},
        "unloads a native module by an address",
    ),
    _refused(
        "torch.multiprocessing.reductions.StorageWeakRef.__del__",
        {"8d06b04d0e805dbb": "1.4.0"},
        "frees a storage by an address",
    ),
    _refused(
        "torch.cuda.green_contexts.GreenContext.__del__",
        {"4a538753c6666ae7": "2.14.1"},
        "destroys streams and a context by addresses",
    ),
    _refused(
        "torch.distributed._symmetric_memory._nccl.NcclCommRegistration.__del__",
        {"c79d609ea1cb195b": "2.14.1"},
        "unregisters memory by a handle",
    ),
    _refused(
        "torch.profiler.profiler.ExecutionTraceObserver.__del__",
        {"aa53eba701ad6d49": "2.14.1"},
        "finishes a trace: writes and compresses files that attributes name",
    ),
    _refused(
        "xgboost.tracker.RabitTracker.__del__",
        {"97dde35eb0cd64de": "3.2.0", "f3b4d0c01e470e55": "1.5.2"},
        "frees a tracker by an address",
    ),
    _refused(
        "caffe2.python.onnx.workspace.Workspace.__del__",
        {"71b771dd32fc0211": "1.4.0"},
        "resets a workspace of the process, by its name",
    ),
    *(
        _refused(f"torch.backends.cudnn.{name}.__del__", {source: "1.4.0"}, "destroys a descriptor by an address")
        for name, source in (
            ("CuDNNHandle", "a6739f42cafe56f2"),
            ("DropoutDescriptor", "3ce3a23aaaa208e8"),
            ("FilterDescriptor", "24ef2eec94e10981"),
            ("RNNDescriptor", "3153ddbe71e794ee"),
            ("TensorDescriptor", "678c293ae5d14e21"),
            ("TensorDescriptorArray", "ade60b2e788db8f1"),
        )
    ),
    *(
        _refused(
            f"transformers.tokenization_{name}.__setstate__",
            {source: "2.11.0", "983b132ae5fb150c": "3.5.1"},
            "opens the file that an attribute names",
        )
        for name, source in (
            ("albert.AlbertTokenizer", "cd15e59be5b99ca1"),
            ("camembert.CamembertTokenizer", "cd15e59be5b99ca1"),
            ("marian.MarianTokenizer", "0fe3b9c9b587a54f"),
            ("reformer.ReformerTokenizer", "78ea06ab63b2b781"),
            ("t5.T5Tokenizer", "6c5cd6ea1f84f2dc"),
            ("xlm_roberta.XLMRobertaTokenizer", "37101026902d31a1"),
            ("xlnet.XLNetTokenizer", "8022d9d81cde4fb5"),
        )
    ),
    _refused(
        "stable_baselines.common.vec_env.base_vec_env.CloudpickleWrapper.__setstate__",
        {"027fe6169e127e58": "2.10.2"},
        "hands bytes of the state to cloudpickle.loads",
    ),
)
