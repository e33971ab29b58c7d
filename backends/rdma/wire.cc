#include "backends/rdma/wire.h"

#include <cassert>
#include <concepts>
#include <optional>
#include <utility>
#include <vector>

#include "backends/rdma/bytes.h"
#include "gateway/core/digest.h"

namespace sluice::rdma {
namespace {

constexpr std::uint32_t kMagic = 0x58574c53;  // "SLWX"
constexpr std::size_t kChecksumAt = 20;

// The one table of what each message consists of, in order.
void each(auto& m, auto& visit, const Hello*) { visit(m.version_min, m.version_max, m.cluster.bytes, m.nonce); }
void each(auto& m, auto& visit, const Challenge*) { visit(m.version, m.incarnation.bytes, m.nonce, m.mac); }
void each(auto& m, auto& visit, const Proof*) { visit(m.mac); }
void each(auto& m, auto& visit, const RemoteMemory*) { visit(m.address, m.key, m.size); }
void each(auto& m, auto& visit, const Replicated*) { visit(m.incarnation.bytes, m.extent); }
void each(auto& m, auto& visit, const Run*) { visit(m.page, m.length, m.crc32c); }
void each(auto& m, auto& visit, const Append*) { visit(m.replica, m.epoch, m.run, m.from); }
void each(auto& m, auto& visit, const Read*) { visit(m.replica, m.run, m.offset, m.length, m.to); }
void each(auto& m, auto& visit, const Fence*) { visit(m.replica, m.epoch); }
void each(auto& m, auto& visit, const Seal*) { visit(m.replica, m.epoch, m.pages); }
void each(auto& m, auto& visit, const Release*) { visit(m.replica, m.page); }
void each(auto& m, auto& visit, const List*) { visit(m.replica, m.page, m.to); }
void each(auto&, auto&, const Status*) {}
void each(auto& m, auto& visit, const Inspect*) { visit(m.replica, m.page, m.to); }
void each(auto& m, auto& visit, const Describe*) { visit(m.replica, m.page, m.to); }
void each(auto& m, auto& visit, const BlockSums*) {
  for (auto& sum : m.sums) visit(sum);
}
void each(auto& m, auto& visit, const AppendLacking*) { visit(m.replica, m.epoch, m.run, m.blocks, m.from); }
void each(auto& m, auto& visit, const Patch*) { visit(m.replica, m.run, m.from); }
void each(auto& m, auto& visit, const Reply*) { visit(m.refusal, m.value, m.size, m.crc32c); }

template <class T>
concept Number = std::integral<T> || std::is_enum_v<T>;

class Writing {
 public:
  explicit Writing(BytesOut& out) : out_(out) {}

  template <class... Fields>
  void operator()(const Fields&... fields) {
    (put(fields), ...);
  }

 private:
  template <class T>
  void put(const T& field) {
    if constexpr (Number<T>) {
      out_.number(field);
    } else if constexpr (requires { field.data(); }) {
      out_.text({reinterpret_cast<const char*>(field.data()), field.size()});
    } else {
      each(field, *this, static_cast<const T*>(nullptr));
    }
  }

  BytesOut& out_;
};

class Reading {
 public:
  explicit Reading(BytesIn& in) : in_(in) {}

  template <class... Fields>
  void operator()(Fields&... fields) {
    (get(fields), ...);
  }

 private:
  template <class T>
  void get(T& field) {
    if constexpr (Number<T>) {
      field = in_.number<T>();
    } else if constexpr (requires { field.data(); }) {
      in_.copy(field.data(), field.size());
    } else {
      each(field, *this, static_cast<const T*>(nullptr));
    }
  }

  BytesIn& in_;
};

template <std::size_t Kind = 0>
std::optional<Message> read_message(std::size_t kind, BytesIn& in) {
  if constexpr (Kind == std::variant_size_v<Message>) {
    return std::nullopt;
  } else {
    if (kind != Kind) return read_message<Kind + 1>(kind, in);
    std::variant_alternative_t<Kind, Message> message;
    Reading reading(in);
    each(message, reading, &std::as_const(message));
    return message;
  }
}

std::uint32_t checksum(std::string_view frame) {
  return crc32c(frame.substr(kFrameHeadSize), crc32c(frame.substr(0, kChecksumAt)));
}

bool is_known(const Message& message) {
  const auto* reply = std::get_if<Reply>(&message);
  return reply == nullptr || reply->refusal <= Refusal::io;
}

}  // namespace

std::uint16_t version_of(const Message& message) {
  constexpr std::size_t kFirstOfTwo = 11;
  static_assert(std::is_same_v<std::variant_alternative_t<kFirstOfTwo, Message>, Inspect>);
  return message.index() < kFirstOfTwo ? 1 : 2;
}

std::string encode(const Envelope& envelope) {
  std::string frame;
  BytesOut out(frame);
  out.number(kMagic);
  out.number(kWireVersion);
  out.number(static_cast<std::uint16_t>(envelope.message.index() + 1));
  out.number(envelope.request);
  const std::size_t size_at = frame.size();
  out.number(std::uint32_t{0});
  out.number(std::uint32_t{0});
  Writing writing(out);
  std::visit([&](const auto& message) { each(message, writing, &message); }, envelope.message);
  assert(frame.size() <= kFrameSizeMax);
  out.number_at(size_at, static_cast<std::uint32_t>(frame.size()));
  out.number_at(kChecksumAt, checksum(frame));
  return frame;
}

Result<Envelope> decode(std::span<const std::byte> frame) {
  const std::string_view bytes(reinterpret_cast<const char*>(frame.data()), frame.size());
  const auto refuse = [](const char* why) { return fail(ErrorCode::invalid_request, why); };
  if (bytes.size() < kFrameHeadSize || bytes.size() > kFrameSizeMax) return refuse("frame size");
  BytesIn in(bytes);
  if (in.number<std::uint32_t>() != kMagic) return refuse("frame magic");
  if (in.number<std::uint16_t>() != kWireVersion) return refuse("frame version");
  const auto kind = in.number<std::uint16_t>();
  Envelope envelope{.request = in.number<std::uint64_t>(), .message = {}};
  if (in.number<std::uint32_t>() != bytes.size()) return refuse("frame length");
  if (in.number<std::uint32_t>() != checksum(bytes)) return refuse("frame checksum");
  auto message = read_message(std::size_t{kind} - 1, in);
  if (!message || !in.at_end() || !is_known(*message)) return refuse("frame content");
  envelope.message = *std::move(message);
  return envelope;
}

std::string encode_runs(std::span<const Run> runs) {
  std::string bytes;
  BytesOut out(bytes);
  Writing writing(out);
  for (const Run& run : runs) writing(run);
  return bytes;
}

Result<std::vector<Run>> decode_runs(std::string_view bytes) {
  if (bytes.size() % kListedRunSize != 0) return fail(ErrorCode::invalid_request, "list of runs");
  std::vector<Run> runs(bytes.size() / kListedRunSize);
  BytesIn in(bytes);
  Reading reading(in);
  for (Run& run : runs) reading(run);
  return runs;
}

}  // namespace sluice::rdma
