"""Files in DVC's cache, under the names DVC gives them."""

import hashlib
import shutil
from pathlib import Path

from acnet.files import replacing
from acnet.track.git import Unavailable


class Cache:
    """The DVC cache of the project at `root`, in `top`; Unavailable if DVC or its folder .dvc is missing."""

    def __init__(self, root: Path):
        try:
            from dvc.config import Config, ConfigError
        except ImportError as error:
            raise Unavailable("DVC is not installed (pip install dvc)") from error
        folder = root.resolve() / ".dvc"
        if not (folder / "config").exists():
            raise Unavailable(f"{root} has no .dvc/config (git checkout -- .dvc brings it back)")
        try:
            settings = Config(str(folder))["cache"]
        except ConfigError as error:
            raise Unavailable(f"DVC does not start in {root}: {error}") from error
        self.top = (Path.cwd() / settings.get("dir", folder / "cache")).resolve()
        self.folder = self.top / "files" / "md5"

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.stat().st_size for file in self.top.rglob("*") if file.is_file())

    def path(self, md5: str) -> Path:
        """Where DVC keeps the file with this MD5."""
        return self.folder / md5[:2] / md5[2:]

    def add(self, file: Path, md5: str) -> None:
        """Put a copy of `file` into the cache, sharing its blocks where the file system can."""
        target = self.path(md5)
        if target.exists() and target.stat().st_size == file.stat().st_size:
            return
        with replacing(target) as temporary:
            clone(file, temporary)
            # DVC takes a read-only file in its cache for an intact one.
            temporary.chmod(0o444)


def clone(source: Path, target: Path) -> None:
    """Copy a file, sharing its blocks where the file system can; never a link, so that neither depends on the other."""
    from dvc_objects.fs.system import reflink

    try:
        reflink(str(source), str(target))
    except OSError:
        shutil.copyfile(source, target)


def hashes(file: Path) -> tuple[str, str]:
    """The MD5, DVC's name for a file, and the SHA-256, ours, in one reading."""
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with open(file, "rb") as handle:
        while block := handle.read(1 << 20):
            md5.update(block)
            sha256.update(block)
    return md5.hexdigest(), sha256.hexdigest()
