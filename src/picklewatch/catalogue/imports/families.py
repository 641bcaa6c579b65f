"""Classes of libraries that are harmless as data, by pattern, each family with its reason.

A family vouches for making such an object without calling ``__init__`` (NEWOBJ) and for any state that BUILD gives it; never
for a dotted name, and for calls only where ``C`` says so. What does not look like a class (CamelCase) is in no family
unless the family's own pattern says so.
"""

from __future__ import annotations

from picklewatch.catalogue.imports import functions
from picklewatch.catalogue.imports.entries import Check, Family, Kind, Use


def _kept(what: str, *, module: str, name: str) -> Family:
    """Return a family of functions that models hold and don't call while they are loaded."""
    return Family(reason=f"{what}, stored for later use", uses={Use.REFERENCE}, module=module, name=name)


FAMILIES: tuple[Family, ...] = (
    # --- scikit-learn ---
    Family(
        reason="makes an instance of a class without calling its __init__",
        uses={Use.REFERENCE, Use.CALL},
        module=r"sklearn\.(neighbors|metrics)\.\w+",
        name="newObj",
        check=Check.NEWOBJ,
    ),
    Family(
        reason="Cython classes of scikit-learn's trees, made from numbers and arrays whose sizes are compared",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        module=r"sklearn\.tree\._(tree|criterion|splitter)",
        check=Check.TREE,
    ),
    Family(
        reason="losses of scikit-learn, made from numbers; restores of its Cython classes",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        module=r"sklearn\.(linear_model\._?sgd_fast|_loss\._loss)",
        check=Check.PLAIN,
    ),
    Family(
        reason="restores a Cython class of scikit-learn",
        uses={Use.REFERENCE, Use.CALL},
        module=r"sklearn\.[\w.]+",
        name=r"_?__pyx_unpickle_\w+",
        check=Check.PLAIN,
    ),
    Family(
        reason="Cython classes of scikit-learn: __setstate__ takes numbers and arrays",
        uses={Use.REFERENCE, Use.NEW},
        module=r"sklearn\.(tree\._(tree|criterion|splitter|utils)|_loss\.\w+|neighbors\._?(kd_tree|ball_tree|dist_metrics|typedefs|quad_tree)"
        r"|metrics\._dist_metrics|linear_model\._?(sgd_fast|sag_fast)|ensemble\._hist_gradient_boosting\.\w+|ensemble\._gradient_boosting"
        r"|utils\._(random|weight_vector|seq_dataset|typedefs|fast_dict|heap|sorting|vector_sentinel|openmp_helpers)|manifold\._\w+|cluster\._\w+|preprocessing\._csr_polynomial_expansion)",
    ),
    Family(
        reason="estimators of scikit-learn: __setstate__ compares a version and updates __dict__",
        uses={Use.REFERENCE, Use.NEW, Use.MEMBER},
        module=r"sklearn\.(base|calibration|cluster|compose|covariance|cross_decomposition|cross_validation|decomposition|discriminant_analysis"
        r"|dummy|ensemble|feature_extraction|feature_selection|frozen|gaussian_process|grid_search|impute|isotonic|kernel_approximation"
        r"|kernel_ridge|lda|linear_model|manifold|metrics|mixture|model_selection|multiclass|multioutput|naive_bayes|neighbors"
        r"|neural_network|pipeline|preprocessing|qda|random_projection|semi_supervised|svm|tree|_loss"
        r"|utils\.(_bunch|_metadata_requests|_tags|_set_output|deprecation|fixes|validation))\b[\w.]*",
    ),
    _kept(
        "functions of scikit-learn",
        module=r"sklearn\.(cluster|covariance|decomposition|ensemble|feature_extraction|feature_selection|gaussian_process|impute"
        r"|kernel_approximation|linear_model|manifold|metrics|model_selection|neighbors|neural_network|preprocessing|svm|tree|_loss"
        r"|utils\.(extmath|validation|fixes|sparsefuncs))\b[\w.]*",
        name=functions.SCIKIT_LEARN,
    ),
    _kept(
        "scores, losses, distances and kernels of scikit-learn",
        module=r"sklearn\.metrics\b[\w.]*",
        name=functions.SCIKIT_LEARN_METRICS,
    ),
    Family(
        reason="scikit-learn's Bunch, a dict with attributes",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        kind=Kind.DICT,
        module=r"sklearn\.utils(\._bunch)?|sklearn\.datasets\.base",
        name="Bunch",
    ),
    _kept(
        "functions over arrays",
        module=r"numpy|numpy\.(core|_core)\.(_multiarray_umath|umath|fromnumeric|numeric)|scipy\._lib\.array_api_compat\.(numpy|common)\b[\w.]*",
        name=functions.NUMPY,
    ),
    _kept(
        "functions over arrays",
        module=r"scipy\.special(\._ufuncs)?",
        name=functions.SCIPY_SPECIAL,
    ),
    # --- scipy ---
    Family(
        reason="sparse matrices of scipy: arrays in __dict__",
        uses={Use.REFERENCE, Use.NEW},
        module=r"scipy\.sparse(\._?(csr|csc|coo|bsr|dia|dok|lil|base|data|compressed|matrix|arrays|sputils|index))?",
        name=r"_?[a-z]\w*_(matrix|array)|_?[a-z]+_(matrix|array)|spmatrix|sparray",
    ),
    Family(
        reason="interpolators, spatial trees, rotations and distributions of scipy: numbers and arrays; the code template that distributions run is checked",
        uses={Use.REFERENCE, Use.NEW},
        module=r"scipy\.(interpolate|spatial|stats)\b[\w.]*|scipy\.optimize\._?(optimize|lbfgsb|lbfgsb_py)",
        name=r"_?[A-Z]\w*|\w+_(gen|frozen)|gaussian_kde|rv_\w+|rv_frozen|rv_continuous_frozen|rv_discrete_frozen|interp1d|cKDTree|csr_\w+",
    ),
    # --- pandas ---
    Family(
        reason="pandas' own rebuilding functions for indexes, blocks, periods and timestamps: they take numbers and arrays",
        uses={Use.REFERENCE, Use.CALL},
        module=r"pandas(\.[\w.]+)?",
        name=r"_unpickle_block|_unpickle_timestamp|_nat_unpickle|__nat_unpickle|__pyx_unpickle_\w+|_period_unpickle"
        r"|_unpickle_array|_timedelta_unpickle|_unpickle_interval",
        check=Check.PLAIN,
    ),
    Family(
        reason="pandas' makers of indexes: they make an instance of the class they are given, with arguments from the file",
        uses={Use.REFERENCE, Use.CALL},
        module=r"pandas(\.[\w.]+)?",
        name=r"_new_\w*Index",
        check=Check.INDEX_CLASS,
    ),
    Family(
        reason="pandas' scalars, offsets and types, made from numbers and names",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        module=r"pandas(\.(_libs|_period|_sparse|tslib|tseries|_tslib|_interval)\b[\w.]*|\.core\.dtypes\.\w+|\.arrays|\.core\.arrays\.[\w.]+)?",
        name=r"_?(Timestamp|Timedelta|Period|Interval|IntIndex|BlockIndex|NaTType|NAType|BaseOffset|DateOffset|Tick"
        r"|Day|Hour|Minute|Second|Milli|Micro|Nano|BusinessDay|BusinessHour|CustomBusiness\w+|(Business)?(Month|Quarter|Year|Semi|BMonth|BQuarter|BYear|BM|BQ|BY)\w*"
        r"|Week|WeekOfMonth|LastWeekOfMonth|Easter|FY5253\w*|\w*Dtype)",
        check=Check.PLAIN,
    ),
    Family(
        reason="pandas' missing value and not-a-time",
        uses={Use.REFERENCE, Use.CALL},
        module=r"pandas(\._libs[\w.]*|\.tslib)?",
        name=r"NA|NaT|C_NA|NaTType|NAType",
        check=Check.PLAIN,
    ),
    Family(
        reason="pandas' makers of blocks and managers from arrays",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        module=r"pandas\.core\.internals[\w.]*",
        name=r"BlockManager|SingleBlockManager|new_block|make_block|_make_block",
        check=Check.PLAIN,
    ),
    Family(
        reason="pandas' frames, series, indexes and blocks: __setstate__ stores arrays",
        uses={Use.REFERENCE, Use.NEW, Use.MEMBER},
        module=r"pandas(\.(core\.(frame|series|generic|panel|base|index|indexes|internals|arrays|categorical|dtypes|sparse|window|groupby)"
        r"|indexes|sparse|tseries|arrays|_libs|tslib|_sparse|_period|api)\b[\w.]*)?",
        name=r"_?[A-Z](?!DFStore|pdf5)\w*(?<!Store)(?<!File)(?<!Writer)(?<!Reader)",
    ),
    # --- torch ---
    Family(
        reason="modules of torch.nn: __setstate__ updates __dict__",
        uses={Use.REFERENCE, Use.NEW},
        module=r"torch\.nn\.(modules\.\w+|parallel\.data_parallel|utils\.(parametrizations|parametrize|weight_norm|spectral_norm)|quantizable\.[\w.]+|qat\.[\w.]+|intrinsic\.[\w.]+)|torch\.nn",
        name=r"_?[A-Z]\w*",
    ),
    Family(
        reason="modules of torch.ao: __setstate__ updates __dict__",
        uses={Use.REFERENCE, Use.NEW},
        module=r"torch\.(ao\.(nn|quantization(?!\.fx))|quantization(?!\.fx)|nn\.quantized)\b[\w.]*",
    ),
    _kept(
        "functions over tensors",
        module=r"torch\.nn\.functional|torch\._C\._nn",
        name=functions.TORCH_FUNCTIONAL,
    ),
    _kept(
        "functions over tensors",
        module=r"torch\.nn\.init",
        name=functions.TORCH_INIT,
    ),
    _kept(
        "functions over tensors",
        module=r"torch",
        name=r"tanh|sigmoid|relu|softmax|exp|log|abs|sin|cos|sqrt|mean|sum|cat|stack|zeros|ones|matmul|add|mul|tensor|clamp|erf|square|sign|flatten",
    ),
    Family(
        reason="optimizers, schedulers: __setstate__ updates __dict__",
        uses={Use.REFERENCE, Use.NEW},
        module=r"torch\.optim(\.\w+)?",
    ),
    Family(
        reason="a loader of data that is not running: attributes only",
        uses={Use.REFERENCE, Use.NEW},
        module=r"torch\.utils\.data\.dataloader",
        name=r"DataLoader|_DatasetKind|default_collate",
    ),
    _kept(
        "functions over tensors",
        module=r"torch\.(amp|cuda\.amp)\.grad_scaler|torch\.utils\.data\._utils\.collate",
        name="_refresh_per_optimizer_state|default_collate|default_convert",
    ),
    Family(
        reason="data sets of tensors, samplers and distributions: attributes only",
        uses={Use.REFERENCE, Use.NEW},
        module=r"torch\.(utils\.data\.(dataset|sampler|distributed)|distributions(\.\w+)?|utils\.hooks|cuda\.amp\.grad_scaler|amp\.grad_scaler)",
    ),
    Family(
        reason="a name that TorchScript's own C++ reader resolves among the types compiled from the archive; no Python module is called so",
        uses={Use.REFERENCE, Use.NEW},
        module=r"__torch__(\.[\w.]+)?",
        name=r"\w+",
    ),
    # --- torchvision, torchaudio, timm, ultralytics, YOLO ---
    Family(
        reason="modules and transforms of torchvision and torchaudio: attributes only",
        uses={Use.REFERENCE, Use.NEW, Use.MEMBER},
        module=r"(torchvision\.(models|ops|transforms)|torchaudio\.(models|transforms|pipelines))\b[\w.]*",
    ),
    Family(
        reason="modules of timm: torch.nn modules",
        uses={Use.REFERENCE, Use.NEW},
        module=r"timm\.(models|layers|data\.(mixup|transforms)|loss|optim|scheduler|utils)\b[\w.]*",
    ),
    Family(
        reason="modules of Ultralytics: torch.nn modules",
        uses={Use.REFERENCE, Use.NEW},
        module=r"ultralytics\.(nn|utils\.(loss|tal|IterableSimpleNamespace|ops)|models)\b[\w.]*|ultralytics\.utils",
        name=r"(?!JSONDict|SettingsManager)_?[A-Z][A-Za-z0-9_]*",
    ),
    Family(
        reason="modules of the YOLO family: torch.nn modules",
        uses={Use.REFERENCE, Use.NEW},
        module=r"models\.(common|yolo|experimental)",
    ),
    # --- Hugging Face ---
    Family(
        reason="enumerations and arguments of transformers: attributes only when made without __init__",
        uses={Use.REFERENCE, Use.NEW, Use.MEMBER},
        module=r"transformers\.(training_args\w*|trainer_utils|trainer_pt_utils|trainer_callback|debug_utils|utils\.(generic|quantization_config)"
        r"|deepspeed|integrations\.deepspeed|optimization|generation\.configuration_utils|configuration_utils|tokenization_utils_base|feature_extraction_utils"
        r"|image_processing_utils|processing_utils|modelcard)",
        name=r"_?[A-Z]\w*(?<!Mixin)",
    ),
    Family(
        reason="models and configurations of transformers: torch.nn modules and attributes",
        uses={Use.REFERENCE, Use.NEW},
        module=r"transformers\.(models\.\w+\.(configuration|modeling)_\w+|activations|pytorch_utils|modeling_utils|modeling_outputs|modeling_attn_mask_utils"
        r"|modeling_rope_utils|loss\.[\w]+|(configuration|modeling)_(?!tf_|flax_)\w+|cache_utils)",
    ),
    Family(
        reason="tokenizers of transformers that hold their vocabulary: attributes, or JSON that the tokenizers library parses",
        uses={Use.REFERENCE, Use.NEW},
        module=r"transformers\.(models\.(bert|gpt2|roberta|distilbert|electra|openai|bart|led|longformer|clip|mpnet|mobilebert"
        r"|whisper|squeezebert|layoutlm|funnel|dpr)\.tokenization_\w+|models\.\w+\.tokenization_\w+_fast"
        r"|tokenization_utils(_\w+)?|tokenization_(bert|gpt2|roberta|distilbert)\w*)",
    ),
    _kept(
        "activation functions",
        module=r"transformers\.activations",
        name=functions.ACTIVATIONS,
    ),
    Family(
        reason="arguments and states of accelerate: attributes only when made without __init__",
        uses={Use.REFERENCE, Use.NEW, Use.MEMBER},
        module=r"accelerate\.(state|utils\.(dataclasses|deepspeed|fsdp_utils|megatron_lm)|scheduler)",
    ),
    Family(
        reason="configurations and enumerations of peft, trl, sentence-transformers and diffusers: attributes only when made without __init__",
        uses={Use.REFERENCE, Use.NEW, Use.MEMBER},
        module=r"(peft|trl|sentence_transformers|diffusers|FlagEmbedding|alignment|h4|llava|open_r1|axolotl|swift|fastchat|simpletransformers|pyannote|setfit|adapters)"
        r"\.([\w.]*\.)?\w*(config|configs|configuration\w*|args|arguments|types|dataclasses|sampler|training_args|peft_types|train|model_args|task)",
    ),
    Family(
        reason="layers of peft and sentence-transformers: torch.nn modules",
        uses={Use.REFERENCE, Use.NEW},
        module=r"(peft\.(tuners|utils)|sentence_transformers\.(models|losses|sentence_transformer|evaluation|cross_encoder|sparse_encoder|base))\b[\w.]*",
    ),
    Family(
        reason="a token added to a vocabulary: a text with flags",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        module=r"tokenizers",
        name=r"AddedToken",
        check=Check.PLAIN,
    ),
    Family(
        reason="a tokenizer, restored from JSON that it parses itself",
        uses={Use.REFERENCE, Use.NEW},
        module=r"tokenizers(\.\w+)?",
    ),
    # --- training frameworks ---
    Family(
        reason="attribute dictionaries, callbacks and arguments of Lightning",
        uses={Use.REFERENCE, Use.NEW, Use.MEMBER},
        module=r"(lightning|pytorch_lightning|lightning_fabric)\.([\w.]+\.)?(utilities|callbacks|core)\b[\w.]*",
        name=r"_?[A-Z]\w*(?<!Unpickler)",
    ),
    Family(
        reason="configuration trees of OmegaConf: resolved only when read",
        uses={Use.REFERENCE, Use.NEW},
        module=r"omegaconf(\.\w+)?",
        name=r"_?[A-Z]\w*",
    ),
    Family(
        reason="settings of Hydra and fairseq: attributes only",
        uses={Use.REFERENCE, Use.NEW, Use.MEMBER},
        module=r"(fairseq|fairseq2)\.(dataclass|data\.dictionary|meters|logging)\b[\w.]*",
    ),
    Family(
        reason="metrics of torchmetrics: torch.nn modules",
        uses={Use.REFERENCE, Use.NEW},
        module=r"torchmetrics\b[\w.]*",
        name=r"_?[A-Z]\w*|dim_zero_\w+|jit_distributed_available",
    ),
    Family(
        reason="layers and optimizers of fastai: torch.nn modules",
        uses={Use.REFERENCE, Use.NEW},
        module=r"fastai\.(layers|callback|metrics|losses|optimizer|vision\.(models|learner))\b[\w.]*",
    ),
    Family(
        reason="metadata of distributed checkpoints: attributes only",
        uses={Use.REFERENCE, Use.NEW, Use.MEMBER},
        module=r"torch\.distributed\.checkpoint\.(metadata|filesystem|planner|api|_extension)",
        name=r"_?[A-Z]\w*(?<!Reader)(?<!Writer)(?<!Buffer)",
    ),
    Family(
        reason="graphs of PyTorch Geometric: tensors in __dict__",
        uses={Use.REFERENCE, Use.NEW, Use.MEMBER},
        module=r"torch_geometric\.data\.(data|storage|batch|temporal|hetero_data)",
    ),
    Family(
        reason="dictionaries with attributes",
        uses={Use.REFERENCE, Use.NEW},
        kind=Kind.DICT,
        module=r"yacs\.config|easydict(\.\w+)?|addict(\.\w+)?|munch(\.\w+)?|mmengine\.config\.config|mmcv\.utils\.config|attrdict(\.\w+)?",
        name=r"CfgNode|EasyDict|Dict|Munch|DefaultMunch|ConfigDict|AttrDict",
    ),
    Family(
        reason="numbers of a training run",
        uses={Use.REFERENCE, Use.NEW, Use.MEMBER},
        module=r"mmengine\.logging\.history_buffer",
        name="HistoryBuffer",
    ),
    # --- images and shapes ---
    Family(
        reason="images: pixels and information",
        uses={Use.REFERENCE, Use.NEW},
        module=r"PIL\.(Image|\w+ImagePlugin)",
        name=r"Image|\w+ImageFile",
    ),
    Family(
        reason="arrays read from images, named as the type to make",
        uses={Use.REFERENCE},
        module=r"imageio\.core(\.\w+)?",
        name="Array|Image",
    ),
    Family(
        reason="geometry from well-known binary, parsed by GEOS",
        uses={Use.REFERENCE, Use.CALL},
        module=r"shapely(\.(io|wkb|lib))?",
        name="from_wkb|loads",
        check=Check.PLAIN,
    ),
    # --- gradient boosting ---
    Family(
        reason="boosters: their own native readers restore them; a handle is never taken from the file",
        uses={Use.REFERENCE, Use.NEW},
        module=r"xgboost\.core|lightgbm\.basic",
        name="Booster",
    ),
    Family(
        reason="estimators around boosters: attributes only",
        uses={Use.REFERENCE, Use.NEW, Use.MEMBER},
        module=r"xgboost\.(sklearn|callback)|lightgbm\.(sklearn|callback)|ngboost(\.\w+)*",
    ),
    Family(
        reason="boosters: their own native readers restore them",
        uses={Use.REFERENCE, Use.NEW},
        module=r"catboost\.core",
        name=r"CatBoost(Classifier|Regressor|Ranker)?",
    ),
    # --- topic models, search over parameters, statistics, others ---
    Family(
        reason="models of gensim: arrays and dictionaries in __dict__",
        uses={Use.REFERENCE, Use.NEW},
        module=r"gensim\.(models(?!\.wrappers(?!\.fasttext))|corpora|matutils|interfaces)\b[\w.]*",
        name=r"_?[A-Z]\w*|sslm|df2idf|smartirs_\w+|original_scorer|npmi_scorer",
    ),
    _kept(
        "functions of gensim",
        module=r"gensim\.utils",
        name="identity|call_on_class_only|any2utf8|any2unicode|to_unicode",
    ),
    Family(
        reason="studies and trials of Optuna in memory: attributes only",
        uses={Use.REFERENCE, Use.NEW, Use.MEMBER},
        module=r"optuna\.(distributions|pruners|samplers|study|trial|storages\._in_memory|search_space)\b[\w.]*",
        name=r"_?[A-Z]\w*|default_gamma|default_weights|hyperopt_default_gamma",
    ),
    Family(
        reason="results of statsmodels: arrays in __dict__; formulas are checked",
        uses={Use.REFERENCE, Use.NEW},
        module=r"statsmodels\.(base|tools|tsa|regression|genmod|discrete)\b[\w.]*",
        check=Check.FORMULA,
    ),
    Family(
        reason="links and variance functions of statsmodels: numbers in __dict__",
        uses={Use.REFERENCE, Use.NEW},
        module=r"statsmodels\.genmod\.families\.(links|varfuncs)",
        name=r"[A-Za-z]\w*",
    ),
    Family(
        reason="Cython state spaces of statsmodels, made from numbers and arrays",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        module=r"statsmodels\.tsa\.(statespace|regime_switching|innovations|exponential_smoothing|holtwinters)\._\w+",
        name=r"[sdcz][A-Z]\w*|_*[A-Z]\w*",
        check=Check.PLAIN,
    ),
    Family(
        reason="estimators that follow scikit-learn: attributes only",
        uses={Use.REFERENCE, Use.NEW},
        module=r"(imblearn|category_encoders|surprise|hmmlearn|mlxtend|feature_engine|sklvq|kmodes|sklearn_pandas|dragnet|pyod)\b[\w.]*",
    ),
    Family(
        reason="networks of madmom: arrays in __dict__",
        uses={Use.REFERENCE, Use.NEW},
        module=r"madmom\.(ml|processors|features|audio)\b[\w.]*",
        name=r"_?[A-Z]\w*|elu|linear|relu|sigmoid|softmax|tanh",
    ),
    Family(
        reason="networks of chemprop: torch.nn modules",
        uses={Use.REFERENCE, Use.NEW},
        module=r"chemprop\.(nn|models|data|featurizers)\b[\w.]*",
    ),
    Family(
        reason="spaces and noise of reinforcement learning: arrays in __dict__",
        uses={Use.REFERENCE, Use.NEW, Use.MEMBER},
        module=r"(gym|gymnasium)\.(spaces)\b[\w.]*|stable_baselines3?\.(common\.(noise|running_mean_std|policies|distributions|buffers|schedules|type_aliases|torch_layers|preprocessing)|(her|sac|td3|ppo|a2c|dqn|ddpg|deepq|ppo2|trpo_mpi)\b[\w.]*)",
    ),
    Family(
        reason="tables of Polars: their own reader restores them from Arrow bytes",
        uses={Use.REFERENCE, Use.NEW},
        module=r"polars\.(dataframe|series|datatypes)\b[\w.]*",  # never lazyframe or expr: their plans nest pickled functions
    ),
    Family(
        reason="arrays of Arrow, rebuilt from buffers; whether these are long enough is checked",
        uses={Use.REFERENCE, Use.CALL},
        module=r"pyarrow\.lib",
        name="_restore_array",
        check=Check.ARROW,
    ),
    Family(
        reason="arrays of Arrow, rebuilt from buffers",
        uses={Use.REFERENCE, Use.CALL},
        module=r"pyarrow\.lib",
        name=r"py_buffer|type_for_alias|_restore_table|_reconstruct_\w+|schema|field|list_|struct|dictionary|timestamp|chunked_array",
        check=Check.PLAIN,
    ),
    Family(
        reason="time zones of pytz and dateutil, read from their own data",
        uses={Use.REFERENCE, Use.NEW, Use.CALL},
        module=r"pytz(\.\w+)?|dateutil\.(tz(\.\w+)?|relativedelta)",
        name=r"_p|_UTC|_FixedOffset|FixedOffset|tzutc|tzlocal|tzoffset|UTC|relativedelta|weekday",
        check=Check.PLAIN,
    ),
    Family(
        reason="a time zone whose transitions are in the pickle; a file is opened only when one is handed over",
        uses={Use.REFERENCE, Use.CALL},
        module=r"dateutil\.(tz(\.tz|\._tzfile)?|zoneinfo)",
        name="tzfile",
        check=Check.TZFILE,
    ),
    Family(
        reason="a time zone from the transitions that are in the pickle; its file name is only kept",
        uses={Use.REFERENCE, Use.CALL},
        module=r"dateutil\.tz\._tzfile",
        name="_unpickle",
        check=Check.PLAIN,
    ),
    Family(
        reason="time zones of dateutil: offsets and names",
        uses={Use.REFERENCE, Use.NEW},
        module=r"dateutil\.(tz(\.\w+)?|relativedelta|_common)",
        name=r"tz(utc|local|offset|range|str)|relativedelta|weekday|_ttinfo",
    ),
    Family(
        reason="states of Optax's optimizers: named tuples of arrays",
        uses={Use.REFERENCE, Use.NEW},
        module=r"optax\._src\.\w+",
        name=r"_?[A-Z]\w*State",
    ),
    Family(
        reason="estimators whose classes only store what they are given: attributes only",
        uses={Use.REFERENCE, Use.NEW},
        module=r"(mapie|sksurv|skopt\.(space|learning|optimizer|sampler|acquisition)|interpret\.(glassbox|utils|api)"
        r"|implicit\.(cpu\.(als|bpr|lmf|matrix_factorization_base)|nearest_neighbours|recommender_base)"
        r"|tslearn\.(bases|clustering|neighbors|svm|preprocessing|piecewise)|hdbscan\.(hdbscan_|prediction))\b[\w.]*",
    ),
    Family(
        reason="fitters of lifelines: attributes only",
        uses={Use.REFERENCE, Use.NEW, Use.MEMBER},
        module=r"lifelines\.(fitters|utils|calibration|statistics)\b[\w.]*",
    ),
    Family(
        reason="tokenizers, stemmers, taggers and trees of NLTK: attributes, texts and counts",
        uses={Use.REFERENCE, Use.NEW},
        module=r"nltk\.(probability|tree(\.\w+)?|stem\.\w+|tokenize\.(punkt|regexp|treebank|toktok|casual|mwe|simple|api|destructive)"
        r"|tag\.(sequential|perceptron|tnt|brill|brill_trainer|api)|tbl\.\w+|lm\.\w+|collocations"
        r"|classify\.(naivebayes|maxent|decisiontree|positivenaivebayes|api)|chunk\.(named_entity|api))",
    ),
    Family(
        reason="labelled arrays of xarray; arrays over files are other classes",
        uses={Use.REFERENCE, Use.NEW},
        module=r"xarray\.core\.(variable|dataset|dataarray|indexes|indexing)",
        name=r"Variable|IndexVariable|Dataset|DataArray|Pandas(Multi)?Index(ingAdapter)?",
    ),
    Family(
        reason="graphs of networkx: dictionaries",
        uses={Use.REFERENCE, Use.NEW},
        module=r"networkx\.classes\.(graph|digraph|multigraph|multidigraph|coreviews|reportviews)",
    ),
)
