#include "gateway/verbs/port.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

#include "gateway/core/encoding.h"

namespace sluice::verbs {
namespace {

constexpr std::uint8_t kPort = 1;
constexpr std::uint8_t kHops = 64;
constexpr std::uint32_t kNumberMask = 0xffffff;  // Of queue pairs and packets.
// Four RDMA READs at a time, which every device can answer: what a client must allow for.
constexpr int kReadsMax = 4;
// 4.096 us * 2^14 = 67 ms, eight times: a device that does not answer is given up after about half a second.
constexpr std::uint8_t kAckTimeout = 14, kRetries = 7;

std::string reason(int error) { return std::generic_category().message(error); }

Owned<ibv_context> open_device(const std::string& name) {
  int count = 0;
  ibv_device** const list = ibv_get_device_list(&count);
  if (list == nullptr) throw std::runtime_error("RDMA: there is no device " + name + ": " + reason(errno));
  const std::unique_ptr<ibv_device*, decltype(&ibv_free_device_list)> owned(list, &ibv_free_device_list);
  std::string known;
  for (int i = 0; i < count; ++i) {
    const std::string found = ibv_get_device_name(list[i]);
    known += (known.empty() ? "" : ", ") + found;
    if (found != name) continue;
    Owned<ibv_context> context(ibv_open_device(list[i]));
    if (!context) throw std::runtime_error("RDMA: cannot open " + name + ": " + reason(errno));
    return context;
  }
  throw std::runtime_error("RDMA: there is no device " + name + "; there are: " + (known.empty() ? "none" : known));
}

struct MtuRow {
  std::uint32_t bytes;
  ibv_mtu mtu;
};
constexpr MtuRow kMtus[] = {
    {256, IBV_MTU_256}, {512, IBV_MTU_512}, {1024, IBV_MTU_1024}, {2048, IBV_MTU_2048}, {4096, IBV_MTU_4096}};

bool is_mapped(const ibv_gid& gid) {
  constexpr std::array<std::uint8_t, 12> kPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::equal(kPrefix.begin(), kPrefix.end(), gid.raw);
}

}  // namespace

std::optional<PortName> parse_port_name(std::string_view text) {
  const auto colon = text.find(':');
  PortName name{.device = std::string(text.substr(0, colon)), .gid = {}};
  if (name.device.empty()) return std::nullopt;
  if (colon == text.npos) return name;
  const auto gid = parse_decimal(text.substr(colon + 1));
  if (!gid || *gid > UINT8_MAX) return std::nullopt;
  name.gid = static_cast<std::uint32_t>(*gid);
  return name;
}

Port::Port(const PortName& name) : context_(open_device(name.device)) {
  if (ibv_query_device(context(), &attributes_) != 0 || ibv_query_port(context(), kPort, &port_) != 0) {
    throw std::runtime_error("RDMA: cannot ask " + name.device);
  }
  if (port_.state != IBV_PORT_ACTIVE) throw std::runtime_error("RDMA: port 1 of " + name.device + " is not active");
  if (port_.link_layer != IBV_LINK_LAYER_ETHERNET) {
    throw std::runtime_error("RDMA: port 1 of " + name.device + " is not on Ethernet (RoCE)");
  }
  choose_address(name);
  domain_.reset(ibv_alloc_pd(context()));
  if (!domain_) throw std::runtime_error("RDMA: no protection domain on " + name.device + ": " + reason(errno));
}

// The one named, else the first of an IPv4 address, else the first of RoCE version 2.
void Port::choose_address(const PortName& name) {
  std::optional<ibv_gid_entry> chosen;
  for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(port_.gid_tbl_len); ++i) {
    ibv_gid_entry entry{};
    if (ibv_query_gid_ex(context(), kPort, i, &entry, 0) != 0 || entry.gid_type != IBV_GID_TYPE_ROCE_V2) continue;
    if (name.gid ? *name.gid != i : chosen && (is_mapped(chosen->gid) || !is_mapped(entry.gid))) continue;
    chosen = entry;
  }
  if (!chosen || chosen->gid_index > UINT8_MAX) {
    throw std::runtime_error("RDMA: " + name.device + " has no " + (name.gid ? "such " : "") +
                             "address (GID) of RoCE version 2");
  }
  gid_index_ = static_cast<std::uint8_t>(chosen->gid_index);
  std::ranges::copy(chosen->gid.raw, address_.begin());
}

Result<Owned<ibv_qp>> Port::connect(const RdmaEnd& client, RdmaEnd& ours, ibv_cq* completions,
                                    std::uint32_t operations_max) const {
  const MtuRow* const wanted = std::ranges::find(kMtus, client.mtu, &MtuRow::bytes);
  const bool is_end = client.queue_pair != 0 && client.queue_pair <= kNumberMask &&
                      client.first_packet <= kNumberMask && client.address != RdmaAddress{} &&
                      wanted != std::end(kMtus);
  if (!is_end) return fail(ErrorCode::invalid_argument, "no queue pair is reached like that");
  const auto broken = [](const char* what, int error) {
    return fail(ErrorCode::unavailable, std::string("RDMA: ") + what + ": " + reason(error));
  };

  ibv_qp_init_attr made{};
  made.send_cq = made.recv_cq = completions;
  made.cap = {
      .max_send_wr = operations_max, .max_recv_wr = 1, .max_send_sge = 1, .max_recv_sge = 1, .max_inline_data = 0};
  made.qp_type = IBV_QPT_RC;
  Owned<ibv_qp> pair(ibv_create_qp(domain(), &made));
  if (!pair) return broken("no queue pair", errno);

  // No access flags: the client's end may ask for nothing.
  ibv_qp_attr init{};
  init.qp_state = IBV_QPS_INIT;
  init.port_num = kPort;
  int error = ibv_modify_qp(pair.get(), &init, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
  if (error != 0) return broken("queue pair to INIT", error);

  ibv_qp_attr receive{};
  receive.qp_state = IBV_QPS_RTR;
  receive.path_mtu = std::min(wanted->mtu, port_.active_mtu);
  receive.dest_qp_num = client.queue_pair;
  receive.rq_psn = client.first_packet;
  receive.max_dest_rd_atomic = 1;
  receive.min_rnr_timer = 12;
  receive.ah_attr.is_global = 1;
  std::ranges::copy(client.address, receive.ah_attr.grh.dgid.raw);
  receive.ah_attr.grh.sgid_index = gid_index_;
  receive.ah_attr.grh.hop_limit = kHops;
  receive.ah_attr.port_num = kPort;
  error = ibv_modify_qp(pair.get(), &receive,
                        IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
                            IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER);
  if (error != 0) return broken("queue pair to RTR", error);

  std::uint32_t number = 0;
  std::memcpy(&number, random_bytes(sizeof number).data(), sizeof number);
  ibv_qp_attr send{};
  send.qp_state = IBV_QPS_RTS;
  send.timeout = kAckTimeout;
  send.retry_cnt = send.rnr_retry = kRetries;
  send.sq_psn = number & kNumberMask;
  send.max_rd_atomic = static_cast<std::uint8_t>(std::min(kReadsMax, attributes_.max_qp_init_rd_atom));
  error = ibv_modify_qp(
      pair.get(), &send,
      IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC);
  if (error != 0) return broken("queue pair to RTS", error);

  const MtuRow* const mtu = std::ranges::find(kMtus, receive.path_mtu, &MtuRow::mtu);
  ours = {.address = address_, .queue_pair = pair->qp_num, .first_packet = send.sq_psn, .mtu = mtu->bytes};
  return pair;
}

}  // namespace sluice::verbs
