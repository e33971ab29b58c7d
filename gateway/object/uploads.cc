#include "gateway/object/uploads.h"

#include <algorithm>

#include "gateway/object/cursor.h"
#include "gateway/object/ids.h"
#include "gateway/object/known_bucket.h"
#include "gateway/object/retry.h"
#include "gateway/object/staging.h"

namespace sluice::object {
namespace {

bool is_hex_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

std::unexpected<Error> no_such_upload(const std::string& upload_id) {
  return fail(ErrorCode::no_such_upload, upload_id);
}

}  // namespace

bool may_be_upload(std::string_view upload_id) {
  return upload_id.size() == kUploadIdSize && std::ranges::all_of(upload_id, is_hex_digit) &&
         upload_id != kBlocksUpload;
}

Task<UploadRecord> find_upload(Index& index, const ObjectName& name, const std::string& upload_id) {
  CO_TRY(check_name(name));
  CO_TRY(const auto bucket, co_await find_bucket(index, name.bucket));
  if (!may_be_upload(upload_id)) co_return no_such_upload(upload_id);
  const auto key = upload_key(name, upload_id);
  CO_TRY(const auto row, co_await index.get(key));
  if (!row) co_return no_such_upload(upload_id);
  CO_TRY(auto record, decode_row<UploadRecord>(key, *row));
  // One of an earlier bucket of the name, which the reclaimer has not come to yet.
  if (record.bucket_id != bucket->id) co_return no_such_upload(upload_id);
  co_return std::move(record);
}

UploadInfo info_of(const std::string& key, const std::string& upload_id, const UploadRecord& record) {
  const std::string& initiator = record.initiator.empty() ? record.owner : record.initiator;
  return {upload_id,        key, record.owner, initiator, record.begun, record.checksum, record.checksum_type,
          record.encryption};
}

Task<UploadInfo> Uploads::begin(const RequestContext&, const ObjectName& name, const UploadOptions& options) {
  CO_TRY(check_name(name));
  CO_TRY(const auto bucket, co_await find_bucket(backend_.index, name.bucket));
  CO_TRY(check_protectable(options.protection, bucket->settings.object_lock));
  CO_TRY(auto key, new_object_key(keys_, options.encryption, bucket->settings));
  const auto now = clock_.now();
  const UploadRecord record{.bucket_id = bucket->id,
                            .owner = options.owner.empty() ? bucket->owner : options.owner,
                            .headers = options.headers,
                            .metadata = options.metadata,
                            .tags = options.tags,
                            .acl = options.acl,
                            .begun = now,
                            .checksum = options.checksum,
                            .checksum_type = options.checksum_type,
                            .encryption = key ? std::optional(std::move(key->encryption)) : std::nullopt,
                            .commit = {},
                            .initiator = options.initiator == options.owner ? std::string() : options.initiator,
                            .protection = options.protection};
  const auto upload_id = new_upload_id(now);
  auto value = record.encode();
  if (value.size() > Index::kValueSizeMax) co_return fail(ErrorCode::metadata_too_large, std::to_string(value.size()));
  const auto attempt = [&]() -> Task<> {
    const auto transaction = backend_.index.begin();
    Catalog rows(*transaction);
    CO_TRY(const auto current, co_await rows.get<BucketRecord>(bucket_key(name.bucket)));
    if (!current || current->id != bucket->id) co_return fail(ErrorCode::no_such_bucket, name.bucket);
    transaction->put(upload_key(name, upload_id), value);
    co_return co_await transaction->commit();
  };
  CO_TRY(co_await retry_conflicts(attempt));
  co_return info_of(name.key, upload_id, record);
}

Task<UploadInfo> Uploads::stat(const RequestContext&, const ObjectName& name, const std::string& upload_id) {
  CO_TRY(const auto record, co_await find_upload(backend_.index, name, upload_id));
  co_return info_of(name.key, upload_id, record);
}

Task<> Uploads::abandon(const RequestContext&, const ObjectName& name, const std::string& upload_id) {
  CO_TRY(co_await find_upload(backend_.index, name, upload_id));
  auto attempt = [&] { return abandon_once(name, upload_id); };
  CO_TRY(co_await retry_conflicts(attempt));
  reclaimer_.wake();
  co_return done;
}

Task<> Uploads::abandon_once(const ObjectName& name, const std::string& upload_id) {
  const auto transaction = backend_.index.begin();
  Catalog rows(*transaction);
  CO_TRY(const auto upload, co_await rows.get<UploadRecord>(upload_key(name, upload_id)));
  if (!upload) co_return no_such_upload(upload_id);
  rows.erase(upload_key(name, upload_id));
  rows.put(upload_garbage_key(upload_id), UploadGarbage{});
  co_return co_await transaction->commit();
}

Task<StagedParts> Uploads::parts(const RequestContext&, const ObjectName& name, const std::string& upload_id,
                                 std::uint32_t after, std::size_t limit) {
  CO_TRY(const auto record, co_await find_upload(backend_.index, name, upload_id));
  StagedParts staged{.upload = info_of(name.key, upload_id, record), .parts = {}, .truncated = false};
  if (limit == 0 || after >= kPartNumberMax) co_return staged;
  const KeyRange range{part_key(upload_id, after + 1), successor(parts_prefix(upload_id))};
  const auto transaction = backend_.index.begin();
  Cursor cursor(*transaction, range, limit + 1);
  for (;; cursor.pop()) {
    CO_TRY(const Entry* row, co_await cursor.peek());
    if (row == nullptr) co_return staged;
    if (staged.parts.size() == limit) break;
    CO_TRY(auto part, decode_row<PartRecord>(row->key, row->value));
    staged.parts.push_back(std::move(part.info));
  }
  staged.truncated = true;
  co_return staged;
}

namespace {

std::string start(const std::string& bucket, const Uploads::ListOptions& options) {
  const auto after = options.key_after.substr(0, kKeySizeMax + 1);
  if (folded(after, options.prefix, options.delimiter) == after) return successor(uploads_prefix(bucket, after));
  const ObjectName name{bucket, after};
  if (!may_be_upload(options.upload_id_after)) return uploads_end(name);
  return upload_key(name, options.upload_id_after) + '\0';
}

}  // namespace

Task<UploadPage> Uploads::list(const RequestContext&, const std::string& bucket, const ListOptions& options) {
  CO_TRY(const auto current, co_await find_bucket(backend_.index, bucket));
  UploadPage page;
  if (options.limit == 0 || options.prefix.size() > kKeySizeMax) co_return page;

  auto range = keys_with(uploads_prefix(bucket, options.prefix));
  if (!options.key_after.empty()) range.begin = std::max(range.begin, start(bucket, options));
  const auto transaction = backend_.index.begin();
  Cursor cursor(*transaction, std::move(range));
  for (;;) {
    CO_TRY(const Entry* row, co_await cursor.peek());
    if (row == nullptr) co_return page;
    CO_TRY(const auto record, decode_row<UploadRecord>(row->key, row->value));
    const auto name = upload_of_key(row->key);
    if (!name) co_return fail(ErrorCode::corrupt, "the key of an upload row");
    if (record.bucket_id != current->id || name->upload_id == kBlocksUpload) {
      cursor.pop();
      continue;
    }
    if (page.items.size() == options.limit) break;
    if (const auto prefix = folded(name->object.key, options.prefix, options.delimiter)) {
      page.items.push_back({std::string(*prefix), true, {}});
      cursor.skip_to(successor(uploads_prefix(bucket, *prefix)));
    } else {
      page.items.push_back({name->object.key, false, info_of(name->object.key, name->upload_id, record)});
      cursor.pop();
    }
  }
  page.truncated = true;
  page.next_key = page.items.back().name;
  page.next_upload_id = page.items.back().upload.id;
  co_return page;
}

}  // namespace sluice::object
