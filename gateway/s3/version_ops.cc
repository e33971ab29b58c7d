#include "gateway/core/encoding.h"
#include "gateway/s3/handler.h"
#include "gateway/s3/headers.h"
#include "gateway/s3/write_body.h"
#include "gateway/s3/xml.h"

namespace sluice::s3 {
namespace {

constexpr std::uint64_t kDocumentMax = 1 << 20;

Outcome<object::Versioning> read_versioning(std::string_view text) {
  TRY(const XmlDocument document, XmlDocument::parse(text, "VersioningConfiguration"));
  std::string_view status;
  for (const XmlElement& element : document.root().children()) {
    if (element.name() == "Status") {
      status = element.text();
      continue;
    }
    if (element.name() == "MfaDelete" && element.text() == "Enabled") {
      return refuse(Code::not_implemented, "MFA delete is not supported.");
    }
    if (element.name() != "MfaDelete" || element.text() != "Disabled") return refuse(Code::malformed_xml);
  }
  if (status == "Enabled") return object::Versioning::enabled;
  if (status == "Suspended") return object::Versioning::suspended;
  return refuse(Code::malformed_xml);
}

}  // namespace

Awaitable<Answer> Handler::get_bucket_versioning(Call& call) {
  CO_TRY(const object::BucketInfo bucket, co_await bucket_of(call));
  const auto versioning = bucket.settings.versioning;
  XmlWriter xml;
  xml.open_root("VersioningConfiguration");
  if (versioning == object::Versioning::enabled) xml.element("Status", "Enabled");
  if (versioning == object::Versioning::suspended) xml.element("Status", "Suspended");
  xml.close();
  co_return document(call, xml.take());
}

Awaitable<Answer> Handler::put_bucket_versioning(Call& call) {
  CO_TRY(const std::string text, co_await read_document(call, {.size_max = kDocumentMax}));
  CO_TRY(const auto versioning, read_versioning(text));
  CO_TRY(co_await change_settings(call, [&](object::BucketSettings& settings) -> Result<> {
    settings.versioning = versioning;
    return done;
  }));
  co_return empty(call, 200);
}

// The null version of a bucket that never had versions goes without saying; where the
// bucket has not been looked up, so does that of one that has.
void Handler::add_version(http::ResponseHeader& header, const Call& call, const object::ObjectInfo& info) const {
  const bool has_versions = call.bucket && call.bucket->settings.versioning != object::Versioning::off;
  if (!info.versioned && !has_versions && !call.target.query.has("versionId")) return;
  header.add("x-amz-version-id", object::to_text(info.version()));
}

Step<> Handler::tell_marker(Call& call, Failure& failure) {
  const object::ObjectName name = call.name();
  CO_TRY(const auto head, co_await services_.objects.head(call.context, name));
  const bool is_marker = head && head->delete_marker;
  failure.headers.emplace_back("x-amz-delete-marker", is_marker ? "true" : "false");
  if (is_marker) failure.headers.emplace_back("x-amz-version-id", object::to_text(head->version()));
  co_return Outcome<>{};
}

}  // namespace sluice::s3
