#pragma once

#include <rdma/fabric.h>
#include <rdma/fi_domain.h>

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "backends/rdma/identity.h"
#include "gateway/core/result.h"

namespace sluice::rdma {

class Connection;

struct FabricOptions {
  std::string provider = "tcp";  ///< libfabric's name: tcp, or verbs where there is RDMA.
  std::string host;              ///< The own address: what is listened on, or connected from.
};

struct FabricClose {
  void operator()(fid* object) const { fi_close(object); }
  void operator()(fi_info* info) const { fi_freeinfo(info); }
};
template <class T>
struct FabricCloseObject {
  void operator()(T* object) const { fi_close(&object->fid); }
};
template <class T>
using FabricObject = std::unique_ptr<T, FabricCloseObject<T>>;
using FabricInfo = std::unique_ptr<fi_info, FabricClose>;

/// One libfabric domain with its completion and event queues, and the connected
/// endpoints on it: over tcp, and over verbs where there is RDMA. Everything of it is of
/// one thread, that of `executor`, which must never block: data moves only while it runs.
/// The executor must have stopped running before the fabric is destroyed, and be
/// destroyed after it.
class Fabric {
 public:
  using Accept = std::function<void(std::shared_ptr<Connection>)>;

  /// Throws std::runtime_error for the operator.
  Fabric(const FabricOptions& options, const Executor& executor);
  ~Fabric();
  Fabric(const Fabric&) = delete;
  Fabric& operator=(const Fabric&) = delete;

  /// Listens on the own address; `port` "0" is any. Calls `accept` for each connection, at
  /// most `connections_max` at one time. The port. Throws std::runtime_error.
  std::string listen(const std::string& port, std::size_t connections_max, Accept accept);

  /// Fails with unavailable if nobody accepts within `timeout`.
  Task<std::shared_ptr<Connection>> connect(std::string host, std::string port, std::chrono::milliseconds timeout);

  const Executor& executor() const { return executor_; }
  fid_domain* domain() const { return domain_.get(); }
  /// Memory is addressed by pointers, not by offsets, and its keys are the provider's.
  bool virtual_addresses() const;
  bool provider_keys() const;
  std::uint64_t next_key() { return ++last_key_; }
  std::size_t transfer_size_max() const;

 private:
  friend class Connection;

  std::shared_ptr<Connection> endpoint(fi_info* info, bool accepted);
  void arm();
  void wake_soon();
  void progress();
  bool drain_completions();
  bool drain_events();
  void on_request(fi_info* info);
  void on_event_error();
  void tick();
  void stall(std::shared_ptr<Connection> connection);
  void retire(const std::shared_ptr<Connection>& connection);

  Executor executor_;
  FabricOptions options_;
  FabricInfo info_;
  FabricObject<fid_fabric> fabric_;
  FabricObject<fid_eq> events_;
  FabricObject<fid_domain> domain_;
  FabricObject<fid_cq> completions_;
  FabricObject<fid_pep> listener_;
  std::size_t connections_max_ = 0;
  Accept accept_;
  boost::asio::posix::basic_stream_descriptor<Executor> ready_;
  boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                    Executor>
      ticker_;
  std::uint64_t last_key_ = 0;
  bool waking_ = false;                               ///< A round of progress() is posted.
  bool armed_ = false;                                ///< A wait for the queues is under way.
  std::vector<std::shared_ptr<Connection>> stalled_;  ///< Operations of theirs wait for room.
  std::set<std::shared_ptr<Connection>> connections_;
  std::vector<std::shared_ptr<Connection>> retired_;  ///< Their operations may still be in the queue.
};

/// Registered memory, gone before its fabric: what connections of the fabric may move data to and from.
class MemoryRegion {
 public:
  enum class Use : std::uint8_t {
    by_peers,  ///< Connected nodes read and write it.
    by_us,     ///< We read and write peers' memory from and into it.
  };

  /// Zeroed memory of `size` bytes, page-aligned. Throws std::runtime_error.
  MemoryRegion(Fabric& fabric, std::size_t size, Use use);
  MemoryRegion(const MemoryRegion&) = delete;
  MemoryRegion& operator=(const MemoryRegion&) = delete;

  std::span<std::byte> bytes() const { return bytes_; }
  /// Keeps the memory itself, not its registration, longer than this.
  const std::shared_ptr<const void>& memory() const { return memory_; }
  void* descriptor() const { return fi_mr_desc(region_.get()); }
  /// As a peer must name `part`, which is within bytes(): address and key.
  std::pair<std::uint64_t, std::uint64_t> name_of(std::span<const std::byte> part) const;

 private:
  std::span<std::byte> bytes_;
  std::shared_ptr<const void> memory_;
  bool virtual_addresses_;
  FabricObject<fid_mr> region_;
};

}  // namespace sluice::rdma
