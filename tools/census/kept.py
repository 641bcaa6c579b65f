"""Functions that models keep for later use: which names of a library the census lists.

Only what computes is here. The same namespaces hold readers and writers of files, functions that call what they are
handed, and methods by their name: a function that an object keeps is called when the model is used, and some objects
call what they hold when they are shown, walked or compared. Patterns are for the census alone: the product knows the
exact names that they find in the libraries that were read.
"""

# ruff: noqa: ISC004 - one pattern, in several lines

from __future__ import annotations

import re

_KEPT: tuple[tuple[str, str], ...] = (
    (
        r"sklearn\.(cluster|covariance|decomposition|ensemble|feature_extraction|feature_selection|gaussian_process|impute"
        r"|kernel_approximation|linear_model|manifold|metrics|model_selection|neighbors|neural_network|preprocessing|svm|tree|_loss"
        r"|utils\.(extmath|validation|fixes|sparsefuncs))\b[\w.]*",
        r"f_classif|f_regression|f_oneway|chi2|r_regression|mutual_info_\w+|normalize|binarize|label_binarize"
        r"|(minmax_|maxabs_|robust_)?scale|add_dummy_feature|quantile_transform|power_transform|_identity|strip_accents_\w+"
        r"|strip_tags|_kmeans_single_\w+|_labels_inertia\w*|_logcosh|_exp|_cube|safe_sparse_dot|softmax|log_logistic|density"
        r"|row_norms|squared_norm|fast_logdet|weighted_mode|stable_cumsum|inplace_(identity|logistic|tanh|relu|softmax)\w*"
        r"|empirical_covariance|ledoit_wolf|oas|shrunk_covariance|kneighbors_graph|radius_neighbors_graph",
    ),
    (
        r"sklearn\.metrics\b[\w.]*",
        r"(?!plot_)\w+_(score|loss|error|deviance|distances|kernel|similarity|curve|matrix|report|index|samples)|auc|hinge_loss"
        r"|matthews_corrcoef|precision_recall_fscore_support|homogeneity_completeness_v_measure|class_likelihood_ratios"
        r"|positive_likelihood_ratio|negative_likelihood_ratio|paired_distances|pairwise_distances_argmin(_min)?|_passthrough_scorer",
    ),
    (
        r"torch\.nn\.init",
        r"(uniform|normal|trunc_normal|constant|ones|zeros|eye|dirac|xavier_\w+|kaiming_\w+|orthogonal|sparse|calculate_gain)_?",
    ),
    (
        r"torch",
        r"tanh|sigmoid|relu|softmax|exp|log|abs|sin|cos|sqrt|mean|sum|cat|stack|zeros|ones|matmul|add|mul|tensor|clamp|erf|square"
        r"|sign|flatten",
    ),
    (r"torch\.utils\.data\.(dataloader|_utils\.collate)", r"default_collate|default_convert"),
    (r"torch\.(amp|cuda\.amp)\.grad_scaler", r"_refresh_per_optimizer_state"),
    (r"transformers\.activations", r"\w*gelu\w*|swish|silu|mish|linear_act|relu\w*|sigmoid|tanh|leaky_relu"),
    (r"torchmetrics\b[\w.]*", r"dim_zero_\w+|jit_distributed_available"),
    (
        r"gensim\.(models(?!\.wrappers(?!\.fasttext))|corpora|matutils|interfaces)\b[\w.]*",
        r"sslm|df2idf|smartirs_\w+|original_scorer|npmi_scorer",
    ),
    (r"gensim\.utils", r"identity|call_on_class_only|any2utf8|any2unicode|to_unicode"),
    (
        r"optuna\.(distributions|pruners|samplers|study|trial|storages\._in_memory|search_space)\b[\w.]*",
        r"default_gamma|default_weights|hyperopt_default_gamma",
    ),
    (
        r"torchvision\.ops(\.\w+)?",
        r"(?!_)\w*(box|boxes|nms|iou|loss|roi_align|roi_pool|masks_to_boxes|drop_block\w*|stochastic_depth)",
    ),
    (r"transformers\.optimization", r"_get_\w+_lambda"),
    (r"transformers\.data\.data_collator", r"(torch_|numpy_)?default_data_collator"),
    (r"timm\.(layers|models\.layers)(\.\w+)?", r"\w*(swish|mish|sigmoid|tanh|gelu|relu)|drop_path|drop_block\w*"),
    (r"networkx\.classes\.filters", r"no_filter|(hide|show)_\w+"),
    (r"networkx\.classes\.function", r"frozen"),
    (r"matplotlib\.cbook", r"_exception_printer"),
    (r"matplotlib\.backend_bases", r"_key_handler|_mouse_handler"),
    (r"nltk\.tokenize(\.\w+)?", r"(word|sent|wordpunct|casual|blankline|regexp|line)_tokenize"),
    (
        r"scipy\.spatial\.distance",
        r"braycurtis|canberra|chebyshev|cityblock|correlation|cosine|dice|euclidean|hamming|jaccard|jensenshannon|kulsinski|kulczynski1"
        r"|mahalanobis|matching|minkowski|rogerstanimoto|russellrao|seuclidean|sokalmichener|sokalsneath|sqeuclidean|wminkowski|yule",
    ),
    (
        r"numpy\.linalg(\.\w+)?",
        r"norm|inv|pinv|det|slogdet|svd|eig|eigh|eigvals|eigvalsh|solve|lstsq|qr|cholesky|matrix_rank",
    ),
    (
        r"pandas\.core\.(tools\.(numeric|datetimes|timedeltas)|dtypes\.missing)",
        r"to_numeric|to_datetime|to_timedelta|isna|notna",
    ),
    (r"deap\.tools(\.\w+)?", r"(cx|mut|sel|init)[A-Z]\w+"),
    (r"deap\.gp", r"(cx|mut|gen)[A-Z]\w+|staticLimit"),
    (r"skorch(\.\w+)*", r"train_loss_score|valid_loss_score|noop|to_tensor|to_numpy|unpack_data|get_len|loss_scoring"),
    (r"madmom\.(ml|processors|features|audio)\b[\w.]*", r"elu|linear|relu|sigmoid|softmax|tanh"),
)
"""Modules and names, as patterns that match the whole of each."""
_COMPILED = [(re.compile(rf"(?:{module})\Z"), re.compile(rf"(?:{name})\Z")) for module, name in _KEPT]


def keeps(module: str, name: str) -> bool:
    """Return True if models keep *name* of *module*."""
    return any(modules.match(module) and names.match(name) for modules, names in _COMPILED)
