"""Writes an MCAP file whose messages are FlatBuffers of Foxglove's own schemas, as flatc compiled them.

Usage: flatbuffer_mcap.py FILE
"""

import sys
from pathlib import Path

import flatbuffers
import foxglove_schemas_flatbuffer as schemas
from foxglove_schemas_flatbuffer import CameraCalibration, Pose, PoseInFrame, Quaternion, RawImage, Time, Vector3
from mcap.writer import Writer

START_NS = 1_700_000_000_000_000_000
STEP_NS = 100_000_000


def time(builder, number):
    at_ns = START_NS + number * STEP_NS
    return Time.CreateTime(builder, at_ns // 1_000_000_000, at_ns % 1_000_000_000)


def pose(number):
    builder = flatbuffers.Builder()
    frame = builder.CreateString("base")
    Vector3.Start(builder)
    Vector3.AddX(builder, 0.125 * number)
    Vector3.AddY(builder, -0.5)
    Vector3.AddZ(builder, 1.25)
    position = Vector3.End(builder)
    # What is zero is left out, as every writer of FlatBuffers does.
    Quaternion.Start(builder)
    Quaternion.AddZ(builder, 0.6)
    Quaternion.AddW(builder, 0.8)
    orientation = Quaternion.End(builder)
    Pose.Start(builder)
    Pose.AddPosition(builder, position)
    Pose.AddOrientation(builder, orientation)
    inner = Pose.End(builder)
    PoseInFrame.Start(builder)
    PoseInFrame.AddTimestamp(builder, time(builder, number))
    PoseInFrame.AddFrameId(builder, frame)
    PoseInFrame.AddPose(builder, inner)
    builder.Finish(PoseInFrame.End(builder))
    return bytes(builder.Output())


def depth(number):
    width, height = 16, 8
    builder = flatbuffers.Builder()
    frame, encoding = builder.CreateString("camera"), builder.CreateString("16UC1")
    pixels = b"".join((number * 1000 + at).to_bytes(2, "little") for at in range(width * height))
    data = builder.CreateByteVector(pixels)
    RawImage.Start(builder)
    RawImage.AddTimestamp(builder, time(builder, number))
    RawImage.AddFrameId(builder, frame)
    RawImage.AddWidth(builder, width)
    RawImage.AddHeight(builder, height)
    RawImage.AddEncoding(builder, encoding)
    RawImage.AddStep(builder, width * 2)
    RawImage.AddData(builder, data)
    builder.Finish(RawImage.End(builder))
    return bytes(builder.Output())


def doubles(builder, start, numbers):
    start(builder, len(numbers))
    for number in reversed(numbers):
        builder.PrependFloat64(number)
    return builder.EndVector()


def calibration(number):
    builder = flatbuffers.Builder()
    frame, model = builder.CreateString("camera"), builder.CreateString("plumb_bob")
    distortion = doubles(builder, CameraCalibration.StartDVector, [0.1, -0.2, 0.0, 0.0, 0.05])
    matrix = doubles(builder, CameraCalibration.StartKVector, [12.5, 0, 8, 0, 12.25, 4, 0, 0, 1])
    CameraCalibration.Start(builder)
    CameraCalibration.AddTimestamp(builder, time(builder, number))
    CameraCalibration.AddFrameId(builder, frame)
    CameraCalibration.AddWidth(builder, 16)
    CameraCalibration.AddHeight(builder, 8)
    CameraCalibration.AddDistortionModel(builder, model)
    CameraCalibration.AddD(builder, distortion)
    CameraCalibration.AddK(builder, matrix)
    builder.Finish(CameraCalibration.End(builder))
    return bytes(builder.Output())


def main(path):
    compiled = Path(schemas.__file__).parent
    with open(path, "wb") as out:
        writer = Writer(out)
        writer.start()
        for name, topic, message, count in [
            ("PoseInFrame", "/hand/pose", pose, 50),
            ("RawImage", "/camera/depth", depth, 3),
            ("CameraCalibration", "/camera/info", calibration, 1),
        ]:
            schema = writer.register_schema(
                f"foxglove.{name}", "flatbuffer", (compiled / f"{name}.bfbs").read_bytes()
            )
            channel = writer.register_channel(topic, "flatbuffer", schema)
            for number in range(count):
                at_ns = START_NS + number * STEP_NS
                writer.add_message(channel, at_ns, message(number), at_ns)
        writer.finish()


main(sys.argv[1])
