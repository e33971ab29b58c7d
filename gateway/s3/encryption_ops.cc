#include "gateway/s3/encryption.h"
#include "gateway/s3/handler.h"
#include "gateway/s3/write_body.h"
#include "gateway/s3/xml.h"

namespace sluice::s3 {
namespace {

constexpr std::uint64_t kDocumentMax = 64 << 10;

std::unexpected<Failure> unsupported(std::string_view element) {
  return refuse(Code::not_implemented,
                "The element " + std::string(element) + " of ServerSideEncryptionConfiguration is not supported.");
}

Outcome<object::EncryptionChoice> read_default(const XmlElement& element) {
  std::string_view algorithm;
  std::string_view key_id;
  for (const XmlElement& child : element.children()) {
    if (child.name() == "SSEAlgorithm") {
      algorithm = child.text();
    } else if (child.name() == "KMSMasterKeyID") {
      key_id = child.text();
    } else {
      return refuse(Code::malformed_xml);
    }
  }
  if (algorithm.empty()) return refuse(Code::malformed_xml);
  return parse_choice(algorithm, key_id);
}

Outcome<object::EncryptionChoice> read_configuration(std::string_view text) {
  TRY(const XmlDocument document, XmlDocument::parse(text, "ServerSideEncryptionConfiguration"));
  std::optional<object::EncryptionChoice> choice;
  for (const XmlElement& rule : document.root().children()) {
    if (rule.name() != "Rule" || choice) return refuse(Code::malformed_xml);
    for (const XmlElement& element : rule.children()) {
      if (element.name() == "ApplyServerSideEncryptionByDefault") {
        TRY(choice, read_default(element));
      } else if (element.name() != "BucketKeyEnabled" || element.text() != "false") {
        return unsupported(element.name());
      }
    }
  }
  if (!choice) return refuse(Code::malformed_xml);
  return *choice;
}

}  // namespace

Awaitable<Answer> Handler::get_bucket_encryption(Call& call) {
  CO_TRY(const object::BucketInfo bucket, co_await bucket_of(call));
  CO_TRY(const auto choice, object::parse_encryption_setting(bucket.settings.encryption));
  if (!choice) co_return s3::refuse(Code::sse_configuration_not_found);
  XmlWriter xml;
  xml.open_root("ServerSideEncryptionConfiguration");
  xml.open("Rule");
  xml.open("ApplyServerSideEncryptionByDefault");
  xml.element("SSEAlgorithm", to_text(choice->mode));
  if (!choice->master.empty()) xml.element("KMSMasterKeyID", choice->master);
  xml.close();
  xml.element("BucketKeyEnabled", false);
  xml.close();
  xml.close();
  co_return document(call, xml.take());
}

Awaitable<Answer> Handler::put_bucket_encryption(Call& call) {
  CO_TRY(const std::string text, co_await read_document(call, {.size_max = kDocumentMax}));
  CO_TRY(const object::EncryptionChoice choice, read_configuration(text));
  // What could not be encrypted later is refused here.
  object::EncryptionRequest request;
  request.choice = choice;
  CO_TRY(object::new_object_key(services_.keys, request, {}));
  const object::Buckets::Edit edit = [&](object::BucketSettings& settings) -> Result<> {
    settings.encryption = object::to_setting(choice);
    return done;
  };
  CO_TRY(co_await services_.buckets.change(call.context, call.target.bucket, edit));
  co_return http::Response{.header = begin(call), .content = {}, .body = nullptr, .content_length = 0};
}

Awaitable<Answer> Handler::delete_bucket_encryption(Call& call) {
  const object::Buckets::Edit edit = [](object::BucketSettings& settings) -> Result<> {
    settings.encryption.clear();
    return done;
  };
  CO_TRY(co_await services_.buckets.change(call.context, call.target.bucket, edit));
  co_return http::Response{.header = begin(call, 204), .content = {}, .body = nullptr, .content_length = {}};
}

}  // namespace sluice::s3
