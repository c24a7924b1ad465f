"""Writes HDF5 files in every layout that recordings use, and beside each what h5py itself reads from it.

Usage: hdf5_files.py FOLDER, or hdf5_files.py FILE to tell what h5py reads from a file.
"""

import json
import sys
from pathlib import Path

import h5py
import numpy as np


def plain(value):
    """A value as JSON: numbers, text, bytes as hex, lists."""
    if isinstance(value, h5py.Empty):
        return None
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.hex()
    if isinstance(value, str):
        return value
    if isinstance(value, np.void):
        return [plain(value[name]) for name in value.dtype.names] if value.dtype.names else value.tobytes().hex()
    if isinstance(value, np.ndarray) and value.dtype == np.uint8:
        return value.tobytes().hex()
    if isinstance(value, np.ndarray):
        return [plain(part) for part in value]
    if isinstance(value, (np.bool_, bool)):
        return bool(value)
    return float(value)


def fill(file, is_new):
    data = file.create_group("data")
    data.attrs["env_args"] = json.dumps({"env_name": "Lift", "env_kwargs": {"control_freq": 20}})
    data.attrs["total"] = 150
    data.attrs["row"] = np.arange(4.0)
    data.attrs["words"] = ["a", "bb"]
    for number in range(30):
        demo = data.create_group(f"demo_{number}")
        demo.attrs["num_samples"] = 5
        demo.create_dataset("actions", data=np.arange(35.0).reshape(5, 7) + number)
    long = file.create_group("long")
    for number in range(40):
        long.attrs[f"attribute_{number}"] = np.arange(number + 1)
    kinds = file.create_group("kinds")
    table = np.arange(8000).reshape(1000, 8)
    kinds.create_dataset("plain", data=table.astype("f8"))
    kinds.create_dataset("tree", data=table.astype("f4"), chunks=(64, 8), compression="gzip", shuffle=True, fletcher32=True)
    kinds.create_dataset("lzf", data=table.astype("i2"), chunks=(64, 3), compression="lzf")
    kinds.create_dataset("grows", data=table % 251, dtype="u1", chunks=(3, 8), maxshape=(None, 8))
    kinds.create_dataset("grows_packed", data=table, dtype="<i8", chunks=(1, 8), maxshape=(None, 8), compression="gzip")
    kinds.create_dataset("grows_across", data=table.T, dtype="<i4", chunks=(2, 7), maxshape=(8, None))
    kinds.create_dataset("grows_twice", data=table, dtype=">f8", chunks=(64, 3), maxshape=(None, None), compression="gzip")
    kinds.create_dataset("grows_twice_plain", data=table, dtype=">i4", chunks=(5, 2), maxshape=(None, None))
    kinds.create_dataset("one", data=np.arange(100, dtype="i8"), chunks=(100,))
    kinds.create_dataset("one_packed", data=np.arange(100, dtype="u4"), chunks=(100,), compression="gzip")
    kinds.create_dataset("many", data=np.arange(5000, dtype="u2"), chunks=(2,), compression="gzip")
    kinds.create_dataset("many_plain", data=np.arange(5000, dtype="i1"), chunks=(2,))
    kinds.create_dataset("yes", data=np.arange(100) % 2 == 0)
    kinds.create_dataset("half", data=np.arange(100, dtype="f2") / 8)
    kinds.create_dataset("cube", data=np.arange(2 * 7 * 5 * 3, dtype="f4").reshape(2, 7, 5, 3), chunks=(1, 3, 2, 2), compression="gzip")
    kinds.create_dataset("picture", data=np.arange(4 * 6 * 8 * 3, dtype="u1").reshape(4, 6, 8, 3), chunks=(1, 6, 8, 3))
    bytes_of = kinds.create_dataset("bytes", (10,), dtype=h5py.vlen_dtype("uint8"), chunks=(1,))
    for number in range(10):
        bytes_of[number] = np.arange(number * 25, dtype="u1")
    kinds.create_dataset("words", data=["abc", "d", ""] * 3, dtype=h5py.string_dtype())
    kinds.create_dataset("fixed_words", data=np.array([b"abc", b"de"], dtype="S10"))
    kinds.create_dataset("nothing", data=np.zeros((0,)))
    kinds.create_dataset("thin", data=np.zeros((7, 0)))
    kinds.create_dataset("single", data=3.5)
    kinds.create_dataset("null", data=h5py.Empty("f4"))
    kinds.create_dataset("opaque", data=np.array([np.void(b"\x00\x01\xffbc")] * 3))
    parts = np.zeros(4, dtype=[("a", "f4"), ("b", "i2", (3,))])
    parts["a"], parts["b"] = np.arange(4), np.arange(12).reshape(4, 3)
    kinds.create_dataset("parts", data=parts)
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple((4,))
    h5py.h5d.create(kinds.id, b"compact", h5py.h5t.NATIVE_DOUBLE, space, compact).write(
        h5py.h5s.ALL, h5py.h5s.ALL, np.arange(4.0)
    )
    file["soft"] = h5py.SoftLink("/kinds/one")
    file["hard"] = file["kinds/one"]
    file["away"] = h5py.ExternalLink("other.h5", "/x")
    shrunk = kinds.create_dataset("shrunk", data=table, chunks=(10, 8), maxshape=(1000, 8))
    shrunk.resize((35, 8))


def told(file):
    found = {"attributes": {}, "datasets": {}}

    def visit(name, item):
        for key, value in item.attrs.items():
            found["attributes"][f"{name}@{key}"] = plain(value)
        if isinstance(item, h5py.Dataset):
            if item.shape == () or item.shape is None:
                rows = [] if item.shape is None else [plain(item[()])]
            else:
                rows = [] if 0 in item.shape else [plain(row) for row in item]
            found["datasets"][name] = rows

    file.visititems(visit)
    return found


def main():
    folder = Path(sys.argv[1])
    if folder.is_file():
        with h5py.File(folder) as file:
            print(json.dumps(told(file)))
        return
    bounds = {"earliest": "earliest", "v108": ("v108", "v108"), "v110": ("v110", "v110"), "latest": "latest"}
    for name, bound in bounds.items():
        path = folder / f"{name}.h5"
        with h5py.File(path, "w", libver=bound, userblock_size=1024 if name == "v108" else 0) as file:
            fill(file, name != "earliest")
        with h5py.File(path) as file:
            (folder / f"{name}.json").write_text(json.dumps(told(file)))


main()
