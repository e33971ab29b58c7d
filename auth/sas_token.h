#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/blob_grant.h"
#include "gateway/core/clock.h"

namespace sluice::auth {

/// The parameters of a shared access signature, decoded, under their names in the
/// query. Absent and empty are the same.
struct SasToken {
  SasKind kind = SasKind::service;
  std::string sv, sp, st, se, sip, spr, ses;     // Of every kind.
  std::string ss, srt;                           // Of an account SAS.
  std::string sr, sdd, si;                       // Of a service SAS; but for si, of a user delegation SAS too.
  std::string skoid, sktid, skt, ske, sks, skv;  // The name of a user delegation key.
  std::string skdutid, sduoid;                   // Who must bring a bearer token as well.
  std::string saoid, suoid, scid;                // For whom the key's user made the SAS.
  std::string srh, srq;                          // Further headers and parameters that are signed.
  std::string rscc, rscd, rsce, rscl, rsct;      // Response header overrides.
  std::string sig;                               ///< Raw.
};

/// Reads the token in the query of a raw target. Refuses (authentication_failed)
/// what is repeated, malformed, missing or not known to the version `sv`: nothing
/// is left in the token that its signature does not cover. A version newer than
/// any known is read as the newest.
std::expected<SasToken, AzureFault> parse_sas_token(std::string_view target);

/// What of the request is signed with the token.
struct SasSubject {
  std::string account;
  std::string resource;  ///< /blob/account/container/blob
  std::string moment;    ///< The snapshot or version, of a SAS for one.
  std::string headers;   ///< `name:value\n` of each in srh.
  std::string query;     ///< `\nname:value` of each in srq.
};

std::string sas_string_to_sign(const SasToken& token, const SasSubject& subject);

/// A time in any form a SAS or a stored access policy may have: 2026-01-02,
/// 2026-01-02T03:04Z, 2026-01-02T03:04:05Z, up to seven decimals of a second, and
/// an offset such as +01:00 for Z.
std::optional<UtcTime> parse_sas_time(std::string_view text);

/// The letters of sp in a service or user delegation SAS and in a stored access
/// policy, and those in an account SAS.
inline constexpr std::string_view kSasPermissions = "racwdxyltfmeopi";
inline constexpr std::string_view kAccountSasPermissions = "rwdxylacuptfi";

/// A refusal whose detail is sent as AuthenticationErrorDetail.
std::unexpected<AzureFault> refuse_sas(std::string detail, ErrorCode code = ErrorCode::authorization_malformed);

}  // namespace sluice::auth
