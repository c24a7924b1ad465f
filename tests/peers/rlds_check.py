"""Reads an RLDS dataset with the package `tfrecord` and says what is in it, as JSON."""

import io
import json
import pathlib
import sys

import numpy
from PIL import Image
from tfrecord import reader


def summary(value):
    """A list of an example in short; pictures by their pixels."""
    if isinstance(value, (list, bytes)):
        value = [value] if isinstance(value, bytes) else value
        first = bytes(value[0])
        if not first.startswith(b"\x89PNG"):
            return {"count": len(value), "first": first.decode()}
        pixels = numpy.asarray(Image.open(io.BytesIO(first)))
        return {"count": len(value), "shape": list(pixels.shape), "mean": float(pixels.mean())}
    value = numpy.asarray(value)
    if value.dtype.kind == "S" or value.dtype == object:
        return summary([bytes(item) for item in value.ravel()])
    return {"count": int(value.size), "dtype": str(value.dtype), "values": value.ravel().tolist()}


def main(folder):
    folder = pathlib.Path(folder)
    info = json.loads((folder / "dataset_info.json").read_text())
    features = json.loads((folder / "features.json").read_text())
    steps = features["featuresDict"]["features"]["steps"]["sequence"]["feature"]["featuresDict"]["features"]
    episodes = []
    for shard in sorted(folder.glob("*.tfrecord-*")):
        for example in reader.tfrecord_loader(str(shard), None):
            episodes.append({name: summary(value) for name, value in example.items()})
    json.dump({"info": info, "steps": sorted(steps), "episodes": episodes}, sys.stdout)


main(sys.argv[1])
