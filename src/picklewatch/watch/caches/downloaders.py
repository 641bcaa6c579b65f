"""Programs that keep no cache but put models into watched directories: browsers, aria2, rsync, ``tempfile``."""

from __future__ import annotations

from picklewatch.watch.cache_tool import CacheTool

TOOL = CacheTool(
    temporary=(
        r".+\.(part|tmp|temp|crdownload|download|aria2)",
        r".+\.(tmp|part|temp)[-._]?[0-9a-zA-Z-]+",
        r"\..+\.[A-Za-z0-9]{6}",
    ),
)
