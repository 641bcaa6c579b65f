"""Honest files of real kinds, after public reports: what their libraries write, in few opcodes, one of each kind.

Each has the classes, the enumerations and the shape of the state that its loader's picklers write. None is read from a
file; none is ever loaded.
"""

from __future__ import annotations

from samples.opcodes import (
    BUILD,
    EMPTY_DICT,
    EMPTY_LIST,
    EMPTY_TUPLE,
    FALSE,
    NONE,
    SETITEM,
    TRUE,
    array,
    call,
    data,
    dict_,
    dtype,
    global_,
    new,
    number,
    sizes,
    storage,
    text,
    tuple_,
)

_WORD = text("a")
NUMBERS = array(sizes(2), dtype("f8"), data(bytes(16)))
_TENSOR = call(
    "torch._utils",
    "_rebuild_tensor_v2",
    *(storage(), number(0), sizes(2), sizes(1), FALSE, call("collections", "OrderedDict")),
)
_PARAMETER = call("torch._utils", "_rebuild_parameter", _TENSOR, TRUE, call("collections", "OrderedDict"))


def _split(name: str) -> tuple[str, str]:
    module, _, cls = name.rpartition(".")
    return module, cls


def thing(name: str, /, **state: bytes) -> bytes:
    """Return an object of the class *name* with *state* as its attributes."""
    return new(*_split(name)) + (dict_(**state) + BUILD if state else b"")


def member(name: str, value: str | int) -> bytes:
    """Return a member of the enumeration *name*."""
    return call(*_split(name), text(value) if isinstance(value, str) else number(value))


def kept(name: str, /, **words: bytes) -> bytes:
    """Return ``partial(name, **words)``."""
    function = global_(*_split(name))
    return call("functools", "partial", function) + tuple_(function, EMPTY_TUPLE, dict_(**words), NONE) + BUILD


def method(owner: bytes, name: str) -> bytes:
    """Return the method *name* of *owner*."""
    return call("builtins", "getattr", owner, text(name))


def module(name: str, /, **more: bytes) -> bytes:
    """Return a module of torch with a parameter."""
    hooks = dict.fromkeys(
        ("_backward_hooks", "_forward_hooks", "_forward_pre_hooks"), call("collections", "OrderedDict")
    )
    return thing(
        name,
        training=FALSE,
        _parameters=dict_(weight=_PARAMETER),
        _buffers=EMPTY_DICT,
        **{"_modules": EMPTY_DICT, **hooks, **more},
    )


def estimator(name: str, /, **more: bytes) -> bytes:
    """Return an estimator with scikit-learn's version."""
    return thing(name, alpha=number(1), coef_=NUMBERS, _sklearn_version=text("1.3.2"), **more)


def _each(names: str, make: object) -> dict[str, bytes]:
    assert callable(make)
    return {name: make(name) for name in names.split()}


_NETS = """
    torchvision.models.resnet.ResNet timm.models.vision_transformer.VisionTransformer
    segmentation_models_pytorch.decoders.unet.model.Unet efficientnet_pytorch.model.EfficientNet
    facenet_pytorch.models.inception_resnet_v1.InceptionResnetV1 ultralytics.nn.tasks.DetectionModel
    models.yolo.Model transformers.models.bert.modeling_bert.BertModel sentence_transformers.models.Pooling.Pooling
    open_clip.model.CLIP monai.networks.nets.unet.UNet kornia.filters.gaussian.GaussianBlur2d
    basicsr.archs.rrdbnet_arch.RRDBNet speechbrain.lobes.models.ECAPA_TDNN.ECAPA_TDNN
    pyannote.audio.models.segmentation.PyanNet.PyanNet demucs.hdemucs.HDemucs TTS.tts.models.vits.Vits
    flair.embeddings.token.WordEmbeddings flair.models.sequence_tagger_model.SequenceTagger
    torch_geometric.nn.models.basic_gnn.GCN dgl.nn.pytorch.conv.graphconv.GraphConv e3nn.o3._linear.Linear
    mace.modules.blocks.RadialEmbeddingBlock nequip.nn._graph_mixin.SequentialGraphNetwork schnetpack.nn.base.Dense
    chgnet.model.model.CHGNet gpytorch.kernels.rbf_kernel.RBFKernel x_transformers.x_transformers.Encoder
    pytorch_tabnet.tab_network.TabNet tianshou.utils.net.common.Net fastai.layers.AdaptiveConcatPool2d
    stable_baselines3.common.torch_layers.MlpExtractor
    sb3_contrib.common.recurrent.policies.RecurrentActorCriticPolicy torchrl.modules.models.models.MLP
    chemprop.nn.ffn.MLP peft.tuners.lora.layer.Linear torchaudio.transforms._transforms.MelSpectrogram
"""
_ESTIMATORS = """
    sklearn.linear_model._logistic.LogisticRegression imblearn.over_sampling._smote.base.SMOTE
    category_encoders.target_encoder.TargetEncoder feature_engine.encoding.one_hot.OneHotEncoder
    lightgbm.sklearn.LGBMClassifier sksurv.linear_model.coxph.CoxPHSurvivalAnalysis pyod.models.iforest.IForest
    tslearn.clustering.kmeans.TimeSeriesKMeans hmmlearn.hmm.GaussianHMM
    mlxtend.classifier.stacking_classification.StackingClassifier scikeras.wrappers.KerasClassifier
    pmdarima.arima.arima.ARIMA pycaret.internal.pipeline.Pipeline
    pycaret.internal.preprocess.transformers.TransformerWrapper imodels.rule_set.rule_fit.RuleFitClassifier
    gplearn.genetic.SymbolicRegressor sktime.classification.kernel_based._rocket_classifier.RocketClassifier
    hdbscan.hdbscan_.HDBSCAN ngboost.ngboost.NGBoost interpret.glassbox._ebm._ebm.ExplainableBoostingClassifier
"""
_PLAIN = """
    prophet.forecaster.Prophet rank_bm25.BM25Okapi surprise.prediction_algorithms.matrix_factorization.SVD
    lifelines.fitters.kaplan_meier_fitter.KaplanMeierFitter keras_preprocessing.text.Tokenizer
    keras.preprocessing.text.Tokenizer keras.src.legacy.preprocessing.text.Tokenizer
    nltk.classify.naivebayes.NaiveBayesClassifier gensim.corpora.dictionary.Dictionary
    gensim.models.tfidfmodel.TfidfModel gensim.models.phrases.Phrases shap._explanation.Explanation
    shap.explainers._tree.TreeExplainer deap.tools.support.Logbook deap.tools.support.HallOfFame deap.base.Fitness
    ase.calculators.singlepoint.SinglePointCalculator ase.cell.Cell pymatgen.core.lattice.Lattice
    pymatgen.core.structure.Structure pymatgen.core.sites.PeriodicSite
    pymatgen.entries.computed_entries.ComputedEntry geopandas.geodataframe.GeoDataFrame
    anndata._core.anndata.AnnData torch_geometric.data.data.Data tianshou.data.batch.Batch
    stable_baselines3.common.running_mean_std.RunningMeanStd
    stable_baselines3.common.vec_env.vec_normalize.VecNormalize gymnasium.spaces.dict.Dict
    transformers.trainer_callback.TrainerState TTS.config.shared_configs.BaseAudioConfig
    TTS.tts.configs.vits_config.VitsConfig trainer.trainer.TrainerArgs
    autogluon.tabular.learner.default_learner.DefaultLearner autogluon.tabular.trainer.auto_trainer.AutoTrainer
    autogluon.core.models.ensemble.weighted_ensemble_model.WeightedEnsembleModel
    autogluon.features.generators.auto_ml_pipeline.AutoMLPipelineFeatureGenerator
    darts.models.forecasting.exponential_smoothing.ExponentialSmoothing darts.timeseries.TimeSeries
    albumentations.core.composition.Compose torchvision.transforms.transforms.Compose torchtext.vocab.Vocab
    hyperopt.base.Trials bayes_opt.bayesian_optimization.BayesianOptimization
    deepspeed.runtime.fp16.loss_scaler.DynamicLossScaler
    torch_geometric.transforms.normalize_features.NormalizeFeatures networkx.classes.graph.Graph
    pyannote.core.annotation.Annotation pyannote.core.segment.Segment speechbrain.utils.epoch_loop.EpochCounter
    textblob.classifiers.NaiveBayesClassifier statsmodels.tsa.holtwinters.results.HoltWintersResults
    optuna.study.study.Study skopt.space.space.Real xarray.core.dataset.Dataset
    langchain_community.retrievers.bm25.BM25Retriever langchain_community.docstore.in_memory.InMemoryDocstore
    fastai.learner.Learner fastai.data.core.DataLoaders
"""
_ENUMS = """
    megatron.core.transformer.enums.AttnBackend=5 megatron.core.rerun_state_machine.RerunMode=disabled
    megatron.core.transformer.enums.AttnMaskType=1 signal.Signals=15 deepspeed.runtime.zero.config.ZeroStageEnum=2
    peft.utils.peft_types.PeftType=LORA transformers.trainer_utils.IntervalStrategy=steps
    timm.layers.format.Format=NCHW pyannote.audio.core.task.Problem=1 http.HTTPStatus=200
    torchvision.transforms.functional.InterpolationMode=bilinear
"""


def _enums() -> dict[str, bytes]:
    pairs = [one.split("=") for one in _ENUMS.split()]
    return {name: member(name, int(value) if value.isdigit() else value) for name, value in pairs}


_CH = thing(
    "chumpy.ch.Ch",
    x=NUMBERS,
    _dirty_vars=call("builtins", "set"),
    _itr=NONE,
    _make_dense=FALSE,
    _make_sparse=FALSE,
    _depends_on_deps=EMPTY_DICT,
)
DOCUMENT = thing(
    "langchain_core.documents.base.Document",
    __dict__=dict_(id=NONE, metadata=dict_(source=text("x.pdf")), page_content=text("hello"), type=text("Document")),
    __pydantic_extra__=NONE,
    __pydantic_fields_set__=call("builtins", "set"),
    __pydantic_private__=NONE,
)
_COOKIE = thing("http.cookiejar.Cookie", name=_WORD, value=_WORD, _rest=EMPTY_DICT)
_CONV = module("ultralytics.nn.modules.conv.Conv")

KINDS: dict[str, bytes] = {
    **_each(_NETS, module),
    **_each(_ESTIMATORS, estimator),
    **_each(_PLAIN, lambda name: thing(name, a=_WORD, b=NUMBERS)),
    **_enums(),
    "SMPL": dict_(v_template=_CH, f=NUMBERS, bs_style=text("lbs")),
    "MANO": dict_(
        shapedirs=thing(
            "chumpy.reordering.Select",
            a=_CH,
            idxs=NUMBERS,
            _dirty_vars=call("builtins", "set"),
            _depends_on_deps=EMPTY_DICT,
        )
    ),
    "LangChain's FAISS": tuple_(
        thing("langchain_community.docstore.in_memory.InMemoryDocstore", _dict=dict_(a=DOCUMENT)), EMPTY_DICT
    ),
    "a document": DOCUMENT,
    "YOLOv8, fused": module("ultralytics.nn.modules.conv.Conv", forward=method(_CONV, "forward_fuse")),
    "a distribution": thing(
        "scipy.stats._discrete_distns.poisson_gen",
        a=number(0),
        vecentropy=method(new("scipy.stats._discrete_distns", "poisson_gen"), "_entropy"),
    ),
    "an interpolator": thing(
        "scipy.interpolate._rbf.Rbf", _function=method(new("scipy.interpolate._rbf", "Rbf"), "_h_multiquadric")
    ),
    "MMEngine's messages": call(
        "__builtin__", "getattr", global_("mmengine.logging.history_buffer", "HistoryBuffer"), text("min")
    ),
    "a ViT": module(
        "torchvision.models.vision_transformer.VisionTransformer",
        norm_layer=kept("torch.nn.modules.normalization.LayerNorm", eps=number(1)),
    ),
    "Lightning's hyperparameters": dict_(
        hyper_parameters=dict_(
            optimizer=kept("torch.optim.adam.Adam", lr=number(1)), scheduler=kept("torch.optim.lr_scheduler.StepLR")
        )
    ),
    "a schedule": thing(
        "torch.optim.lr_scheduler.LambdaLR",
        lr_lambdas=EMPTY_LIST,
        f=kept("transformers.optimization._get_linear_schedule_with_warmup_lr_lambda", n=number(1)),
    ),
    "a detector": module(
        "torchvision.models.detection.rpn.RegionProposalNetwork",
        box_similarity=global_("torchvision.ops.boxes", "box_iou"),
    ),
    "nltk's tokenizer in scikit-learn": estimator(
        "sklearn.feature_extraction.text.TfidfVectorizer", tokenizer=global_("nltk.tokenize", "word_tokenize")
    ),
    "a metric": estimator(
        "sklearn.neighbors._classification.KNeighborsClassifier", metric=global_("scipy.spatial.distance", "cosine")
    ),
    "DEAP's toolbox": thing(
        "deap.base.Toolbox",
        mate=kept("deap.tools.crossover.cxTwoPoint"),
        select=kept("deap.tools.selection.selTournament", tournsize=number(3)),
    ),
    "cookies": thing(
        "requests.cookies.RequestsCookieJar",
        _cookies=dict_(a=_COOKIE),
        _policy=thing("http.cookiejar.DefaultCookiePolicy", a=FALSE),
    ),
    "a session": thing(
        "requests.sessions.Session",
        verify=TRUE,
        cookies=thing("requests.cookies.RequestsCookieJar", _cookies=EMPTY_DICT),
    ),
    "a data set": thing("torchvision.datasets.cifar.CIFAR10", root=text("data"), train=TRUE, data=NUMBERS),
    "a sentinel": call("builtins", "object"),
    "HDBSCAN with a cache": estimator(
        "hdbscan.hdbscan_.HDBSCAN",
        memory=thing("joblib.memory.Memory", location=NONE, backend=text("local"), _verbose=number(0)),
    ),
    "flair's dictionary": thing("flair.data.Dictionary", idx2item=EMPTY_LIST, item2idx=EMPTY_DICT, add_unk=FALSE),
    "colours": thing("matplotlib.colors.ListedColormap", name=_WORD, N=number(3)),
    "an axis' ticks": thing("matplotlib.ticker.MaxNLocator", _nbins=number(9)),
    "addict": new("addict.addict", "Dict") + new("addict.addict", "Dict") + text("a") + NUMBERS + SETITEM + BUILD,
    "attrgetter": call("operator", "attrgetter", _WORD),
    "a formula": thing("formulaic.parser.types.term.Term", factors=EMPTY_TUPLE, origin=NONE),
    # one's own code
    **_each("__main__.Net src.models.net.Net models.net.Net utils.config.Config", lambda name: thing(name, a=_WORD)),
    "one's own enumeration": member("__main__.Color", 1),
    "one's own individuals": thing("deap.creator.Individual", fitness=thing("deap.base.Fitness", wvalues=EMPTY_TUPLE)),
}
"""Kind → the opcodes of its value."""
