#pragma once

#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "gateway/core/client_memory.h"

namespace sluice::s3::test {

/// The memory of one client, without any device. Its rules are those of the contract: bytes move
/// by a connection of the same owner, with the right key and within the memory; what fails
/// ends the connection.
class FakeClientMemory final : public ClientMemory {
 public:
  static constexpr std::uint64_t kAddress = 0x1000;
  static constexpr std::uint32_t kKey = 0x22, kQueuePair = 0x11;

  explicit FakeClientMemory(std::size_t size) : bytes(size, '-') {}

  std::string bytes;                   ///< The client's memory.
  std::size_t staging_size = 1000;     ///< Of a transfer.
  bool busy = false;                   ///< Is too much under way?
  std::optional<int> operations_left;  ///< Before one fails.
  std::size_t under_way = 0;           ///< Transfers there are.
  std::vector<std::string> owners;     ///< Of the connections asked for.
  std::optional<RdmaEnd> client;       ///< The last of them.

  Task<RdmaEnd> connect(std::string owner, RdmaEnd end) override {
    if (end.mtu < 256) co_return fail(ErrorCode::invalid_argument, "mtu");
    connections_.emplace(owner, end.address, end.queue_pair);
    owners.push_back(owner);
    client = end;
    co_return RdmaEnd{.address = end.address, .queue_pair = 0x4321, .first_packet = 0xabcdef, .mtu = 1024};
  }

  Task<std::unique_ptr<MemoryTransfer>> begin(std::string owner, ClientWindow window) override {
    const Name name{owner, window.device, window.queue_pair};
    if (!connections_.contains(name)) co_return fail(ErrorCode::invalid_request, "not connected");
    if (busy) co_return fail(ErrorCode::busy, "full");
    co_return std::make_unique<Transfer>(*this, name, window);
  }

 private:
  using Name = std::tuple<std::string, RdmaAddress, std::uint32_t>;

  class Transfer final : public MemoryTransfer {
   public:
    Transfer(FakeClientMemory& client, Name name, const ClientWindow& window)
        : client_(client), name_(std::move(name)), window_(window), staging_(client.staging_size) {
      ++client_.under_way;
    }
    ~Transfer() override { --client_.under_way; }

    std::span<std::byte> staging() override { return staging_; }

    Task<> read(std::uint64_t offset, std::size_t length) override {
      CO_TRY(char* const at, place(offset, length));
      std::memcpy(staging_.data(), at, length);
      co_return done;
    }
    Task<> write(std::uint64_t offset, std::size_t length) override {
      CO_TRY(char* const at, place(offset, length));
      std::memcpy(at, staging_.data(), length);
      co_return done;
    }

   private:
    Result<char*> place(std::uint64_t offset, std::size_t length) {
      const bool allowed = offset + length <= window_.size && length <= staging_.size();
      if (!allowed) throw std::logic_error("beyond the window or the staging memory");
      const std::uint64_t begin = window_.address + offset - kAddress;
      const bool there = window_.key == kKey && begin <= client_.bytes.size() && length <= client_.bytes.size() - begin;
      const bool in_order = !client_.operations_left || --*client_.operations_left >= 0;
      if (there && in_order && client_.connections_.contains(name_)) return client_.bytes.data() + begin;
      client_.connections_.erase(name_);
      return fail(ErrorCode::unavailable, "the client's device refused");
    }

    FakeClientMemory& client_;
    const Name name_;
    const ClientWindow window_;
    std::vector<std::byte> staging_;
  };

  std::set<Name> connections_;
};

}  // namespace sluice::s3::test
