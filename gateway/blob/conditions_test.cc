#include <catch2/catch.hpp>

#include "gateway/blob/client_for_test.h"

// "Specifying conditional headers for Blob service operations", Azure Storage REST API: every operation, and
// the code that each comes to.

namespace sluice::blob::test {
namespace {

const std::string kPage(512, 'x');

/// A container "box" with a blob of each kind, tagged a=b.
struct BoxGateway : Gateway {
  BoxGateway() {
    REQUIRE(put("/box?restype=container").status == 201);
    REQUIRE(put_blob("/box/block", "meow", {{"x-ms-tags", "a=b"}}).status == 201);
    REQUIRE(put("/box/append", {}, {{"x-ms-blob-type", "AppendBlob"}, {"x-ms-tags", "a=b"}}).status == 201);
    REQUIRE(put("/box/page", {},
                {{"x-ms-blob-type", "PageBlob"}, {"x-ms-blob-content-length", "512"}, {"x-ms-tags", "a=b"}})
                .status == 201);
  }
};

struct Write {
  std::string method, target;
  Headers headers;
  std::string body;
  bool takes_tags = true;  ///< x-ms-if-tags
};

const std::pair<std::string, std::string> kSource{"x-ms-copy-source", "http://127.0.0.1:10000/alpha/box/block"};
const std::pair<std::string, std::string> kPageSource{"x-ms-copy-source", "http://127.0.0.1:10000/alpha/box/page"};

const Write kWrites[] = {
    {"PUT", "/box/block", {{"x-ms-blob-type", "BlockBlob"}}, "new"},
    {"PUT", "/box/block", {{"x-ms-blob-type", "AppendBlob"}}, ""},
    {"PUT", "/box/block", {{"x-ms-blob-type", "PageBlob"}, {"x-ms-blob-content-length", "512"}}, ""},
    {"PUT", "/box/block", {{"x-ms-blob-type", "BlockBlob"}, kSource}, ""},
    {"PUT", "/box/block", {kSource}, ""},
    {"PUT", "/box/block", {{"x-ms-requires-sync", "true"}, kSource}, ""},
    {"PUT", "/box/block?comp=blocklist", {}, "<BlockList></BlockList>"},
    {"PUT", "/box/block?comp=metadata", {{"x-ms-meta-a", "b"}}, ""},
    {"PUT", "/box/block?comp=properties", {}, ""},
    {"PUT", "/box/block?comp=tags", {}, "<Tags><TagSet></TagSet></Tags>"},
    {"PUT", "/box/block?comp=tier", {{"x-ms-access-tier", "Cool"}}, ""},
    {"PUT", "/box/block?comp=snapshot", {}, ""},
    {"PUT", "/box/block?comp=lease", {{"x-ms-lease-action", "acquire"}, {"x-ms-lease-duration", "15"}}, ""},
    {"PUT", "/box/block?comp=lease", {{"x-ms-lease-action", "break"}}, ""},
    {"DELETE", "/box/block", {}, ""},
    {"PUT", "/box/append?comp=appendblock", {}, "more"},
    {"PUT", "/box/append?comp=appendblock", {kSource}, ""},
    {"PUT", "/box/append?comp=seal", {}, "", false},
    {"PUT", "/box/page?comp=page", {{"x-ms-page-write", "update"}, {"x-ms-range", "bytes=0-511"}}, kPage},
    {"PUT", "/box/page?comp=page", {{"x-ms-page-write", "clear"}, {"x-ms-range", "bytes=0-511"}}, ""},
    {"PUT",
     "/box/page?comp=page",
     {{"x-ms-page-write", "update"}, {"x-ms-range", "bytes=0-511"}, {"x-ms-source-range", "bytes=0-511"}, kPageSource},
     ""},
    {"PUT", "/box/page?comp=properties", {{"x-ms-blob-content-length", "1024"}}, ""},
    {"PUT", "/box/page?comp=properties", {{"x-ms-sequence-number-action", "increment"}}, ""},
};

std::string blob_of(const std::string& target) { return target.substr(0, target.find('?')); }

}  // namespace

TEST_CASE("a write whose condition fails does nothing, and says so") {
  struct Fault {
    Headers headers;
    std::string code;
    bool of_tags = false;
  };
  const std::string now = Gateway::kDate;
  const Fault kFaults[] = {
      {{{"If-Match", "\"0x1\""}}, "ConditionNotMet"},
      {{{"If-Unmodified-Since", "Thu, 01 Jan 2026 00:00:00 GMT"}}, "ConditionNotMet"},
      {{{"If-Modified-Since", now}}, "ConditionNotMet"},
      {{{"x-ms-if-tags", "\"a\" = 'c'"}}, "ConditionNotMet", true},
      {{{"x-ms-if-tags", "a b"}}, "InvalidHeaderValue", true},
      {{{"If-Modified-Since", "yesterday"}}, "InvalidHeaderValue"},
      {{{"If-Match", "\"0x1\""}, {"If-None-Match", "\"0x2\""}}, "MultipleConditionHeadersNotSupported"},
      {{{"If-Match", "*"}, {"If-Modified-Since", now}}, "MultipleConditionHeadersNotSupported"},
  };
  BoxGateway gateway;
  for (const Write& write : kWrites) {
    const auto before = gateway.head(blob_of(write.target)).header("ETag");
    for (const Fault& fault : kFaults) {
      Headers headers = write.headers;
      headers.insert(headers.end(), fault.headers.begin(), fault.headers.end());
      INFO(write.method << " " << write.target << " " << (write.headers.empty() ? "" : write.headers[0].second) << ": "
                        << fault.headers[0].first << " " << fault.headers[0].second);

      const Reply reply = gateway.send({write.method, write.target, headers, write.body});

      CHECK(reply.code() == (fault.of_tags && !write.takes_tags ? "UnsupportedHeader" : fault.code));
      CHECK(reply.status == (reply.code() == "ConditionNotMet" ? 412 : 400));
      CHECK(gateway.head(blob_of(write.target)).header("ETag") == before);
    }
  }
  CHECK_FALSE(gateway.get("/box?restype=container&comp=list&include=snapshots").has("<Snapshot>"));
  CHECK(gateway.head("/box/block").header("x-ms-lease-state") == "available");
}

TEST_CASE("a write is done where its condition holds") {
  for (const Write& write : kWrites) {
    BoxGateway gateway;
    Headers headers = write.headers;
    headers.emplace_back("If-Match", gateway.head(blob_of(write.target)).header("ETag").value());
    if (write.takes_tags) headers.emplace_back("x-ms-if-tags", "\"a\" = 'b'");
    INFO(write.method << " " << write.target << " " << (write.headers.empty() ? "" : write.headers[0].second));

    const Reply reply = gateway.send({write.method, write.target, headers, write.body});

    const bool breaks = write.target.ends_with("lease") && write.headers.size() == 1;
    CHECK(reply.code() == (breaks ? "LeaseNotPresentWithLeaseOperation" : ""));
  }
}

TEST_CASE("a read whose condition fails says so") {
  BoxGateway gateway;
  REQUIRE(gateway.put("/box/list?comp=blocklist", "<BlockList></BlockList>", {{"x-ms-tags", "a=b"}}).status == 201);
  const std::pair<std::string, std::string> kReads[] = {
      {"GET", "/box/block"},
      {"HEAD", "/box/block"},
      {"GET", "/box/block?comp=metadata"},
      {"GET", "/box/block?comp=tags"},
      {"GET", "/box/list?comp=blocklist"},
      {"GET", "/box/page?comp=pagelist"},
  };
  for (const auto& [method, target] : kReads) {
    INFO(method << " " << target);
    const auto code = [&](const std::string& name, const std::string& value) {
      const Reply reply = gateway.send({method, target, {{name, value}}});
      return std::to_string(reply.status) + " " + reply.code();
    };
    const std::string tag = gateway.head(blob_of(target)).header("ETag").value();

    CHECK(code("If-Match", "\"0x1\"") == "412 ConditionNotMet");
    CHECK(code("If-None-Match", tag) == "304 ConditionNotMet");
    CHECK(code("If-Modified-Since", Gateway::kDate) == "304 ConditionNotMet");
    CHECK(code("If-Unmodified-Since", "Thu, 01 Jan 2026 00:00:00 GMT") == "412 ConditionNotMet");
    CHECK(code("If-None-Match", "*") == "400 UnsatisfiableCondition");
    CHECK(code("If-Modified-Since", "yesterday") == "400 InvalidHeaderValue");
    CHECK(code("x-ms-if-tags", "\"a\" = 'c'") == "412 ConditionNotMet");
    CHECK(code("x-ms-if-tags", "\"a\" = 'b'") == "200 ");
    CHECK(code("If-Match", tag) == "200 ");
  }
}

TEST_CASE("conditions on the blob whose tags are meant have names of their own") {
  BoxGateway gateway;
  const std::string target = "/box/block?comp=tags";
  const std::string tag = gateway.head("/box/block").header("ETag").value();
  const std::string tags = "<Tags><TagSet><Tag><Key>c</Key><Value>d</Value></Tag></TagSet></Tags>";

  CHECK(gateway.get(target, {{"x-ms-blob-if-match", "\"0x1\""}}).code() == "ConditionNotMet");
  CHECK(gateway.get(target, {{"x-ms-blob-if-none-match", tag}}).status == 304);
  CHECK(gateway.get(target, {{"x-ms-blob-if-match", tag}}).has("<Key>a</Key>"));
  CHECK(gateway.get(target, {{"x-ms-blob-if-match", tag}, {"If-Match", tag}}).code() ==
        "MultipleConditionHeadersNotSupported");
  CHECK(gateway.put(target, tags, {{"x-ms-blob-if-unmodified-since", "Thu, 01 Jan 2026 00:00:00 GMT"}}).code() ==
        "ConditionNotMet");
  CHECK(gateway.put(target, tags, {{"x-ms-blob-if-modified-since", Gateway::kDate}}).code() == "ConditionNotMet");
  CHECK(gateway.get(target).has("<Key>a</Key>"));
  CHECK(gateway.put(target, tags, {{"x-ms-blob-if-match", tag}}).status == 204);
  CHECK(gateway.get(target).has("<Key>c</Key>"));
  CHECK(gateway.get("/box/block", {{"x-ms-blob-if-match", tag}}).code() == "UnsupportedHeader");
}

TEST_CASE("a write that takes no condition refuses them") {
  BoxGateway gateway;
  const Write kOthers[] = {
      {"PUT", "/box/block?comp=block&blockid=YQ==", {}, "block"},
      {"PUT", "/box/block?comp=block&blockid=YQ==", {kSource}, ""},
      {"PUT", "/box/block?comp=undelete", {}, ""},
      {"PUT", "/box/block?comp=copy&copyid=0", {{"x-ms-copy-action", "abort"}}, ""},
      {"PUT", "/other?restype=container", {}, ""},
      {"PUT", "/?restype=service&comp=properties", {}, "<StorageServiceProperties></StorageServiceProperties>"},
  };
  for (const Write& write : kOthers) {
    for (const char* name : {"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"}) {
      Headers headers = write.headers;
      headers.emplace_back(name, "*");
      INFO(write.target << " " << name);
      const Reply reply = gateway.send({write.method, write.target, headers, write.body});
      CHECK(reply.code() == "ConditionHeadersNotSupported");
      CHECK(reply.status == 400);
    }
  }
  CHECK(gateway.get("/box/block?comp=blocklist&blocklisttype=uncommitted").element("UncommittedBlocks").empty());
  CHECK(gateway.head("/other?restype=container").status == 404);
}

TEST_CASE("operations on containers take dates") {
  BoxGateway gateway;
  const Write kActs[] = {
      {"PUT", "/box?restype=container&comp=metadata", {{"x-ms-meta-a", "b"}}, ""},
      {"PUT", "/box?restype=container&comp=acl", {{"x-ms-blob-public-access", "blob"}}, ""},
      {"PUT",
       "/box?restype=container&comp=lease",
       {{"x-ms-lease-action", "acquire"}, {"x-ms-lease-duration", "15"}},
       ""},
      {"DELETE", "/box?restype=container", {}, ""},
  };
  for (const Write& write : kActs) {
    const auto code = [&](const std::string& name, const std::string& value) {
      Headers headers = write.headers;
      headers.emplace_back(name, value);
      return gateway.send({write.method, write.target, headers, write.body}).code();
    };
    INFO(write.method << " " << write.target);

    CHECK(code("If-Modified-Since", Gateway::kDate) == "ConditionNotMet");
    CHECK(code("If-Unmodified-Since", "Thu, 01 Jan 2026 00:00:00 GMT") == "ConditionNotMet");
    CHECK(code("If-Unmodified-Since", "soon") == "InvalidHeaderValue");
  }
  const Reply head = gateway.head("/box?restype=container");
  CHECK(head.header("x-ms-lease-state") == "available");
  CHECK_FALSE(head.header("x-ms-blob-public-access"));
  CHECK_FALSE(head.header("x-ms-meta-a"));
}

}  // namespace sluice::blob::test
