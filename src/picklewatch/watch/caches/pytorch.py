"""PyTorch: ``torch.hub`` downloads to ``<name>.<uuid>.partial`` and keeps its answers in ``trusted_list``."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CachePlace, CacheTool

TOOL = CacheTool(
    rank=50,
    places=(
        CachePlace(label="PyTorch", variables=("TORCH_HOME",), default="{cache}/torch"),
        CachePlace(label="PyTorch before 1.3, iopath, fvcore", variables=("FVCORE_CACHE",), default="{home}/.torch"),
    ),
    names_rank=10,
    names=(
        (r".*/hub/checkpoints/(?P<file>.+)", "torch.hub: {file}"),
        (r".*/torch/hub/(?P<repo>[^/]+)/(?P<file>.+)", "torch.hub {repo}: {file}"),
    ),
    temporary=(r".+\.partial",),
    bookkeeping=(r".*/trusted_list",),
)
