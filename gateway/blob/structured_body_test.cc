#include "gateway/blob/structured_body.h"

#include <catch2/catch.hpp>

#include "gateway/blob/client_for_test.h"
#include "gateway/blob/headers.h"
#include "gateway/core/encoding.h"
#include "tests/support/memory_backend.h"
#include "tests/support/run_task.h"

namespace sluice::blob::test {
namespace {

using sluice::test::run;
using sluice::test::StringSource;

std::string little(std::uint64_t number, std::size_t size) {
  std::string bytes;
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(number >> (8 * i) & 0xFF));
  return bytes;
}

/// A message of these segments, put together the plain way.
std::string message(const std::vector<std::string>& segments) {
  std::string frames;
  std::string content;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    frames += little(i + 1, 2) + little(segments[i].size(), 8) + segments[i] + little(crc64nvme(segments[i]), 8);
    content += segments[i];
  }
  frames += little(crc64nvme(content), 8);
  return little(1, 1) + little(13 + frames.size(), 8) + little(1, 2) + little(segments.size(), 2) + frames;
}

Result<std::string> decode(const std::string& framed, std::uint64_t content_size, std::size_t piece = 7) {
  StringSource inner(framed, piece);
  StructuredSource source(inner, framed.size(), content_size);
  return run(read_all(source, 64 << 20));
}

std::string encode(const std::string& content, std::size_t piece) {
  StructuredMessage source({}, std::make_unique<StringSource>(content, piece), content.size());
  CHECK(source.remaining() == StructuredMessage::size_of(content.size()));
  auto framed = run(read_all(source, 64 << 20)).value();
  CHECK(source.remaining() == 0);
  return framed;
}

Headers structured(std::size_t content_size) {
  return {{"x-ms-structured-body", "XSM/1.0; properties=crc64"},
          {"x-ms-structured-content-length", std::to_string(content_size)}};
}

}  // namespace

TEST_CASE("the content of a structured message comes out, however it is cut") {
  const auto framed = message({"meow", "", "woof!"});

  for (std::size_t piece = 1; piece <= framed.size(); ++piece) {
    INFO(piece);
    CHECK(decode(framed, 9, piece) == "meowwoof!");
  }
  CHECK(decode(message({}), 0) == "");
}

TEST_CASE("a structured message with anything wrong never ends well") {
  const auto framed = message({"meow", "woof!"});

  for (std::size_t at = 0; at < framed.size(); ++at) {
    INFO(at);
    auto damaged = framed;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    CHECK_FALSE(decode(damaged, 9));
    CHECK_FALSE(decode(framed.substr(0, at), 9));
  }
  CHECK_FALSE(decode(framed + "x", 9));
  CHECK_FALSE(decode(framed, 8));
  CHECK_FALSE(decode(framed, 10));
  auto damaged = framed;
  damaged[23] = 'M';
  CHECK(decode(damaged, 9).error().code == ErrorCode::payload_hash_mismatch);
}

TEST_CASE("a content is put into a structured message of segments of 4 MiB") {
  std::string content(9 << 20, 'x');
  for (std::size_t i = 0; i < content.size(); i += 1000) content[i] = static_cast<char>(i / 1000);

  const auto framed = encode(content, 300'000);

  CHECK(framed == message({content.substr(0, 4 << 20), content.substr(4 << 20, 4 << 20), content.substr(8 << 20)}));
  CHECK(encode("", 1) == message({}));
  CHECK(encode("meow", 3) == message({"meow"}));
}

TEST_CASE("the segments of a large content are larger, so that their count can be written") {
  const auto count = [](std::uint64_t size) { return (StructuredMessage::size_of(size) - size - 13 - 8) / 18; };
  constexpr std::uint64_t kMiB = 1 << 20;

  CHECK(count(4 * kMiB + 1) == 2);
  CHECK(count(65535 * 4 * kMiB) == 65535);
  CHECK(count(65535 * 4 * kMiB + 1) == 32768);
  CHECK(count(8ULL << 40) <= 65535);
}

TEST_CASE("structured bodies are stored as what is in them, and given where they are asked for") {
  Gateway gateway;
  REQUIRE(gateway.put("/box?restype=container").status == 201);

  const auto put = gateway.put_blob("/box/cat", message({"me", "ow"}), structured(4));
  CHECK(put.status == 201);
  CHECK(put.header("x-ms-structured-body") == "XSM/1.0; properties=crc64");
  CHECK(gateway.get("/box/cat").body == "meow");
  CHECK(gateway.put("/box/cat?comp=block&blockid=AAAA", message({"purr"}), structured(4)).status == 201);
  CHECK(gateway.put("/box/cat?comp=blocklist", "<BlockList><Latest>AAAA</Latest></BlockList>").status == 201);

  const Headers asks{{"x-ms-structured-body", "XSM/1.0; properties=crc64"}};
  const auto got = gateway.get("/box/cat", asks);
  CHECK(got.body == message({"purr"}));
  CHECK(got.content_length == message({"purr"}).size());
  CHECK(got.header("x-ms-structured-content-length") == "4");
  auto ranged = asks;
  ranged.emplace_back("x-ms-range", "bytes=1-2");
  const auto part = gateway.get("/box/cat", ranged);
  CHECK(part.status == 206);
  CHECK(part.body == message({"ur"}));
  CHECK(part.header("Content-Range") == "bytes 1-2/4");
}

TEST_CASE("structured bodies that are wrong leave the blob as it was") {
  Gateway gateway;
  REQUIRE(gateway.put("/box?restype=container").status == 201);
  REQUIRE(gateway.put_blob("/box/cat", "meow").status == 201);
  auto damaged = message({"woof"});
  damaged[23] = 'W';

  CHECK(gateway.put_blob("/box/cat", damaged, structured(4)).code() == "Crc64Mismatch");
  CHECK(gateway.put_blob("/box/cat", message({"woof"}), structured(5)).code() == "InvalidInput");
  CHECK(gateway.put_blob("/box/cat", "woof", structured(4)).code() == "InvalidInput");
  CHECK(
      gateway.put_blob("/box/cat", message({"woof"}), {{"x-ms-structured-body", "XSM/1.0; properties=crc64"}}).code() ==
      "MissingRequiredHeader");
  auto other = structured(4);
  other[0].second = "XSM/2.0";
  CHECK(gateway.put_blob("/box/cat", message({"woof"}), other).code() == "InvalidHeaderValue");
  auto twice = structured(4);
  twice.emplace_back("Content-MD5", to_base64(digest_of(DigestAlgorithm::md5, "woof").bytes));
  CHECK(gateway.put_blob("/box/cat", message({"woof"}), twice).code() == "InvalidInput");
  CHECK(gateway.get("/box/cat").body == "meow");
}

TEST_CASE("structured bodies are appended, and written to pages, as what is in them") {
  Gateway gateway;
  REQUIRE(gateway.put("/box?restype=container").status == 201);
  REQUIRE(gateway.put("/box/log", {}, {{"x-ms-blob-type", "AppendBlob"}}).status == 201);
  const Headers page_blob{{"x-ms-blob-type", "PageBlob"}, {"x-ms-blob-content-length", "1024"}};
  REQUIRE(gateway.put("/box/disk", {}, page_blob).status == 201);
  const std::string page(512, 'x');
  auto to_page = structured(512);
  to_page.emplace_back("x-ms-page-write", "update");
  to_page.emplace_back("x-ms-range", "bytes=0-511");
  const auto damaged = [](std::string framed) {
    framed[23] = 'W';
    return framed;
  };

  const auto appended = gateway.put("/box/log?comp=appendblock", message({"me", "ow"}), structured(4));
  CHECK(appended.status == 201);
  CHECK(appended.header("x-ms-structured-body") == "XSM/1.0; properties=crc64");
  CHECK(gateway.put("/box/log?comp=appendblock", damaged(message({"woof"})), structured(4)).code() == "Crc64Mismatch");
  CHECK(gateway.get("/box/log").body == "meow");

  CHECK(gateway.put("/box/disk?comp=page", damaged(message({page})), to_page).code() == "Crc64Mismatch");
  CHECK(gateway.get("/box/disk").body == std::string(1024, '\0'));
  const auto written = gateway.put("/box/disk?comp=page", message({page}), to_page);
  CHECK(written.status == 201);
  CHECK(written.header("x-ms-structured-body") == "XSM/1.0; properties=crc64");
  CHECK(gateway.get("/box/disk").body == page + std::string(512, '\0'));
  to_page[1].second = "511";
  CHECK(gateway.put("/box/disk?comp=page", message({page.substr(1)}), to_page).code() == "InvalidPageRange");
}

}  // namespace sluice::blob::test
