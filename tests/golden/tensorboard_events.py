"""An event file as the tensorboard package writes it, for tests/report/tensorboard_test.cc.

The bytes come from tensorboard's own protocol buffers and record writer; then they are read back.

    python tests/golden/tensorboard_events.py > tests/golden/tensorboard_events.json
"""
import io
import json
import pathlib
import tempfile

import tensorboard
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

START = 1700000000.25
POINTS = [("train/loss", 1, 2.5, 1700000001.5), ("train/learning_rate", 1, 1e-4, 1700000002.0),
          ("eval/loss", 300, -0.125, 1700000003.0), ("t\u00e9", 123456789012, 1e30, 1700000004.0)]

buffer = io.BytesIO()
writer = RecordWriter(buffer)
writer.write(Event(wall_time=START, file_version="brain.Event:2").SerializeToString())
for tag, step, value, wall_time in POINTS:
    summary = Summary(value=[Summary.Value(tag=tag, simple_value=value)])
    writer.write(Event(wall_time=wall_time, step=step, summary=summary).SerializeToString())
with tempfile.TemporaryDirectory() as folder:
    (pathlib.Path(folder) / "events.out.tfevents.1700000000.host.1").write_bytes(buffer.getvalue())
    reader = EventAccumulator(folder)
    reader.Reload()
    for tag, step, value, wall_time in POINTS:
        (event,) = reader.Scalars(tag)
        assert (event.step, event.wall_time) == (step, wall_time) and abs(event.value - value) <= 1e-6 * abs(value)
print(json.dumps({"made_by": "tests/golden/tensorboard_events.py", "tensorboard": tensorboard.__version__,
                  "start": START, "points": POINTS, "hex": buffer.getvalue().hex()}, indent=0))
