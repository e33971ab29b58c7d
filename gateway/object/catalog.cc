#include "gateway/object/catalog.h"

#include <array>
#include <cassert>

namespace sluice::object {
namespace {

template <class Word>
void append_big_endian(std::string& out, Word value) {
  for (std::size_t shift = sizeof(Word) * 8; shift != 0;) {
    shift -= 8;
    out.push_back(static_cast<char>(value >> shift & 0xFF));
  }
}

std::uint64_t number_of(std::string_view big_endian) {
  std::uint64_t number = 0;
  for (const char c : big_endian) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

std::string key_of(std::string_view letters, std::string_view rest) {
  std::string key;
  key.reserve(letters.size() + rest.size() + 16);
  return key.append(letters).append(rest);
}

// A key may hold NULs, and a NUL ends it here: 00 is written 00 FF. What follows
// the end is hex or a revision, both of which sort below FF, so the order of keys is kept.
std::string escape(std::string_view key) {
  std::string out;
  out.reserve(key.size() + kUploadIdSize + 2);
  for (const char c : key) {
    out.push_back(c);
    if (c == '\0') out.push_back('\xFF');
  }
  return out;
}

// Takes an escaped key and the NUL that ends it off the front of `in`.
std::optional<std::string> unescape(std::string_view& in) {
  std::string key;
  for (std::size_t i = 0; i < in.size(); ++i) {
    const bool nul = in[i] == '\0';
    const bool escaped = nul && i + 1 < in.size() && in[i + 1] == '\xFF';
    if (nul && !escaped) {
      in.remove_prefix(i + 1);
      return key;
    }
    key.push_back(in[i]);
    if (escaped) ++i;
  }
  return std::nullopt;
}

}  // namespace

std::string bucket_key(std::string_view bucket) { return key_of(rows::kBuckets, bucket); }

std::string bucket_of_key(std::string_view row_key) { return std::string(row_key.substr(rows::kBuckets.size())); }

std::string objects_prefix(std::string_view bucket) {
  auto key = key_of(rows::kObjects, bucket);
  key.push_back('\0');
  return key;
}

std::string object_key(const ObjectName& name) {
  std::string key;
  key.reserve(name.bucket.size() + name.key.size() + 2);
  key.append(rows::kObjects).append(name.bucket).push_back('\0');
  return key.append(name.key);
}

ObjectName object_of_key(std::string_view row_key) {
  row_key.remove_prefix(rows::kObjects.size());
  const auto end = row_key.find('\0');
  if (end == std::string_view::npos) return {std::string(row_key), {}};
  return {std::string(row_key.substr(0, end)), std::string(row_key.substr(end + 1))};
}

std::string versions_prefix(std::string_view bucket) {
  auto key = key_of(rows::kVersions, bucket);
  key.push_back('\0');
  return key;
}

std::string versions_prefix(std::string_view bucket, std::string_view key_prefix) {
  return versions_prefix(bucket) + escape(key_prefix);
}

std::string version_key(const ObjectName& name, std::uint64_t revision) {
  auto key = versions_prefix(name.bucket, name.key);
  key.push_back('\0');
  append_big_endian(key, ~revision);
  return key;
}

// No revision is below 2^56, so no inverted one begins with the FF of an escaped NUL.
KeyRange versions_of(const ObjectName& name) {
  auto begin = versions_prefix(name.bucket, name.key);
  begin.push_back('\0');
  auto end = begin + '\xFF';
  return {std::move(begin), std::move(end)};
}

std::optional<VersionName> version_of_key(std::string_view row_key) {
  row_key.remove_prefix(rows::kVersions.size());
  const auto end = row_key.find('\0');
  if (end == std::string_view::npos) return std::nullopt;
  std::string bucket(row_key.substr(0, end));
  row_key.remove_prefix(end + 1);
  auto key = unescape(row_key);
  if (!key || row_key.size() != sizeof(std::uint64_t)) return std::nullopt;
  return VersionName{{std::move(bucket), std::move(*key)}, ~number_of(row_key)};
}

std::string inline_key(std::string_view id) { return key_of(rows::kInline, id); }

std::string extent_key(ExtentId id) {
  auto key = key_of(rows::kExtents, {});
  append_big_endian(key, static_cast<std::uint64_t>(id));
  return key;
}

std::optional<ExtentId> extent_of_key(std::string_view row_key) {
  row_key.remove_prefix(row_key.starts_with(rows::kExtentGarbage) ? rows::kExtentGarbage.size()
                                                                  : rows::kExtents.size());
  if (row_key.size() != sizeof(std::uint64_t)) return std::nullopt;
  return ExtentId{number_of(row_key)};
}

std::string uploads_prefix(std::string_view bucket) {
  auto key = key_of(rows::kUploads, bucket);
  key.push_back('\0');
  return key;
}

std::string uploads_prefix(std::string_view bucket, std::string_view key_prefix) {
  return uploads_prefix(bucket) + escape(key_prefix);
}

std::string upload_key(const ObjectName& name, std::string_view upload_id) {
  auto key = uploads_prefix(name.bucket, name.key);
  key.push_back('\0');
  return key.append(upload_id);
}

std::string uploads_end(const ObjectName& name) { return upload_key(name, "g"); }

std::optional<UploadName> upload_of_key(std::string_view row_key) {
  row_key.remove_prefix(rows::kUploads.size());
  const auto end = row_key.find('\0');
  if (end == std::string_view::npos) return std::nullopt;
  std::string bucket(row_key.substr(0, end));
  row_key.remove_prefix(end + 1);
  auto key = unescape(row_key);
  if (!key || row_key.size() != kUploadIdSize) return std::nullopt;
  return UploadName{{std::move(bucket), std::move(*key)}, std::string(row_key)};
}

std::string parts_prefix(std::string_view upload_id) { return key_of(rows::kParts, upload_id); }

std::string part_key(std::string_view upload_id, std::uint32_t number) {
  auto key = parts_prefix(upload_id);
  append_big_endian(key, number);
  return key;
}

std::string block_key(std::string_view blocks, std::string_view block_id) {
  return parts_prefix(blocks).append(block_id);
}

std::string manifest_prefix(std::string_view manifest_id) { return key_of(rows::kManifests, manifest_id); }

std::string manifest_key(std::string_view manifest_id, std::size_t row) {
  auto key = manifest_prefix(manifest_id);
  append_big_endian(key, static_cast<std::uint32_t>(row));
  return key;
}

std::string extent_garbage_key(ExtentId id) {
  auto key = key_of(rows::kExtentGarbage, {});
  append_big_endian(key, static_cast<std::uint64_t>(id));
  return key;
}

std::string manifest_garbage_key(std::string_view manifest_id) { return key_of(rows::kManifestGarbage, manifest_id); }
std::string upload_garbage_key(std::string_view upload_id) { return key_of(rows::kUploadGarbage, upload_id); }
std::string bucket_garbage_key(std::string_view bucket_id) { return key_of(rows::kBucketGarbage, bucket_id); }

std::string retained_key(UtcTime until, const ObjectName& name, std::uint64_t revision) {
  auto key = key_of(rows::kRetained, {});
  append_big_endian(key, static_cast<std::uint64_t>(until.time_since_epoch().count()));
  return key.append(version_key(name, revision));
}

std::optional<RetainedName> retained_of_key(std::string_view row_key) {
  constexpr auto kTimeSize = sizeof(std::uint64_t);
  row_key.remove_prefix(rows::kRetained.size());
  if (row_key.size() < kTimeSize || !row_key.substr(kTimeSize).starts_with(rows::kVersions)) return std::nullopt;
  const auto until =
      UtcTime(std::chrono::milliseconds(static_cast<std::int64_t>(number_of(row_key.substr(0, kTimeSize)))));
  auto state = version_of_key(row_key.substr(kTimeSize));
  if (!state) return std::nullopt;
  return RetainedName{until, *std::move(state)};
}

std::string account_key(std::string_view account) { return key_of(rows::kAccounts, account); }

std::string successor(std::string_view prefix) {
  while (!prefix.empty() && prefix.back() == '\xFF') prefix.remove_suffix(1);
  assert(!prefix.empty());
  std::string next(prefix);
  next.back() = static_cast<char>(static_cast<unsigned char>(next.back()) + 1);
  return next;
}

KeyRange keys_with(std::string_view prefix) { return {std::string(prefix), successor(prefix)}; }

}  // namespace sluice::object
