"""A result appears at once and whole, or not at all, whatever happens meanwhile.

What a reader finds in the folder of a result:

    design.nc -> .published/design.nc                     each file is a link
    figures/roofline.png -> ../.published/figures/roofline.png
    manifest.json -> .published/manifest.json             names them, with checksums
    .published -> .version-1f0c2a9e                       the one link that moves
    .version-1f0c2a9e/                                    the files

A new version is filled and forced to the disk beside the old one; then one rename of
`.published` shows all of it.  Whoever writes holds the lock of the folder, and of his
own version from the first moment on: a version that is neither locked nor published was
left by a process that was killed, and goes.  Other files in the folder are not touched.
"""

import contextlib
import errno
import os
import secrets
import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from supernode_opt.results import locking, manifest

_CURRENT, _VERSION, _LINK = ".published", ".version-", ".link"
# How long an ending process waits for what it is publishing just now [s].
_PATIENCE = 5.0
_LEFT = f"*/{_VERSION}*"
# What a result from before manifests consists of.
_BEFORE = ("design.nc", "study.yaml", "report.txt")
# Versions that this process fills, with folders made for them, and what it published.
_open: dict[Path, list[Path]] = {}
_published: list[Path] = []
_turn = threading.Lock()


@contextlib.contextmanager
def publication(target: Path, amend: bool = False) -> Iterator[Path]:
    """Give a folder to fill, whose files are those of the result `target` afterwards.

    Args:
      target: folder of the result; what is not of a result in it stays.
      amend: keep those files of the result that are not written anew.

    Raises:
      OSError: the machine refuses to write there; its text says so.
    """
    shown, target = target, target.absolute()
    with _complaining(shown):
        version, handle = _begin(target)
    try:
        with _complaining(shown):
            yield version
            with _turn:
                _publish(target, version, amend)
                del _open[version]
                _published.append(shown)
    finally:
        os.close(handle)
        _drop(version)


def abandon() -> Path | None:
    """Drop what this process has begun to write, for good; it must end now.

    Returns:
      The result that it has published last, if there is one.
    """
    # Never given back, so that nothing is published any more.
    if _turn.acquire(timeout=_PATIENCE):
        for version in list(_open):
            _drop(version)
    return _published[-1] if _published else None


def tidy(folder: Path) -> None:
    """Remove what killed processes left in `folder`, as far as that is allowed."""
    with contextlib.suppress(OSError), locking.locked(folder, patience=0.0):
        if _sweep(folder):
            folder.rmdir()


def state(target: Path) -> Path:
    """Return the folder, beside `target`, for what a stopped command goes on from."""
    place = target.absolute()
    return target.parent / f".{place.name}.resume"


def _drop(version: Path) -> None:
    missing = _open.pop(version, None)
    if missing is not None and version.name != _now(version.parent):
        shutil.rmtree(version, ignore_errors=True)
        # What was made on the way goes again, unless something else is in it.
        with contextlib.suppress(OSError):
            for folder in missing:
                folder.rmdir()


@contextlib.contextmanager
def _complaining(target: Path) -> Iterator[None]:
    """Turn what the system says into words that name the folder."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        words = error.strerror or str(error)
        if target.exists() and not target.is_dir():
            words = "must be a folder to write to, but is a file"
        elif isinstance(error, FileExistsError | IsADirectoryError):
            words = (
                f"cannot be written: {error.filename2 or error.filename} is in the way"
            )
        else:
            words = f"cannot be written: {words}"
        raise OSError(error.errno or errno.EIO, words, str(target)) from None


def _begin(target: Path) -> tuple[Path, int]:
    """Make a version that is locked from its first moment on; sweep all around."""
    version = _version(target)
    missing = [folder for folder in (target, *target.parents) if not folder.exists()]
    _open[version] = missing
    try:
        for folder in {left.parent for left in target.parent.glob(_LEFT)} - {target}:
            tidy(folder)
        while True:
            target.mkdir(parents=True, exist_ok=True)
            with locking.locked(target) as handle:
                # Another process may just have removed it, as empty.
                if not _is(target, handle):
                    continue
                _sweep(target)
                version.mkdir()
                own = os.open(version, os.O_RDONLY)
                locking.lock(own)
                return version, own
    except BaseException:
        _drop(version)
        raise


def _is(target: Path, handle: int) -> bool:
    return target.exists() and os.path.samestat(os.fstat(handle), target.stat())


def _version(target: Path) -> Path:
    return target / f"{_VERSION}{secrets.token_hex(4)}"


def _sweep(target: Path) -> bool:
    """Remove versions that nobody reads or fills; say whether there were any."""
    published, dead = _now(target), []
    for version in target.glob(f"{_VERSION}*"):
        handle = os.open(version, os.O_RDONLY)
        try:
            if version.name != published and locking.lock(handle, without=False):
                dead.append(version)
        finally:
            os.close(handle)
    for version in dead:
        _unlink(target, version)
        shutil.rmtree(version, ignore_errors=True)
    return bool(dead)


def _now(target: Path) -> str:
    """Return the name of the version that is published in `target`, "" without one."""
    current = target / _CURRENT
    return os.readlink(current) if current.is_symlink() else ""


def _unlink(target: Path, version: Path) -> None:
    """Remove links to files of `version` that what is published does not have."""
    for name in (*manifest.files_of(version), manifest.NAME):
        leaf = target / name
        if leaf.is_symlink() and not leaf.exists():
            leaf.unlink()
            with contextlib.suppress(OSError):
                leaf.parent.rmdir()


def _publish(target: Path, version: Path, amend: bool) -> None:
    with locking.locked(target):
        try:
            manifest.write(version, _keep(target, version) if amend else {})
            names = (*manifest.files_of(version), manifest.NAME)
            _sync(version)
            plain = {n for n in names if _plain(target / n)} | _copied(target)
            if plain:
                _swap(target, _seen(target, names))
            # A plain manifest tells which plain files are of a result: it goes last.
            for name in sorted({*names, *plain}, key=lambda n: n == manifest.NAME):
                _link(target, name, version)
            _swap(target, version)
        except BaseException:
            _unlink(target, version)
            with contextlib.suppress(OSError):
                _sweep(target)
            raise
        # It is published; what cannot be removed now goes another time.
        with contextlib.suppress(OSError):
            _sweep(target)


def _copied(target: Path) -> set[str]:
    """Return which files are of a result that a tool has copied following links."""
    known: Mapping[str, Any] = {}
    if _plain(target / manifest.NAME):
        with contextlib.suppress(manifest.Damaged):
            known = manifest.read(target) or {}
    return {n for n in known if _plain(p := target / n) and manifest.same(p, known[n])}


def _plain(leaf: Path) -> bool:
    return leaf.exists() and not leaf.is_symlink()


def _keep(target: Path, version: Path) -> dict[str, Any]:
    """Take over what is not written anew; return what is known of it."""
    files: Mapping[str, Any] | None
    files = manifest.read((target / manifest.NAME).resolve().parent)
    if files is None:
        figures = (f"figures/{path.name}" for path in target.glob("figures/*.png"))
        files = dict.fromkeys((*_BEFORE, *figures))
    return {n: known for n, known in files.items() if _copy(target, version, n)}


def _seen(target: Path, names: Iterable[str]) -> Path:
    """Make a version of what a reader finds now, for files that are no links yet."""
    version = _version(target)
    version.mkdir()
    current = target / _CURRENT
    older = manifest.files_of(current.resolve()) if current.is_dir() else []
    for name in {*names, *older, *_copied(target)}:
        _copy(target, version, name)
    _sync(version)
    return version


def _copy(target: Path, version: Path, name: str) -> bool:
    """Put a file of the result into `version` as well, unless one is there already."""
    source, place = (target / name).resolve(), version / name
    if place.exists() or not source.is_file():
        return False
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, place)
    except OSError:
        shutil.copyfile(source, place)
    return True


def _link(target: Path, name: str, version: Path) -> None:
    """Make the file `name` of the result a link into what is published."""
    leaf, above = target / name, [".."] * name.count("/")
    wanted = os.path.join(*above, _CURRENT, name)
    if leaf.is_symlink() and os.readlink(leaf) == wanted:
        return
    leaf.parent.mkdir(parents=True, exist_ok=True)
    if leaf.parent.is_symlink() and above:
        raise FileExistsError(errno.EEXIST, "is a link", str(leaf.parent))
    os.symlink(wanted, version / _LINK)
    os.replace(version / _LINK, leaf)


def _swap(target: Path, version: Path) -> None:
    """Publish `version`."""
    current = target / _CURRENT
    if current.is_dir() and not current.is_symlink():
        # A copy made by a tool that follows links.
        current.rename(_version(target))
    _force(target)
    os.symlink(version.name, version / _LINK)
    os.replace(version / _LINK, current)
    _force(target)


def _sync(version: Path) -> None:
    """Force everything below `version` to the disk."""
    for path in (*version.rglob("*"), version):
        _force(path)


def _force(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
