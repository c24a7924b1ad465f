"""Reads a file in robomimic's layout as robomimic's own SequenceDataset does, and tells what it found as JSON.

Usage: robomimic_check.py FILE
"""

import json
import sys

import h5py
import numpy as np


def main():
    found = {"demos": {}}
    with h5py.File(sys.argv[1], "r") as file:
        found["env_args"] = json.loads(file["data"].attrs["env_args"])
        found["total"] = int(file["data"].attrs["total"])
        demos = sorted(file["data"].keys(), key=lambda name: int(name[5:]))
        for name in demos:
            demo = file[f"data/{name}"]
            length = int(demo.attrs["num_samples"])
            keys = sorted(demo["obs"].keys())
            assert sorted(demo["next_obs"].keys()) == keys
            for key in keys:
                now, then = demo["obs"][key][()], demo["next_obs"][key][()]
                assert len(now) == len(then) == length, key
                assert np.array_equal(now[1:], then[:-1]), key
            assert demo["actions"].shape[0] == length
            assert demo["dones"][()].tolist() == [0] * (length - 1) + [1]
            found["demos"][name] = {
                "length": length,
                "instruction": demo.attrs["instruction"],
                "provenance": json.loads(demo.attrs["provenance"]),
                "obs": {key: [list(demo["obs"][key].shape), str(demo["obs"][key].dtype)] for key in keys},
                "names": json.loads(demo["actions"].attrs["names"]),
                "actions": [float(value) for value in demo["actions"][()].ravel()],
                "pixels": {key: int(demo["obs"][key][()].sum()) for key in keys if key.endswith("_image")},
            }
        if "mask" in file:
            found["mask"] = {key: [name.decode() for name in file["mask"][key][()]] for key in file["mask"]}
    print(json.dumps(found))


main()
