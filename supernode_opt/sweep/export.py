"""From the chunks of a sweep to one labelled dataset, on disk or in memory."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from supernode_opt.sweep.layout import Stored, coordinate, coordinate_values
from supernode_opt.sweep.points import Points
from supernode_opt.sweep.store import Folder, pieces

# Points that are copied at once.
_BLOCK = 1 << 20


def to_netcdf(
    path: Path,
    points: Points,
    variables: Sequence[Stored],
    folder: Folder,
    attributes: Mapping[str, Any],
) -> None:
    """Write a finished sweep as netCDF, some points at a time.

    Equal numbers make equal files, byte for byte.
    """
    import h5netcdf
    import h5py

    group = folder.opened("r")
    with h5netcdf.File(path, "w") as file:
        file.dimensions = dict(zip(points.dimensions, points.shape, strict=True))
        _write_coordinates(file, points)
        for stored in variables:
            kind = h5py.string_dtype() if stored.words else stored.kind
            made = file.create_variable(stored.name, points.dimensions, dtype=kind)
            made.attrs.update(stored.attributes)
            for start in range(0, points.count, _BLOCK):
                stop = min(start + _BLOCK, points.count)
                block = stored.shown(np.asarray(group[stored.name][start:stop]))
                for place, first, last in pieces(start, stop, points.shape):
                    box = [s.stop - s.start for s in place]
                    made[place] = block[first - start : last - start].reshape(box)
        file.attrs.update(attributes)


def in_memory(
    points: Points,
    variables: Sequence[Stored],
    found: Mapping[str, NDArray],
    attributes: Mapping[str, Any],
) -> xr.Dataset:
    """Return a sweep as a dataset; `found` has every variable [point]."""
    dataset = xr.Dataset(attrs=dict(attributes))
    for name, dimension, values, told in _coordinates(points):
        dataset = dataset.assign_coords({name: ((dimension,), values, told)})
    for stored in variables:
        told, values = dict(stored.attributes), stored.shown(found[stored.name])
        if told.pop("dtype", "") == "bool":
            values = values.astype(bool)
        shaped = values.reshape(points.shape)
        dataset[stored.name] = (points.dimensions, shaped, told)
    return dataset


def _coordinates(
    points: Points,
) -> Iterator[tuple[str, str, NDArray, dict[str, Any]]]:
    """Yield name, dimension, values and attributes of every coordinate."""
    drawn = None if points.grid else points.values(0, points.count)
    for place, axis in enumerate(points.axes):
        if drawn is None:
            every = np.arange(len(axis.values))
            values = np.asarray(axis.values, float) if axis.plain else every
        else:
            values = drawn[place]
        dimension = axis.name if points.grid else "point"
        yield axis.name, dimension, coordinate_values(axis, values), coordinate(axis)


def _write_coordinates(file: Any, points: Points) -> None:
    import h5py

    names = []
    for name, dimension, values, told in _coordinates(points):
        kind = h5py.string_dtype() if values.dtype == object else values.dtype
        made = file.create_variable(name, (dimension,), dtype=kind)
        made[...] = values
        made.attrs.update(told)
        names.append(name)
    if not points.grid:
        file.attrs["coordinates"] = " ".join(names)
