#include "backends/rdma/fabric.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <rdma/fi_cm.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_eq.h>
#include <rdma/fi_errno.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <boost/asio/post.hpp>
#include <cassert>
#include <cstring>
#include <stdexcept>

#include "backends/rdma/connection.h"

namespace sluice::rdma {

namespace asio = boost::asio;

namespace {

constexpr std::uint32_t kApi = FI_VERSION(1, 17);
constexpr std::size_t kQueueSize = 128;        // Operations of one endpoint at a time.
constexpr std::size_t kCompletionsMax = 4096;  // Soft-RoCE refuses more than a few thousand.
constexpr std::chrono::milliseconds kTick{20};

void check(ssize_t result, const char* what) {
  if (result >= 0) return;
  throw std::runtime_error(std::string("fabric: ") + what + ": " + fi_strerror(static_cast<int>(-result)));
}

FabricInfo hints(const std::string& provider) {
  FabricInfo wanted(fi_allocinfo());
  wanted->fabric_attr->prov_name = ::strdup(provider.c_str());
  wanted->ep_attr->type = FI_EP_MSG;
  wanted->caps = FI_MSG | FI_RMA;
  wanted->mode = FI_CONTEXT | FI_CONTEXT2;
  wanted->domain_attr->mr_mode = FI_MR_LOCAL | FI_MR_VIRT_ADDR | FI_MR_ALLOCATED | FI_MR_PROV_KEY;
  wanted->domain_attr->threading = FI_THREAD_DOMAIN;
  wanted->addr_format = FI_SOCKADDR_IN;
  // An answer must arrive behind the data that was pushed before it.
  wanted->tx_attr->msg_order = FI_ORDER_SAW;
  wanted->tx_attr->size = kQueueSize;
  wanted->rx_attr->size = kQueueSize;
  return wanted;
}

Result<FabricInfo> look_up(const std::string& provider, const std::string& host, const std::string& port,
                           std::uint64_t flags) {
  fi_info* found = nullptr;
  const int result = fi_getinfo(kApi, host.c_str(), port.c_str(), flags, hints(provider).get(), &found);
  if (result != 0) {
    return fail(ErrorCode::unavailable, "fabric " + provider + " " + host + ":" + port + ": " + fi_strerror(-result));
  }
  return FabricInfo(found);
}

template <class T, class Open>
FabricObject<T> opened(const char* what, Open open) {
  T* object = nullptr;
  check(open(&object), what);
  return FabricObject<T>(object);
}

int wait_fd(fid* object) {
  int fd = -1;
  check(fi_control(object, FI_GETWAIT, &fd), "wait object");
  return fd;
}

// One descriptor, readable while either of the two is.
int either(int first, int second) {
  const int both = ::epoll_create1(EPOLL_CLOEXEC);
  if (both < 0) throw std::runtime_error("fabric: epoll_create1");
  for (const int fd : {first, second}) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (::epoll_ctl(both, EPOLL_CTL_ADD, fd, &event) != 0) throw std::runtime_error("fabric: epoll_ctl");
  }
  return both;
}

}  // namespace

Fabric::Fabric(const FabricOptions& options, const Executor& executor)
    : executor_(executor), options_(options), ready_(executor), ticker_(executor) {
  auto found = look_up(options.provider, options.host, "0", FI_SOURCE);
  if (!found) throw std::runtime_error(found.error().detail);
  info_ = *std::move(found);
  fabric_ = opened<fid_fabric>("fabric", [&](auto at) { return fi_fabric(info_->fabric_attr, at, nullptr); });
  fi_eq_attr events{};
  events.size = 256;
  events.wait_obj = FI_WAIT_FD;
  events_ = opened<fid_eq>("event queue", [&](auto at) { return fi_eq_open(fabric_.get(), &events, at, nullptr); });
  domain_ = opened<fid_domain>("domain", [&](auto at) { return fi_domain(fabric_.get(), info_.get(), at, nullptr); });
  fi_cq_attr completions{};
  completions.format = FI_CQ_FORMAT_MSG;
  completions.size = kCompletionsMax;
  completions.wait_obj = FI_WAIT_FD;
  completions_ =
      opened<fid_cq>("completion queue", [&](auto at) { return fi_cq_open(domain_.get(), &completions, at, nullptr); });
  ready_.assign(either(wait_fd(&completions_->fid), wait_fd(&events_->fid)));
  asio::post(executor_, [this] {
    arm();
    tick();
  });
}

Fabric::~Fabric() {
  for (const auto& connection : std::exchange(connections_, {})) connection->abandon();
  for (const auto& connection : std::exchange(retired_, {})) connection->abandon();
}

bool Fabric::virtual_addresses() const { return (info_->domain_attr->mr_mode & FI_MR_VIRT_ADDR) != 0; }
bool Fabric::provider_keys() const { return (info_->domain_attr->mr_mode & FI_MR_PROV_KEY) != 0; }
std::size_t Fabric::transfer_size_max() const { return std::min<std::size_t>(info_->ep_attr->max_msg_size, 1 << 20); }

std::string Fabric::listen(const std::string& port, std::size_t connections_max, Accept accept) {
  accept_ = std::move(accept);
  connections_max_ = connections_max;
  auto found = look_up(options_.provider, options_.host, port, FI_SOURCE);
  if (!found) throw std::runtime_error(found.error().detail);
  listener_ =
      opened<fid_pep>("listener", [&](auto at) { return fi_passive_ep(fabric_.get(), found->get(), at, nullptr); });
  check(fi_pep_bind(listener_.get(), &events_->fid, 0), "listener's events");
  check(fi_listen(listener_.get()), "listen");
  sockaddr_in address{};
  std::size_t size = sizeof address;
  check(fi_getname(&listener_->fid, &address, &size), "listener's name");
  return std::to_string(ntohs(address.sin_port));
}

std::shared_ptr<Connection> Fabric::endpoint(fi_info* info, bool accepted) {
  const auto connection = std::make_shared<Connection>(*this);
  connection->endpoint_ =
      opened<fid_ep>("endpoint", [&](auto at) { return fi_endpoint(domain_.get(), info, at, connection.get()); });
  check(fi_ep_bind(connection->endpoint_.get(), &events_->fid, 0), "endpoint's events");
  check(fi_ep_bind(connection->endpoint_.get(), &completions_->fid, FI_TRANSMIT | FI_RECV), "endpoint's completions");
  connection->enable();
  check(accepted ? fi_accept(connection->endpoint_.get(), nullptr, 0)
                 : fi_connect(connection->endpoint_.get(), info->dest_addr, nullptr, 0),
        accepted ? "accept" : "connect");
  connections_.insert(connection);
  return connection;
}

Task<std::shared_ptr<Connection>> Fabric::connect(std::string host, std::string port,
                                                  std::chrono::milliseconds timeout) {
  CO_TRY(const auto found, look_up(options_.provider, host, port, 0));
  std::shared_ptr<Connection> connection;
  std::string failure;
  try {
    connection = endpoint(found.get(), false);
  } catch (const std::runtime_error& error) {
    failure = error.what();
  }
  if (!connection) co_return fail(ErrorCode::unavailable, failure);
  connection->opening_deadline_ = std::chrono::steady_clock::now() + timeout;
  wake_soon();
  CO_TRY(co_await connection->connected());
  co_return connection;
}

// Sleeping is allowed only when libfabric says that everything it has was read.
void Fabric::arm() {
  std::array<fid*, 2> sources{&completions_->fid, &events_->fid};
  if (fi_trywait(fabric_.get(), sources.data(), static_cast<int>(sources.size())) != FI_SUCCESS) return wake_soon();
  if (std::exchange(armed_, true)) return;
  ready_.async_wait(asio::posix::descriptor_base::wait_read, [this](const boost::system::error_code& error) {
    armed_ = false;
    if (error) return;
    progress();
    arm();
  });
}

void Fabric::wake_soon() {
  if (std::exchange(waking_, true)) return;
  asio::post(executor_, [this] {
    waking_ = false;
    progress();
    arm();
  });
}

void Fabric::progress() {
  // Those that ended before this round: after it, nothing in the queue names them.
  const auto ended = std::exchange(retired_, {});
  while (true) {
    const bool moved = drain_completions();
    if (!drain_events() && !moved) break;
  }
  // Whoever still holds them may do so longer than this lives.
  for (const auto& connection : ended) connection->frames_.reset();
  for (const auto& connection : std::exchange(stalled_, {})) connection->post_waiting();
}

bool Fabric::drain_completions() {
  bool moved = false;
  while (true) {
    std::array<fi_cq_msg_entry, 32> entries{};
    const ssize_t count = fi_cq_read(completions_.get(), entries.data(), entries.size());
    if (count == -FI_EAVAIL) {
      fi_cq_err_entry error{};
      if (fi_cq_readerr(completions_.get(), &error, 0) < 1) return moved;
      auto* operation = static_cast<Operation*>(error.op_context);
      if (operation != nullptr) operation->connection->completed(*operation, true);
    } else if (count > 0) {
      for (std::size_t n = 0; n < static_cast<std::size_t>(count); ++n) {
        auto* operation = static_cast<Operation*>(entries[n].op_context);
        operation->connection->completed(*operation, false);
      }
    } else {
      return moved;
    }
    moved = true;
  }
}

bool Fabric::drain_events() {
  bool moved = false;
  alignas(fi_eq_cm_entry) std::array<std::byte, sizeof(fi_eq_cm_entry) + 256> memory{};
  while (true) {
    std::uint32_t event = 0;
    const ssize_t size = fi_eq_read(events_.get(), &event, memory.data(), memory.size(), 0);
    if (size == -FI_EAVAIL) {
      on_event_error();
    } else if (size < 0) {
      return moved;
    } else {
      const auto* entry = reinterpret_cast<const fi_eq_cm_entry*>(memory.data());
      if (event == FI_CONNREQ) {
        on_request(entry->info);
      } else if (auto* connection = static_cast<Connection*>(entry->fid->context); connection != nullptr) {
        if (event == FI_CONNECTED) connection->opened();
        if (event == FI_SHUTDOWN) connection->close("closed by the peer");
      }
    }
    moved = true;
  }
}

void Fabric::on_event_error() {
  fi_eq_err_entry error{};
  if (fi_eq_readerr(events_.get(), &error, 0) < 0 || error.fid == nullptr) return;
  if (listener_ && error.fid == &listener_->fid) return;
  auto* connection = static_cast<Connection*>(error.fid->context);
  if (connection != nullptr) connection->close(std::string("connection: ") + fi_strerror(error.err));
}

void Fabric::on_request(fi_info* info) {
  const FabricInfo owned(info);
  if (connections_.size() >= connections_max_) {
    fi_reject(listener_.get(), info->handle, nullptr, 0);
    return;
  }
  try {
    accept_(endpoint(info, true));
  } catch (const std::runtime_error&) {
    // The peer learns it from its own side.
    fi_reject(listener_.get(), info->handle, nullptr, 0);
  }
}

void Fabric::tick() {
  ticker_.expires_after(kTick);
  ticker_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    const auto now = std::chrono::steady_clock::now();
    for (const auto& connection : std::set(connections_)) connection->close_overdue(now);
    tick();
  });
}

void Fabric::stall(std::shared_ptr<Connection> connection) {
  stalled_.push_back(std::move(connection));
  wake_soon();
}

void Fabric::retire(const std::shared_ptr<Connection>& connection) {
  if (connections_.erase(connection) == 0) return;
  retired_.push_back(connection);
  wake_soon();
}

MemoryRegion::MemoryRegion(Fabric& fabric, std::size_t size, Use use) : virtual_addresses_(fabric.virtual_addresses()) {
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("fabric: no memory to register");
  bytes_ = {static_cast<std::byte*>(memory), size};
  memory_ = std::shared_ptr<const void>(memory, [size](void* at) { ::munmap(at, size); });
  const std::uint64_t access = use == Use::by_peers ? FI_SEND | FI_RECV | FI_REMOTE_READ | FI_REMOTE_WRITE
                                                    : FI_SEND | FI_RECV | FI_READ | FI_WRITE;
  fid_mr* region = nullptr;
  const int result = fi_mr_reg(fabric.domain(), memory, size, access, 0, fabric.provider_keys() ? 0 : fabric.next_key(),
                               0, &region, nullptr);
  check(result, "register memory (is RLIMIT_MEMLOCK high enough?)");
  region_.reset(region);
}

std::pair<std::uint64_t, std::uint64_t> MemoryRegion::name_of(std::span<const std::byte> part) const {
  const auto offset = static_cast<std::uint64_t>(part.data() - bytes_.data());
  const auto base = virtual_addresses_ ? reinterpret_cast<std::uint64_t>(bytes_.data()) : 0;
  return {base + offset, fi_mr_key(region_.get())};
}

}  // namespace sluice::rdma
