"""Opens exported streams with the readers that others use, and says what they saw.

usage: streams_check.py parquet|ros2|rerun FOLDER

parquet  pandas, by pyarrow: each table of the folder's episodes
ros2     mcap-ros2-support: each message of each MCAP file, decoded by the definitions that stand in it
rerun    rerun-sdk: `rerun rrd migrate` and `verify` on a copy, then each chunk of each recording

The JSON on standard output is one object:
  parquet  {table: {rows, stream, last}}; the table's path within its episode
  ros2     {file: {topic: {type, count, last}}}
  rerun    {file: {entity: {rows, static, last}}}; times in ns
last is the last message, as plain values.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile


def plain(value):
    """A value as JSON has it."""
    if hasattr(value, "__slots__") and type(value).__module__.startswith("mcap_ros2"):
        return {name: plain(getattr(value, name)) for name in value.__slots__}
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if hasattr(value, "__dict__"):
        return {key: plain(inner) for key, inner in vars(value).items()}
    return value


def parquet(folder):
    import pandas
    import pyarrow.parquet

    report = {}
    for path in sorted(folder.glob("*/**/*.parquet")):
        frame = pandas.read_parquet(path)
        metadata = pyarrow.parquet.read_schema(path).metadata
        report[str(pathlib.Path(*path.relative_to(folder).parts[1:]))] = {
            "rows": len(frame),
            "stream": json.loads(metadata[b"etude.stream"]),
            "last": {name: plain(frame[name].iloc[-1]) for name in frame.columns},
        }
    return report


def ros2(folder):
    from mcap.reader import make_reader
    from mcap_ros2.decoder import DecoderFactory

    report = {}
    for path in sorted(folder.glob("*.mcap")):
        topics = report.setdefault(path.name, {})
        with open(path, "rb") as file:
            reader = make_reader(file, decoder_factories=[DecoderFactory()])
            assert reader.get_header().profile == "ros2", reader.get_header()
            for schema, channel, _, message in reader.iter_decoded_messages():
                topic = topics.setdefault(channel.topic, {"type": schema.name, "count": 0})
                topic["count"] += 1
                topic["last"] = message
        for topic in topics.values():
            topic["last"] = plain(topic["last"])
    return report


def rerun(folder):
    import pyarrow
    from rerun.chunk import RrdReader

    program = os.path.join(os.path.dirname(sys.executable), "rerun")
    # A home of its own, so that the program's wish to send usage data is declined without changing the person's.
    home = tempfile.TemporaryDirectory()
    environment = {**os.environ, "HOME": home.name, "XDG_CONFIG_HOME": home.name}
    quietly = {"check": True, "env": environment, "stdout": sys.stderr}
    subprocess.run([program, "analytics", "disable"], **quietly)
    report = {}
    for path in sorted(folder.glob("*.rrd")):
        # A footer is added to a copy; with it the program accepts the whole.
        copy = shutil.copy(path, home.name)
        subprocess.run([program, "rrd", "migrate", copy], **quietly)
        subprocess.run([program, "rrd", "verify", copy], **quietly)
        entities = report.setdefault(path.name, {})
        for chunk in RrdReader(path).stream():
            entity = entities.setdefault(str(chunk.entity_path), {"rows": 0, "static": 0, "last": {}})
            entity["static" if chunk.is_static else "rows"] += chunk.num_rows
            batch = chunk.to_record_batch()
            for name, column in zip(batch.schema.names, batch.columns):
                if pyarrow.types.is_duration(column.type):
                    column = column.cast(pyarrow.int64())
                if name != "rerun.controls.RowId" and not chunk.is_static:
                    entity["last"][name] = plain(column[-1].as_py())
    return report


if __name__ == "__main__":
    checks = {"parquet": parquet, "ros2": ros2, "rerun": rerun}
    if len(sys.argv) != 3 or sys.argv[1] not in checks:
        sys.exit(__doc__)
    json.dump(checks[sys.argv[1]](pathlib.Path(sys.argv[2])), sys.stdout, allow_nan=True)
