#include "auth/shared_key.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <random>
#include <utility>
#include <vector>

#include "auth/sas_example_for_test.h"
#include "auth/shared_key_text.h"

namespace sluice::auth::test {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Vector {
  const char* name;
  std::string method;
  std::string target;
  Headers headers;
};

// Requests as @azure/storage-blob 12.32.0 sends them, for the account of the SAS vectors.
const std::vector<Vector>& vectors() {
  static const std::vector<Vector> requests{
      {"host: list containers",
       "GET",
       "/?comp=list&prefix=a%20b&include=metadata",
       {{"x-ms-version", "2026-04-06"},
        {"x-ms-client-request-id", "18b8d680-25cd-4ac2-90f4-d28c3a84f4c7"},
        {"x-ms-date", "Wed, 03 Jun 2026 10:20:30 GMT"},
        {"Authorization", "SharedKey sluiceaccount:cX+OFPbgDGYus0eTsc2XToJX6WftdsD4DwiRcH7+RYU="}}},
      {"host: put blob",
       "PUT",
       "/photos/dir/%C3%BC%20%C3%A4%26%2B%2525/a%3Db%3Fc%23d/cat%27s%20(1).jpg",
       {{"Content-Type", "application/octet-stream"},
        {"x-ms-version", "2026-04-06"},
        {"Content-Length", "11"},
        {"x-ms-meta-a_b", "1"},
        {"x-ms-meta-A1", "two  spaces"},
        {"x-ms-meta-ab", "x"},
        {"x-ms-meta-Ab_c", "y"},
        {"x-ms-meta-a0", "z"},
        {"If-None-Match", "*"},
        {"x-ms-blob-content-type", "text/plain"},
        {"x-ms-blob-type", "BlockBlob"},
        {"x-ms-client-request-id", "f046efc2-ddf5-4321-b89e-2463c091264e"},
        {"x-ms-date", "Wed, 03 Jun 2026 10:20:30 GMT"},
        {"Authorization", "SharedKey sluiceaccount:+DUzjhrC4vIH+sk2yEpGtkiT7/sBLLl7VQpADhSeZIA="}}},
      {"host: get properties",
       "HEAD",
       "/photos/dir/%C3%BC%20%C3%A4%26%2B%2525/a%3Db%3Fc%23d/cat%27s%20(1).jpg",
       {{"x-ms-version", "2026-04-06"},
        {"If-Modified-Since", "Wed, 03 Jun 2026 10:20:25 GMT"},
        {"If-Unmodified-Since", "Wed, 03 Jun 2026 10:20:30 GMT"},
        {"If-Match", "\"0x8D\""},
        {"x-ms-client-request-id", "b8e95697-3dff-4807-bd44-a505223adc95"},
        {"x-ms-date", "Wed, 03 Jun 2026 10:20:30 GMT"},
        {"Authorization", "SharedKey sluiceaccount:m1MAcTMtxBz3tgGVd89OoejZa/FDRxaz05nHa6Onn7A="}}},
      {"host: ranged get",
       "GET",
       "/photos/dir/%C3%BC%20%C3%A4%26%2B%2525/a%3Db%3Fc%23d/cat%27s%20(1).jpg",
       {{"x-ms-version", "2026-04-06"},
        {"x-ms-range", "bytes=5-14"},
        {"x-ms-client-request-id", "37a330aa-8487-4073-83c7-be72572d89a2"},
        {"x-ms-date", "Wed, 03 Jun 2026 10:20:30 GMT"},
        {"Authorization", "SharedKey sluiceaccount:/PpugFZftGsvfCahjeJ2AhxkLLeCvtjxJ58O36SzibA="}}},
      {"host: create container",
       "PUT",
       "/photos?restype=container",
       {{"x-ms-version", "2026-04-06"},
        {"x-ms-meta-z", ""},
        {"x-ms-meta-a", "b"},
        {"x-ms-blob-public-access", "blob"},
        {"x-ms-client-request-id", "4a4a6385-20ad-400e-b0f8-d71b8084d6c1"},
        {"x-ms-date", "Wed, 03 Jun 2026 10:20:30 GMT"},
        {"Authorization", "SharedKey sluiceaccount:CmMdPgrO02DC+UFJkfApGhYlA9pJ0IRzRMGD0YKpJTw="}}},
      {"host: list blobs",
       "GET",
       "/photos?comp=list&maxresults=5&restype=container&include=metadata,snapshots&delimiter=%2F",
       {{"x-ms-version", "2026-04-06"},
        {"x-ms-client-request-id", "20e58d5c-b026-4c4d-b305-5e2886c56254"},
        {"x-ms-date", "Wed, 03 Jun 2026 10:20:30 GMT"},
        {"Authorization", "SharedKey sluiceaccount:VgLceGq8WuSxilA7SiTizVeXIwhNof5dy5mHZVN1tIQ="}}},
      {"host: put block",
       "PUT",
       "/photos/dir/%C3%BC%20%C3%A4%26%2B%2525/a%3Db%3Fc%23d/cat%27s%20(1).jpg?comp=block&blockid=%2B%2FAAA%2B%3D%3D",
       {{"Content-Type", "application/octet-stream"},
        {"x-ms-version", "2026-04-06"},
        {"Content-Length", "3"},
        {"x-ms-client-request-id", "9d6cf793-30da-4651-bc8a-374ae12261ff"},
        {"x-ms-date", "Wed, 03 Jun 2026 10:20:30 GMT"},
        {"Authorization", "SharedKey sluiceaccount:ab4+TbDDEbkE9rLILCz4jbeXwNoywsO7CfY1f4MKx3s="}}},
      {"host: put block list",
       "PUT",
       "/photos/dir/%C3%BC%20%C3%A4%26%2B%2525/a%3Db%3Fc%23d/cat%27s%20(1).jpg?comp=blocklist",
       {{"Content-Type", "application/xml"},
        {"x-ms-version", "2026-04-06"},
        {"x-ms-client-request-id", "eeb3ae6d-af7d-4585-a268-3e6a71a3d6e8"},
        {"Content-Length", "120"},
        {"x-ms-date", "Wed, 03 Jun 2026 10:20:30 GMT"},
        {"Authorization", "SharedKey sluiceaccount:NlR6KY8AV6Izrrqg9zuaD8DnmrgA0XqdyrcU9XjDiYM="}}},
      {"host: append zero",
       "PUT",
       "/photos/log",
       {{"x-ms-version", "2026-04-06"},
        {"Content-Length", "0"},
        {"x-ms-blob-type", "AppendBlob"},
        {"x-ms-client-request-id", "670c3203-2d4b-4be5-81be-fefbef3c3133"},
        {"x-ms-date", "Wed, 03 Jun 2026 10:20:30 GMT"},
        {"Authorization", "SharedKey sluiceaccount:vHX2fi4BOCBHRPzB61TJaFWTOd9YRX4hFePlCP1aMq8="}}},
      {"host: snapshot get",
       "GET",
       "/photos/dir/%C3%BC%20%C3%A4%26%2B%2525/a%3Db%3Fc%23d/"
       "cat%27s%20(1).jpg?snapshot=2026-01-05T00%3A00%3A00.1234567Z",
       {{"x-ms-version", "2026-04-06"},
        {"x-ms-client-request-id", "e660a045-45ca-4aad-a473-15389ed09611"},
        {"x-ms-date", "Wed, 03 Jun 2026 10:20:30 GMT"},
        {"Authorization", "SharedKey sluiceaccount:9+z5Wtm/1+vZl+MCw2TiZIpUEvfu2sR5XzlyIXCaP88="}}},
      {"path: list containers",
       "GET",
       "/sluiceaccount/?comp=list&prefix=a%20b&include=metadata",
       {{"x-ms-version", "2026-04-06"},
        {"x-ms-client-request-id", "5da40fb0-00aa-456a-91bd-056960f67b40"},
        {"x-ms-date", "Wed, 03 Jun 2026 10:20:30 GMT"},
        {"Authorization", "SharedKey sluiceaccount:PIyZwo4lPP4wQE0OfebXm1TqoEKyNdSaLykiQ25/iqM="}}},
      {"path: put blob",
       "PUT",
       "/sluiceaccount/photos/dir/%C3%BC%20%C3%A4%26%2B%2525/a%3Db%3Fc%23d/cat%27s%20(1).jpg",
       {{"Content-Type", "application/octet-stream"},
        {"x-ms-version", "2026-04-06"},
        {"Content-Length", "11"},
        {"x-ms-meta-a_b", "1"},
        {"x-ms-meta-A1", "two  spaces"},
        {"x-ms-meta-ab", "x"},
        {"x-ms-meta-Ab_c", "y"},
        {"x-ms-meta-a0", "z"},
        {"If-None-Match", "*"},
        {"x-ms-blob-content-type", "text/plain"},
        {"x-ms-blob-type", "BlockBlob"},
        {"x-ms-client-request-id", "77878657-75ce-4d72-ac54-d3c6af350f70"},
        {"x-ms-date", "Wed, 03 Jun 2026 10:20:30 GMT"},
        {"Authorization", "SharedKey sluiceaccount:3eheuZlMHi9f3jebsv6g3MIGLAYcCoKS6nfHwSpYqYQ="}}},
      {"path: list blobs",
       "GET",
       "/sluiceaccount/photos?comp=list&maxresults=5&restype=container&include=metadata,snapshots&delimiter=%2F",
       {{"x-ms-version", "2026-04-06"},
        {"x-ms-client-request-id", "e371131f-2f97-4f7e-b36e-8570c1fb01d8"},
        {"x-ms-date", "Wed, 03 Jun 2026 10:20:30 GMT"},
        {"Authorization", "SharedKey sluiceaccount:qLeLHb8LTUkncG867y2kx3WzfswTS+YsZuZn1j/GeRQ="}}},
      {"host, secondary: list containers",
       "GET",
       "/?comp=list&prefix=a%20b&include=metadata",
       {{"x-ms-version", "2026-04-06"},
        {"x-ms-client-request-id", "7ff3ca20-3992-451a-bf7b-19b6c44d2fac"},
        {"x-ms-date", "Wed, 03 Jun 2026 10:20:30 GMT"},
        {"Authorization", "SharedKey sluiceaccount:Kk6olXY2hHdrE5/lNB6X/gmj10EpP1pDqbb8P6yizBg="}}},
      {"host, secondary: put blob",
       "PUT",
       "/photos/dir/%C3%BC%20%C3%A4%26%2B%2525/a%3Db%3Fc%23d/cat%27s%20(1).jpg",
       {{"Content-Type", "application/octet-stream"},
        {"x-ms-version", "2026-04-06"},
        {"Content-Length", "11"},
        {"x-ms-meta-a_b", "1"},
        {"x-ms-meta-A1", "two  spaces"},
        {"x-ms-meta-ab", "x"},
        {"x-ms-meta-Ab_c", "y"},
        {"x-ms-meta-a0", "z"},
        {"If-None-Match", "*"},
        {"x-ms-blob-content-type", "text/plain"},
        {"x-ms-blob-type", "BlockBlob"},
        {"x-ms-client-request-id", "5f669ce3-93eb-4bd0-8250-8f1dca341f1c"},
        {"x-ms-date", "Wed, 03 Jun 2026 10:20:30 GMT"},
        {"Authorization", "SharedKey sluiceaccount:Mj9v5LUrqe8pR74iplE7nZdX41OMjYax2QoXPkeUWoM="}}},
      {"path, secondary: list containers",
       "GET",
       "/sluiceaccount-secondary/?comp=list&prefix=a%20b&include=metadata",
       {{"x-ms-version", "2026-04-06"},
        {"x-ms-client-request-id", "6a004d5e-d4d0-4c4e-931d-202cc8f2f29b"},
        {"x-ms-date", "Wed, 03 Jun 2026 10:20:30 GMT"},
        {"Authorization", "SharedKey sluiceaccount:ABz6RrGZRIGTX6HP5765KEOuSZ9X8nPXx3nTgHet3T8="}}},
      {"path, secondary: put blob",
       "PUT",
       "/sluiceaccount-secondary/photos/dir/%C3%BC%20%C3%A4%26%2B%2525/a%3Db%3Fc%23d/cat%27s%20(1).jpg",
       {{"Content-Type", "application/octet-stream"},
        {"x-ms-version", "2026-04-06"},
        {"Content-Length", "11"},
        {"x-ms-meta-a_b", "1"},
        {"x-ms-meta-A1", "two  spaces"},
        {"x-ms-meta-ab", "x"},
        {"x-ms-meta-Ab_c", "y"},
        {"x-ms-meta-a0", "z"},
        {"If-None-Match", "*"},
        {"x-ms-blob-content-type", "text/plain"},
        {"x-ms-blob-type", "BlockBlob"},
        {"x-ms-client-request-id", "da7732bb-f4cc-4faf-a768-1184addbcfa5"},
        {"x-ms-date", "Wed, 03 Jun 2026 10:20:30 GMT"},
        {"Authorization", "SharedKey sluiceaccount:T0I1RgA4dZsxDCEbRiJ80cOLuMTqGFbqM7N2GgLPwx4="}}},
  };
  return requests;
}

/// One request, and how it is addressed.
struct Example {
  std::string method = "GET";
  std::string target = "/photos/cat.jpg";
  Headers headers{{"x-ms-date", "Wed, 03 Jun 2026 10:20:30 GMT"}, {"x-ms-version", "2022-11-02"}};
  AzureAccount account = sluiceaccount();
  FixedClock clock{at("2026-06-03T10:20:30Z")};
  bool in_path = false;
  bool secondary = false;

  std::expected<Identity, AzureFault> authenticate() const {
    Fields fields;
    for (const auto& [name, value] : headers) fields.add(name, value);
    return SharedKey(clock).authenticate({.method = method, .target = target, .fields = fields},
                                         {.account = account, .in_path = in_path, .secondary = secondary});
  }

  void set(const std::string& name, std::string value) {
    std::erase_if(headers, [&name](const auto& header) { return header.first == name; });
    headers.emplace_back(name, std::move(value));
  }

  Example& sign(std::string_view text, std::string_view scheme = "SharedKey") {
    set("Authorization",
        std::string(scheme) + " sluiceaccount:" + to_base64(hmac_sha256(account.keys.front().raw(), text)));
    return *this;
  }
};

Example example_of(const Vector& vector) {
  Example example;
  example.method = vector.method;
  example.target = vector.target;
  example.headers = vector.headers;
  const std::string_view name(vector.name);
  example.in_path = name.starts_with("path");
  example.secondary = name.contains("secondary");
  return example;
}

const Vector& vector_named(std::string_view name) {
  return *std::ranges::find_if(vectors(), [name](const Vector& vector) { return vector.name == name; });
}

// The string to sign of a GET without standard headers, up to its resource.
const std::string kGet =
    "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Wed, 03 Jun 2026 10:20:30 GMT\nx-ms-version:2022-11-02\n";

TEST_CASE("what the vendor's library signs is verified") {
  for (const Vector& vector : vectors()) {
    INFO(vector.name);
    const auto identity = example_of(vector).authenticate();
    REQUIRE(refusal(identity).empty());
    CHECK(identity->account() == "acme");
  }
}

TEST_CASE("the usual string to sign is the first of all that are tried") {
  for (const Vector& vector : vectors()) {
    INFO(vector.name);
    const Example example = example_of(vector);
    Fields fields;
    for (const auto& [name, value] : example.headers) fields.add(name, value);
    const SignedRequest request{.method = example.method, .target = example.target, .fields = fields};
    const AzureAddress address{.account = example.account, .in_path = example.in_path, .secondary = example.secondary};
    const SharedKeyTexts all = shared_key_texts(request, address);
    CHECK(usual_shared_key_text(request, address) == all.heads.front() + all.headers.front() + all.resources.front());
    const SharedKeyTexts lite = shared_key_lite_texts(request, address);
    CHECK(usual_shared_key_lite_text(request, address) ==
          lite.heads.front() + lite.headers.front() + lite.resources.front());
  }
}

TEST_CASE("either key of the account proves") {
  Example example = example_of(vector_named("host: put blob"));
  std::swap(example.account.keys.front(), example.account.keys.back());
  CHECK(example.authenticate().has_value());

  example.account.keys.pop_back();
  CHECK(example.authenticate().error().error.code == ErrorCode::signature_mismatch);
}

TEST_CASE("any change to what is signed is refused") {
  const Vector& vector = vector_named("host: put blob");
  for (const char* const name : {"Content-Type", "Content-Length", "If-None-Match", "x-ms-blob-type", "x-ms-meta-ab"}) {
    INFO(name);
    Example example = example_of(vector);
    example.set(name, "12");
    CHECK(example.authenticate().error().error.code == ErrorCode::signature_mismatch);
  }
  for (const char* const name : {"Content-Encoding", "Content-Language", "Content-MD5", "If-Match", "If-Modified-Since",
                                 "If-Unmodified-Since", "Range", "x-ms-lease-id"}) {
    INFO(name);
    Example example = example_of(vector);
    example.set(name, "new");
    CHECK(example.authenticate().error().error.code == ErrorCode::signature_mismatch);
  }
  Example method = example_of(vector);
  method.method = "DELETE";
  CHECK_FALSE(method.authenticate().has_value());
  Example target = example_of(vector);
  target.target += "?comp=metadata";
  CHECK_FALSE(target.authenticate().has_value());
  Example path = example_of(vector);
  path.target += "x";
  CHECK_FALSE(path.authenticate().has_value());
}

TEST_CASE("a refusal shows the string that should have been signed") {
  Example example;
  example.sign("something else");

  const auto fault = example.authenticate().error();

  CHECK(fault.reason == BlobAuthFault::authentication_failed);
  CHECK(fault.string_to_sign == kGet + "/sluiceaccount/photos/cat.jpg");
}

TEST_CASE("an address in the path has the account twice in what is signed") {
  Example example;
  example.in_path = true;
  example.target = "/sluiceaccount/photos/cat.jpg";
  CHECK(example.sign(kGet + "/sluiceaccount/sluiceaccount/photos/cat.jpg").authenticate().has_value());
  CHECK_FALSE(example.sign(kGet + "/sluiceaccount/photos/cat.jpg").authenticate().has_value());
}

TEST_CASE("a secondary address is signed with or without its suffix") {
  Example host;
  host.secondary = true;
  CHECK(host.sign(kGet + "/sluiceaccount/photos/cat.jpg").authenticate().has_value());
  CHECK(host.sign(kGet + "/sluiceaccount-secondary/photos/cat.jpg").authenticate().has_value());

  Example path;
  path.secondary = path.in_path = true;
  path.target = "/sluiceaccount-secondary/photos/cat.jpg";
  CHECK(path.sign(kGet + "/sluiceaccount/sluiceaccount/photos/cat.jpg").authenticate().has_value());
  CHECK(path.sign(kGet + "/sluiceaccount/sluiceaccount-secondary/photos/cat.jpg").authenticate().has_value());

  Example primary;
  CHECK_FALSE(primary.sign(kGet + "/sluiceaccount-secondary/photos/cat.jpg").authenticate().has_value());
}

TEST_CASE("a path is signed as it came") {
  Example example;
  example.target = "/photos/a%2Fb/%C3%BC%20x";
  CHECK(example.sign(kGet + "/sluiceaccount/photos/a%2Fb/%C3%BC%20x").authenticate().has_value());
  CHECK_FALSE(example.sign(kGet + "/sluiceaccount/photos/a/b/\xC3\xBC x").authenticate().has_value());
  example.target = "";
  CHECK(example.sign(kGet + "/sluiceaccount/").authenticate().has_value());
}

TEST_CASE("parameters are signed decoded, lower-cased, sorted and joined") {
  Example example;
  example.target = "/photos?restype=container&Include=snapshots&comp=list&include=metadata&prefix=%C3%BC%2F";
  CHECK(example
            .sign(kGet + "/sluiceaccount/photos\ncomp:list\ninclude:metadata,snapshots\nprefix:\xC3\xBC/\n"
                         "restype:container")
            .authenticate()
            .has_value());
}

TEST_CASE("an empty parameter may be signed or left out") {
  Example example;
  example.target = "/photos?comp=list&marker=&prefix";
  CHECK(example.sign(kGet + "/sluiceaccount/photos\ncomp:list\nmarker:\nprefix:").authenticate().has_value());
  CHECK(example.sign(kGet + "/sluiceaccount/photos\ncomp:list").authenticate().has_value());
}

TEST_CASE("a plus in a parameter may be signed as itself or as a space") {
  Example example;
  example.target = "/photos?prefix=a+b";
  CHECK(example.sign(kGet + "/sluiceaccount/photos\nprefix:a+b").authenticate().has_value());
  CHECK(example.sign(kGet + "/sluiceaccount/photos\nprefix:a b").authenticate().has_value());
}

TEST_CASE("headers may be sorted by bytes or as words") {
  Example example;
  example.headers = {{"x-ms-meta-a_b", "1"}, {"X-Ms-Meta-AB", "2"}, {"x-ms-meta-a0", "3"}, {"x-ms-meta-a-b", "4"}};
  example.set("x-ms-date", "Wed, 03 Jun 2026 10:20:30 GMT");
  example.set("x-ms-version", "2022-11-02");
  const std::string head = "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Wed, 03 Jun 2026 10:20:30 GMT\n";
  const std::string tail = "x-ms-version:2022-11-02\n/sluiceaccount/photos/cat.jpg";
  const std::string bytes = "x-ms-meta-a-b:4\nx-ms-meta-a0:3\nx-ms-meta-a_b:1\nx-ms-meta-ab:2\n";
  const std::string words = "x-ms-meta-a_b:1\nx-ms-meta-a0:3\nx-ms-meta-ab:2\nx-ms-meta-a-b:4\n";
  const std::string neither = "x-ms-meta-ab:2\nx-ms-meta-a_b:1\nx-ms-meta-a0:3\nx-ms-meta-a-b:4\n";

  CHECK(example.sign(head + bytes + tail).authenticate().has_value());
  CHECK(example.sign(head + words + tail).authenticate().has_value());
  CHECK_FALSE(example.sign(head + neither + tail).authenticate().has_value());
}

TEST_CASE("space inside a header may be folded, but not in a quoted string") {
  Example example;
  example.set("x-ms-meta-a", "a  b \t c \"d  e\"");
  const auto text = [](std::string_view value) {
    return "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Wed, 03 Jun 2026 10:20:30 GMT\nx-ms-meta-a:" + std::string(value) +
           "\nx-ms-version:2022-11-02\n/sluiceaccount/photos/cat.jpg";
  };
  CHECK(example.sign(text("a  b \t c \"d  e\"")).authenticate().has_value());
  CHECK(example.sign(text("a b c \"d  e\"")).authenticate().has_value());
  CHECK_FALSE(example.sign(text("a b c \"d e\"")).authenticate().has_value());
}

TEST_CASE("a length of zero is signed in old versions alone, and empty headers in new ones alone") {
  // azure-storage 0.3.3, which speaks 2014-02-14.
  Example old;
  old.method = "PUT";
  old.target = "/photos?restype=container&timeout=30";
  old.headers = {{"x-ms-date", "Wed, 03 Jun 2026 10:20:30 GMT"},
                 {"x-ms-version", "2014-02-14"},
                 {"content-length", "0"},
                 {"x-ms-meta-empty", ""},
                 {"authorization", "SharedKey sluiceaccount:hvqY8DI81bjcyOVELH634k7OfWIR0yqGxyJPILjCPvM="}};
  CHECK(old.authenticate().has_value());

  Example current = old;
  current.set("x-ms-version", "2022-11-02");
  std::erase_if(current.headers, [](const auto& header) { return header.first == "authorization"; });
  current.sign(
      "PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Wed, 03 Jun 2026 10:20:30 GMT\nx-ms-meta-empty:\n"
      "x-ms-version:2022-11-02\n/sluiceaccount/photos\nrestype:container\ntimeout:30");
  CHECK(current.authenticate().has_value());
}

TEST_CASE("Shared Key Lite signs less") {
  // azure 0.6.9, which speaks 2011-08-18.
  Example put;
  put.method = "PUT";
  put.target = "/photos/hello%20w.txt?comp=metadata&timeout=20";
  put.headers = {{"content-md5", "Q2hlY2sgSW50ZWdyaXR5IQ=="},
                 {"content-type", "text/plain; charset=UTF-8"},
                 {"x-ms-date", "Wed, 03 Jun 2026 10:20:30 GMT"},
                 {"x-ms-meta-m1", "v1"},
                 {"x-ms-meta-m2", "v2"},
                 {"x-ms-version", "2011-08-18"},
                 {"content-length", "5"},
                 {"authorization", "SharedKeyLite sluiceaccount:x+9JczzXgsunI32zjwKegU2wcyYdbJJ6Ff9lK6F6hgE="}};
  CHECK(put.authenticate().has_value());
  put.set("x-ms-meta-m1", "v3");
  CHECK(put.authenticate().error().error.code == ErrorCode::signature_mismatch);

  Example get;
  get.target = "/photos?restype=container&prefix=x";
  get.headers = {{"date", "Wed, 03 Jun 2026 10:20:30 GMT"},
                 {"x-ms-version", "2011-08-18"},
                 {"authorization", "SharedKeyLite sluiceaccount:h7T4bXPT2iT8Flfk33KrShR5jZH9FAVA2NX3OkSWQac="}};
  CHECK(get.authenticate().has_value());
}

TEST_CASE("a signature of one scheme is none of the other") {
  Example example = example_of(vector_named("host: ranged get"));
  for (auto& [name, value] : example.headers) {
    if (name == "Authorization") value.insert(9, "Lite");
  }
  CHECK(example.authenticate().error().error.code == ErrorCode::signature_mismatch);
}

TEST_CASE("a request's date must be near the server's") {
  Example example;
  example.sign(kGet + "/sluiceaccount/photos/cat.jpg");
  for (const int minutes : {-15, 0, 15}) {
    example.clock.set(at("2026-06-03T10:20:30Z") + std::chrono::minutes(minutes));
    CHECK(example.authenticate().has_value());
  }
  for (const int seconds : {-901, 901}) {
    example.clock.set(at("2026-06-03T10:20:30Z") + std::chrono::seconds(seconds));
    CHECK(example.authenticate().error().error.code == ErrorCode::request_time_skewed);
    CHECK(example.authenticate().error().reason == BlobAuthFault::authentication_failed);
  }
}

TEST_CASE("x-ms-date stands before Date, which may be signed beside it") {
  const std::string date = "Tue, 02 Jun 2026 00:00:00 GMT";
  Example example;
  example.set("Date", date);
  CHECK(example.sign(kGet + "/sluiceaccount/photos/cat.jpg").authenticate().has_value());
  std::string with_date = kGet;
  with_date.replace(9, 1, date + "\n");
  CHECK(example.sign(with_date + "/sluiceaccount/photos/cat.jpg").authenticate().has_value());

  example.headers = {{"Date", "Wed, 03 Jun 2026 10:20:30 GMT"}};
  example.sign("GET\n\n\n\n\n\nWed, 03 Jun 2026 10:20:30 GMT\n\n\n\n\n\n/sluiceaccount/photos/cat.jpg");
  CHECK(example.authenticate().has_value());
}

TEST_CASE("a request without a readable date is refused") {
  Example example;
  example.sign(kGet);
  example.set("x-ms-date", "now");
  CHECK_FALSE(example.authenticate().has_value());
  std::erase_if(example.headers, [](const auto& header) { return header.first == "x-ms-date"; });
  CHECK(example.authenticate().error().error.code == ErrorCode::authorization_malformed);
}

TEST_CASE("a signed header may not come twice") {
  Example example;
  example.sign(kGet + "/sluiceaccount/photos/cat.jpg");
  for (const char* const name : {"Range", "content-length", "x-ms-version", "X-MS-Date"}) {
    INFO(name);
    Example twice = example;
    twice.headers.emplace_back(name, "1");
    twice.headers.emplace_back(name, "2");
    CHECK(twice.authenticate().error().reason == BlobAuthFault::invalid_header_value);
  }
}

TEST_CASE("a malformed Authorization is told apart from a wrong one") {
  Example example;
  for (const char* const value : {"SharedKey", "SharedKey ", "SharedKey account", "SharedKey :AAAA",
                                  "SharedKey a:", "SharedKey a:***", "SharedKeys a:AAAA", "Basic a:AAAA", ""}) {
    INFO(value);
    example.set("Authorization", value);
    CHECK(example.authenticate().error().reason == BlobAuthFault::invalid_authentication_info);
  }
  example.set("Authorization", "SharedKey sluiceaccount:AAAA");
  CHECK(example.authenticate().error().reason == BlobAuthFault::authentication_failed);
  example.set("Authorization", "SharedKey another:AAAA");
  CHECK(example.authenticate().error().error.code == ErrorCode::unknown_access_key);
  example.set("Authorization", "SharedKey sluiceaccount-secondary:AAAA");
  CHECK(example.authenticate().error().error.code == ErrorCode::unknown_access_key);
}

TEST_CASE("the credential of a request is told from its header and query") {
  const auto credential = [](const char* authorization, std::string_view target) {
    Fields fields;
    if (authorization != nullptr) fields.add("Authorization", authorization);
    return blob_credential({.method = "GET", .target = target, .fields = fields});
  };
  CHECK(credential(nullptr, "/c/b?sv=1") == BlobCredential::anonymous);
  CHECK(credential(nullptr, "/c/b?sv=1&sig=x") == BlobCredential::sas);
  CHECK(credential("SharedKey a:b", "/c/b?sig=x") == BlobCredential::shared_key);
  CHECK(credential("sharedkeylite a:b", "/c/b") == BlobCredential::shared_key);
  CHECK(credential("Bearer x", "/c/b") == BlobCredential::bearer);
  CHECK(credential("Bearer x", "/c/b?sig=x") == BlobCredential::sas);
  CHECK(credential("AWS4-HMAC-SHA256 x", "/c/b") == BlobCredential::unknown);
  CHECK(credential("", "/c/b?sig=x") == BlobCredential::unknown);
}

TEST_CASE("names are sorted as words: punctuation, digits, letters, and hyphens last") {
  const std::vector<std::string> sorted{"x-ms-a!", "x-ms-a.b", "x-ms-a_b", "x-ms-a+b", "x-ms-a0", "x-ms-a1",
                                        "x-ms-ab", "x-ms-a'b", "x-ms-a-b", "x-ms-abc", "x-ms-b"};
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    for (std::size_t j = 0; j < sorted.size(); ++j) {
      INFO(sorted[i] << " " << sorted[j]);
      CHECK(sorts_before_as_word(sorted[i], sorted[j]) == (i < j));
    }
  }
}

TEST_CASE("the sort of words is an order, whatever the names") {
  std::mt19937 random(7);
  std::vector<std::string> names;
  for (int i = 0; i < 60; ++i) {
    std::string name;
    for (std::size_t n = random() % 5; n != 0; --n) name.push_back("ab-'_0\x01"[random() % 7]);
    names.push_back(name);
  }
  for (const auto& a : names) {
    CHECK_FALSE(sorts_before_as_word(a, a));
    for (const auto& b : names) {
      CHECK_FALSE((sorts_before_as_word(a, b) && sorts_before_as_word(b, a)));
      for (const auto& c : names) {
        if (sorts_before_as_word(a, b) && sorts_before_as_word(b, c) && !sorts_before_as_word(a, c)) {
          FAIL(a << " " << b << " " << c);
        }
      }
    }
  }
}

TEST_CASE("a forged request of any size costs a bounded time, a good one is still verified") {
  Example example;
  const std::string value(300000, 'v');
  example.set("x-ms-meta-a", value + "  b");
  example.set("x-ms-meta-a-b", "1");
  example.set("x-ms-meta-a0", "2");
  example.target = "/photos?prefix=a+b&marker=";
  const std::string words = "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Wed, 03 Jun 2026 10:20:30 GMT\nx-ms-meta-a:" + value +
                            "  b\nx-ms-meta-a-b:1\nx-ms-meta-a0:2\nx-ms-version:2022-11-02\n";
  CHECK(example.sign(words + "/sluiceaccount/photos\nmarker:\nprefix:a+b").authenticate().has_value());
  CHECK_FALSE(example.sign("forged").authenticate().has_value());
}

TEST_CASE("garbage is refused and harms nothing") {
  std::mt19937 random(20260603);
  const auto garbage = [&random] {
    std::string text;
    for (std::size_t n = random() % 40; n != 0; --n) text.push_back(static_cast<char>(random()));
    return text;
  };
  for (int round = 0; round < 500; ++round) {
    Example example;
    example.method = garbage();
    example.target = "/" + garbage() + "?" + garbage() + "&" + garbage();
    example.in_path = round % 2 == 0;
    example.secondary = round % 3 == 0;
    example.headers.emplace_back("x-ms-" + garbage(), garbage());
    example.headers.emplace_back(garbage(), garbage());
    example.set("Authorization", "SharedKey sluiceaccount:" + to_base64(garbage() + "x"));
    CHECK_FALSE(example.authenticate().has_value());
    example.set("Authorization", garbage());
    CHECK_FALSE(example.authenticate().has_value());
  }
}

}  // namespace
}  // namespace sluice::auth::test
