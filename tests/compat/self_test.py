#!/usr/bin/env python3
"""The harness's own judgement: it must see what is lost or torn, and sign as AWS documents."""
import datetime
import unittest

from crash.in_place import SharedAppends, State, value_found
from crash.ledger import ABSENT, Digests, Ledger, Value
from crash.writer import check_bytes
from harness import sigv4
from harness.s3 import Answer

OLD, NEW, OTHER = Value("old", 100), Value("new", 200), Value("other", 300)


def acknowledged(ledger, key, value):
    ledger.acknowledge(ledger.begin(key, value))


def answer_of(value, label=None):
    return Answer(200, {"x-amz-meta-label": label or value.label}, value.bytes())


class LedgerTest(unittest.TestCase):
    def test_a_key_never_written_is_absent(self):
        self.assertEqual(Ledger().possible("key"), [ABSENT])

    def test_an_acknowledged_write_is_the_only_possibility(self):
        ledger = Ledger()
        acknowledged(ledger, "key", OLD)
        acknowledged(ledger, "key", NEW)
        self.assertEqual(ledger.possible("key"), [NEW])

    def test_a_write_cut_off_may_or_may_not_count(self):
        ledger = Ledger()
        acknowledged(ledger, "key", OLD)
        ledger.begin("key", NEW)
        self.assertEqual(ledger.possible("key"), [OLD, NEW])

    def test_of_two_writes_at_once_either_may_be_last(self):
        ledger = Ledger()
        first, second = ledger.begin("key", OLD), ledger.begin("key", NEW)
        ledger.acknowledge(second)
        ledger.acknowledge(first)
        self.assertEqual(ledger.possible("key"), [OLD, NEW])

    def test_a_refused_write_never_counts(self):
        ledger = Ledger()
        acknowledged(ledger, "key", OLD)
        ledger.refuse("key", ledger.begin("key", NEW))
        self.assertEqual(ledger.possible("key"), [OLD])

    def test_what_was_seen_is_settled(self):
        ledger = Ledger()
        ledger.begin("key", NEW)
        ledger.settle("key", ABSENT)
        self.assertEqual(ledger.possible("key"), [ABSENT])
        self.assertEqual(ledger.unsettled(), [])


class CheckTest(unittest.TestCase):
    def test_a_possible_value_is_recognised(self):
        self.assertEqual(check_bytes("key", answer_of(NEW), [OLD, NEW], Digests()), NEW)
        self.assertEqual(check_bytes("key", Answer(404, {}, b""), [OLD, ABSENT], Digests()), ABSENT)

    def test_of_values_with_the_same_bytes_the_label_tells(self):
        empty, another = Value("empty", 0), Value("another", 0)
        self.assertEqual(check_bytes("key", answer_of(another), [empty, another], Digests()), another)
        with self.assertRaises(AssertionError):
            check_bytes("key", answer_of(empty, label="third"), [empty, another], Digests())

    def test_a_loss_is_seen(self):
        with self.assertRaises(AssertionError):
            check_bytes("key", Answer(404, {}, b""), [OLD, NEW], Digests())

    def test_a_value_that_cannot_be_is_seen(self):
        with self.assertRaises(AssertionError):
            check_bytes("key", answer_of(OTHER), [OLD, NEW], Digests())

    def test_torn_bytes_are_seen(self):
        torn = Answer(200, {"x-amz-meta-label": "new"}, OLD.bytes() + NEW.bytes()[100:])
        with self.assertRaises(AssertionError):
            check_bytes("key", torn, [OLD, NEW], Digests())

    def test_metadata_of_another_value_is_seen(self):
        with self.assertRaises(AssertionError):
            check_bytes("key", answer_of(NEW, label="old"), [OLD, NEW], Digests())


class InPlaceTest(unittest.TestCase):
    """What is appended to a shared blob, and what a blob of one writer may hold."""

    FIRST, SECOND, THIRD = (bytes([n]) * 20 for n in (1, 2, 3))

    def appended(self):
        """The first two acknowledged one after the other, the third cut off."""
        shared = SharedAppends()
        for data in (self.FIRST, self.SECOND):
            shared.end(shared.begin(data), True)
        shared.begin(self.THIRD)
        return shared

    def test_what_was_cut_off_may_be_there_or_not(self):
        self.appended().check(self.FIRST + self.SECOND)
        self.appended().check(self.FIRST + self.SECOND + self.THIRD)

    def test_lost_torn_doubled_and_misplaced_appends_are_seen(self):
        both = self.FIRST + self.SECOND
        for found in (self.FIRST, both[:-1], both + self.SECOND, self.SECOND + self.FIRST, both + self.THIRD[:16], b""):
            with self.assertRaises(AssertionError, msg=found):
                self.appended().check(found)

    def test_what_was_there_stays(self):
        shared = self.appended()
        shared.check(self.FIRST + self.SECOND)
        with self.assertRaises(AssertionError):
            shared.check(self.FIRST + self.SECOND + self.THIRD)  # It was not there, and nobody asked for it again.

    def test_a_blob_holds_what_it_did_or_what_it_was_to(self):
        state = State((b"a",))
        state.begin((b"a", b"b"))
        self.assertEqual(value_found("it", Answer(200, {}, b"ab"), state.values), (b"a", b"b"))
        self.assertEqual(value_found("it", Answer(200, {}, b"a"), state.values), (b"a",))
        for answer in (Answer(200, {}, b"b"), Answer(200, {}, b""), Answer(404, {}, b"")):
            with self.assertRaises(AssertionError):
                value_found("it", answer, state.values)
        state.end(True)
        with self.assertRaises(AssertionError):
            value_found("it", Answer(200, {}, b"a"), state.values)


class SignatureTest(unittest.TestCase):
    """The examples of "Authenticating Requests" in the S3 API reference."""

    credentials = sigv4.Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
    stamp = sigv4.time_stamp(datetime.datetime(2013, 5, 24))
    host = "examplebucket.s3.amazonaws.com"

    def test_a_header_signature(self):
        signer = sigv4.Signer(self.credentials)
        headers = signer.sign("GET", "/test.txt", "", {"Host": self.host, "Range": "bytes=0-9"}, sigv4.EMPTY_SHA256,
                              self.stamp)  # fmt: skip
        wanted = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        self.assertTrue(headers["Authorization"].endswith(wanted), headers)

    def test_a_presigned_link(self):
        link = sigv4.Signer(self.credentials).presign("GET", self.host, "/test.txt", expires_s=86400, stamp=self.stamp)
        wanted = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        self.assertTrue(link.endswith(wanted), link)


if __name__ == "__main__":
    unittest.main()
