"""The state file: what it keeps, what a power cut may take, and that no sequence comes twice."""

import os
import pathlib
import tempfile
import unittest

import paths  # noqa: F401  (finds fleetgate)

from fleetgate import journal
from fleetgate.journal import Journal, JournalError, Message


def message(sequence, payload=b"x", stream="s"):
    return Message(3, stream, sequence, payload, "a/topic", None, 7, None)


class _WithoutWrite:
    """A file whose write() fails."""

    def __init__(self, file, write):
        self._file, self.write = file, write

    def __getattr__(self, name):
        return getattr(self._file, name)


class A_journal(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = str(pathlib.Path(directory.name, "state"))

    def open(self, **options):
        opened = Journal(self.path, **options)
        self.addCleanup(opened.close)
        return opened

    def put(self, j, count, stream="s"):
        taken = [message(j.next_sequence(stream), b"p%d" % i, stream) for i in range(count)]
        j.append(taken)
        return taken

    def test_gives_everything_back(self):
        j = self.open()
        taken = self.put(j, 5) + self.put(j, 2, "t")
        j.settle("s", [1, 2, 4])
        j.close()
        again = self.open()
        self.assertEqual(again.boot, j.boot)
        self.assertEqual(list(again.messages.values()), [taken[2], taken[4], taken[5], taken[6]])
        self.assertEqual(again.next_sequence("s"), 6)
        self.assertEqual(again.next_sequence("t"), 3)

    def test_after_a_kill_keeps_messages_and_gives_no_sequence_twice(self):
        j = self.open()
        taken = self.put(j, 5)
        data = pathlib.Path(self.path).read_bytes()
        j.close()
        pathlib.Path(self.path).write_bytes(data)  # as if close() had never been
        again = self.open()
        self.assertEqual(list(again.messages.values()), taken)
        self.assertGreater(again.next_sequence("s"), 5)

    def test_cut_anywhere_by_a_power_failure_gives_no_sequence_twice(self):
        synced = []
        original, journal.os.fdatasync = os.fdatasync, lambda fd: synced.append(os.fstat(fd).st_size)
        self.addCleanup(setattr, journal.os, "fdatasync", original)
        j = self.open(durable=False)
        for _ in range(3):
            self.put(j, 600)
        self.assertEqual(len(synced), 2, "a block is 1024 sequences")
        given = j.next_sequence("s")
        data = pathlib.Path(self.path).read_bytes()
        j.close()
        # What was synced stays; of the rest any part may be gone.
        for size in {synced[1], synced[1] + 1, (synced[1] + len(data)) // 2, len(data) - 3}:
            pathlib.Path(self.path).write_bytes(data[:size])
            again = self.open()
            self.assertGreater(again.next_sequence("s"), given)
            again.close()

    def test_that_is_durable_syncs_before_it_returns(self):
        synced = []
        original, journal.os.fdatasync = os.fdatasync, lambda fd: synced.append(os.fstat(fd).st_size)
        self.addCleanup(setattr, journal.os, "fdatasync", original)
        j = self.open(durable=True)
        self.put(j, 3)
        self.assertEqual(synced[-1], os.path.getsize(self.path))
        self.assertEqual(len(synced), 2, "one for the block of sequences, one for three messages")

    def test_that_cannot_be_written_or_synced_takes_nothing_and_goes_on_later(self):
        def fail(*_):
            raise OSError(28, "No space left on device")

        j = self.open(durable=True)
        taken = self.put(j, 2)
        for owner, name in ((journal.os, "fdatasync"), (j, "_file")):
            original = getattr(owner, name)
            broken = fail if name == "fdatasync" else _WithoutWrite(original, fail)
            setattr(owner, name, broken)
            with self.assertRaisesRegex(JournalError, "No space left"):
                self.put(j, 1)
            setattr(owner, name, original)
        j._file, whole = _WithoutWrite(j._file, fail), j._file
        j.settle("s", [1])  # is not worth an error
        j._file = whole
        taken += self.put(j, 1)
        j.close()
        self.assertEqual(list(self.open().messages.values()), taken)

    def test_cuts_a_torn_or_damaged_tail(self):
        j = self.open()
        taken = self.put(j, 3)
        data = pathlib.Path(self.path).read_bytes()
        j.close()
        for damaged in (data[:-1], data + b"\0\0\0\x05abc", data[:-1] + b"?"):
            pathlib.Path(self.path).write_bytes(damaged)
            again = self.open()
            kept = list(again.messages.values())
            self.assertIn(kept, (taken, taken[:2]))
            more = self.put(again, 1)
            again.close()
            last = self.open()
            self.assertEqual(list(last.messages.values()), kept + more)
            last.close()

    def test_stays_small_however_much_passes_through(self):
        j = self.open(durable=False)
        for _ in range(200):
            sequence = j.next_sequence("s")
            j.append([message(sequence, b"x" * 10_000)])
            j.settle("s", [sequence])
        self.assertLess(os.path.getsize(self.path), 200_000)
        kept = self.put(j, 1)
        j.close()
        self.assertEqual(list(self.open().messages.values()), kept)

    def test_is_used_by_one_process_only(self):
        self.open()
        with self.assertRaisesRegex(JournalError, "another process"):
            Journal(self.path)

    def test_is_not_made_of_a_foreign_file(self):
        pathlib.Path(self.path).write_bytes(b"something of somebody else")
        with self.assertRaisesRegex(JournalError, "no state file"):
            Journal(self.path)
        self.assertEqual(pathlib.Path(self.path).read_bytes(), b"something of somebody else")

    def test_that_was_lost_begins_another_boot(self):
        first = self.open()
        first.close()
        os.unlink(self.path)
        self.assertNotEqual(self.open().boot, first.boot)


if __name__ == "__main__":
    unittest.main()
