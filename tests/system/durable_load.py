"""A load of durable messages whose devices come back after every fault, and what is owed for it in the
end: every acknowledged message stands in the sink's database, and stands there once.
"""

import os
import signal

from harness import PATIENCE, AckLog, eventually


class DurableLoad:
    """QoS 1 from `connections` devices, each with `in_flight` messages; ends with the test."""

    def __init__(self, test, gateway, connections, in_flight=8, *more):
        self.test = test
        self.gateway = gateway
        self.connections = connections
        log_path = os.path.join(test.directory, "acks")
        self.process = test.load("--port", gateway.port, "--connections", connections, "--in-flight",
                                 in_flight, "--qos", 1, "--reconnect", "--ack-log", log_path,
                                 "--drain-seconds", PATIENCE, "--json", *more)
        self.log = AckLog(log_path)

    def wait_for_every_device(self, when):
        """Until something of every device is acknowledged from here on."""
        self.log.begin()

        def enough():
            return len(self.log.read().fresh_devices) == self.connections

        eventually(enough, f"something of every device is acknowledged {when}", PATIENCE * 2)

    def finish(self):
        """Ends load and gateway; nothing acknowledged is missing, nothing stands twice."""
        self.process.send(signal.SIGTERM)
        status, summary = self.test.load_summary(self.process, PATIENCE * 2)
        self.test.assertEqual(status, 0, summary)
        self.test.assertEqual(summary["in_flight_at_end"], 0, summary)
        self.test.assertEqual(self.gateway.terminate(), 0, self.gateway.child.story())
        rows = self.gateway.query("SELECT device_id, sequence FROM messages")
        stored = {int(device) << 40 | sequence for device, sequence in rows}
        acknowledged = self.log.read().acknowledged
        print(f"{len(acknowledged)} acknowledged, {len(rows)} rows")
        self.test.assertEqual(len(acknowledged - stored), 0, "lost")
        self.test.assertEqual(len(rows), len(stored), "rows that stand twice")
        return summary
