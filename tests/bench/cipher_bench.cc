// What encryption costs: bodies through the sources of cipher.h, in memory. Pin it to a core.
#include <benchmark/benchmark.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "gateway/core/cipher.h"

namespace sluice {
namespace {

constexpr std::size_t kChunk = 256 * 1024;

/// `size` bytes in chunks that nobody else holds, as the extents of the local store give them.
class Plain : public BodySource {
 public:
  explicit Plain(std::size_t size) : left_(size), memory_(std::make_unique<std::byte[]>(std::min(size, kChunk))) {}
  Task<Chunk> read() override {
    const std::size_t size = std::min(left_, kChunk);
    left_ -= size;
    const std::shared_ptr<const void> owner(memory_.get(), [](const void*) {});
    co_return Chunk(owner, std::span(memory_.get(), size));
  }

 private:
  std::size_t left_;
  std::unique_ptr<std::byte[]> memory_;
};

void finish(benchmark::State& state, std::size_t size) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * static_cast<std::int64_t>(size));
}

Task<> drain(BodySource& source) {
  for (;;) {
    CO_TRY(const Chunk chunk, co_await source.read());
    if (chunk.empty()) co_return done;
    benchmark::DoNotOptimize(chunk.bytes().data());
  }
}

void drain_now(BodySource& source) {
  boost::asio::io_context io(1);
  boost::asio::co_spawn(io, drain(source), boost::asio::detached);
  io.run();
}

void nothing(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    Plain plain(size);
    drain_now(plain);
  }
  finish(state, size);
}

void encrypting(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const SecretKey key = SecretKey::random();
  for (auto _ : state) {
    Plain plain(size);
    EncryptingSource source(plain, key);
    drain_now(source);
    benchmark::DoNotOptimize(source.tag());
  }
  finish(state, size);
}

/// All but the first byte: AES-CTR alone, and no tag.
void decrypting_a_range(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const SecretKey key = SecretKey::random();
  for (auto _ : state) {
    DecryptingSource source(std::make_unique<Plain>(size - 1), key, {size, {}}, {1, size - 1});
    drain_now(source);
  }
  finish(state, size);
}

/// What each object costs beside its bytes: the data key wrapped and unwrapped.
void wrapping_a_key(benchmark::State& state) {
  const SecretKey master = SecretKey::random();
  for (auto _ : state) {
    const SecretKey key = SecretKey::random();
    const SecretKey wrapping = master.derive("sixteen bytes of");
    const auto wrapped = key.wrapped_by(wrapping, "context");
    benchmark::DoNotOptimize(SecretKey::unwrap(wrapping, wrapped, "context"));
  }
}

BENCHMARK(nothing)->Arg(4096)->Arg(64 << 20);
BENCHMARK(encrypting)->Arg(4096)->Arg(64 << 20);
BENCHMARK(decrypting_a_range)->Arg(4096)->Arg(64 << 20);
BENCHMARK(wrapping_a_key);

}  // namespace
}  // namespace sluice

BENCHMARK_MAIN();
