#include "auth/sas_token.h"
#include "auth/user_delegation.h"
#include "gateway/blob/handler.h"
#include "gateway/blob/version.h"
#include "gateway/blob/write_body.h"
#include "gateway/core/digest.h"
#include "gateway/core/encoding.h"

namespace sluice::blob {
namespace {

constexpr std::uint64_t kDocumentMax = 16 << 10;

/// An id in the form of a GUID that follows from `text` (RFC 9562 5.8).
std::string id_of(std::string_view text) {
  std::string bytes = digest_of(DigestAlgorithm::sha256, text).bytes.substr(0, 16);
  bytes[6] = static_cast<char>((bytes[6] & 0x0F) | 0x80);
  bytes[8] = static_cast<char>((bytes[8] & 0x3F) | 0x80);
  std::string hex = to_hex(bytes);
  for (const std::size_t at : {8U, 13U, 18U, 23U}) hex.insert(at, "-");
  return hex;
}

Outcome<UtcTime> read_time(const xml::Element& root, std::string_view name) {
  const auto text = root.text_of(name);
  const auto time = text ? auth::parse_sas_time(*text) : std::nullopt;
  if (!time) return std::unexpected(Failure(Code::invalid_xml_document).with("XmlNodeName", std::string(name)));
  return *time;
}

Outcome<auth::DelegationKeyRequest> read_request(std::string_view text, UtcTime now) {
  TRY(const xml::Document document, xml::Document::parse(text, "KeyInfo"));
  const xml::Element root = document.root();
  auth::DelegationKeyRequest request;
  request.start = now;
  if (root.child("Start")) {
    TRY(request.start, read_time(root, "Start"));
  }
  TRY(request.expiry, read_time(root, "Expiry"));
  if (root.child("DelegatedUserTid")) {
    return refuse(Code::feature_not_supported, "Keys for the users of another tenant are not supported.");
  }
  return request;
}

}  // namespace

Awaitable<Answer> Handler::get_user_delegation_key(Call& call) {
  const UtcTime now = services_.clock.now();
  CO_TRY(const std::string text, co_await read_document(call, kDocumentMax));
  CO_TRY(auth::DelegationKeyRequest request, read_request(text, now));
  // There is no directory of users: the account that signed stands for one, alone in a tenant.
  request.oid = id_of("user of " + call.account->name);
  request.tid = id_of("tenant of " + call.account->name);
  const std::string_view version = call.fields().get("x-ms-version");
  request.version = is_version(version) ? version : kVersionNewest;
  CO_TRY(const auth::IssuedDelegationKey key, auth::issue_delegation_key(*call.account, request, now));
  xml::Writer xml;
  xml.open("UserDelegationKey");
  xml.element("SignedOid", key.oid);
  xml.element("SignedTid", key.tid);
  xml.element("SignedStart", key.start);
  xml.element("SignedExpiry", key.expiry);
  xml.element("SignedService", key.service);
  xml.element("SignedVersion", key.version);
  xml.element("Value", key.value);
  xml.close();
  co_return document(200, xml.take());
}

}  // namespace sluice::blob
