#include <algorithm>
#include <charconv>
#include <map>

#include "gateway/core/encoding.h"
#include "gateway/s3/checksum.h"
#include "gateway/s3/handler.h"
#include "gateway/s3/headers.h"
#include "gateway/s3/xml.h"

namespace sluice::s3 {
namespace {

constexpr std::uint64_t kPageMax = 1000;
constexpr std::size_t kEntrySize = 320;  ///< About what one key takes in a listing.
constexpr std::size_t kHeadRoom = 4096;  ///< What stands before the keys of a page is seldom longer.
constexpr std::uint64_t kNumberMax = 0x7fffffff;

/// A count parameter: 1000 where it is not given, and at most 1000.
Outcome<std::uint64_t> page_size(const http::Query& query, std::string_view name) {
  const std::string_view text = query.get(name);
  if (text.empty()) return kPageMax;
  const auto number = parse_decimal(text);
  if (!number || *number > kNumberMax) {
    return std::unexpected(Failure(Code::invalid_argument,
                                   "Argument " + std::string(name) + " must be an integer between 0 and 2147483647")
                               .with("ArgumentName", std::string(name))
                               .with("ArgumentValue", std::string(text)));
  }
  return std::min(*number, kPageMax);
}

/// How keys stand in a listing: as they are, or percent-encoded.
class KeyWriter {
 public:
  static Outcome<KeyWriter> create(const http::Query& query) {
    const std::string_view type = query.get("encoding-type");
    if (type.empty() || equals_ignoring_case(type, "url")) return KeyWriter(!type.empty());
    return std::unexpected(Failure(Code::invalid_argument, "Invalid Encoding Method specified in Request")
                               .with("ArgumentName", "encoding-type")
                               .with("ArgumentValue", std::string(type)));
  }

  KeyWriter() = default;
  void write(XmlWriter& xml, std::string_view element, std::string_view key) const {
    if (encodes_) {
      xml.element(element, percent_encode(key, true));
    } else {
      xml.element(element, key);
    }
  }
  void append(std::string& document, std::string_view key) const {
    if (encodes_) {
      append_percent_encoded(document, key, true);
    } else {
      xml::append_characters(document, key);
    }
  }
  /// The first listing's prefix stands as it was asked for, since SDKs decode all but
  /// that; only what XML cannot hold is encoded there too.
  void write_first_prefix(XmlWriter& xml, std::string_view prefix) const {
    const bool writable = std::ranges::none_of(
        prefix, [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r'; });
    if (writable) {
      xml.element("Prefix", prefix);
    } else {
      write(xml, "Prefix", prefix);
    }
  }
  void tell_type(XmlWriter& xml) const {
    if (encodes_) xml.element("EncodingType", "url");
  }

 private:
  explicit KeyWriter(bool encodes) : encodes_(encodes) {}
  bool encodes_ = false;
};

/// What all three listings of objects are asked.
struct Listing {
  object::ListOptions options;
  std::uint64_t max_keys = 0;
  KeyWriter keys;
};

Outcome<Listing> read_listing(const http::Query& query) {
  Listing listing;
  TRY(listing.max_keys, page_size(query, "max-keys"));
  TRY(listing.keys, KeyWriter::create(query));
  listing.options.prefix = query.get("prefix");
  listing.options.delimiter = query.get("delimiter");
  listing.options.limit = static_cast<std::size_t>(listing.max_keys);
  return listing;
}

/// Writes the elements of listings; knows how owners and keys are told.
class ListWriter {
 public:
  ListWriter(std::string_view root, const KeyWriter& keys) : keys_(keys) { xml_.open_root(root); }

  void key(std::string_view element, std::string_view name) { keys_.write(xml_, element, name); }

  void owner(std::string_view element, std::string_view id, std::string_view display_name) {
    xml_.open(element);
    xml_.element("ID", id);
    xml_.element("DisplayName", display_name);
    xml_.close();
  }

  void facts(const object::ObjectInfo& info) {
    xml_.element("LastModified", iso_time(info.modified));
    xml_.etag(info.content_tag());
    if (info.checksum) {
      xml_.element("ChecksumAlgorithm", checksum_name(info.checksum->digest.algorithm).token);
      xml_.element("ChecksumType", to_text(info.checksum->type));
    }
    xml_.element("Size", info.size);
  }

  void storage_class(std::string_view storage_class = "STANDARD") { xml_.element("StorageClass", storage_class); }

  template <class Page>
  void prefixes(const Page& page) {
    for (const auto& entry : page.entries) {
      if (!entry.is_prefix) continue;
      xml_.open("CommonPrefixes");
      key("Prefix", entry.name);
      xml_.close();
    }
  }

  XmlWriter& xml() { return xml_; }
  const KeyWriter& keys() const { return keys_; }
  std::string take() {
    xml_.close();
    return xml_.take();
  }

 private:
  XmlWriter xml_;
  const KeyWriter& keys_;
};

/// The display names of accounts.
using Names = std::map<std::string, std::string>;

/// Renders the entries of a page as they come: objects behind the room for the document's
/// head, prefixes by themselves, since they stand behind all objects.
class PageWriter final : public object::ListVisitor {
 public:
  /// With `names`, owners are told.
  PageWriter(KeyWriter keys, std::size_t limit, std::optional<Names> names, UtcTime now)
      : keys_(keys), names_(std::move(names)), now_(now) {
    document_.reserve(kHeadRoom + limit * kEntrySize);
    document_.assign(kHeadRoom, ' ');
  }

  Result<> object(std::string_view key, const object::ObjectOutline& outline, std::string_view) override {
    document_.append("<Contents><Key>");
    keys_.append(document_, key);
    document_.append("</Key><LastModified>");
    append_iso_time(document_, outline.modified);
    document_.append("</LastModified><ETag>\"");
    outline.append_content_tag(document_);
    document_.append("\"</ETag>");
    if (outline.checksum) checksum(*outline.checksum);
    document_.append("<Size>");
    append_number(outline.size);
    document_.append("</Size>");
    if (names_) owner(outline.owner);
    document_.append("<StorageClass>").append(storage_class_of(outline.tiering, now_));
    document_.append("</StorageClass></Contents>");
    return done;
  }

  void prefix(std::string_view name) override {
    prefixes_.append("<CommonPrefixes><Prefix>");
    keys_.append(prefixes_, name);
    prefixes_.append("</Prefix></CommonPrefixes>");
  }

  /// The document, with `head` before the entries, which ends within the root element.
  Chunk take(std::string_view head, std::string_view root) {
    document_.append(prefixes_).append("</").append(root).append(">");
    if (head.size() > kHeadRoom) document_.insert(0, head.size() - kHeadRoom, ' ');
    const std::size_t begin = std::max(head.size(), kHeadRoom) - head.size();
    std::ranges::copy(head, document_.begin() + static_cast<std::ptrdiff_t>(begin));
    const std::size_t size = document_.size() - begin;
    return Chunk::of(std::move(document_)).slice(begin, size);
  }

 private:
  void append_number(std::uint64_t number) {
    char digits[20];
    document_.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
  }

  void checksum(const object::ObjectOutline::ChecksumKind& kind) {
    document_.append("<ChecksumAlgorithm>").append(checksum_name(kind.algorithm).token);
    document_.append("</ChecksumAlgorithm><ChecksumType>").append(to_text(kind.type)).append("</ChecksumType>");
  }

  void owner(std::string_view id) {
    if (id != owner_ || owner_text_.empty()) {
      owner_ = id;
      const auto name = names_->find(owner_);
      owner_text_ = "<Owner><ID>";
      xml::append_characters(owner_text_, owner_);
      owner_text_ += "</ID><DisplayName>";
      xml::append_characters(owner_text_, name == names_->end() ? owner_ : name->second);
      owner_text_ += "</DisplayName></Owner>";
    }
    document_.append(owner_text_);
  }

  const KeyWriter keys_;
  const std::optional<Names> names_;
  const UtcTime now_;
  std::string document_;
  std::string prefixes_;
  std::string owner_;
  std::string owner_text_;  ///< How that owner is told.
};

constexpr std::string_view kListRoot = "ListBucketResult";

// A token's first letter says what it is, so that tokens may change later on.
constexpr char kTokenKind = 'k';

std::string token_of(std::string_view name) { return to_base64(std::string(1, kTokenKind).append(name)); }

Outcome<std::string> parse_token(std::string_view token) {
  const auto text = from_base64(token);
  if (!text || !text->starts_with(kTokenKind)) {
    return refuse(Code::invalid_argument, "The continuation token provided is incorrect");
  }
  return text->substr(1);
}

}  // namespace

Step<object::ListEnd> Handler::list(Call& call, const object::ListOptions& options,
                                    std::shared_ptr<object::ListVisitor> visitor) {
  // A page of nothing is a page of nothing, but the bucket must be there.
  if (options.limit == 0) {
    CO_TRY(co_await bucket_of(call));
    co_return object::ListEnd{};
  }
  CO_TRY(auto end, co_await object::show_objects(services_.backend, call.target.bucket, options, std::move(visitor)));
  co_return end;
}

Awaitable<Answer> Handler::list_objects(Call& call) {
  const http::Query& query = call.target.query;
  CO_TRY(Listing listing, read_listing(query));
  listing.options.after = query.get("marker");
  const auto page =
      std::make_shared<PageWriter>(listing.keys, listing.options.limit, options_.display_names, services_.clock.now());
  CO_TRY(const object::ListEnd end, co_await list(call, listing.options, page));

  XmlWriter head;
  head.open_root(kListRoot);
  head.element("Name", call.target.bucket);
  listing.keys.write_first_prefix(head, listing.options.prefix);
  listing.keys.write(head, "Marker", listing.options.after);
  // Without a delimiter the last key tells where to go on.
  if (end.truncated && !listing.options.delimiter.empty()) listing.keys.write(head, "NextMarker", end.last);
  head.element("MaxKeys", listing.max_keys);
  if (!listing.options.delimiter.empty()) listing.keys.write(head, "Delimiter", listing.options.delimiter);
  listing.keys.tell_type(head);
  head.element("IsTruncated", end.truncated);
  co_return document(call, page->take(head.take_open(), kListRoot));
}

Awaitable<Answer> Handler::list_objects_v2(Call& call) {
  const http::Query& query = call.target.query;
  if (query.get("list-type") != "2") co_return s3::refuse(Code::invalid_argument, "Invalid List Type Specified");
  CO_TRY(Listing listing, read_listing(query));
  const auto token = query.value("continuation-token");
  listing.options.after = query.get("start-after");
  if (token && !token->empty()) {
    CO_TRY(listing.options.after, parse_token(*token));
  }
  std::optional<Names> names;
  if (query.get("fetch-owner") == "true") names = options_.display_names;
  const auto page =
      std::make_shared<PageWriter>(listing.keys, listing.options.limit, std::move(names), services_.clock.now());
  CO_TRY(const object::ListEnd end, co_await list(call, listing.options, page));

  XmlWriter head;
  head.open_root(kListRoot);
  head.element("Name", call.target.bucket);
  listing.keys.write(head, "Prefix", listing.options.prefix);
  if (const auto start = query.value("start-after"); start && !start->empty()) {
    listing.keys.write(head, "StartAfter", *start);
  }
  if (token) head.element("ContinuationToken", *token);
  if (end.truncated) head.element("NextContinuationToken", token_of(end.last));
  head.element("KeyCount", std::uint64_t{end.count});
  head.element("MaxKeys", listing.max_keys);
  if (!listing.options.delimiter.empty()) listing.keys.write(head, "Delimiter", listing.options.delimiter);
  listing.keys.tell_type(head);
  head.element("IsTruncated", end.truncated);
  co_return document(call, page->take(head.take_open(), kListRoot));
}

/// `marker` names the version behind which to go on within its key.
Step<object::VersionPage> Handler::list_versions(Call& call, const object::ListOptions& asked,
                                                 std::string_view marker) {
  object::VersionListOptions options{
      .prefix = asked.prefix, .delimiter = asked.delimiter, .key_after = asked.after, .limit = asked.limit};
  if (options.limit == 0) {
    CO_TRY(co_await bucket_of(call));
    co_return object::VersionPage{};
  }
  if (!marker.empty()) {
    const auto version = object::parse_version(marker);
    if (!version) co_return s3::refuse(Code::invalid_argument, "Invalid version id specified");
    options.revision_after = static_cast<std::uint64_t>(*version);
  }
  if (marker == "null") {
    const object::ObjectName name{call.target.bucket, options.key_after};
    object::OpenOptions null_version;
    null_version.which.version = object::VersionId::null;
    null_version.key_waived = true;
    const auto found = co_await services_.objects.stat(call.context, name, null_version);
    // Where it has gone meanwhile, all of the key is told once more rather than some not at all.
    options.revision_after = found ? found->info.revision : ~std::uint64_t{0};
  }
  CO_TRY(auto page, co_await object::list_versions(services_.backend, call.context, call.target.bucket, options));
  co_return page;
}

Awaitable<Answer> Handler::list_object_versions(Call& call) {
  const http::Query& query = call.target.query;
  CO_TRY(Listing listing, read_listing(query));
  listing.options.after = query.get("key-marker");
  const std::string_view version = query.get("version-id-marker");
  if (!version.empty() && listing.options.after.empty()) {
    co_return s3::refuse(Code::invalid_argument, "A version-id marker cannot be specified without a key marker.");
  }
  CO_TRY(const object::VersionPage page, co_await list_versions(call, listing.options, version));

  ListWriter writer("ListVersionsResult", listing.keys);
  XmlWriter& xml = writer.xml();
  xml.reserve(page.entries.size() * kEntrySize);
  xml.element("Name", call.target.bucket);
  writer.key("Prefix", listing.options.prefix);
  writer.key("KeyMarker", listing.options.after);
  xml.element("VersionIdMarker", version);
  if (page.truncated) {
    const object::VersionEntry& last = page.entries.back();
    writer.key("NextKeyMarker", last.name);
    if (!last.is_prefix) xml.element("NextVersionIdMarker", object::to_text(last.info.version()));
  }
  xml.element("MaxKeys", listing.max_keys);
  if (!listing.options.delimiter.empty()) writer.key("Delimiter", listing.options.delimiter);
  listing.keys.tell_type(xml);
  xml.element("IsTruncated", page.truncated);
  for (const object::VersionEntry& entry : page.entries) {
    if (entry.is_prefix) continue;
    const object::ObjectInfo& info = entry.info;
    xml.open(info.delete_marker ? "DeleteMarker" : "Version");
    writer.key("Key", entry.name);
    xml.element("VersionId", object::to_text(info.version()));
    xml.element("IsLatest", entry.is_latest);
    if (info.delete_marker) {
      xml.element("LastModified", iso_time(info.modified));
    } else {
      writer.facts(info);
    }
    writer.owner("Owner", info.owner, display_name(info.owner));
    if (!info.delete_marker) writer.storage_class(storage_class_of(info.tiering, services_.clock.now()));
    xml.close();
  }
  writer.prefixes(page);
  co_return document(call, writer.take());
}

Awaitable<Answer> Handler::list_multipart_uploads(Call& call) {
  const http::Query& query = call.target.query;
  CO_TRY(const std::uint64_t max_uploads, page_size(query, "max-uploads"));
  CO_TRY(const KeyWriter keys, KeyWriter::create(query));
  object::Uploads::ListOptions options{.prefix = std::string(query.get("prefix")),
                                       .delimiter = std::string(query.get("delimiter")),
                                       .key_after = std::string(query.get("key-marker")),
                                       .upload_id_after = std::string(query.get("upload-id-marker")),
                                       .limit = static_cast<std::size_t>(max_uploads)};
  if (options.key_after.empty()) options.upload_id_after.clear();
  object::UploadPage page;
  if (max_uploads == 0) {
    CO_TRY(co_await bucket_of(call));
  } else {
    CO_TRY(page, co_await services_.uploads.list(call.context, call.target.bucket, options));
  }

  ListWriter writer("ListMultipartUploadsResult", keys);
  XmlWriter& xml = writer.xml();
  xml.element("Bucket", call.target.bucket);
  writer.key("KeyMarker", options.key_after);
  xml.element("UploadIdMarker", options.upload_id_after);
  if (page.truncated) {
    writer.key("NextKeyMarker", page.next_key);
    xml.element("NextUploadIdMarker", page.next_upload_id);
  }
  writer.key("Prefix", options.prefix);
  if (!options.delimiter.empty()) writer.key("Delimiter", options.delimiter);
  keys.tell_type(xml);
  xml.element("MaxUploads", max_uploads);
  xml.element("IsTruncated", page.truncated);
  for (const auto& item : page.items) {
    if (item.is_prefix) continue;
    xml.open("Upload");
    writer.key("Key", item.name);
    xml.element("UploadId", item.upload.id);
    writer.owner("Initiator", item.upload.initiator, display_name(item.upload.initiator));
    writer.owner("Owner", item.upload.owner, display_name(item.upload.owner));
    writer.storage_class();
    xml.element("Initiated", iso_time(item.upload.begun));
    if (item.upload.checksum) {
      xml.element("ChecksumAlgorithm", checksum_name(*item.upload.checksum).token);
      xml.element("ChecksumType", to_text(item.upload.checksum_type));
    }
    xml.close();
  }
  for (const auto& item : page.items) {
    if (!item.is_prefix) continue;
    xml.open("CommonPrefixes");
    writer.key("Prefix", item.name);
    xml.close();
  }
  co_return document(call, writer.take());
}

Awaitable<Answer> Handler::list_parts(Call& call) {
  const http::Query& query = call.target.query;
  CO_TRY(const std::uint64_t max_parts, page_size(query, "max-parts"));
  CO_TRY(const KeyWriter keys, KeyWriter::create(query));
  const std::string_view marker_text = query.get("part-number-marker");
  const auto marker = marker_text.empty() ? std::optional<std::uint64_t>(0) : parse_decimal(marker_text);
  if (!marker || *marker > kNumberMax) {
    co_return s3::refuse(Code::invalid_argument,
                         "Argument part-number-marker must be an integer between 0 and 2147483647");
  }
  const object::ObjectName name = call.name();
  const std::string upload_id(query.get("uploadId"));
  CO_TRY(const object::StagedParts staged,
         co_await services_.uploads.parts(call.context, name, upload_id, static_cast<std::uint32_t>(*marker),
                                          static_cast<std::size_t>(max_parts)));

  ListWriter writer("ListPartsResult", keys);
  XmlWriter& xml = writer.xml();
  xml.element("Bucket", name.bucket);
  writer.key("Key", name.key);
  xml.element("UploadId", upload_id);
  writer.owner("Initiator", staged.upload.initiator, display_name(staged.upload.initiator));
  writer.owner("Owner", staged.upload.owner, display_name(staged.upload.owner));
  writer.storage_class();
  xml.element("PartNumberMarker", *marker);
  if (!staged.parts.empty()) xml.element("NextPartNumberMarker", std::uint64_t{staged.parts.back().number});
  xml.element("MaxParts", max_parts);
  keys.tell_type(xml);
  xml.element("IsTruncated", staged.truncated);
  if (staged.upload.checksum) {
    xml.element("ChecksumAlgorithm", checksum_name(*staged.upload.checksum).token);
    xml.element("ChecksumType", to_text(staged.upload.checksum_type));
  }
  for (const object::PartInfo& part : staged.parts) {
    xml.open("Part");
    xml.element("PartNumber", std::uint64_t{part.number});
    xml.element("LastModified", iso_time(part.modified));
    xml.etag(part.content_tag());
    xml.element("Size", part.size);
    if (part.checksum) xml.element(checksum_name(part.checksum->algorithm).element, to_base64(part.checksum->bytes));
    xml.close();
  }
  co_return document(call, writer.take());
}

}  // namespace sluice::s3
