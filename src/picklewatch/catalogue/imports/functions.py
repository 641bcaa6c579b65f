"""Functions over arrays and tensors that models keep for later use, by name.

Some harmless objects call what they hold when they are shown, walked or compared, so a function that nobody objects to
must be harmless for any arguments. Only what computes is here. The same namespaces also hold modules, readers and writers of files,
and functions that call what they are handed (``numpy.fromfunction``), or a method by its name (scikit-learn's ``_cached_call``).
"""

from __future__ import annotations

from picklewatch.catalogue.imports.entries import Group, Use

_NUMPY = """
    abs absolute acos acosh add all allclose alltrue amax amin angle any append arange arccos arccosh arcsin
    arcsinh arctan arctan2 arctanh argmax argmin argpartition argsort argwhere around array array_equal
    array_equiv array_split asanyarray asarray asarray_chkfinite ascontiguousarray asfarray asfortranarray asin
    asinh astype atan atan2 atanh atleast_1d atleast_2d atleast_3d average bartlett bincount bitwise_and
    bitwise_count bitwise_invert bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor
    blackman block broadcast broadcast_arrays broadcast_to busdaycalendar cbrt ceil choose clip column_stack
    common_type complex compress concat concatenate conj conjugate convolve copy copysign corrcoef correlate cos
    cosh count_nonzero cov cross cumprod cumproduct cumsum cumulative_prod cumulative_sum deg2rad degrees delete
    diag diag_indices diag_indices_from diagflat diagonal diff digitize divide divmod dot dsplit dstack e
    ediff1d einsum empty empty_like equal euler_gamma exp exp2 expand_dims expm1 extract eye fabs finfo fix
    flatiter flatnonzero flip fliplr flipud float float_power floor floor_divide fmax fmin fmod frexp full
    full_like gcd geomspace gradient greater greater_equal hamming hanning heaviside histogram histogram2d
    histogram_bin_edges histogramdd hsplit hstack hypot i0 identity iinfo imag in1d indices inf inner insert int
    interp intersect1d invert isclose iscomplex iscomplexobj isdtype isfinite isin isinf isnan isnat isneginf
    isposinf isreal isrealobj isscalar issubdtype ix_ kaiser kron lcm ldexp left_shift less less_equal lexsort
    linspace log log10 log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or logical_xor logspace
    long matmul matrix_transpose matvec max maximum mean median meshgrid min minimum mod modf moveaxis msort
    multiply nan nan_to_num nanargmax nanargmin nancumprod nancumsum nanmax nanmean nanmedian nanmin
    nanpercentile nanprod nanquantile nanstd nansum nanvar ndim negative newaxis nextafter nonzero not_equal
    object ones ones_like outer packbits pad partition percentile permute_dims pi poly polyadd polyder polydiv
    polyfit polyint polymul polysub polyval positive pow power prod product promote_types ptp quantile rad2deg
    radians ravel ravel_multi_index real real_if_close reciprocal record remainder repeat reshape resize
    result_type right_shift rint roll rollaxis roots rot90 round round_ row_stack searchsorted select setdiff1d
    setxor1d shape sign signbit sin sinc sinh size sometrue sort sort_complex spacing split sqrt square squeeze
    stack std str subtract sum swapaxes take take_along_axis tan tanh tensordot tile trace transpose trapezoid
    trapz tri tril tril_indices tril_indices_from trim_zeros triu triu_indices triu_indices_from true_divide
    trunc ufunc unicode union1d unique unique_all unique_counts unique_inverse unique_values unpackbits
    unravel_index unstack unwrap vander var vdot vecdot vecmat vsplit vstack where zeros zeros_like
"""
"""numpy's, 1.16 to 2.4."""

_SCIPY_SPECIAL = """
    agm airy airye bdtr bdtrc bdtri bdtrik bdtrin bei beip ber berp besselpoly beta betainc betaincc betainccinv
    betaincinv betaln binom boxcox boxcox1p btdtr btdtri btdtria btdtrib cbrt chdtr chdtrc chdtri chdtriv chndtr
    chndtridf chndtrinc chndtrix comb cosdg cosm1 cotdg dawsn digamma ellipe ellipeinc ellipj ellipk ellipkinc
    ellipkm1 elliprc elliprd elliprf elliprg elliprj entr erf erfc erfcinv erfcx erfi erfinv eval_chebyc
    eval_chebys eval_chebyt eval_chebyu eval_gegenbauer eval_genlaguerre eval_hermite eval_hermitenorm
    eval_jacobi eval_laguerre eval_legendre eval_sh_chebyt eval_sh_chebyu eval_sh_jacobi eval_sh_legendre exp1
    exp10 exp2 expi expit expm1 expn exprel factorial factorial2 factorialk fdtr fdtrc fdtri fdtridfd fresnel
    gamma gammainc gammaincc gammainccinv gammaincinv gammaln gammasgn gdtr gdtrc gdtria gdtrib gdtrix hankel1
    hankel1e hankel2 hankel2e huber hyp0f1 hyp1f1 hyp1f2 hyp2f0 hyp2f1 hyp3f0 hyperu i0 i0e i1 i1e inv_boxcox
    inv_boxcox1p it2i0k0 it2j0y0 it2struve0 itairy iti0k0 itj0y0 itmodstruve0 itstruve0 iv ive j0 j1 jn jv jve
    k0 k0e k1 k1e kei keip kelvin ker kerp kl_div kn kolmogi kolmogorov kv kve lambertw log1p log_expit log_ndtr
    log_softmax log_wright_bessel loggamma logit logsumexp lpmv mathieu_a mathieu_b mathieu_cem mathieu_modcem1
    mathieu_modcem2 mathieu_modsem1 mathieu_modsem2 mathieu_sem modfresnelm modfresnelp modstruve multigammaln
    nbdtr nbdtrc nbdtri nbdtrik nbdtrin ncfdtr ncfdtri ncfdtridfd ncfdtridfn ncfdtrinc nctdtr nctdtridf
    nctdtrinc nctdtrit ndtr ndtri ndtri_exp nrdtrimn nrdtrisd obl_ang1 obl_ang1_cv obl_cv obl_rad1 obl_rad1_cv
    obl_rad2 obl_rad2_cv owens_t pbdv pbvv pbwa pdtr pdtrc pdtri pdtrik perm poch polygamma powm1 pro_ang1
    pro_ang1_cv pro_cv pro_rad1 pro_rad1_cv pro_rad2 pro_rad2_cv pseudo_huber psi radian rel_entr rgamma round
    shichi sici sindg smirnov smirnovi softmax softplus spence sph_harm stdtr stdtridf stdtrit struve tandg
    tklmbda voigt_profile wofz wright_bessel wrightomega xlog1py xlogy y0 y1 yn yv yve zeta zetac
"""
"""scipy.special's, 1.2 to 1.17."""

_TORCH_FUNCTIONAL = """
    adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d
    adaptive_max_pool1d_with_indices adaptive_max_pool2d adaptive_max_pool2d_with_indices adaptive_max_pool3d
    adaptive_max_pool3d_with_indices affine_grid alpha_dropout avg_pool1d avg_pool2d avg_pool3d batch_norm
    bilinear binary_cross_entropy binary_cross_entropy_with_logits celu celu_ channel_shuffle conv1d conv2d
    conv3d conv_tbc conv_transpose1d conv_transpose2d conv_transpose3d cosine_embedding_loss cosine_similarity
    cross_entropy ctc_loss dropout dropout1d dropout2d dropout3d elu elu_ embedding embedding_bag
    feature_alpha_dropout fold fractional_max_pool2d fractional_max_pool2d_with_indices fractional_max_pool3d
    fractional_max_pool3d_with_indices gaussian_nll_loss gelu glu grid_sample group_norm grouped_mm
    gumbel_softmax hardshrink hardsigmoid hardswish hardtanh hardtanh_ hinge_embedding_loss huber_loss
    instance_norm interpolate kl_div l1_loss layer_norm leaky_relu leaky_relu_ linear linear_cross_entropy
    local_response_norm log_sigmoid log_softmax logsigmoid lp_pool1d lp_pool2d lp_pool3d margin_ranking_loss
    max_pool1d max_pool1d_with_indices max_pool2d max_pool2d_with_indices max_pool3d max_pool3d_with_indices
    max_unpool1d max_unpool2d max_unpool3d mish mse_loss multi_head_attention_forward multi_margin_loss
    multilabel_margin_loss multilabel_soft_margin_loss native_channel_shuffle nll_loss nll_loss2d normalize
    one_hot pad pairwise_distance pdist pixel_shuffle pixel_unshuffle poisson_nll_loss prelu relu relu6 relu_
    rms_norm rrelu rrelu_ scaled_dot_product_attention scaled_grouped_mm scaled_mm selu selu_ sigmoid silu
    smooth_l1_loss soft_margin_loss softmax softmin softplus softshrink softsign tanh tanhshrink threshold
    threshold_ triplet_margin_loss triplet_margin_with_distance_loss unfold upsample upsample_bilinear
    upsample_nearest
"""
"""torch.nn.functional's, to 2.14."""

_ARRAYS = (
    "numpy",
    *(
        f"{core}.{part}"
        for core in ("numpy.core", "numpy._core")
        for part in ("_multiarray_umath", "umath", "fromnumeric", "numeric")
    ),
    *(f"scipy._lib.array_api_compat.{part}" for part in ("numpy", "numpy._aliases", "common", "common._aliases")),
)
"""Modules that give numpy's functions."""

KEPT: tuple[Group, ...] = (
    Group(
        reason="functions over arrays, stored for later use",
        uses={Use.REFERENCE},
        names={
            **dict.fromkeys(_ARRAYS, _NUMPY),
            **dict.fromkeys(("scipy.special", "scipy.special._ufuncs"), _SCIPY_SPECIAL),
        },
    ),
    Group(
        reason="functions over tensors, stored for later use",
        uses={Use.REFERENCE},
        names=dict.fromkeys(("torch.nn.functional", "torch._C._nn"), _TORCH_FUNCTIONAL),
    ),
    Group(
        reason="activation functions of older versions, stored for later use",
        uses={Use.REFERENCE},
        names={
            "transformers.activations": "_gelu_python gelu gelu_10 gelu_fast gelu_new gelu_python linear_act mish quick_gelu "
            "silu swish",
        },
    ),
)
"""Compiled functions have no source for the census to read, and their libraries list them under many modules."""
