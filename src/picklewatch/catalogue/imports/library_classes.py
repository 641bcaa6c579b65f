"""Classes of libraries by exact name that the census alone does not vouch for, each group with its reason.

Compiled hooks, which can't be read; old names of libraries that were not read; and classes that are filled like a
dictionary, or whose state is checked.
"""

from __future__ import annotations

from picklewatch.catalogue.imports.entries import Check, Group, Kind, Use

LIBRARY_CLASSES: tuple[Group, ...] = (
    Group(
        reason="a compiled class that a pickler restores from numbers, arrays and classes of its own module; sizes are checked where they matter",
        uses={Use.REFERENCE, Use.NEW},
        names={
            "scipy.spatial": "ConvexHull Delaunay KDTree Voronoi cKDTree",
            "scipy.spatial._ckdtree": "cKDTree",
            "scipy.spatial._kdtree": "KDTree",
            "scipy.spatial._qhull": "ConvexHull Delaunay Voronoi",
            "scipy.spatial.ckdtree": "cKDTree",
            "scipy.spatial.kdtree": "KDTree",
            "scipy.spatial.qhull": "ConvexHull Delaunay Voronoi",
            "sklearn.metrics._dist_metrics": "BrayCurtisDistance BrayCurtisDistance32 BrayCurtisDistance64 CanberraDistance "
            "CanberraDistance32 CanberraDistance64 ChebyshevDistance ChebyshevDistance32 "
            "ChebyshevDistance64 DiceDistance DiceDistance32 DiceDistance64 DistanceMetric "
            "DistanceMetric32 DistanceMetric64 EuclideanDistance EuclideanDistance32 EuclideanDistance64 "
            "HammingDistance HammingDistance32 HammingDistance64 HaversineDistance HaversineDistance32 "
            "HaversineDistance64 JaccardDistance JaccardDistance32 JaccardDistance64 KulsinskiDistance "
            "KulsinskiDistance32 KulsinskiDistance64 MahalanobisDistance MahalanobisDistance32 "
            "MahalanobisDistance64 ManhattanDistance ManhattanDistance32 ManhattanDistance64 "
            "MatchingDistance MatchingDistance32 MatchingDistance64 MinkowskiDistance "
            "MinkowskiDistance32 MinkowskiDistance64 RogersTanimotoDistance RogersTanimotoDistance32 "
            "RogersTanimotoDistance64 RussellRaoDistance RussellRaoDistance32 RussellRaoDistance64 "
            "SEuclideanDistance SEuclideanDistance32 SEuclideanDistance64 SokalMichenerDistance "
            "SokalMichenerDistance32 SokalMichenerDistance64 SokalSneathDistance SokalSneathDistance32 "
            "SokalSneathDistance64 WMinkowskiDistance",
            "sklearn.neighbors._ball_tree": "BallTree BallTree32 BallTree64 BinaryTree32 BinaryTree64",
            "sklearn.neighbors._dist_metrics": "BrayCurtisDistance CanberraDistance ChebyshevDistance DiceDistance DistanceMetric "
            "EuclideanDistance HammingDistance HaversineDistance JaccardDistance KulsinskiDistance "
            "MahalanobisDistance ManhattanDistance MatchingDistance MinkowskiDistance "
            "RogersTanimotoDistance RussellRaoDistance SEuclideanDistance SokalMichenerDistance "
            "SokalSneathDistance WMinkowskiDistance",
            "sklearn.neighbors._kd_tree": "BinaryTree32 BinaryTree64 KDTree KDTree32 KDTree64",
            "sklearn.neighbors.ball_tree": "BallTree BinaryTree",
            "sklearn.neighbors.dist_metrics": "BrayCurtisDistance CanberraDistance ChebyshevDistance DiceDistance DistanceMetric "
            "EuclideanDistance HammingDistance HaversineDistance JaccardDistance KulsinskiDistance "
            "MahalanobisDistance ManhattanDistance MatchingDistance MinkowskiDistance "
            "RogersTanimotoDistance RussellRaoDistance SEuclideanDistance SokalMichenerDistance "
            "SokalSneathDistance WMinkowskiDistance",
            "sklearn.neighbors.kd_tree": "BinaryTree KDTree",
        },
    ),
    Group(
        reason="an array or index of pandas, restored from arrays",
        uses={Use.REFERENCE, Use.NEW},
        names={
            "pandas": "Categorical RangeIndex",
            "pandas.arrays": "DatetimeArray IntervalArray PeriodArray StringArray TimedeltaArray",
            "pandas.core.arrays.categorical": "Categorical",
            "pandas.core.arrays.datetimes": "DatetimeArray",
            "pandas.core.arrays.interval": "IntervalArray",
            "pandas.core.arrays.numpy_": "NumpyExtensionArray PandasArray",
            "pandas.core.arrays.period": "PeriodArray",
            "pandas.core.arrays.string_": "StringArray",
            "pandas.core.arrays.timedeltas": "TimedeltaArray",
            "pandas.core.indexes.datetimes": "DatetimeIndex",
            "pandas.core.indexes.period": "PeriodIndex",
            "pandas.core.indexes.range": "RangeIndex",
            "pandas.sparse.array": "SparseArray",
        },
    ),
    Group(
        reason="a model or a table that its own compiled reader restores",
        uses={Use.REFERENCE, Use.NEW},
        names={
            "PIL.Image": "Image",
            "catboost.core": "CatBoost CatBoostClassifier CatBoostRanker CatBoostRegressor",
            "polars.dataframe.frame": "DataFrame",
            "polars.series.series": "Series",
        },
    ),
    Group(
        reason="a view of a graph's edges",
        uses={Use.REFERENCE, Use.NEW},
        names={
            "networkx.classes.reportviews": "EdgeView InEdgeView InMultiEdgeView MultiEdgeView OutEdgeView OutMultiEdgeView",
        },
    ),
    Group(
        reason="a sparse matrix under an older module: arrays in __dict__",
        uses={Use.REFERENCE, Use.NEW},
        names={
            "scipy.sparse.base": "spmatrix",
            "scipy.sparse.bsr": "bsr_matrix",
            "scipy.sparse.coo": "coo_matrix",
            "scipy.sparse.csc": "csc_matrix",
            "scipy.sparse.csr": "csr_matrix",
            "scipy.sparse.dia": "dia_matrix",
            "scipy.sparse.dok": "dok_matrix",
            "scipy.sparse.lil": "lil_matrix",
        },
    ),
    Group(
        reason="a class of a library that is not in the census, as its picklers name it: attributes only",
        uses={Use.REFERENCE, Use.NEW},
        names={
            "dragnet.features": "NormalizedFeature",
            "gym.spaces.box": "Box",
            "gym.spaces.dict": "Dict",
            "gym.spaces.discrete": "Discrete",
        },
    ),
    Group(
        reason="a dictionary with attributes",
        uses={Use.REFERENCE, Use.NEW},
        kind=Kind.DICT,
        names={
            "addict": "Dict",
            "addict.addict": "Dict",
            "attrdict": "AttrDict",
            "attrdict.dictionary": "AttrDict",
            "easydict": "EasyDict",
            "easydict.easydict": "EasyDict",
            "mmcv.utils.config": "ConfigDict",
            "mmengine.config.config": "ConfigDict",
            "munch": "DefaultMunch Munch",
            "yacs.config": "CfgNode",
        },
    ),
    Group(
        reason="data of a model of statsmodels; the formula in it is evaluated, and checked",
        uses={Use.REFERENCE, Use.NEW},
        check=Check.FORMULA,
        names={
            "statsmodels.base.data": "FormulaicData ModelData PandasData PatsyData",
            "statsmodels.tsa.ardl.model": "PandasData",
            "statsmodels.tsa.base.tsa_model": "PandasData",
            "statsmodels.tsa.exponential_smoothing.base": "PandasData",
            "statsmodels.tsa.forecasting.stl": "PandasData",
            "statsmodels.tsa.holtwinters.results": "PandasData",
            "statsmodels.tsa.regime_switching.markov_switching": "PandasData",
            "statsmodels.tsa.statespace.dynamic_factor_mq": "PandasData",
            "statsmodels.tsa.statespace.exponential_smoothing": "PandasData",
            "statsmodels.tsa.statespace.mlemodel": "PandasData",
        },
    ),
    Group(
        reason="a class of a library that reaches the network, made without a call: it keeps attributes, and asks nothing of anybody",
        uses={Use.NEW},
        names={
            "requests": "PreparedRequest Request Response Session",
            "requests.adapters": "HTTPAdapter",
            "requests.auth": "HTTPBasicAuth HTTPDigestAuth HTTPProxyAuth",
            "requests.cookies": "RequestsCookieJar",
            "requests.models": "PreparedRequest Request Response",
            "requests.sessions": "Session",
            "requests.structures": "CaseInsensitiveDict",
            "urllib3.util": "Retry Timeout",
            "urllib3.util.retry": "Retry",
            "urllib3.util.timeout": "Timeout",
        },
    ),
    Group(
        reason="a data set made without a call, which neither reads nor loads anything: attributes only",
        uses={Use.NEW},
        names={
            "torchvision.datasets": "CIFAR10 CIFAR100 CLEVRClassification CREStereo Caltech101 Caltech256 CarlaStereo CelebA Cityscapes CocoCaptions CocoDetection Country211 DTD DatasetFolder EMNIST ETH3DStereo EuroSAT FER2013 FGVCAircraft FakeData FallingThingsStereo FashionMNIST Flickr30k Flickr8k Flowers102 FlyingChairs FlyingThings3D Food101 GTSRB HD1K HMDB51 INaturalist ImageFolder ImageNet Imagenette InStereo2k KMNIST Kinetics Kitti Kitti2012Stereo Kitti2015Stereo KittiFlow LFWPairs LFWPeople LSUN LSUNClass MNIST Middlebury2014Stereo MovingMNIST Omniglot OxfordIIITPet PCAM PhotoTour Places365 QMNIST RenderedSST2 SBDataset SBU SEMEION STL10 SUN397 SVHN SceneFlowStereo Sintel SintelStereo StanfordCars UCF101 USPS VOCDetection VOCSegmentation VisionDataset WIDERFace",
            "torchvision.datasets._optical_flow": "FlowDataset FlyingChairs FlyingThings3D HD1K KittiFlow Sintel",
            "torchvision.datasets._stereo_matching": "CREStereo CarlaStereo ETH3DStereo FallingThingsStereo InStereo2k Kitti2012Stereo Kitti2015Stereo Middlebury2014Stereo SceneFlowStereo SintelStereo StereoMatchingDataset",
            "torchvision.datasets.caltech": "Caltech101 Caltech256",
            "torchvision.datasets.celeba": "CelebA",
            "torchvision.datasets.cifar": "CIFAR10 CIFAR100",
            "torchvision.datasets.cityscapes": "Cityscapes",
            "torchvision.datasets.clevr": "CLEVRClassification",
            "torchvision.datasets.coco": "CocoCaptions CocoDetection",
            "torchvision.datasets.country211": "Country211",
            "torchvision.datasets.dtd": "DTD",
            "torchvision.datasets.eurosat": "EuroSAT",
            "torchvision.datasets.fakedata": "FakeData",
            "torchvision.datasets.fer2013": "FER2013",
            "torchvision.datasets.fgvc_aircraft": "FGVCAircraft",
            "torchvision.datasets.flickr": "Flickr30k Flickr8k Flickr8kParser",
            "torchvision.datasets.flowers102": "Flowers102",
            "torchvision.datasets.folder": "DatasetFolder ImageFolder",
            "torchvision.datasets.food101": "Food101",
            "torchvision.datasets.gtsrb": "GTSRB",
            "torchvision.datasets.hmdb51": "HMDB51",
            "torchvision.datasets.imagenet": "ImageNet",
            "torchvision.datasets.imagenette": "Imagenette",
            "torchvision.datasets.inaturalist": "INaturalist",
            "torchvision.datasets.kinetics": "Kinetics",
            "torchvision.datasets.kitti": "Kitti",
            "torchvision.datasets.lfw": "LFWPairs LFWPeople _LFW",
            "torchvision.datasets.lsun": "LSUN LSUNClass",
            "torchvision.datasets.mnist": "EMNIST FashionMNIST KMNIST MNIST QMNIST",
            "torchvision.datasets.moving_mnist": "MovingMNIST",
            "torchvision.datasets.omniglot": "Omniglot",
            "torchvision.datasets.oxford_iiit_pet": "OxfordIIITPet",
            "torchvision.datasets.pcam": "PCAM",
            "torchvision.datasets.phototour": "PhotoTour",
            "torchvision.datasets.places365": "Places365",
            "torchvision.datasets.rendered_sst2": "RenderedSST2",
            "torchvision.datasets.samplers": "DistributedSampler RandomClipSampler UniformClipSampler",
            "torchvision.datasets.samplers.clip_sampler": "DistributedSampler RandomClipSampler UniformClipSampler",
            "torchvision.datasets.sbd": "SBDataset",
            "torchvision.datasets.sbu": "SBU",
            "torchvision.datasets.semeion": "SEMEION",
            "torchvision.datasets.stanford_cars": "StanfordCars",
            "torchvision.datasets.stl10": "STL10",
            "torchvision.datasets.sun397": "SUN397",
            "torchvision.datasets.svhn": "SVHN",
            "torchvision.datasets.ucf101": "UCF101",
            "torchvision.datasets.usps": "USPS",
            "torchvision.datasets.video_utils": "_VideoTimestampsDataset",
            "torchvision.datasets.vision": "StandardTransform VisionDataset",
            "torchvision.datasets.voc": "VOCDetection VOCSegmentation _VOCBase",
            "torchvision.datasets.widerface": "WIDERFace",
        },
    ),
)
