#include "gateway/http/access_log.h"

#include <algorithm>
#include <array>

#include "gateway/core/encoding.h"

namespace sluice::http {
namespace {

constexpr std::size_t kTargetSizeMax = 2048;
constexpr std::size_t kUserAgentSizeMax = 256;

// Who has one of these can ask as the one who signed, or read what he encrypted.
constexpr std::array<std::string_view, 7> kSecrets = {"x-amz-server-side-encryption-customer-key",
                                                      "x-amz-copy-source-server-side-encryption-customer-key",
                                                      "x-amz-signature",
                                                      "x-amz-security-token",
                                                      "x-amz-s3session-token",
                                                      "signature",
                                                      "sig"};

bool is_secret(std::string_view raw_name) {
  const auto name = percent_decode(raw_name);
  return !name || std::ranges::any_of(kSecrets, [&](auto secret) { return equals_ignoring_case(*name, secret); });
}

std::string_view name_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::complete:
      return "complete";
    case Outcome::gone:
      return "gone";
    case Outcome::cut:
      return "cut";
  }
  return "cut";
}

}  // namespace

std::string printable_target(std::string_view target) {
  target = target.substr(0, kTargetSizeMax);
  const std::size_t mark = std::min(target.find('?'), target.size());
  std::string text(target.substr(0, mark));
  if (mark == target.size()) return text;

  text.push_back('?');
  std::string_view query = target.substr(mark + 1);
  while (!query.empty()) {
    const std::string_view item = query.substr(0, query.find('&'));
    const std::string_view name = item.substr(0, item.find('='));
    const bool hidden = name.size() != item.size() && is_secret(name);
    text.append(hidden ? name : item).append(hidden ? "=..." : "");
    query.remove_prefix(item.size());
    if (query.empty()) break;
    text.push_back('&');
    query.remove_prefix(1);
  }
  return text;
}

void log_access(Log& log, const AccessRecord& record) {
  const RequestContext& context = record.context;
  const std::string target = printable_target(record.header.target);
  log.info("request", {{"id", context.request_id},
                       {"protocol", record.protocol},
                       {"remote", context.remote_address},
                       {"method", record.header.method_text},
                       {"target", target},
                       {"operation", context.operation},
                       {"bucket", context.bucket},
                       {"key", context.key},
                       {"user", context.principal},
                       {"status", std::uint64_t{record.status}},
                       {"error_code", context.error_code},
                       {"detail", context.detail},
                       {"outcome", name_of(record.outcome)},
                       {"received", record.received},
                       {"sent", record.sent},
                       {"duration_us", record.duration_us},
                       {"user_agent", record.header.fields.get("User-Agent").substr(0, kUserAgentSizeMax)},
                       {"tls", record.tls}});
}

}  // namespace sluice::http
