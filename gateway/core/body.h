#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "gateway/core/chunk.h"
#include "gateway/core/result.h"

namespace sluice {

/// A finite stream of bytes that its consumer pulls.
///
/// Pulling is the back-pressure: a source does no work, and holds at most one
/// chunk, between calls. One caller at a time.
class BodySource {
 public:
  virtual ~BodySource() = default;

  /// The next chunk; an empty chunk marks the end and stays the answer.
  /// Over a socket: fails with client_gone when the peer leaves or is silent too
  /// long, incomplete_body when it ends before the declared length.
  virtual Task<Chunk> read() = 0;

  /// Bytes still to come, where the stream knows.
  virtual std::optional<std::uint64_t> remaining() const { return std::nullopt; }
};

/// Where a stream of bytes goes. One caller at a time.
class BodySink {
 public:
  virtual ~BodySink() = default;

  /// Takes the chunk, returning once the sink can take another.
  virtual Task<> write(Chunk chunk) = 0;
};

/// Moves every byte of `source` into `sink`; the count moved.
Task<std::uint64_t> pump(BodySource& source, BodySink& sink);

/// Reads `source` to its end into memory; fails with entity_too_large beyond `size_max`.
Task<std::string> read_all(BodySource& source, std::size_t size_max);

/// Bytes already in memory, as one chunk.
class ChunkSource : public BodySource {
 public:
  explicit ChunkSource(Chunk chunk) : chunk_(std::move(chunk)) {}
  Task<Chunk> read() override { co_return std::exchange(chunk_, Chunk{}); }
  std::optional<std::uint64_t> remaining() const override { return chunk_.size(); }

 private:
  Chunk chunk_;
};

}  // namespace sluice
