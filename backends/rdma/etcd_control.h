#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "backends/rdma/control.h"
#include "backends/rdma/etcd.h"

namespace sluice::rdma {

struct EtcdControlOptions {
  EtcdOptions etcd;
  std::string name;                     ///< The cluster's; its keys begin with /sluice/NAME/.
  std::chrono::seconds lease_time{10};  ///< Who keeps nothing for so long is not alive.
};

/// Of the cluster that a URL names (cluster_url.h), over what is known of its etcd; the URL says
/// whether that speaks TLS. Fails with invalid_argument for what does not go together; the detail
/// is for the operator.
Result<EtcdControlOptions> control_options(std::string_view url, EtcdAccess access);

/// Control in etcd: backends/rdma/README.md has its keys. Operations whose answer was lost are
/// settled by reading what became of them, for as long as the patience of `etcd`.
class EtcdControl final : public Control {
 public:
  explicit EtcdControl(EtcdControlOptions options);

  /// The cluster's id; whoever asks first makes it.
  Task<Uuid> cluster();

  Task<std::vector<Node>> nodes() override;
  Task<> keep_node(NodeAddress address) override;
  Task<> leave_node(Uuid incarnation) override;
  Task<> drain(Uuid incarnation, bool draining) override;
  Task<> remove_node(Uuid incarnation) override;
  Task<ExtentNumber> create(ExtentRecord record) override;
  Task<std::optional<VersionedRecord>> find(ExtentNumber extent) override;
  Task<bool> set(ExtentNumber extent, std::uint64_t revision, ExtentRecord record) override;
  Task<bool> erase(ExtentNumber extent, std::uint64_t revision) override;
  Task<std::vector<NumberedRecord>> list(ExtentNumber first, std::size_t count) override;
  Task<> report_damage(Damage damage) override;
  Task<std::vector<Damage>> damage() override;
  Task<> forget_damage(Damage damage) override;
  Task<std::uint64_t> ask_scrub() override;
  Task<std::uint64_t> scrub_asked() override;
  Task<> scrubbed(Uuid incarnation, std::uint64_t number) override;
  Task<std::uint64_t> ask_balance() override;
  Task<std::optional<Balancing>> balancing() override;
  Task<> note_balance(Balancing progress) override;
  Task<> end_balance(std::uint64_t number) override;
  Task<> keep_writer(Uuid writer) override;
  Task<> leave_writer(Uuid writer) override;
  Task<bool> bury(Uuid writer) override;
  Task<> forget_writer(Uuid writer) override;
  Task<bool> keep_manager(Uuid candidate) override;
  Task<> leave_manager(Uuid candidate) override;

 private:
  std::string key(std::string_view kind, std::string_view name = {}) const;
  Task<bool> change(std::string key, std::uint64_t revision, std::optional<std::string> value);
  Task<bool> keep(std::string key, std::string value, std::vector<Etcd::Guard> guards);
  Task<> leave(std::string key);

  const EtcdControlOptions options_;
  Etcd etcd_;
  std::mutex mutex_;
  std::map<std::string, EtcdLease> leases_;  ///< Of the keys that are kept.
  std::map<Uuid, NodeAddress> announced_;
};

/// A record as the text of its row, and back; fails with corrupt.
std::string encode_record(const ExtentRecord& record);
Result<ExtentRecord> decode_record(std::string_view text);

}  // namespace sluice::rdma
