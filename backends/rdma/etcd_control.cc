#include "backends/rdma/etcd_control.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "backends/rdma/cluster_url.h"

namespace sluice::rdma {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kAddress = "node/address/", kAlive = "node/alive/", kDraining = "node/draining/",
                           kScrubbed = "node/scrubbed/";
constexpr std::string_view kExtent = "extent/", kWriter = "writer/", kBuried = "buried/", kManager = "manager";
constexpr std::string_view kDamage = "damage/", kScrub = "scrub";
constexpr std::string_view kBalance = "balance", kBalanceProgress = "balance/progress";
constexpr std::size_t kNumberDigits = 16;
constexpr int kFormat = 1;  // Of what is in the rows.
// Of rows of stripes, and of what is in them: who knows nothing of those must not take them for others.
constexpr int kCodedFormat = 2;
// Of rows of extents with lost runs: who knows nothing of those would forget the disks that may have them.
constexpr int kLossFormat = 3;
constexpr int kAttemptsMax = 5;

std::string number_text(ExtentNumber extent) { return fmt::format("{:016x}", static_cast<std::uint64_t>(extent)); }

std::string damage_name(const Damage& damage) {
  return fmt::format("{}/{}", number_text(damage.extent), to_text(damage.disk));
}

std::string encode_address(const NodeAddress& address) {
  return Json{{"format", kFormat},
              {"host", address.host},
              {"port", address.port},
              {"zone", address.zone},
              {"machine", address.machine}}
      .dump();
}

Result<NodeAddress> decode_address(std::string_view incarnation, std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || json.value("format", 0) != kFormat) return fail(ErrorCode::corrupt, "a node's row");
  NodeAddress address{.incarnation = uuid_of(incarnation), .host = {}, .port = {}, .zone = {}, .machine = {}};
  const std::pair<const char*, std::string*> members[] = {
      {"host", &address.host}, {"port", &address.port}, {"zone", &address.zone}, {"machine", &address.machine}};
  for (const auto& [name, member] : members) {
    const auto found = json.find(name);
    if (found == json.end() || !found->is_string()) return fail(ErrorCode::corrupt, "a node's row");
    *member = found->get<std::string>();
  }
  return address;
}

ExtentNumber number_of(std::string_view digits) {
  std::uint64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  return ExtentNumber{number};
}

Result<NumberedRecord> numbered(const EtcdRow& row) {
  const std::string_view digits =
      std::string_view(row.key).substr(row.key.size() - std::min(kNumberDigits, row.key.size()));
  TRY(auto record, decode_record(row.value));
  return NumberedRecord{number_of(digits), {std::move(record), row.revision}};
}

Json encode_disks(const std::vector<Uuid>& disks) {
  Json json = Json::array();
  for (const Uuid& disk : disks) json.push_back(to_text(disk));
  return json;
}

Result<std::vector<Uuid>> decode_disks(const Json& json) {
  const auto wrong = fail(ErrorCode::corrupt, "disks in an extent's row");
  if (!json.is_array()) return wrong;
  std::vector<Uuid> disks;
  for (const Json& disk : json) {
    if (!disk.is_string() || uuid_of(disk.get<std::string>()) == Uuid{}) return wrong;
    disks.push_back(uuid_of(disk.get<std::string>()));
  }
  return disks;
}

Json encode_stripe(const Stripe& stripe) {
  Json places = Json::array(), fragments = Json::array();
  for (const Stripe::Place& place : stripe.places) {
    places.push_back({{"extent", number_text(place.extent)}, {"pages", place.pages}});
  }
  for (const Fragment& fragment : stripe.fragments) {
    fragments.push_back({{"extent", number_text(fragment.extent)}, {"disk", to_text(fragment.disk)}});
  }
  return {{"scheme", to_text(stripe.scheme)}, {"places", std::move(places)}, {"fragments", std::move(fragments)}};
}

const Json& member_of(const Json& json, const char* name) {
  static const Json kNone;
  if (!json.is_object()) return kNone;
  const auto found = json.find(name);
  return found == json.end() ? kNone : *found;
}

std::string text_of(const Json& json, const char* name) {
  const Json& found = member_of(json, name);
  return found.is_string() ? found.get<std::string>() : std::string();
}

Result<Stripe> decode_stripe(const Json& json) {
  const auto wrong = fail(ErrorCode::corrupt, "a stripe's row");
  const auto scheme = scheme_of(text_of(json, "scheme"));
  const Json &places = member_of(json, "places"), &fragments = member_of(json, "fragments");
  if (!scheme || !places.is_array() || !fragments.is_array()) return wrong;
  Stripe stripe{*scheme, {}, {}};
  for (const Json& one : places) {
    if (!member_of(one, "pages").is_number_unsigned()) return wrong;
    stripe.places.push_back({number_of(text_of(one, "extent")), one["pages"].get<Pages>()});
  }
  for (const Json& one : fragments) {
    stripe.fragments.push_back({number_of(text_of(one, "extent")), uuid_of(text_of(one, "disk"))});
  }
  const bool right = stripe.places.size() == scheme->data &&
                     (stripe.fragments.empty() || stripe.fragments.size() == scheme->count()) &&
                     std::ranges::count(stripe.places, ExtentNumber{}, &Stripe::Place::extent) == 0 &&
                     std::ranges::count(stripe.fragments, ExtentNumber{}, &Fragment::extent) == 0 &&
                     std::ranges::count(stripe.fragments, Uuid{}, &Fragment::disk) == 0;
  if (!right) return wrong;
  return stripe;
}

Result<StripePlace> decode_place(const Json& json) {
  const auto wrong = fail(ErrorCode::corrupt, "a place in a stripe");
  const ExtentNumber stripe = number_of(text_of(json, "stripe"));
  if (stripe == ExtentNumber{} || !member_of(json, "index").is_number_unsigned()) return wrong;
  return StripePlace{stripe, json["index"].get<std::uint8_t>()};
}

// What only rows of their own format have.
Result<> decode_coded(const Json& json, ExtentRecord& record) {
  if (json.contains("stripe")) {
    TRY(record.stripe, decode_stripe(json["stripe"]));
  }
  if (json.contains("place")) {
    TRY(record.place, decode_place(json["place"]));
  }
  const bool is_coded = record.state == ExtentState::coded;
  const std::size_t members = record.place && !is_coded ? 1 : 0;
  const bool right = record.place.has_value() != record.stripe.has_value() && (!is_coded || record.place) &&
                     record.members.size() == members;
  if (!right) return fail(ErrorCode::corrupt, "an extent's row");
  return done;
}

Json encode_lost(const std::vector<Run>& lost) {
  Json json = Json::array();
  for (const Run& run : lost) json.push_back({{"page", run.page}, {"length", run.length}, {"crc32c", run.crc32c}});
  return json;
}

Result<std::vector<Run>> decode_lost(const Json& json) {
  const auto wrong = fail(ErrorCode::corrupt, "lost runs in an extent's row");
  if (!json.is_array() || json.empty()) return wrong;
  std::vector<Run> lost;
  for (const Json& one : json) {
    for (const char* name : {"page", "length", "crc32c"}) {
      if (!member_of(one, name).is_number_unsigned()) return wrong;
    }
    lost.push_back({one["page"].get<Pages>(), one["length"].get<std::uint32_t>(), one["crc32c"].get<std::uint32_t>()});
  }
  return lost;
}

int format_of(const ExtentRecord& record) {
  if (!is_replicated(record)) return kCodedFormat;
  return record.lost.empty() ? kFormat : kLossFormat;
}

}  // namespace

std::string encode_record(const ExtentRecord& record) {
  Json json{{"format", format_of(record)},
            {"state", static_cast<int>(record.state)},
            {"epoch", static_cast<std::uint64_t>(record.epoch)},
            {"writer", to_text(record.writer)},
            {"members", encode_disks(record.members)},
            {"pages", record.pages}};
  if (!record.partial.empty()) json["partial"] = encode_disks(record.partial);
  if (record.sealed_s != 0) json["sealed"] = record.sealed_s;
  if (!record.lost.empty()) json["lost"] = encode_lost(record.lost);
  if (record.stripe) json["stripe"] = encode_stripe(*record.stripe);
  if (record.place) json["place"] = {{"stripe", number_text(record.place->stripe)}, {"index", record.place->index}};
  return json.dump();
}

Result<ExtentRecord> decode_record(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  const auto wrong = fail(ErrorCode::corrupt, "an extent's row");
  if (!json.is_object()) return wrong;
  const auto is_number = [&](const char* name) { return json.contains(name) && json[name].is_number_unsigned(); };
  for (const char* name : {"format", "state", "epoch", "pages"}) {
    if (!is_number(name)) return wrong;
  }
  const bool coded = json["format"] == kCodedFormat, loses = json["format"] == kLossFormat;
  if (!coded && !loses && json["format"] != kFormat) return wrong;
  if (!json.contains("writer") || !json["writer"].is_string()) return wrong;
  if (!json.contains("members")) return wrong;
  const auto state = json["state"].get<unsigned>();
  if (state < 1 || state > (coded ? 4 : 3)) return wrong;
  ExtentRecord record{.state = static_cast<ExtentState>(state),
                      .epoch = Epoch{json["epoch"].get<std::uint64_t>()},
                      .writer = uuid_of(json["writer"].get<std::string>()),
                      .members = {},
                      .partial = {},
                      .pages = json["pages"].get<Pages>()};
  TRY(record.members, decode_disks(json["members"]));
  if (json.contains("partial")) {
    TRY(record.partial, decode_disks(json["partial"]));
  }
  if (is_number("sealed")) record.sealed_s = json["sealed"].get<std::uint64_t>();
  if (coded) {
    TRY(decode_coded(json, record));
  }
  if (loses) {
    TRY(record.lost, decode_lost(member_of(json, "lost")));
    if (record.state != ExtentState::sealed) return wrong;
  }
  return record;
}

Result<EtcdControlOptions> control_options(std::string_view url, EtcdAccess access) {
  const auto wrong = [](const char* why) { return fail(ErrorCode::invalid_argument, why); };
  TRY(auto where, parse_cluster_url(url));
  access.tls = where.tls;
  if (access.certificate_file.empty() != access.key_file.empty()) return wrong("etcd-cert and etcd-key go together");
  const bool has_files = !access.ca_file.empty() || !access.certificate_file.empty();
  if (has_files && !access.tls) return wrong("etcd-ca and etcd-cert are for TLS: begin the URL with cluster+https://");
  if (access.user.empty() != access.password.empty()) return wrong("etcd-user and etcd-password go together");
  return EtcdControlOptions{.etcd = {.endpoints = std::move(where.endpoints), .access = std::move(access)},
                            .name = std::move(where.name)};
}

EtcdControl::EtcdControl(EtcdControlOptions options) : options_(std::move(options)), etcd_(options_.etcd) {}

std::string EtcdControl::key(std::string_view kind, std::string_view name) const {
  return fmt::format("/sluice/{}/{}{}", options_.name, kind, name);
}

// Compares and sets (or removes, without a value). An answer that was lost is settled by
// reading: another's write of the same value is as good.
Task<bool> EtcdControl::change(std::string key, std::uint64_t revision, std::optional<std::string> value) {
  Result<bool> outcome = false;
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    const std::vector<Etcd::Guard> guards{{key, revision}};
    outcome = co_await etcd_.commit(guards, {{key, value}});
    if (outcome) co_return outcome;
    CO_TRY(const auto now, co_await etcd_.get(key));
    const bool is_so = value ? now && now->value == *value && now->revision != revision : !now;
    if (is_so) co_return true;
    if ((now ? now->revision : 0) != revision) co_return false;
  }
  co_return outcome;
}

Task<Uuid> EtcdControl::cluster() {
  while (true) {
    CO_TRY(const auto row, co_await etcd_.get(key("cluster")));
    if (row) {
      const Uuid id = uuid_of(row->value);
      if (id == Uuid{}) co_return fail(ErrorCode::corrupt, "the cluster's id");
      co_return id;
    }
    CO_TRY(co_await change(key("cluster"), 0, to_text(Uuid::random())));
  }
}

// ---- who is there

// True if the key is there, on a lease of ours; false if a guard does not hold.
Task<bool> EtcdControl::keep(std::string key, std::string value, std::vector<Etcd::Guard> guards) {
  EtcdLease lease = EtcdLease::none;
  {
    const std::scoped_lock lock(mutex_);
    if (const auto found = leases_.find(key); found != leases_.end()) lease = found->second;
  }
  if (lease != EtcdLease::none) {
    CO_TRY(const bool kept, co_await etcd_.keep_alive(lease));
    if (kept) co_return true;
  }
  CO_TRY(const EtcdLease fresh, co_await etcd_.grant(options_.lease_time));
  CO_TRY(const bool set, co_await etcd_.commit(std::move(guards), {{key, value, fresh}}));
  if (!set) {
    // It ends by itself otherwise.
    co_await etcd_.revoke(fresh);
    co_return false;
  }
  const std::scoped_lock lock(mutex_);
  leases_[key] = fresh;
  co_return true;
}

// The lease takes the key with it.
Task<> EtcdControl::leave(std::string key) {
  EtcdLease lease = EtcdLease::none;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = leases_.find(key);
    if (found == leases_.end()) co_return done;
    lease = found->second;
    leases_.erase(found);
  }
  co_return co_await etcd_.revoke(lease);
}

Task<std::vector<Node>> EtcdControl::nodes() {
  const std::string prefix = key("node/");
  CO_TRY(const auto rows, co_await etcd_.range(prefix, etcd_prefix_end(prefix), 0));
  std::map<std::string, Node, std::less<>> nodes;
  std::set<std::string, std::less<>> alive, draining;
  std::map<std::string, std::uint64_t, std::less<>> scrubbed;
  for (const EtcdRow& row : rows) {
    const std::string_view name = std::string_view(row.key).substr(prefix.size() - std::string_view("node/").size());
    if (name.starts_with(kAddress)) {
      const auto incarnation = name.substr(kAddress.size());
      CO_TRY(auto address, decode_address(incarnation, row.value));
      nodes[std::string(incarnation)].address = std::move(address);
    } else if (name.starts_with(kAlive)) {
      alive.emplace(name.substr(kAlive.size()));
    } else if (name.starts_with(kDraining)) {
      draining.emplace(name.substr(kDraining.size()));
    } else if (name.starts_with(kScrubbed)) {
      scrubbed[std::string(name.substr(kScrubbed.size()))] = static_cast<std::uint64_t>(number_of(row.value));
    }
  }
  std::vector<Node> all;
  for (auto& [incarnation, node] : nodes) {
    node.alive = alive.contains(incarnation);
    node.draining = draining.contains(incarnation);
    if (const auto found = scrubbed.find(incarnation); found != scrubbed.end()) node.scrubbed = found->second;
    all.push_back(std::move(node));
  }
  co_return all;
}

Task<> EtcdControl::keep_node(NodeAddress address) {
  const std::string incarnation = to_text(address.incarnation);
  const std::string address_key = key(kAddress, incarnation);
  bool known = false;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = announced_.find(address.incarnation);
    known = found != announced_.end() && found->second == address;
  }
  if (!known) {
    CO_TRY(co_await etcd_.put(address_key, encode_address(address)));
    const std::scoped_lock lock(mutex_);
    announced_[address.incarnation] = address;
  }
  CO_TRY(co_await keep(key(kAlive, incarnation), "", {}));
  co_return done;
}

Task<> EtcdControl::leave_node(Uuid incarnation) { co_return co_await leave(key(kAlive, to_text(incarnation))); }

Task<> EtcdControl::drain(Uuid incarnation, bool draining) {
  const std::string text = to_text(incarnation);
  CO_TRY(const auto there, co_await etcd_.get(key(kAddress, text)));
  if (!there) co_return done;
  const std::optional<std::string> value = draining ? std::optional<std::string>("") : std::nullopt;
  CO_TRY(co_await etcd_.commit({}, {{key(kDraining, text), value}}));
  co_return done;
}

Task<> EtcdControl::remove_node(Uuid incarnation) {
  const std::string text = to_text(incarnation);
  CO_TRY(co_await etcd_.commit({}, {{key(kAddress, text), std::nullopt},
                                    {key(kDraining, text), std::nullopt},
                                    {key(kAlive, text), std::nullopt},
                                    {key(kScrubbed, text), std::nullopt}}));
  co_return done;
}

// ---- damage

Task<> EtcdControl::report_damage(Damage damage) {
  CO_TRY(co_await etcd_.put(key(kDamage, damage_name(damage)), ""));
  co_return done;
}

Task<std::vector<Damage>> EtcdControl::damage() {
  const std::string prefix = key(kDamage);
  CO_TRY(const auto rows, co_await etcd_.range(prefix, etcd_prefix_end(prefix), 0));
  std::vector<Damage> all;
  for (const EtcdRow& row : rows) {
    const std::string_view name = std::string_view(row.key).substr(prefix.size());
    const auto slash = name.find('/');
    const Damage one{number_of(name.substr(0, slash)), uuid_of(name.substr(std::min(slash, name.size() - 1) + 1))};
    if (one.disk == Uuid{}) co_return fail(ErrorCode::corrupt, "a damage's row");
    all.push_back(one);
  }
  co_return all;
}

Task<> EtcdControl::forget_damage(Damage damage) {
  CO_TRY(co_await etcd_.commit({}, {{key(kDamage, damage_name(damage)), std::nullopt}}));
  co_return done;
}

Task<std::uint64_t> EtcdControl::ask_scrub() { co_return co_await etcd_.put(key(kScrub), ""); }

Task<std::uint64_t> EtcdControl::scrub_asked() {
  CO_TRY(const auto row, co_await etcd_.get(key(kScrub)));
  co_return row ? row->revision : 0;
}

Task<> EtcdControl::scrubbed(Uuid incarnation, std::uint64_t number) {
  CO_TRY(co_await etcd_.put(key(kScrubbed, to_text(incarnation)), number_text(ExtentNumber{number})));
  co_return done;
}

// ---- balance

Task<std::uint64_t> EtcdControl::ask_balance() { co_return co_await etcd_.put(key(kBalance), ""); }

// Progress that is not of the request is of one before.
Task<std::optional<Balancing>> EtcdControl::balancing() {
  CO_TRY(const auto rows, co_await etcd_.range(key(kBalance), etcd_prefix_end(key(kBalance)), 0));
  if (rows.empty() || rows[0].key != key(kBalance)) co_return std::optional<Balancing>{};
  const Balancing asked{.number = rows[0].revision};
  for (const EtcdRow& row : rows) {
    if (row.key != key(kBalanceProgress)) continue;
    const Json json = Json::parse(row.value, nullptr, false);
    const auto number = [&](const char* name) {
      const bool is_number = json.is_object() && json.contains(name) && json[name].is_number_unsigned();
      return is_number ? json[name].get<std::uint64_t>() : 0;
    };
    if (number("format") == kFormat && number("number") == asked.number) {
      co_return Balancing{.number = asked.number, .moved = number("moved"), .left = number("left")};
    }
  }
  co_return asked;
}

Task<> EtcdControl::note_balance(Balancing progress) {
  const Json json{{"format", kFormat}, {"number", progress.number}, {"moved", progress.moved}, {"left", progress.left}};
  const std::vector<Etcd::Guard> guards{{key(kBalance), progress.number}};
  CO_TRY(co_await etcd_.commit(guards, {{key(kBalanceProgress), json.dump()}}));
  co_return done;
}

Task<> EtcdControl::end_balance(std::uint64_t number) {
  const std::vector<Etcd::Guard> guards{{key(kBalance), number}};
  CO_TRY(co_await etcd_.commit(guards, {{key(kBalance), std::nullopt}, {key(kBalanceProgress), std::nullopt}}));
  co_return done;
}

// ---- writers

Task<> EtcdControl::keep_writer(Uuid writer) {
  const std::string text = to_text(writer);
  CO_TRY(const bool kept, co_await keep(key(kWriter, text), "", {{key(kBuried, text), 0}}));
  if (!kept) co_return fail(ErrorCode::conflict, "this run was given up");
  co_return done;
}

Task<> EtcdControl::leave_writer(Uuid writer) { co_return co_await leave(key(kWriter, to_text(writer))); }

Task<bool> EtcdControl::bury(Uuid writer) {
  const std::string text = to_text(writer);
  co_return co_await etcd_.commit({{key(kWriter, text), 0}}, {{key(kBuried, text), ""}});
}

Task<> EtcdControl::forget_writer(Uuid writer) {
  CO_TRY(co_await etcd_.commit({}, {{key(kBuried, to_text(writer)), std::nullopt}}));
  co_return done;
}

Task<bool> EtcdControl::keep_manager(Uuid candidate) {
  const std::string text = to_text(candidate);
  CO_TRY(const auto now, co_await etcd_.get(key(kManager)));
  if (now && now->value != text) co_return false;
  CO_TRY(const bool kept, co_await keep(key(kManager), text, {{key(kManager), 0}}));
  co_return kept;
}

Task<> EtcdControl::leave_manager(Uuid) { co_return co_await leave(key(kManager)); }

// ---- extents

Task<ExtentNumber> EtcdControl::create(ExtentRecord record) {
  // No two writes have one revision.
  CO_TRY(const auto number, co_await etcd_.put(key("number"), ""));
  const ExtentNumber extent{number};
  CO_TRY(const bool made, co_await change(key(kExtent, number_text(extent)), 0, encode_record(record)));
  if (!made) co_return fail(ErrorCode::unavailable, "an extent's number is in use: was etcd restored from a backup?");
  co_return extent;
}

Task<std::optional<VersionedRecord>> EtcdControl::find(ExtentNumber extent) {
  CO_TRY(const auto row, co_await etcd_.get(key(kExtent, number_text(extent))));
  if (!row) co_return std::optional<VersionedRecord>{};
  CO_TRY(auto record, decode_record(row->value));
  co_return VersionedRecord{std::move(record), row->revision};
}

Task<bool> EtcdControl::set(ExtentNumber extent, std::uint64_t revision, ExtentRecord record) {
  co_return co_await change(key(kExtent, number_text(extent)), revision, encode_record(record));
}

Task<bool> EtcdControl::erase(ExtentNumber extent, std::uint64_t revision) {
  co_return co_await change(key(kExtent, number_text(extent)), revision, std::nullopt);
}

Task<std::vector<NumberedRecord>> EtcdControl::list(ExtentNumber first, std::size_t count) {
  CO_TRY(const auto rows, co_await etcd_.range(key(kExtent, number_text(first)), etcd_prefix_end(key(kExtent)), count));
  std::vector<NumberedRecord> listed;
  for (const EtcdRow& row : rows) {
    CO_TRY(auto one, numbered(row));
    listed.push_back(std::move(one));
  }
  co_return listed;
}

}  // namespace sluice::rdma
