#include "gateway/object/objects.h"

#include <algorithm>
#include <set>

#include "gateway/object/content.h"
#include "gateway/object/current.h"
#include "gateway/object/ids.h"
#include "gateway/object/install.h"
#include "gateway/object/manifest.h"
#include "gateway/object/retry.h"
#include "gateway/object/selection.h"

namespace sluice::object {
namespace {

// A removal of many is cut into commits of this many names, or about this many
// bytes of writes.
constexpr std::size_t kRemoveCount = 100;
constexpr std::size_t kRemoveSize = 300 * 1024;
constexpr std::size_t kNameCost = 1200;
constexpr std::size_t kSliceCost = 120;

struct Opening {
  const KeyRing& keys;
  Reclaimer::Reading reading;
  const OpenOptions& options;
  OpenObject object{};
};

Task<std::optional<Done>> open_current(Backend backend, ObjectRecord& record, Opening& opening) {
  auto& [keys, reading, options, object] = opening;
  CO_TRY(const auto selected, co_await select(backend.index, record, options, object.selection));
  if (!selected) co_return std::optional<Done>{};
  CO_TRY(const auto decryption,
         decryption_of(keys, object.selection.info.encryption, record.seal, options.customer_key));
  CO_TRY(auto opened, co_await open_content(backend, reading, record.content, decryption, object.selection.range));
  if (!opened) co_return std::optional<Done>{};
  object.content = std::move(opened->content);
  object.body = std::move(opened->body);
  co_return Done{};
}

struct Page {
  std::uint32_t after;
  std::size_t limit;
};

Task<std::optional<PartPage>> parts_of(Index& index, const ObjectRecord& record, Page asked, const Admission& admit) {
  if (admit) {
    CO_TRY(admit(record.info));
  }
  const auto [after, limit] = asked;
  PartPage page{.info = record.info, .parts = {}, .truncated = false};
  const auto* manifest = std::get_if<Manifest>(&record.content);
  if (manifest == nullptr || limit == 0 || after >= manifest->rows.back().last_number) co_return page;
  for (auto i = row_of_number(*manifest, after + 1); i < manifest->rows.size(); ++i) {
    CO_TRY(auto parts, co_await read_row(index, *manifest, i));
    if (!parts) co_return std::optional<PartPage>{};
    for (auto& part : *parts) {
      if (part.info.number <= after) continue;
      page.truncated = page.parts.size() == limit;
      if (page.truncated) co_return page;
      page.parts.push_back(std::move(part.info));
    }
  }
  co_return page;
}

std::size_t cost_of(const ObjectRecord& record) {
  const auto* slices = std::get_if<std::vector<Slice>>(&record.content);
  return kNameCost + (slices != nullptr ? slices->size() * kSliceCost : 0);
}

}  // namespace

Task<OpenObject> Objects::open(const RequestContext&, const ObjectName& name, const OpenOptions& options) {
  CO_TRY(check_name(name));
  Opening opening{.keys = keys_, .reading = reclaimer_.enter(), .options = options};
  auto use = [&](CurrentRow& current) { return open_current(backend_, current.record, opening); };
  CO_TRY(co_await with_current(backend_.index, name, use));
  co_return std::move(opening.object);
}

Task<Selection> Objects::stat(const RequestContext&, const ObjectName& name, const OpenOptions& options) {
  CO_TRY(check_name(name));
  const auto reading = reclaimer_.enter();
  Selection selection;
  auto use = [&](CurrentRow& current) { return select(backend_.index, current.record, options, selection); };
  CO_TRY(co_await with_current(backend_.index, name, use));
  co_return selection;
}

Task<PartPage> Objects::parts(const RequestContext&, const ObjectName& name, std::uint32_t after, std::size_t limit,
                              const Admission& admit) {
  CO_TRY(check_name(name));
  const auto reading = reclaimer_.enter();
  const Page page{.after = after, .limit = limit};
  auto use = [&](const CurrentRow& current) { return parts_of(backend_.index, current.record, page, admit); };
  co_return co_await with_current(backend_.index, name, use);
}

/// A body that is stored, and the record that shall name it.
struct Objects::NewObject {
  ObjectRecord record;
  StoredBody body;
};

Task<ObjectInfo> Objects::put(const RequestContext&, const ObjectName& name, const PutOptions& options,
                              DigestSource& body) {
  CO_TRY(check_name(name));
  CO_TRY(const auto bucket, co_await check_early(backend_.index, name, options.conditions));
  CO_TRY(const auto key, new_object_key(keys_, options.encryption, bucket.settings));
  const auto algorithm = options.checksum.value_or(DigestAlgorithm::crc64nvme);
  body.take(DigestAlgorithm::md5);
  body.take(algorithm);

  NewObject object;
  const StoreLimits limits{.inline_size_max = inline_size_max(backend_)};
  ContentEncryption encryption(body, key);
  CO_TRY(object.body, co_await store_body(backend_, reclaimer_, encryption.source(), limits));
  auto& info = object.record.info;
  info.size = object.body.size;
  info.md5 = shown_md5(key, body.digest(DigestAlgorithm::md5)->bytes);
  if (key) info.encryption = key->encryption;
  object.record.seal = encryption.seal(info.size);
  info.owner = options.owner;
  info.headers = options.headers;
  info.metadata = options.metadata;
  info.acl = options.acl;
  info.checksum = Checksum{*body.digest(algorithm), ChecksumType::full_object};
  if (const auto& bytes = object.body.inline_bytes; !bytes.empty()) {
    object.record.content = InlineContent{new_id(clock_.now()), crc32c(bytes)};
  } else if (!object.body.extents.empty()) {
    object.record.content = object.body.slices();
  }

  auto attempt = [&] { return commit(name, options, object); };
  CO_TRY(auto made, co_await retry_conflicts(attempt));
  object.body.keep();
  co_return made;
}

Task<ObjectInfo> Objects::commit(const ObjectName& name, const PutOptions& options, NewObject& object) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  References references;
  CO_TRY(const auto bucket, co_await claim_bucket(rows, name.bucket));
  if (options.owner.empty()) object.record.info.owner = bucket.owner;
  CO_TRY(const bool garbage, co_await install(rows, references, clock_.now(), name, options.conditions, object.record));
  if (const auto* data = std::get_if<InlineContent>(&object.record.content)) {
    transaction->put(inline_key(data->id), object.body.inline_bytes);
  }
  for (const auto& staged : object.body.extents) references.adopt(staged.extent());
  CO_TRY(co_await references.apply(rows));
  CO_TRY(co_await transaction->commit());
  if (garbage) reclaimer_.wake();
  co_return object.record.info;
}

Task<> Objects::set_acl(const RequestContext&, const ObjectName& name, const AclChange& change) {
  CO_TRY(check_name(name));
  auto attempt = [&] { return set_acl_once(name, change); };
  co_return co_await retry_conflicts(attempt);
}

Task<> Objects::set_acl_once(const ObjectName& name, const AclChange& change) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  CO_TRY(auto record, co_await rows.get<ObjectRecord>(object_key(name)));
  if (!record) co_return std::unexpected(co_await why_missing(backend_.index, name));
  CO_TRY(record->info.acl, change(record->info));
  auto value = record->encode();
  if (value.size() > Index::kValueSizeMax) co_return fail(ErrorCode::metadata_too_large, std::to_string(value.size()));
  transaction->put(object_key(name), std::move(value));
  co_return co_await transaction->commit();
}

/// Some of the requests, for one commit: from `begin` to where it came.
struct Objects::RemoveBatch {
  const std::string& bucket;
  const std::vector<RemoveRequest>& requests;
  std::vector<Result<>>& results;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t count_max = kRemoveCount;
};

Task<std::vector<Result<>>> Objects::remove(const RequestContext&, const std::string& bucket,
                                            const std::vector<RemoveRequest>& requests) {
  CO_TRY(co_await find_bucket(backend_.index, bucket));
  std::vector<Result<>> results(requests.size());
  RemoveBatch batch{.bucket = bucket, .requests = requests, .results = results};
  auto attempt = [&] { return remove(batch); };
  while (batch.begin < requests.size()) {
    const auto removed = co_await retry_conflicts(attempt);
    // One damaged object must not hold the others: each by itself then.
    if (!removed && batch.end - batch.begin > 1) {
      batch.count_max = 1;
      continue;
    }
    if (!removed) results[batch.begin] = removed;
    batch.begin = std::max(batch.end, batch.begin + 1);
  }
  co_return results;
}

Task<> Objects::remove(RemoveBatch& batch) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  References references;
  bool garbage = false;
  std::size_t cost = 0;
  std::set<std::string_view> seen;  // A transaction does not see its own writes: no name twice.
  for (batch.end = batch.begin; batch.end < batch.requests.size(); ++batch.end) {
    const auto& [key, conditions] = batch.requests[batch.end];
    auto& result = batch.results[batch.end];
    if (seen.size() == batch.count_max || cost > kRemoveSize || !seen.insert(key).second) break;
    const ObjectName name{batch.bucket, key};
    result = check_key(key);
    if (!result) continue;
    const auto current = co_await rows.get<ObjectRecord>(object_key(name));
    if (!current) {
      result = std::unexpected(current.error());
      continue;
    }
    result = check_write(conditions, *current ? std::optional((*current)->info) : std::nullopt);
    if (!result || !*current) continue;
    rows.erase(object_key(name));
    let_go(rows, references, (*current)->content);
    garbage |= leaves_garbage((*current)->content);
    cost += cost_of(**current);
  }
  CO_TRY(co_await references.apply(rows));
  CO_TRY(co_await transaction->commit());
  if (garbage) reclaimer_.wake();
  co_return done;
}

}  // namespace sluice::object
