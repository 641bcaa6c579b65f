"""Hooks that do harm with nothing but data: their objects may have no state at all.

For these the rule "without a schema, data" would be wrong: a path is removed, a descriptor closed, an address freed,
bytes are unpickled.
"""

from __future__ import annotations

from typing import Final

from picklewatch.catalogue.classes.hook_schema import ABSENT, Schema
from picklewatch.catalogue.classes.schemas_torch import MODULE_LOOKS


def _refused(function: str, sources: dict[str, str], why: str) -> Schema:
    """Return the schema of a hook that nothing may be given to."""
    return Schema(function=function, why=why, sources=sources, rest=ABSENT, state=ABSENT, items=ABSENT)


SCHEMAS: Final[tuple[Schema, ...]] = (
    _refused(
        "torch.utils.data.datapipes.datapipe._DataPipeSerializationWrapper.__setstate__",
        {"04469b201ad3dd27": "2.14.1", "053cd6f1d2d64df1": "1.13.1"},
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
        {"9c4cc9bd32013e78": "2.14.1", "e533e8cfb141444b": "2.13.0"},
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
    *(
        _refused(function, sources, "hands bytes of the state to pickle.loads, cloudpickle.loads or a reader of plans")
        for function, sources in {
            "stable_baselines3.common.vec_env.base_vec_env.CloudpickleWrapper.__setstate__": {
                "de00442d343f8e20": "1.8.0 2.9.2"
            },
            "gymnasium.vector.utils.misc.CloudpickleWrapper.__setstate__": {"9bbf6695126f6786": "1.4.0"},
            "polars.lazyframe.frame.LazyFrame.__setstate__": {"d0e5d72cfcbf2ee9": "2.1.0"},
            "polars.expr.expr.Expr.__setstate__": {"db21e822b228d69d": "2.1.0"},
            "polars.expr.whenthen.Then.__setstate__": {"5b6faaad25bdecad": "2.1.0"},
            "polars.expr.whenthen.ChainedThen.__setstate__": {"37bdf39186d60a7d": "2.1.0"},
            "polars.selectors.Selector.__setstate__": {"4438cc87182d09b5": "2.1.0"},
        }.items()
    ),
    *(
        _refused(function, sources, "connects to the server, or opens the data base, that an attribute names")
        for function, sources in {
            "optuna.storages._rdb.storage.RDBStorage.__setstate__": {
                "c77a06f08ea84ae0": "2.10.1",
                "7be0c8d9f4b804c9": "5.0.0",
            },
            "optuna.storages.journal._redis.JournalRedisBackend.__setstate__": {"b4fb6e16aaf21031": "5.0.0"},
            "optuna.storages._grpc.client.GrpcStorageProxy.__setstate__": {"150dd8e38a7474eb": "5.0.0"},
        }.items()
    ),
    *(
        _refused(function, sources, "opens, writes or removes the file that the state names")
        for function, sources in {
            "nltk.corpus.reader.util.PickleCorpusView.__del__": {"29b1fbca5d0e3a74": "3.6.7"},
            "datasets.table.MemoryMappedTable.__setstate__": {"13648fd2ef06681a": "5.2.0"},
            "PIL.ImageFont.FreeTypeFont.__setstate__": {"43c455487699baa7": "13.0.0"},
            "xarray.backends.file_manager.CachingFileManager.__setstate__": {"24cf1df948a5f599": "2026.9.0"},
            "xarray.backends.file_manager.PickleableFileManager.__setstate__": {"a3bcaa6173e50c82": "2026.9.0"},
            "pytorch_transformers.tokenization_xlnet.XLNetTokenizer.__setstate__": {"3a9b58c1dd4219c7": "1.2.0"},
            "transformers.tokenization_marian.MarianTokenizer.__setstate__": {"0fe3b9c9b587a54f": "2.11.0 3.5.1"},
            "transformers.tokenization_bert_generation.BertGenerationTokenizer.__setstate__": {
                "983b132ae5fb150c": "3.5.1"
            },
            "transformers.tokenization_xlm_prophetnet.XLMProphetNetTokenizer.__setstate__": {
                "37101026902d31a1": "3.5.1"
            },
            "transformers.tokenization_bert_japanese.BertJapaneseTokenizer.__setstate__": {"806e5cbc6fe22475": "3.5.1"},
        }.items()
    ),
    Schema(
        function="torch_geometric.nn.conv.message_passing.MessagePassing.__setstate__",
        why="makes Python of what inspector holds, and runs it: names and types of signatures, and sources out of "
        "which it evaluates types; no check of such a text proves it harmless",
        sources={"9686ab6a7944363c": "2.8.1"},
        looks={"inspector": ABSENT, **MODULE_LOOKS},
        state=ABSENT,
    ),
    *(
        _refused(function, sources, "calls its class anew with arguments out of the state, whatever the class does")
        for function, sources in {
            "gymnasium.utils.ezpickle.EzPickle.__setstate__": {"b7789a56f29f5b28": "1.4.0"},
        }.items()
    ),
    *(
        _refused(function, sources, "frees, stops or ends something of the process that attributes name")
        for function, sources in {
            "torchaudio.models.decoder._cuda_ctc_decoder.CUCTCDecoder.__del__": {"3b29cdd4bfc148bd": "2.11.1"},
            "transformers.integrations.MLflowCallback.__del__": {
                "3dff64a8ed35ff5b": "3.5.1",
                "bb987b6d3811e322": "4.18.0",
            },
            "ultralytics.utils.autodevice.GPUInfo.__del__": {"3f36cd6db975615e": "8.4.190"},
            "xarray.backends.file_manager.CachingFileManager.__del__": {"d45afb90f01ab5d9": "2026.9.0"},
        }.items()
    ),
)
