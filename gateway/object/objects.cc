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

struct Opening {
  const KeyRing& keys;
  Reclaimer::Reading reading;
  const OpenOptions& options;
  UtcTime now;
  OpenObject object{};
};

Task<std::optional<Done>> open_current(Backend backend, ObjectRecord& record, Opening& opening) {
  auto& [keys, reading, options, now, object] = opening;
  CO_TRY(check_lease(options.conditions.lease, record.info.lease, now));
  CO_TRY(const auto selected, co_await select(backend.index, record, options, object.selection));
  if (!selected) co_return std::optional<Done>{};
  CO_TRY(check_not_following(object.selection.info));
  if (object.selection.info.is_archived(now)) co_return fail(ErrorCode::archived);
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

}  // namespace

Task<OpenObject> Objects::open(const RequestContext&, const ObjectName& name, const OpenOptions& options) {
  CO_TRY(check_name(name));
  Opening opening{.keys = keys_, .reading = reclaimer_.enter(), .options = options, .now = clock_.now()};
  auto use = [&](CurrentRow& current) { return open_current(backend_, current.record, opening); };
  CO_TRY(co_await with_current(backend_.index, name, options.which, use));
  co_return std::move(opening.object);
}

Task<Selection> Objects::stat(const RequestContext&, const ObjectName& name, const OpenOptions& options) {
  CO_TRY(check_name(name));
  const auto reading = reclaimer_.enter();
  Selection selection;
  const auto now = clock_.now();
  auto use = [&](CurrentRow& current) -> Task<std::optional<Done>> {
    CO_TRY(check_lease(options.conditions.lease, current.record.info.lease, now));
    co_return co_await select(backend_.index, current.record, options, selection);
  };
  CO_TRY(co_await with_current(backend_.index, name, options.which, use));
  co_return selection;
}

Task<PartPage> Objects::parts(const RequestContext&, const ObjectName& name, std::uint32_t after, std::size_t limit,
                              const Admission& admit, const Which& which) {
  CO_TRY(check_name(name));
  const auto reading = reclaimer_.enter();
  const Page page{.after = after, .limit = limit};
  auto use = [&](const CurrentRow& current) { return parts_of(backend_.index, current.record, page, admit); };
  co_return co_await with_current(backend_.index, name, which, use);
}

/// A body that is stored, and the record that shall name it.
struct Objects::NewObject {
  ObjectRecord record;
  StoredBody body;
};

Task<ObjectInfo> Objects::put(const RequestContext&, const ObjectName& name, const PutOptions& options,
                              DigestSource& body) {
  CO_TRY(check_name(name));
  CO_TRY(const auto bucket, co_await check_early(backend_.index, clock_.now(), name, options.conditions));
  CO_TRY(check_protectable(options.protection, bucket->settings.object_lock));
  CO_TRY(const auto key, new_object_key(keys_, options.encryption, bucket->settings));
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
  info.tags = options.tags;
  info.tiering.tier = options.tier;
  info.protection = options.protection;
  info.checksum = Checksum{*body.digest(algorithm), ChecksumType::full_object};
  if (const auto& bytes = object.body.inline_bytes; !bytes.empty()) {
    object.record.content = InlineContent{new_id(clock_.now()), crc32c(bytes)};
  } else if (!object.body.extents.empty()) {
    object.record.content = object.body.slices();
  }

  auto attempt = [&] { return commit(name, options, object); };
  CO_TRY(co_await retry_conflicts(attempt));
  object.body.keep();
  co_return std::move(info);
}

Task<> Objects::commit(const ObjectName& name, const PutOptions& options, NewObject& object) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  References references;
  CO_TRY(const auto bucket, co_await claim_bucket(rows, name.bucket));
  if (options.owner.empty()) object.record.info.owner = bucket->owner;
  CO_TRY(const bool garbage,
         co_await install(rows, references, clock_.now(), name, bucket->settings, options.conditions, object.record));
  if (const auto* data = std::get_if<InlineContent>(&object.record.content)) {
    transaction->put(inline_key(data->id), object.body.inline_bytes);
  }
  for (const auto& staged : object.body.extents) references.adopt(staged.extent());
  CO_TRY(co_await references.apply(rows));
  CO_TRY(co_await transaction->commit());
  if (garbage) reclaimer_.wake();
  co_return done;
}

Task<std::optional<ObjectInfo>> Objects::head(const RequestContext&, const ObjectName& name) {
  CO_TRY(check_name(name));
  const auto key = object_key(name);
  CO_TRY(const auto row, co_await backend_.index.get(key));
  if (!row) co_return std::optional<ObjectInfo>{};
  CO_TRY(auto record, decode_row<ObjectRecord>(key, *row));
  if (is_tombstone(record.info)) co_return std::optional<ObjectInfo>{};
  co_return std::move(record.info);
}

}  // namespace sluice::object
