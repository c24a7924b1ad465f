//! Trainer in, take out: trainer sources, the teleoperation session, the take's state machine, the recorder.
