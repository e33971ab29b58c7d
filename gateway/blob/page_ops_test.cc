#include <catch2/catch.hpp>
#include <chrono>

#include "gateway/blob/client_for_test.h"
#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"
#include "tests/support/run_task.h"

namespace sluice::blob {
namespace {

using test::Gateway;
using test::Headers;
using test::Reply;

std::string pages(std::size_t count, char letter) { return std::string(count * 512, letter); }

void make_page_blob(Gateway& gateway, const std::string& size = "4096") {
  REQUIRE(gateway.put("/box?restype=container").status == 201);
  REQUIRE(gateway
              .put("/box/disk", {},
                   {{"x-ms-blob-type", "PageBlob"},
                    {"x-ms-blob-content-length", size},
                    {"x-ms-blob-content-type", "application/x-disk"}})
              .status == 201);
}

Reply put(Gateway& gateway, const std::string& range, std::string body, Headers headers = {}) {
  headers.emplace_back("x-ms-page-write", "update");
  headers.emplace_back("x-ms-range", "bytes=" + range);
  return gateway.put("/box/disk?comp=page", std::move(body), std::move(headers));
}

Reply clear(Gateway& gateway, const std::string& range, Headers headers = {}) {
  headers.emplace_back("x-ms-page-write", "clear");
  headers.emplace_back("Range", "bytes=" + range);
  return gateway.put("/box/disk?comp=page", {}, std::move(headers));
}

}  // namespace

TEST_CASE("a page blob is written in pages, and is zeros elsewhere") {
  Gateway gateway;
  make_page_blob(gateway);

  const auto written = put(gateway, "512-1535", pages(2, 'x'));

  CHECK(written.status == 201);
  CHECK(written.header("Content-MD5") == to_base64(digest_of(DigestAlgorithm::md5, pages(2, 'x')).bytes));
  CHECK(written.header("x-ms-blob-sequence-number") == "0");
  const auto got = gateway.get("/box/disk");
  CHECK(got.body == pages(1, '\0') + pages(2, 'x') + pages(5, '\0'));
  CHECK(got.header("x-ms-blob-type") == "PageBlob");
  CHECK(got.header("Content-Type") == "application/x-disk");
  CHECK(got.header("ETag") == written.header("ETag"));
  CHECK_FALSE(got.header("Content-MD5"));
  CHECK_FALSE(got.header("x-ms-access-tier"));
  CHECK(gateway.get("/box?restype=container&comp=list").element("BlobType") == "PageBlob");
  CHECK(gateway.get("/box/disk?comp=pagelist").has("<PageRange><Start>512</Start><End>1535</End></PageRange>"));
  CHECK(clear(gateway, "512-1023").status == 201);
  const auto list = gateway.get("/box/disk?comp=pagelist", {{"x-ms-range", "bytes=0-4095"}});
  CHECK(list.has("<PageRange><Start>1024</Start><End>1535</End></PageRange>"));
  CHECK(list.header("x-ms-blob-content-length") == "4096");
  CHECK(gateway.get("/box/disk?comp=pagelist", {{"x-ms-range", "bytes=2048-"}}).element("Start").empty());
}

TEST_CASE("page writes are refused with the service's codes") {
  Gateway gateway;
  make_page_blob(gateway);
  REQUIRE(gateway.put_blob("/box/block", "text").status == 201);

  CHECK(gateway.put("/box/a", {}, {{"x-ms-blob-type", "PageBlob"}}).code() == "MissingRequiredHeader");
  CHECK(gateway.put("/box/a", {}, {{"x-ms-blob-type", "PageBlob"}, {"x-ms-blob-content-length", "100"}}).code() ==
        "InvalidHeaderValue");
  CHECK(put(gateway, "0-510", std::string(511, 'x')).code() == "InvalidPageRange");
  CHECK(put(gateway, "0-511", pages(2, 'x')).code() == "InvalidPageRange");
  CHECK(put(gateway, "4096-4607", pages(1, 'x')).code() == "InvalidPageRange");
  CHECK(put(gateway, "0-511", pages(1, 'x'), {{"Content-MD5", to_base64(std::string(16, 'x'))}}).code() ==
        "Md5Mismatch");
  CHECK(put(gateway, "0-511", pages(1, 'x'), {{"If-Match", "\"0x1\""}}).code() == "ConditionNotMet");
  CHECK(gateway.put("/box/disk?comp=page", pages(1, 'x'), {{"x-ms-page-write", "update"}}).code() ==
        "MissingRequiredHeader");
  CHECK(gateway.put("/box/disk?comp=page", pages(1, 'x'), {{"x-ms-range", "bytes=0-511"}}).code() ==
        "MissingRequiredHeader");
  CHECK(put(gateway, "0-511", pages(1, 'x'), {{"x-ms-if-tags", "kind = 'disk'"}}).code() == "ConditionNotMet");
  CHECK(
      gateway.put("/box/block?comp=page", pages(1, 'x'), {{"x-ms-page-write", "update"}, {"x-ms-range", "bytes=0-511"}})
          .code() == "InvalidBlobType");
  CHECK(gateway.get("/box/block?comp=pagelist").code() == "InvalidBlobType");
  CHECK(gateway.put("/box/disk?comp=appendblock", "x").code() == "InvalidBlobType");
  CHECK(gateway.get("/box/disk").body == pages(8, '\0'));
}

TEST_CASE("the sequence number is changed, and holds writers to what it is") {
  Gateway gateway;
  make_page_blob(gateway);
  const auto act = [&](const std::string& word, Headers headers = {}) {
    headers.emplace_back("x-ms-sequence-number-action", word);
    return gateway.put("/box/disk?comp=properties", {}, std::move(headers));
  };

  CHECK(act("update", {{"x-ms-blob-sequence-number", "7"}}).header("x-ms-blob-sequence-number") == "7");
  CHECK(act("max", {{"x-ms-blob-sequence-number", "3"}}).header("x-ms-blob-sequence-number") == "7");
  CHECK(act("increment").header("x-ms-blob-sequence-number") == "8");
  CHECK(act("increment", {{"x-ms-blob-sequence-number", "3"}}).code() == "InvalidHeaderValue");
  CHECK(act("max").code() == "MissingRequiredHeader");
  CHECK(act("guess").code() == "InvalidHeaderValue");
  CHECK(gateway.head("/box/disk").header("x-ms-blob-sequence-number") == "8");
  CHECK(gateway.head("/box/disk").header("Content-Type") == "application/x-disk");
  CHECK(gateway.put("/box/disk?comp=properties", {}, {{"x-ms-blob-content-type", "application/x-disk"}})
            .header("x-ms-blob-sequence-number") == "8");

  for (const auto* name : {"x-ms-if-sequence-number-lt", "x-ms-if-sequence-number-eq"}) {
    CHECK(put(gateway, "0-511", pages(1, 'x'), {{name, "7"}}).code() == "SequenceNumberConditionNotMet");
  }
  REQUIRE(gateway
              .put("/box/large", {},
                   {{"x-ms-blob-type", "PageBlob"},
                    {"x-ms-blob-content-length", "512"},
                    {"x-ms-blob-sequence-number", "9223372036854775807"}})
              .status == 201);
  CHECK(gateway.put("/box/large?comp=properties", {}, {{"x-ms-sequence-number-action", "increment"}}).code() ==
        "SequenceNumberIncrementTooLarge");
  CHECK(clear(gateway, "0-511", {{"x-ms-if-sequence-number-le", "7"}}).code() == "SequenceNumberConditionNotMet");
  CHECK(put(gateway, "0-511", pages(1, 'x'), {{"x-ms-if-sequence-number-le", "8"}}).status == 201);
}

TEST_CASE("a page blob is resized, and its properties stay") {
  Gateway gateway;
  make_page_blob(gateway);
  REQUIRE(put(gateway, "0-4095", pages(8, 'x')).status == 201);

  CHECK(gateway.put("/box/disk?comp=properties", {}, {{"x-ms-blob-content-length", "512"}}).status == 200);
  CHECK(gateway.get("/box/disk").body == pages(1, 'x'));
  CHECK(gateway.put("/box/disk?comp=properties", {}, {{"x-ms-blob-content-length", "1024"}}).status == 200);
  CHECK(gateway.get("/box/disk").body == pages(1, 'x') + pages(1, '\0'));
  CHECK(gateway.head("/box/disk").header("Content-Type") == "application/x-disk");
  CHECK(gateway.put("/box/disk?comp=properties", {}, {{"x-ms-blob-content-length", "100"}}).code() ==
        "InvalidHeaderValue");
}

TEST_CASE("pages are written from a URL, page blobs copied as such, and as block blobs") {
  Gateway gateway;
  make_page_blob(gateway);
  REQUIRE(gateway.put_blob("/box/source", pages(1, 'a') + pages(2, 'b')).status == 201);
  const Headers from{{"x-ms-copy-source", "http://127.0.0.1:10000/alpha/box/source"}};

  Headers some = from;
  some.emplace_back("x-ms-source-range", "bytes=256-1279");
  CHECK(put(gateway, "1024-2047", "", some).status == 201);
  CHECK(put(gateway, "0-511", "", some).code() == "InvalidPageRange");
  CHECK(put(gateway, "0-511", "", from).code() == "MissingRequiredHeader");
  const std::string expected = pages(2, '\0') + std::string(256, 'a') + std::string(768, 'b') + pages(4, '\0');
  CHECK(gateway.get("/box/disk").body == expected);

  const std::string disk = "http://127.0.0.1:10000/alpha/box/disk";
  CHECK(gateway.put("/box/copy", "", {{"x-ms-copy-source", disk}}).status == 202);
  CHECK(gateway.head("/box/copy").header("x-ms-blob-type") == "PageBlob");
  CHECK(gateway.get("/box/copy").body == expected);
  CHECK(gateway.put("/box/block", "", {{"x-ms-copy-source", disk}, {"x-ms-blob-type", "BlockBlob"}}).status == 201);
  CHECK(gateway.head("/box/block").header("x-ms-blob-type") == "BlockBlob");
  CHECK(gateway.get("/box/block").body == expected);
}

TEST_CASE("page ranges are told in pieces, and against a snapshot") {
  Gateway gateway;
  make_page_blob(gateway);
  REQUIRE(put(gateway, "0-511", pages(1, 'x')).status == 201);
  REQUIRE(put(gateway, "1024-1535", pages(1, 'x')).status == 201);

  const auto first = gateway.get("/box/disk?comp=pagelist&maxresults=1");
  CHECK(first.element("End") == "511");
  const auto next = first.element("NextMarker");
  CHECK(gateway.get("/box/disk?comp=pagelist&maxresults=1&marker=" + next).element("Start") == "1024");

  RequestContext context;
  const auto snapshot = sluice::test::run(gateway.objects().snapshot(context, {"box", "disk"}, {}));
  REQUIRE(snapshot);
  const auto since = object::revision_time(snapshot->snapshot);
  REQUIRE(put(gateway, "2048-2559", pages(1, 'y')).status == 201);
  REQUIRE(clear(gateway, "0-511").status == 201);
  const auto changed = gateway.get("/box/disk?comp=pagelist&prevsnapshot=" + percent_encode(since, false));
  CHECK(changed.has("<ClearRange><Start>0</Start><End>511</End></ClearRange>"));
  CHECK(changed.has("<PageRange><Start>2048</Start><End>2559</End></PageRange>"));
  CHECK_FALSE(changed.has("<Start>1024</Start>"));
  CHECK(gateway.get("/box/disk?comp=pagelist&prevsnapshot=yesterday").code() == "InvalidQueryParameterValue");
  CHECK(gateway.get("/box/disk?comp=pagelist&prevsnapshot=2026-01-01T00%3A00%3A00.0000000Z").code() ==
        "PreviousSnapshotNotFound");
  CHECK(gateway.get("/box/disk?comp=pagelist&snapshot=2026-01-01T00%3A00%3A00.0000000Z").code() == "BlobNotFound");
}

TEST_CASE("ranges are compared with an earlier snapshot of the same blob alone") {
  Gateway gateway;
  make_page_blob(gateway);
  const auto take = [&] {
    gateway.clock().set(gateway.clock().now() + std::chrono::seconds(1));
    const auto taken = gateway.put("/box/disk?comp=snapshot");
    REQUIRE(taken.status == 201);
    return percent_encode(*taken.header("x-ms-snapshot"), false);
  };
  const auto compare = [&](const std::string& previous, const std::string& which = {}) {
    return gateway.get("/box/disk?comp=pagelist&prevsnapshot=" + previous + which);
  };
  const auto first = take();
  REQUIRE(put(gateway, "0-511", pages(1, 'x')).status == 201);
  const auto second = take();

  CHECK(compare(first, "&snapshot=" + second).has("<PageRange><Start>0</Start><End>511</End></PageRange>"));
  CHECK(compare(second, "&snapshot=" + first).code() == "PreviousSnapshotCannotBeNewer");
  REQUIRE(gateway.put("/box/disk", {}, {{"x-ms-blob-type", "PageBlob"}, {"x-ms-blob-content-length", "512"}}).status ==
          201);
  CHECK(compare(second).code() == "BlobOverwritten");
  CHECK(compare(first, "&snapshot=" + second).status == 200);
}

TEST_CASE("an incremental copy follows a page blob by its snapshots") {
  Gateway gateway;
  make_page_blob(gateway);
  const auto take = [&] {
    const auto taken = gateway.put("/box/disk?comp=snapshot");
    REQUIRE(taken.status == 201);
    return *taken.header("x-ms-snapshot");
  };
  const auto quoted = [](const std::string& text) { return percent_encode(text, false); };
  const auto copy = [&](const std::string& snapshot, const std::string& to = "/box/backup") {
    const std::string source = "http://127.0.0.1:10000/alpha/box/disk?snapshot=" + quoted(snapshot);
    return gateway.put(to + "?comp=incrementalcopy", {}, {{"x-ms-copy-source", source}});
  };
  REQUIRE(put(gateway, "0-511", pages(1, 'a')).status == 201);
  const auto first = take();
  REQUIRE(put(gateway, "512-1023", pages(1, 'b')).status == 201);
  const auto second = take();

  const auto made = copy(first);
  CHECK(made.status == 202);
  CHECK(made.header("x-ms-copy-status") == "success");
  const auto head = gateway.head("/box/backup");
  CHECK(head.header("x-ms-incremental-copy") == "true");
  CHECK(head.header("x-ms-copy-id") == made.header("x-ms-copy-id"));
  CHECK(head.header("Content-Type") == "application/x-disk");
  const auto kept = *head.header("x-ms-copy-destination-snapshot");
  CHECK(gateway.get("/box/backup?snapshot=" + quoted(kept)).body.substr(0, 1024) == pages(1, 'a') + pages(1, '\0'));
  REQUIRE(copy(second).status == 202);
  const auto next = *gateway.head("/box/backup").header("x-ms-copy-destination-snapshot");
  CHECK(gateway.get("/box/backup?snapshot=" + quoted(next)).body.substr(0, 1024) == pages(1, 'a') + pages(1, 'b'));
  const auto listed = gateway.get("/box?restype=container&comp=list&prefix=backup&include=copy");
  CHECK(listed.element("IncrementalCopy") == "true");
  CHECK(listed.element("DestinationSnapshot") == next);

  CHECK(copy(first).code() == "IncrementalCopyOfEarlierSnapshotNotAllowed");
  CHECK(copy(second, "/box/disk").code() == "IncrementalCopyBlobMismatch");
  CHECK(copy("2026-01-01T00:00:00.0000000Z").code() == "CannotVerifyCopySource");
  CHECK(gateway.put("/box/backup?comp=incrementalcopy").code() == "MissingRequiredHeader");
  const Headers current{{"x-ms-copy-source", "http://127.0.0.1:10000/alpha/box/disk"}};
  CHECK(gateway.put("/box/backup?comp=incrementalcopy", {}, current).code() == "IncrementalCopySourceMustBeSnapshot");
  CHECK(gateway.get("/box/backup").code() == "OperationNotAllowedOnIncrementalCopyBlob");
  CHECK(gateway.get("/box/backup?comp=pagelist").code() == "OperationNotAllowedOnIncrementalCopyBlob");
  CHECK(gateway.put_blob("/box/backup", "text").code() == "OperationNotAllowedOnIncrementalCopyBlob");
  CHECK(gateway.put("/box/backup?comp=metadata").status == 409);
  CHECK(gateway.del("/box/backup").code() == "SnapshotsPresent");
  CHECK(gateway.del("/box/backup", {{"x-ms-delete-snapshots", "include"}}).status == 202);
}

}  // namespace sluice::blob
