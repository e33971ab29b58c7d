// What the pieces of a request cost by themselves: signature check, header parse, XML,
// hashes, index get, record codec. hash_bench has the hashes of many streams. Pin it to a core.
#include <benchmark/benchmark.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "auth/credentials.h"
#include "auth/sigv4.h"
#include "backends/local/local_backend.h"
#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"
#include "gateway/http/request_parser.h"
#include "gateway/object/outline.h"
#include "gateway/object/record.h"
#include "gateway/xml/xml.h"
#include "tests/bench/signer.h"

namespace sluice {
namespace {

namespace asio = boost::asio;

constexpr std::string_view kPath = "/bench-4096/load/00000123";
constexpr std::size_t kTargetSizeMax = 16 * 1024;
constexpr int kPageKeys = 1000;

/// A signed GET as a client sends it.
std::string request_text() {
  const bench::Signer signer{
      .access_key = "sluicedev", .secret_key = "sluicedevsecret", .region = "us-east-1", .host = "127.0.0.1:9000"};
  return "GET " + std::string(kPath) + " HTTP/1.1\r\n" + signer.sign("GET", kPath, "", "UNSIGNED-PAYLOAD") + "\r\n";
}

void header_parse(benchmark::State& state) {
  const std::string text = request_text();
  http::ParsedRequest request;
  for (auto _ : state) {
    http::HeaderScanner scanner;
    if (scanner.scan(text) != http::HeaderScanner::Found::end ||
        http::parse_request(std::string_view(text).substr(0, scanner.size()), kTargetSizeMax, request)) {
      return state.SkipWithError("the request was refused");
    }
    benchmark::DoNotOptimize(request);
  }
}
BENCHMARK(header_parse);

void signature_check(benchmark::State& state) {
  const std::string text = request_text();
  http::ParsedRequest request;
  if (http::parse_request(text, kTargetSizeMax, request)) return state.SkipWithError("the request was refused");
  auth::User user;
  user.name = user.account = "root";
  user.access_key = "sluicedev";
  user.secret_key = "sluicedevsecret";
  const auth::Credentials credentials({user});
  const SystemClock clock;
  const auth::SigV4 signatures(credentials, clock, "us-east-1");
  const auth::SignedRequest asked{.method = "GET", .target = request.header.target, .fields = request.header.fields};
  for (auto _ : state) {
    const auto identity = signatures.authenticate(asked);
    if (!identity) return state.SkipWithError("the signature was refused");
    benchmark::DoNotOptimize(identity);
  }
}
BENCHMARK(signature_check);

void xml_write(benchmark::State& state) {
  for (auto _ : state) {
    xml::Writer writer;
    writer.open("ListBucketResult");
    for (int n = 0; n < kPageKeys; ++n) {
      writer.open("Contents");
      writer.element("Key", "load/00012/345");
      writer.element("ETag", "\"0123456789abcdef0123456789abcdef\"");
      writer.element("Size", std::uint64_t{4096});
      writer.close();
    }
    writer.close();
    benchmark::DoNotOptimize(writer.take());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * kPageKeys);
}
BENCHMARK(xml_write);

void xml_parse(benchmark::State& state) {
  xml::Writer writer;
  writer.open("Delete");
  for (int n = 0; n < kPageKeys; ++n) {
    writer.open("Object");
    writer.element("Key", "load/00012/" + std::to_string(n));
    writer.close();
  }
  writer.close();
  const std::string text = writer.take();
  for (auto _ : state) {
    const auto document = xml::Document::parse(text, "Delete");
    if (!document) return state.SkipWithError("the document was refused");
    benchmark::DoNotOptimize(document->root().children());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * kPageKeys);
}
BENCHMARK(xml_parse);

void hash(benchmark::State& state, DigestAlgorithm algorithm) {
  const std::string body(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(digest_of(algorithm, body));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK_CAPTURE(hash, md5, DigestAlgorithm::md5)->Arg(4096)->Arg(1 << 20);
BENCHMARK_CAPTURE(hash, sha256, DigestAlgorithm::sha256)->Arg(4096)->Arg(1 << 20);
BENCHMARK_CAPTURE(hash, crc32c, DigestAlgorithm::crc32c)->Arg(4096)->Arg(1 << 20);
BENCHMARK_CAPTURE(hash, crc64nvme, DigestAlgorithm::crc64nvme)->Arg(4096)->Arg(1 << 20);

/// What a put of 4 KiB leaves.
object::ObjectRecord record() {
  object::ObjectRecord record;
  record.info.size = 4096;
  record.info.md5 = random_bytes(16);
  record.info.revision = 0x1234567890ABCDEF;
  record.info.modified = record.info.created = SystemClock().now();
  record.info.owner = "root";
  record.info.headers.type = "binary/octet-stream";
  record.info.checksum = object::Checksum{{DigestAlgorithm::crc64nvme, random_bytes(8)}};
  record.content = object::InlineContent{.id = random_bytes(object::kIdSize), .crc32c = 7};
  return record;
}

void record_encode(benchmark::State& state) {
  const auto made = record();
  for (auto _ : state) benchmark::DoNotOptimize(made.encode());
}
BENCHMARK(record_encode);

void record_decode(benchmark::State& state) {
  const std::string row = record().encode();
  for (auto _ : state) {
    const auto read = object::ObjectRecord::decode(row);
    if (!read) return state.SkipWithError("the row was refused");
    benchmark::DoNotOptimize(read);
  }
}
BENCHMARK(record_decode);

/// What a listing reads of it.
void record_outline(benchmark::State& state) {
  const std::string row = record().encode();
  for (auto _ : state) {
    const auto read = object::ObjectOutline::read(row);
    if (!read) return state.SkipWithError("the row was refused");
    benchmark::DoNotOptimize(read);
  }
}
BENCHMARK(record_outline);

/// A data directory with some rows, for as long as it lives.
class Store {
 public:
  Store()
      : directory_(std::filesystem::temp_directory_path() / ("sluice-micro-" + to_hex(random_bytes(8)))),
        pool_(64 << 20),
        backend_(std::make_unique<local::LocalBackend>(local::LocalOptions{.directory = directory_}, pool_, log_)) {
    asio::co_spawn(io_, fill(index()), asio::detached);
    io_.run();
  }
  ~Store() {
    backend_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  Index& index() { return backend_->backend().index; }
  static std::string key(int number) { return "obench" + std::string(1, '\0') + "load/" + std::to_string(number); }

  /// Runs it to its end.
  void run(Awaitable<> work) {
    asio::co_spawn(io_, std::move(work), asio::detached);
    io_.restart();
    io_.run();
  }

 private:
  static Task<> fill(Index& index) {
    const auto transaction = index.begin();
    for (int n = 0; n < kPageKeys; ++n) transaction->put(key(n), record().encode());
    co_return co_await transaction->commit();
  }

  std::filesystem::path directory_;
  NullLog log_;
  BufferPool pool_;
  std::unique_ptr<local::LocalBackend> backend_;
  asio::io_context io_{1};
};

Awaitable<> get_once(Index& index, const std::string& key) { co_await index.get(key); }

/// A row that was read before, the way a warm GET has it.
void index_at_hand(benchmark::State& state) {
  Store store;
  const std::string key = Store::key(7);
  store.run(get_once(store.index(), key));
  for (auto _ : state) {
    const auto row = store.index().at_hand(key);
    if (!row) return state.SkipWithError("the row is not at hand");
    benchmark::DoNotOptimize(row);
  }
}
BENCHMARK(index_at_hand);

Awaitable<> get_repeatedly(benchmark::State& state, Index& index, const std::string& key) {
  const auto transaction = index.begin();
  for (auto _ : state) {
    const auto value = co_await transaction->get(key);
    if (!value || !*value) co_return state.SkipWithError("no row");
  }
}

/// Within a transaction: from RocksDB's memory.
void index_get(benchmark::State& state) {
  Store store;
  const std::string key = Store::key(7);
  store.run(get_repeatedly(state, store.index(), key));
}
BENCHMARK(index_get);

class Counter final : public RowVisitor {
 public:
  Walk see(std::string_view, std::string_view value) override {
    benchmark::DoNotOptimize(object::ObjectOutline::read(value));
    ++count;
    return Walk::on;
  }
  std::int64_t count = 0;
};

Awaitable<> walk_repeatedly(benchmark::State& state, Index& index) {
  const auto counter = std::make_shared<Counter>();
  for (auto _ : state) {
    const auto transaction = index.begin();
    if (!co_await transaction->walk({"o", "p"}, counter, kPageKeys + 1)) co_return state.SkipWithError("no walk");
  }
  state.SetItemsProcessed(counter->count);
}

/// A page of rows, read where they lie.
void index_walk(benchmark::State& state) {
  Store store;
  store.run(walk_repeatedly(state, store.index()));
}
BENCHMARK(index_walk)->MeasureProcessCPUTime()->UseRealTime();  // It is a thread of the index that walks.

}  // namespace
}  // namespace sluice

BENCHMARK_MAIN();
