"""Names that a library merely re-exports.

Family patterns vouch for a library's own classes only, so these are excluded from them.

A pickler names a class by the module that defines it, so nothing honest is lost: what is listed here is unverified,
unless its own module is vouched for by exact name. Gathered from the libraries themselves, several versions of each: every name that
a family would match and whose value is defined in another library, or in a part of the same one for which nobody vouches.
"""

from __future__ import annotations

BORROWED: frozenset[str] = frozenset(
    """_BaseAutoBackboneClass _BaseAutoModelClass _BaseComposition _BaseDataLoaderIter _BaseProgress
    _BinaryClassifierCurveDisplayMixin _CodeOnlyModule _ConfigAliases _DataFetcher _DataLoaderIterDataFetcher
    _ELRegOpts _FabricOptimizer _FxValidator _HTMLDocumentationLinkMixin _Identity _IndexBatchSamplerWrapper
    _LazyAutoMapping _LazyImport _LGBMAssertAllFinite _LGBMCheckArray _LGBMCheckClassificationTargets
    _LGBMCheckConsistentLength _LGBMCheckSampleWeight _LGBMCheckXY _LGBMComputeSampleWeight _LGBMValidateData _Loop
    _LRFinder _MaskedArray _MultiProcessingDataLoaderIter _NamespaceSuggestMixin _NoValue _PrefetchDataFetcher
    _Reduction _RichProgressBar _RichRefreshThread _RichResult _SearchSpaceTransform _TensorMeta _TimeRE
    _VisualBlock _WritableDoc AbstractContextManager AbstractFileSystem AcceleratedOptimizer AlignDevicesHook
    AlternatingCodebooksLogitsProcessor Annotation ArgumentParser ArrayDataset AttrsDict AudioFeature
    AutoImageProcessor AutoProcessor AutoTokenizer AxisInt BackboneConfigMixin BackboneMixin BarColumn
    BarkCoarseGenerationConfig BarkEosPrioritizerLogitsProcessor BarkFineGenerationConfig
    BarkSemanticGenerationConfig BaseStorage BaseStringArrayMethods BaseTokenizer BaseVideoProcessor
    BasicTextNormalizer BertWordPieceTokenizer BitsandbytesPrecision BlockingAsyncStager BlockMask BoundingBoxFormat
    BroadcastingList2 ByteLevelBPETokenizer BytesIO BZ2File CachedAccessor Callable CallbackSupportMixin CardData
    ChannelDimension CharBPETokenizer ClassDoc ClassifierFreeGuidanceLogitsProcessor CodeCarbonCallback CodeType
    CommonTokenStream CompatLevel Components Concatenate Config Console ContextVar ContrastResults ConversionOps
    ConvertCustomConfig Counter CsmGenerationMixin CSRDataset CUDAAccelerator CustomClassBase DataFrameFormatter
    DataFrameInfo DataFrameRenderer DatasetDict DataTable DatetimeIndexResamplerGroupby DDPStrategy DecisionMixin
    DeepSpeedConfig DeepSpeedPrecision DeepSpeedStrategy DiaGenerationMixin DiffusionGemmaGenerationConfig
    DiffusionGemmaGenerationMixin DirNamesMixin DistributedConfig DistributedMixin DMatrix DoublePrecision
    DownloadKwargs EllipsisType EncodingVisualizer Engine EnglishTextNormalizer ErrorListener EsmFold2FoldingMixin
    EvalResult ExitStack F_pil F_t FabricLogger FabricPrecision FeatureExtractionMixin FileHandler FileIO
    FileSystemPathPointer FiniteStatus Flags FloatSchedule FlopCounterMode FormulaManager ForwardRef FSDPPrecision
    FSDPStrategy Function FunctionDoc FunctionType FuseCustomConfig Future GenerateDecoderOnlyOutput GenerationMixin
    GenericAlias GradiumPhononTTSGenerationMixin GraphModule GzipFile HalfPrecision HasMethods HessianUpdateStrategy
    HeterogeneousConfigMixin HfApi HfArgumentParser HfFolder HfQuantizer Hidden HiggsAudioV2GenerationMixin
    IdeficsPerceiverResampler IdeficsVisionEmbeddings IdeficsVisionTransformer ImageEnhance ImageFeature
    ImageNetInfo ImageOps ImageProcessingMixin InputStream Interpreter IntGELU IntLayerNorm IntSoftmax IntTensor
    IterableDatasetDict JoinableQueue KernelConfig LambdaType LeafSpec LightningEnum LimitedIterationMixin
    LinearConstraint LinearOperator LinearSchedule LoadStateDictInfo LocalFileSystem Lock Logger LogitsProcessorList
    LooseVersion LowLevelCallable LZMAFile MagicMock Manager MapWrapper MaxTrialsCallback Memory MergeModulelist
    MethodType MissingValues MixedPrecision Mock ModelCard ModuleType MPSAccelerator NamedTemporaryFile
    NDArrayOperatorsMixin NegativeBinomialOutput Nemotron3_5AsrGenerationMixin Nemotron3_5AsrRNNTDecoderCache
    Nemotron3_5TranscribeGenerateOutput NemotronAsrStreamingGenerationMixin NemotronAsrStreamingRNNTDecoderCache
    NodeData NodeHeapData NoneType NormalOutput NotImplementedType NSTracer NumpyPickler NumpyUnpickler NumpyVersion
    ObjectStringArrayMixin ObservedGraphModule OffPolicyAlgorithm OFProtein OmegaConfGrammarLexer
    OmegaConfGrammarParser OmegaConfGrammarParserVisitor OnPolicyAlgorithm OpsMixin OptimizedModule Options
    OrderedDict OutputLogger OutputRecorder PackageImporter PackedSequence PaliGemmaProcessor PandasDelegate
    ParakeetRNNTDecoderCache ParakeetRNNTGenerationMixin ParakeetTDTGenerationMixin Parallel ParallelismConfig
    ParallelStrategy ParamsDict ParserRuleContext Pattern PeftAdapterMixinTransformers PeftMixedModel PeftModel
    PeriodIndexResamplerGroupby Pickler PIL PILImageResampling Pipe PocketTTSGenerationMixin Pool PorterStemmer
    PrepareCustomConfig PreTrainedFeatureExtractor PreTrainedTokenizer PrettyDict Process ProcessGroup
    ProcessorMixin ProcessPoolExecutor Progress ProgressColumn PushToHubMixin PyCategories PyDataFrame PySeries
    QuantAct QuantEmbedding QuantileDMatrix QuantizationTracer QuantLinear Question Queue RagRetriever ReadBuffer
    ReadonlyArrayWrapper RealNotInt ReduceOp RemovedParameter RenamedParameter Repository ReprHTMLMixin Request
    RequirementCache Resampler ResponseParser Rigid RunningStage ScalarFunction Schema Scope ScopeContextManager
    ScriptModule SentencePieceBPETokenizer SentencePieceUnigramTokenizer SequenceMatcher SequenceNotStr SeriesApply
    SeriesInfo Session SEWithNorm Shadow ShadowLogger SharedDict SharedMemory SharedMemoryManager SimilarityFunction
    SimpleQueue SimpleTable SingleDeviceStrategy Size SizeDict SourceFileLoader SparseTermSimilarityMatrix
    SpmConverter SpooledTemporaryFile StoppingCriteriaList Strategy StreamHandler StrEnum StringIO StringMethods
    StrOptions StudentTOutput Style Summary SummaryWriter SuppressTokensLogitsProcessor SwiGLUPacked SymInt TarFile
    Task TempMemmap TemporaryDirectory TemporaryFile Tensor TerminalNode TermSimilarityIndex TextColumn TextInput
    TextInputSequence Thread ThreadPool ThreadPoolExecutor TimedeltaIndexResamplerGroupby TimedPattern Timer
    TorchFunctionMode TracebackType TrackioCallback TrainerFn TransformerEnginePrecision Transpose TreeSpec TypeIs
    UnionType UnlimitedOcrGenerationMixin Unpack Unpickler UntypedStorage UserDict Value VecEnv VecNormalize Version
    VibeVoiceGenerationMixin VideoFeature WaldTestResults WandbCallback WarningCache WeightConverter WeightRenaming
    WhisperGenerationMixin WriteBuffer WriteExcelBuffer WriteResult XGBoostLabelEncoder XLAAccelerator XLAPrecision
    ZipFile ZoneInfo""".split()
)
"""Names that no vouched library gives to a class of its own."""

BORROWED_BY: dict[str, frozenset[str]] = {
    package: frozenset(names.split())
    for package, names in {
        "category_encoders": "BinomialBayesMixedGLM CategoricalDtype",
        "feature_engine": "GeneratorType",
        "gensim": "GeneratorType",
        "hdbscan": "BallTreeBoruvkaAlgorithm DistanceMetric KDTreeBoruvkaAlgorithm",
        "imblearn": "Criterion Interval KMeans MiniBatchKMeans Parameter",
        "lightgbm": "Dataset",
        "lightning": "Parameter Precision Text",
        "lightning_fabric": "Parameter Precision Text",
        "nltk": "Match Text Trie",
        "pandas": "Appender Substitution Tuple",
        "pyod": "DistanceMetric KDTree KMeans",
        "pytorch_lightning": "Parameter Precision Text",
        "scipy": "MaskedArray NumpyDocString Parameter",
        "sentence_transformers": "Dataset DistributedDataParallel IterableDataset Sequence Trainer",
        "sklearn": "Parameter",
        "sksurv": "BestFirstTreeBuilder CategoricalDtype DepthFirstTreeBuilder Splitter Tree",
        "statsmodels": "PCA Period Timestamp Tuple",
        "timm": "Image",
        "torch": "Generator Node",
        "torchvision": "Image Parameter",
        "transformers": "GeneratorType Parameter PeftAdapterMixin Rotation",
        "xgboost": "Categories",
    }.items()
}
"""Library → names that are its own elsewhere, and imported here."""
