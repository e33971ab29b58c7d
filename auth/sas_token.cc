#include "auth/sas_token.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <initializer_list>
#include <utility>

#include "auth/target.h"
#include "gateway/core/encoding.h"

namespace sluice::auth {
namespace {

struct Parameter {
  std::string_view name;
  std::string SasToken::* value;
};

constexpr std::array kParameters{Parameter{"sv", &SasToken::sv},           Parameter{"sp", &SasToken::sp},
                                 Parameter{"st", &SasToken::st},           Parameter{"se", &SasToken::se},
                                 Parameter{"sip", &SasToken::sip},         Parameter{"spr", &SasToken::spr},
                                 Parameter{"ses", &SasToken::ses},         Parameter{"ss", &SasToken::ss},
                                 Parameter{"srt", &SasToken::srt},         Parameter{"sr", &SasToken::sr},
                                 Parameter{"sdd", &SasToken::sdd},         Parameter{"si", &SasToken::si},
                                 Parameter{"skoid", &SasToken::skoid},     Parameter{"sktid", &SasToken::sktid},
                                 Parameter{"skt", &SasToken::skt},         Parameter{"ske", &SasToken::ske},
                                 Parameter{"sks", &SasToken::sks},         Parameter{"skv", &SasToken::skv},
                                 Parameter{"skdutid", &SasToken::skdutid}, Parameter{"sduoid", &SasToken::sduoid},
                                 Parameter{"saoid", &SasToken::saoid},     Parameter{"suoid", &SasToken::suoid},
                                 Parameter{"scid", &SasToken::scid},       Parameter{"srh", &SasToken::srh},
                                 Parameter{"srq", &SasToken::srq},         Parameter{"rscc", &SasToken::rscc},
                                 Parameter{"rscd", &SasToken::rscd},       Parameter{"rsce", &SasToken::rsce},
                                 Parameter{"rscl", &SasToken::rscl},       Parameter{"rsct", &SasToken::rsct},
                                 Parameter{"sig", &SasToken::sig}};

/// From which version on a kind of SAS may have a parameter; empty: never.
struct Since {
  std::string_view name;
  std::string SasToken::* value;
  std::string_view account;
  std::string_view service;
  std::string_view delegation;
};

constexpr std::array kSince{
    Since{"sv", &SasToken::sv, "2015-04-05", "2012-02-12", "2018-11-09"},
    Since{"sip", &SasToken::sip, "2015-04-05", "2015-04-05", "2018-11-09"},
    Since{"spr", &SasToken::spr, "2015-04-05", "2015-04-05", "2018-11-09"},
    Since{"ses", &SasToken::ses, "2020-12-06", "2020-12-06", "2020-12-06"},
    Since{"sr", &SasToken::sr, "", "2012-02-12", "2018-11-09"},
    Since{"sdd", &SasToken::sdd, "", "2020-02-10", "2020-02-10"},
    Since{"si", &SasToken::si, "", "2012-02-12", ""},
    Since{"saoid", &SasToken::saoid, "", "", "2020-02-10"},
    Since{"suoid", &SasToken::suoid, "", "", "2020-02-10"},
    Since{"scid", &SasToken::scid, "", "", "2020-02-10"},
    Since{"skdutid", &SasToken::skdutid, "", "", "2025-07-05"},
    Since{"sduoid", &SasToken::sduoid, "", "", "2025-07-05"},
    Since{"srh", &SasToken::srh, "", "", "2026-04-06"},
    Since{"srq", &SasToken::srq, "", "", "2026-04-06"},
    Since{"rscc", &SasToken::rscc, "", "2013-08-15", "2018-11-09"},
    Since{"rscd", &SasToken::rscd, "", "2013-08-15", "2018-11-09"},
    Since{"rsce", &SasToken::rsce, "", "2013-08-15", "2018-11-09"},
    Since{"rscl", &SasToken::rscl, "", "2013-08-15", "2018-11-09"},
    Since{"rsct", &SasToken::rsct, "", "2013-08-15", "2018-11-09"},
};

std::string_view since(const Since& row, SasKind kind) {
  if (kind == SasKind::account) return row.account;
  return kind == SasKind::service ? row.service : row.delegation;
}

using Outcome = std::expected<void, AzureFault>;

bool is_text(std::string_view value) {
  // A line break would let one field be read as two.
  return std::ranges::none_of(value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

std::expected<std::string, AzureFault> decode(const Parameter& parameter, std::string_view raw) {
  std::string text(raw);
  // Form encoding writes a space as `+`; a signature has no spaces but may have a bare `+`.
  if (parameter.name != "sig") std::ranges::replace(text, '+', ' ');
  auto value = percent_decode(text);
  if (!value || !is_text(*value)) return refuse_sas(std::string(parameter.name) + " is invalid");
  return *std::move(value);
}

std::expected<SasToken, AzureFault> read(const Target& target) {
  SasToken token;
  std::array<bool, kParameters.size()> seen{};
  for (const auto& [raw_name, raw_value] : target.query) {
    const std::string name = percent_decode(raw_name).value_or(std::string(raw_name));
    const auto* const parameter = std::ranges::find(kParameters, name, &Parameter::name);
    if (parameter == kParameters.end()) continue;
    if (std::exchange(seen[static_cast<std::size_t>(parameter - kParameters.begin())], true)) {
      return refuse_sas(name + " is there twice");
    }
    auto value = decode(*parameter, raw_value);
    if (!value) return std::unexpected(std::move(value).error());
    token.*parameter->value = *std::move(value);
  }
  auto signature = from_base64(token.sig);
  if (!signature || signature->empty()) return refuse_sas("sig is invalid");
  token.sig = *std::move(signature);
  return token;
}

bool is_version(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  return std::ranges::all_of(text, [](char c) { return c == '-' || (c >= '0' && c <= '9'); });
}

Outcome check_versions(SasToken& token) {
  if (token.sv.empty()) return refuse_sas("sv is mandatory");
  if (!is_version(token.sv)) return refuse_sas("sv is invalid");
  for (const Since& row : kSince) {
    const std::string_view first = since(row, token.kind);
    if ((token.*row.value).empty() || (!first.empty() && token.sv >= first)) continue;
    // What a kind does not sign is anybody's. Overrides and the resource of an account SAS, which
    // some clients add, then have no effect; the others would restrict, or tell who asks.
    const bool harmless = row.name.starts_with("rsc") || (token.kind == SasKind::account && row.name == "sr");
    if (harmless) {
      (token.*row.value).clear();
      continue;
    }
    return refuse_sas(std::string(row.name) + " is not supported in this kind and version");
  }
  return {};
}

Outcome check_present(const SasToken& token, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const auto* const parameter = std::ranges::find(kParameters, name, &Parameter::name);
    if ((token.*parameter->value).empty()) return refuse_sas(std::string(name) + " is mandatory");
  }
  return {};
}

Outcome check_mandatory(const SasToken& token) {
  switch (token.kind) {
    case SasKind::account:
      return check_present(token, {"ss", "srt", "sp", "se"});
    case SasKind::user_delegation:
      return check_present(token, {"sr", "sp", "se", "skoid", "sktid", "ske", "sks", "skv"});
    case SasKind::service:
      return token.si.empty() ? check_present(token, {"sr", "sp", "se"}) : check_present(token, {"sr"});
  }
  return {};
}

Outcome check_resource(const SasToken& token) {
  if (token.kind == SasKind::account) {
    if (token.ss.find_first_not_of("bqtf") != std::string::npos) return refuse_sas("ss is invalid");
    if (token.srt.find_first_not_of("sco") != std::string::npos) return refuse_sas("srt is invalid");
    return {};
  }
  const bool moment = token.sr == "bs" || token.sr == "bv";
  const bool known = token.sr == "b" || token.sr == "c" || (moment && token.sv >= "2018-11-09") ||
                     (token.sr == "d" && token.sv >= "2020-02-10");
  if (!known) return refuse_sas("sr is invalid");
  if (token.sr == "d" && !parse_decimal(token.sdd)) return refuse_sas("sdd is mandatory for a directory");
  return {};
}

Outcome check_values(const SasToken& token) {
  const auto known = token.kind == SasKind::account ? kAccountSasPermissions : kSasPermissions;
  if (!Permissions::parse(token.sp, known)) return refuse_sas("sp is invalid");
  if (!token.spr.empty() && token.spr != "https" && token.spr != "https,http") return refuse_sas("spr is invalid");
  for (const auto* const time : {&token.st, &token.se, &token.skt, &token.ske}) {
    if (!time->empty() && !parse_sas_time(*time)) return refuse_sas("a time is not in an ISO 8601 form");
  }
  if (token.kind == SasKind::user_delegation && token.sks != "b") return refuse_sas("sks is not for this service");
  return {};
}

SasKind kind_of(const SasToken& token) {
  if (!token.ss.empty() || !token.srt.empty()) return SasKind::account;
  const bool delegated = !token.skoid.empty() || !token.sktid.empty() || !token.skt.empty() || !token.ske.empty() ||
                         !token.sks.empty() || !token.skv.empty();
  return delegated ? SasKind::user_delegation : SasKind::service;
}

std::string joined(const std::vector<std::string_view>& lines) {
  std::string text;
  for (const std::string_view line : lines) text.append(line).push_back('\n');
  text.pop_back();
  return text;
}

std::vector<std::string_view> account_lines(const SasToken& token, const SasSubject& subject) {
  std::vector<std::string_view> lines{subject.account, token.sp,  token.ss,  token.srt, token.st,
                                      token.se,        token.sip, token.spr, token.sv};
  if (token.sv >= "2020-12-06") lines.emplace_back(token.ses);
  lines.emplace_back();
  return lines;
}

void add_overrides(std::vector<std::string_view>& lines, const SasToken& token) {
  lines.insert(lines.end(), {token.rscc, token.rscd, token.rsce, token.rscl, token.rsct});
}

std::vector<std::string_view> service_lines(const SasToken& token, const SasSubject& subject) {
  std::vector<std::string_view> lines{token.sp, token.st, token.se, subject.resource, token.si};
  if (token.sv >= "2015-04-05") lines.insert(lines.end(), {token.sip, token.spr});
  lines.emplace_back(token.sv);
  if (token.sv >= "2018-11-09") lines.insert(lines.end(), {token.sr, subject.moment});
  if (token.sv >= "2020-12-06") lines.emplace_back(token.ses);
  if (token.sv >= "2013-08-15") add_overrides(lines, token);
  return lines;
}

std::vector<std::string_view> delegation_lines(const SasToken& token, const SasSubject& subject) {
  std::vector<std::string_view> lines{token.sp,    token.st,  token.se,  subject.resource, token.skoid,
                                      token.sktid, token.skt, token.ske, token.sks,        token.skv};
  if (token.sv >= "2020-02-10") lines.insert(lines.end(), {token.saoid, token.suoid, token.scid});
  if (token.sv >= "2025-07-05") lines.insert(lines.end(), {token.skdutid, token.sduoid});
  lines.insert(lines.end(), {token.sip, token.spr, token.sv, token.sr, subject.moment});
  if (token.sv >= "2020-12-06") lines.emplace_back(token.ses);
  if (token.sv >= "2026-04-06") lines.insert(lines.end(), {subject.headers, subject.query});
  add_overrides(lines, token);
  return lines;
}

}  // namespace

std::unexpected<AzureFault> refuse_sas(std::string detail, ErrorCode code) {
  return std::unexpected(AzureFault{.reason = BlobAuthFault::authentication_failed,
                                    .error = {.code = code, .detail = std::move(detail)},
                                    .string_to_sign = {}});
}

std::expected<SasToken, AzureFault> parse_sas_token(std::string_view target) {
  auto token = read(Target(target));
  if (!token) return token;
  token->kind = kind_of(*token);
  for (const auto& outcome :
       {check_versions(*token), check_mandatory(*token), check_resource(*token), check_values(*token)}) {
    if (!outcome) return std::unexpected(outcome.error());
  }
  return token;
}

std::string sas_string_to_sign(const SasToken& token, const SasSubject& subject) {
  switch (token.kind) {
    case SasKind::account:
      return joined(account_lines(token, subject));
    case SasKind::service:
      return joined(service_lines(token, subject));
    case SasKind::user_delegation:
      return joined(delegation_lines(token, subject));
  }
  return {};
}

}  // namespace sluice::auth
