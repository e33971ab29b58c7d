#include "gateway/core/hash_lanes.h"

#include <openssl/evp.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <catch2/catch.hpp>
#include <memory>
#include <random>

#include "tests/support/memory_backend.h"
#include "tests/support/run_task.h"

namespace sluice {
namespace {

namespace asio = boost::asio;

std::string random_text(std::mt19937& random, std::size_t size) {
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

std::string reference(LaneAlgorithm algorithm, std::string_view text) {
  std::string digest(algorithm == LaneAlgorithm::md5 ? 16 : 32, '\0');
  const EVP_MD* const type = algorithm == LaneAlgorithm::md5 ? EVP_md5() : EVP_sha256();
  EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(digest.data()), nullptr, type, nullptr);
  return digest;
}

// Kernels that every machine has, one lane after the other.
template <LaneAlgorithm algorithm, std::size_t width>
void lane_by_lane(LaneBatch& batch, std::size_t blocks) {
  for (std::size_t lane = 0; lane < width; ++lane) {
    std::uint32_t words[8];
    for (std::size_t word = 0; word < 8; ++word) words[word] = batch.words[word][lane];
    hash_blocks(algorithm, words, batch.data[lane], blocks);
    for (std::size_t word = 0; word < 8; ++word) batch.words[word][lane] = words[word];
  }
}
constexpr LaneKernel kMd5ByLane[] = {{4, lane_by_lane<LaneAlgorithm::md5, 4>},
                                     {16, lane_by_lane<LaneAlgorithm::md5, 16>}};
constexpr LaneKernel kSha256ByLane[] = {{4, lane_by_lane<LaneAlgorithm::sha256, 4>},
                                        {16, lane_by_lane<LaneAlgorithm::sha256, 16>}};

/// Lanes from two streams on, by the narrowest kernel that holds all.
LanePlan eager_plan(std::span<const LaneKernel> kernels) {
  LanePlan plan;
  plan.steps.fill({.kernel = nullptr, .cost_ns = 1000});
  for (std::size_t streams = 2; streams <= kLanesMax; ++streams) {
    for (const LaneKernel& kernel : kernels) {
      plan.steps[streams].kernel = &kernel;
      if (kernel.width >= streams) break;
    }
  }
  return plan;
}

void use_eagerly(HashLanes& lanes) {
  lanes.use(LaneAlgorithm::md5, eager_plan(kMd5ByLane));
  lanes.use(LaneAlgorithm::sha256, eager_plan(kSha256ByLane));
}

/// One client: sends `text` in the pieces the seed says, with pauses of some
/// turns between them, and keeps its digests.
struct Stream {
  std::string text;
  unsigned seed = 0;
  std::size_t piece_max = 0;
  LaneHash md5{LaneAlgorithm::md5};
  LaneHash sha256{LaneAlgorithm::sha256};
  std::string md5_digest;
  std::string sha256_digest;
};

Awaitable<> send(Stream& stream) {
  std::mt19937 random(stream.seed);
  const Executor executor = co_await asio::this_coro::executor;
  HashLanes& lanes = HashLanes::of(executor);
  std::string_view rest = stream.text;
  while (!rest.empty()) {
    for (unsigned pauses = random() % 4; pauses > 0; --pauses) co_await asio::post(executor, use_task);
    const std::string_view piece = rest.substr(0, random() % stream.piece_max);
    LaneHash* const hashes[] = {&stream.md5, &stream.sha256};
    co_await lanes.update(hashes, piece);
    rest.remove_prefix(piece.size());
  }
  stream.md5_digest = stream.md5.finish().bytes;
  stream.sha256_digest = stream.sha256.finish().bytes;
}

Awaitable<> add_once(LaneHash& hash, std::string_view text, int& done_count) {
  HashLanes& lanes = HashLanes::of(co_await asio::this_coro::executor);
  LaneHash* const hashes[] = {&hash};
  if (!lanes.update_at_once(hashes, text)) co_await lanes.update(hash, text);
  ++done_count;
}

/// `count` MD5 streams that hand in `text` in one turn, and how many are done.
struct Crowd {
  Crowd(std::size_t count, std::string text) : text_(std::move(text)), hashes(count, LaneHash(LaneAlgorithm::md5)) {}

  void start(asio::io_context& io) {
    for (LaneHash& hash : hashes) asio::co_spawn(io, add_once(hash, text_, done_count), asio::detached);
  }
  bool is_right() {
    const std::string expected = reference(LaneAlgorithm::md5, text_);
    return std::ranges::all_of(hashes, [&](LaneHash& hash) { return hash.finish().bytes == expected; });
  }

  std::string text_;
  std::vector<LaneHash> hashes;
  int done_count = 0;
};

std::vector<std::unique_ptr<Stream>> random_streams(unsigned seed, std::size_t count) {
  std::mt19937 random(seed);
  std::vector<std::unique_ptr<Stream>> streams;
  for (std::size_t i = 0; i < count; ++i) {
    auto stream = std::make_unique<Stream>();
    stream->text = random_text(random, random() % (i % 7 == 0 ? 200'000 : 20'000));
    stream->seed = static_cast<unsigned>(random());
    stream->piece_max = i % 3 == 0 ? 2'000 : 30'000;
    streams.push_back(std::move(stream));
  }
  return streams;
}

TEST_CASE("streams that come and go at any time get OpenSSL's digests") {
  const auto level = GENERATE(LaneLevel::scalar, LaneLevel::avx2, LaneLevel::avx512);
  const auto seed = GENERATE(range(0U, 6U));
  if (level > best_lane_level()) return;
  asio::io_context io(1);
  HashLanes& lanes = HashLanes::of(io.get_executor());
  lanes.use(LaneAlgorithm::md5, eager_plan(lane_kernels(LaneAlgorithm::md5, level)));
  lanes.use(LaneAlgorithm::sha256, eager_plan(lane_kernels(LaneAlgorithm::sha256, level)));
  const auto streams = random_streams(seed, 3 + seed * 9);

  for (const auto& stream : streams) asio::co_spawn(io, send(*stream), asio::detached);
  io.run();

  for (const auto& stream : streams) {
    CHECK(stream->md5_digest == reference(LaneAlgorithm::md5, stream->text));
    CHECK(stream->sha256_digest == reference(LaneAlgorithm::sha256, stream->text));
  }
  CHECK((lanes.lane_blocks() > 0) == (level != LaneLevel::scalar));
}

TEST_CASE("streams that come and go get OpenSSL's digests by the measured plan") {
  asio::io_context io(1);
  const auto streams = random_streams(42, 40);

  for (const auto& stream : streams) asio::co_spawn(io, send(*stream), asio::detached);
  io.run();

  for (const auto& stream : streams) {
    CHECK(stream->md5_digest == reference(LaneAlgorithm::md5, stream->text));
    CHECK(stream->sha256_digest == reference(LaneAlgorithm::sha256, stream->text));
  }
}

TEST_CASE("what comes in one turn is hashed in lanes") {
  const auto count = GENERATE(as<std::size_t>{}, 2, 4, 5, 16, 17, 40);
  asio::io_context io(1);
  HashLanes& lanes = HashLanes::of(io.get_executor());
  use_eagerly(lanes);
  Crowd crowd(count, std::string(4096, 'x'));

  crowd.start(io);
  io.run();

  CHECK(crowd.is_right());
  CHECK(lanes.lane_blocks() + lanes.single_blocks() == count * 64);
  CHECK(lanes.single_blocks() == (count == 17 ? 64 : 0));
}

TEST_CASE("a stream that stays alone is soon hashed at once") {
  asio::io_context io(1);
  HashLanes& lanes = HashLanes::of(io.get_executor());
  use_eagerly(lanes);
  const std::string text(4096, 'x');
  LaneHash hash(LaneAlgorithm::md5);
  int done_count = 0;

  for (int i = 0; i < 100; ++i) {
    asio::co_spawn(io, add_once(hash, text, done_count), asio::detached);
    io.restart();
    io.run();
  }

  CHECK(done_count == 100);
  CHECK(lanes.lane_blocks() == 0);
  CHECK(lanes.single_blocks() <= 20 * 64);
}

TEST_CASE("streams that were alone find each other again") {
  asio::io_context io(1);
  HashLanes& lanes = HashLanes::of(io.get_executor());
  use_eagerly(lanes);
  const std::string text(4096, 'x');
  LaneHash hash(LaneAlgorithm::md5);
  int done_count = 0;
  for (int i = 0; i < 100; ++i) {
    asio::co_spawn(io, add_once(hash, text, done_count), asio::detached);
    io.restart();
    io.run();
  }
  Crowd crowd(40, text);

  crowd.start(io);
  io.restart();
  io.run();

  CHECK(crowd.is_right());
  CHECK(lanes.lane_blocks() >= 20 * 64);
}

TEST_CASE("small pieces are hashed at once") {
  asio::io_context io(1);
  HashLanes& lanes = HashLanes::of(io.get_executor());
  use_eagerly(lanes);
  Crowd crowd(16, std::string(HashLanes::kGatherSizeMin - 1, 'x'));

  crowd.start(io);
  io.run();

  CHECK(crowd.is_right());
  CHECK(lanes.lane_blocks() + lanes.single_blocks() == 0);
}

TEST_CASE("long work lets others have a turn") {
  const auto count = GENERATE(as<std::size_t>{}, 1, 2, 16);
  asio::io_context io(1);
  use_eagerly(HashLanes::of(io.get_executor()));
  Crowd crowd(count, std::string(2'000'000, 'x'));

  crowd.start(io);
  int turns = 0;
  while (crowd.done_count == 0 && turns < 1000) {
    bool taken = false;
    asio::post(io, [&] { taken = true; });
    while (!taken) io.run_one();
    ++turns;
  }
  io.run();

  CHECK(turns > 5);
  CHECK(crowd.done_count == static_cast<int>(count));
  CHECK(crowd.is_right());
}

TEST_CASE("a short piece does not wait for long ones") {
  asio::io_context io(1);
  use_eagerly(HashLanes::of(io.get_executor()));
  Crowd large(20, std::string(1'000'000, 'x'));
  Crowd small(1, std::string(4096, 'x'));

  large.start(io);
  small.start(io);
  while (small.done_count == 0 && io.run_one() > 0) {
  }

  CHECK(small.done_count == 1);
  CHECK(large.done_count == 0);
  io.run();
  CHECK(large.is_right());
  CHECK(small.is_right());
}

TEST_CASE("an io_context that ends takes what waits with it") {
  const auto steps = GENERATE(range(0, 40, 3));
  auto crowd = std::make_unique<Crowd>(16, std::string(500'000, 'x'));
  int done_count = 0;
  {
    asio::io_context io(1);
    use_eagerly(HashLanes::of(io.get_executor()));
    crowd->start(io);

    for (int step = 0; step < steps; ++step) io.run_one();
    done_count = crowd->done_count;
  }

  CHECK(crowd->done_count == done_count);
}

TEST_CASE("an io_context that is stopped goes on where it was") {
  asio::io_context io(1);
  use_eagerly(HashLanes::of(io.get_executor()));
  Crowd crowd(16, std::string(500'000, 'x'));
  crowd.start(io);
  for (int step = 0; step < 18; ++step) io.run_one();

  io.stop();
  io.restart();
  io.run();

  CHECK(crowd.done_count == 16);
  CHECK(crowd.is_right());
}

Awaitable<> drain(DigestSource& source, std::uint64_t& size) {
  for (;;) {
    const auto chunk = co_await source.read();
    if (!chunk || chunk->empty()) co_return;
    size += chunk->size();
  }
}

TEST_CASE("bodies digested at the same time share lanes") {
  asio::io_context io(1);
  HashLanes& lanes = HashLanes::of(io.get_executor());
  use_eagerly(lanes);
  std::mt19937 random(7);
  std::vector<std::string> texts;
  texts.reserve(20);
  for (std::size_t i = 0; i < 20; ++i) texts.push_back(random_text(random, 1000 * i));
  std::vector<std::unique_ptr<test::StringSource>> bodies;
  std::vector<std::unique_ptr<DigestSource>> sources;
  std::uint64_t size = 0;

  for (const std::string& text : texts) {
    bodies.push_back(std::make_unique<test::StringSource>(text, 4096));
    sources.push_back(std::make_unique<DigestSource>(*bodies.back()));
    sources.back()->take(DigestAlgorithm::md5);
    sources.back()->take(DigestAlgorithm::crc32c);
    sources.back()->take(DigestAlgorithm::sha256);
    asio::co_spawn(io, drain(*sources.back(), size), asio::detached);
  }
  io.run();

  CHECK(size == 190'000);
  CHECK(lanes.lane_blocks() > lanes.single_blocks());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    CHECK(sources[i]->digest(DigestAlgorithm::md5)->bytes == reference(LaneAlgorithm::md5, texts[i]));
    CHECK(sources[i]->digest(DigestAlgorithm::sha256)->bytes == reference(LaneAlgorithm::sha256, texts[i]));
    CHECK(*sources[i]->digest(DigestAlgorithm::crc32c) == digest_of(DigestAlgorithm::crc32c, texts[i]));
  }
}

}  // namespace
}  // namespace sluice
