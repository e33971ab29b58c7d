#include "gateway/core/encoding.h"
#include "gateway/http/field.h"
#include "gateway/s3/handler.h"
#include "gateway/s3/object_lock.h"
#include "gateway/s3/write_body.h"
#include "gateway/s3/xml.h"

namespace sluice::s3 {
namespace {

constexpr std::uint64_t kDocumentMax = 2 << 20;  // 1000 keys of 1 KiB, and their tags.
constexpr std::size_t kKeysMax = 1000;

/// One object of a Delete document, and what has become of it.
struct Deletion {
  std::string key;
  std::string version;
  std::optional<std::string> tag;
  std::optional<Failure> failure;  ///< Refused for itself; the others are not concerned.
  object::Bypass bypass = object::Bypass::no;
  object::Removal removal{};
};

struct DeleteDocument {
  bool quiet = false;
  std::vector<Deletion> deletions;
};

Outcome<Deletion> read_deletion(const XmlElement& element) {
  Deletion deletion;
  for (const XmlElement& child : element.children()) {
    if (child.name() == "Key") {
      deletion.key = child.raw_text();
    } else if (child.name() == "VersionId") {
      deletion.version = child.text();
    } else if (child.name() == "ETag") {
      deletion.tag = child.text();
    } else if (child.name() == "LastModifiedTime" || child.name() == "Size") {
      deletion.failure = Failure(Code::not_implemented,
                                 "The condition " + std::string(child.name()) + " of a deletion is not supported.");
    } else {
      return refuse(Code::malformed_xml);
    }
  }
  if (deletion.key.empty()) return refuse(Code::malformed_xml);
  if (!deletion.version.empty() && !object::parse_version(deletion.version)) {
    deletion.failure = Failure(Code::no_such_version);
  }
  if (const auto fit = object::check_key(deletion.key); !fit) deletion.failure = Failure(fit.error());
  return deletion;
}

Outcome<DeleteDocument> read_delete(std::string_view text) {
  TRY(const XmlDocument document, XmlDocument::parse(text, "Delete"));
  DeleteDocument read;
  for (const XmlElement& element : document.root().children()) {
    if (element.name() == "Quiet") {
      read.quiet = equals_ignoring_case(element.text(), "true");
      continue;
    }
    if (element.name() != "Object" || read.deletions.size() == kKeysMax) return refuse(Code::malformed_xml);
    TRY(auto deletion, read_deletion(element));
    read.deletions.push_back(std::move(deletion));
  }
  if (read.deletions.empty()) return refuse(Code::malformed_xml);
  return read;
}

/// Where a policy decides, it does for each key.
void refuse_denied(const Call& call, std::vector<Deletion>& deletions) {
  if (!call.access || !call.access->rules.policy) return;
  Access access = *call.access;
  for (Deletion& deletion : deletions) {
    access.key = deletion.key;
    access.permission = deletion.version.empty() ? "s3:DeleteObject" : "s3:DeleteObjectVersion";
    if (deletion.failure) continue;
    if (const auto allowed = s3::authorize(call.signature.identity, access); !allowed) {
      deletion.failure = Failure(allowed.error());
    }
  }
}

/// The same of passing by governance retention.
void allow_bypass(const Call& call, std::vector<Deletion>& deletions) {
  std::optional<Access> access = call.access;
  for (Deletion& deletion : deletions) {
    if (access) {
      access->key = deletion.key;
      access->permission = "s3:BypassGovernanceRetention";
    }
    const bool allowed = !access || s3::authorize(call.signature.identity, *access);
    if (allowed) deletion.bypass = object::Bypass::governance;
  }
}

std::vector<object::RemoveRequest> requests_of(const std::vector<Deletion>& deletions) {
  std::vector<object::RemoveRequest> requests;
  for (const Deletion& deletion : deletions) {
    if (deletion.failure) continue;
    object::RemoveRequest request{.key = deletion.key, .bypass = deletion.bypass};
    if (!deletion.version.empty()) request.which.version = object::parse_version(deletion.version);
    if (deletion.tag) {
      auto parsed = http::parse_entity_tags(*deletion.tag);
      request.conditions.if_match = object::TagCondition{.any = parsed.any, .tags = std::move(parsed.tags)};
    }
    requests.push_back(std::move(request));
  }
  return requests;
}

void tell(XmlWriter& xml, const Deletion& deletion, bool quiet) {
  if (!deletion.failure && quiet) return;
  xml.open(deletion.failure ? "Error" : "Deleted");
  xml.element("Key", deletion.key);
  if (!deletion.version.empty()) xml.element("VersionId", deletion.version);
  if (deletion.failure) {
    const CodeRow& row = row_of(deletion.failure->code);
    const std::string& message = deletion.failure->message;
    xml.element("Code", row.name);
    xml.element("Message", message.empty() ? row.message : std::string_view(message));
  } else if (deletion.removal.delete_marker) {
    xml.element("DeleteMarker", true);
    if (deletion.removal.version) xml.element("DeleteMarkerVersionId", object::to_text(*deletion.removal.version));
  }
  xml.close();
}

}  // namespace

Awaitable<Answer> Handler::delete_objects(Call& call) {
  CO_TRY(const std::string text, co_await read_document(call, {.size_max = kDocumentMax, .needs_checksum = true}));
  CO_TRY(DeleteDocument asked, read_delete(text));
  refuse_denied(call, asked.deletions);
  CO_TRY(const bool bypasses, asks_for_bypass(*call.fields));
  if (bypasses) allow_bypass(call, asked.deletions);
  const auto requests = requests_of(asked.deletions);
  CO_TRY(const auto removed, co_await services_.objects.remove(call.context, call.target.bucket, requests));

  XmlWriter xml;
  xml.open_root("DeleteResult");
  auto result = removed.begin();
  for (Deletion& deletion : asked.deletions) {
    if (!deletion.failure) {
      // What a condition wants gone and is gone already counts as removed.
      if (!*result && result->error().code != ErrorCode::no_such_object) deletion.failure = Failure(result->error());
      if (*result) deletion.removal = **result;
      ++result;
    }
    tell(xml, deletion, asked.quiet);
  }
  xml.close();
  co_return document(call, xml.take());
}

}  // namespace sluice::s3
